"""What a consumer does with the data address of a transfer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import polars as pl
import pytest
from tests.connector.party import Json, Party

ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Pull:
    """A started transfer at its consumer.

    Attributes:
        provider: Who has the data.
        consumer: Who may have it.
        agreement: Id of the agreement.
        transfer: The consumer's pid.
        theirs: The provider's pid.
        edr: Endpoint and token.
    """

    provider: Party
    consumer: Party
    agreement: str
    transfer: str
    theirs: str
    edr: Json

    def headers(self, *, session: str | None = None, **more: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        session = session or str(uuid4())
        return {
            "Authorization": self.edr["authorization"],
            "Trustspace-Session": session,
        } | named

    async def get(self, **more: Any) -> httpx.Response:
        """Ask for the data and read the whole answer."""
        method = more.pop("method", "GET")
        return await self.consumer.voice.request(
            method, self.edr["endpoint"], headers=self.headers(**more)
        )

    @contextlib.asynccontextmanager
    async def stream(self, **more: Any) -> AsyncIterator[httpx.Response]:
        async with self.consumer.voice.stream(
            "GET", self.edr["endpoint"], headers=self.headers(**more)
        ) as answer:
            yield answer

    async def used(self) -> dict[str, int]:
        shown = await self.provider.get(f"agreements/{self.agreement}")
        counters: dict[str, int] = shown["used"]
        return counters

    async def until_used(self, count: int) -> None:
        """Wait until so many uses are counted; a request ends a moment after its answer."""
        for _ in range(100):
            if sum((await self.used()).values()) == count:
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"expected {count} uses, found {await self.used()}")

    async def delivered(self, count: int) -> None:
        """Wait until the provider has noted the end of so many deliveries."""
        after = 0
        while len([kind for kind in await self.kinds() if kind.startswith("delivery.")]) < count:
            after = (await self.provider.get("events", after=after, limit=1000, wait=5))["next"]

    async def kinds(self) -> list[str]:
        """Kinds of the provider's events about this agreement's data."""
        return [
            event.kind
            for event in await self.provider.events()
            if event.body.get("agreement") == self.agreement
            and event.kind.startswith(("access.", "delivery."))
        ]


async def started(
    provider: Party,
    consumer: Party,
    file: Path | str,
    policy: Json,
    *,
    dataset: str | None = None,
    source: Json | None = None,
) -> Pull:
    """Publish, agree and start."""
    name = dataset or f"d-{uuid4()}"
    if source is None:
        await provider.publish(file, name, policy)
    else:
        body = {"source": source, "policy": policy}
        answer = await provider.ask("PUT", f"datasets/{name}", body)
        assert answer.status_code == 201, answer.text
    agreement = await consumer.agree(provider, name, purpose=None)
    shown = await consumer.transfer(agreement)
    assert shown["state"] == "STARTED", shown
    known = await consumer.store.read(lambda tx: tx.transfers.get(consumer.name, shown["id"]))
    assert known is not None
    edr = await consumer.get(f"transfers/{shown['id']}/edr")
    return Pull(provider, consumer, agreement, shown["id"], known.provider_pid or "", edr)


def table(answer: httpx.Response) -> pl.DataFrame:
    """Read an Arrow answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == ARROW
    return pl.read_ipc_stream(answer.content)
