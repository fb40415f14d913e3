"""Running streams: cut within a second of what ends them, whether or not anybody reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import polars as pl
import pytest
from tests.connector.conftest import Start
from tests.connector.party import Json, Party, party
from tests.connector.pulling import ARROW, Pull, started

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024 * 1024
SIZE = 48 * MEBIBYTE
"""Far more than the buffers of two sockets hold."""


@pytest.fixture(scope="module")
def big(folder: Path) -> Path:
    """A file that does not fit between two sockets."""
    file = folder / "big.bin"
    with file.open("wb") as out:
        out.truncate(SIZE)
    return file


@pytest.fixture(scope="module")
def long_table(folder: Path) -> Path:
    """A table that does not fit between two sockets."""
    file = folder / "long.parquet"
    pl.DataFrame({"n": pl.int_range(0, 6_000_000, eager=True)}).write_parquet(file)
    return file


async def _read_until_cut(pieces: AsyncIterator[bytes]) -> int:
    """Read what was under way; the stream breaks off without its end. Return how much came."""
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
    except httpx.HTTPError:
        return size
    pytest.fail("the stream came to its end")


async def _cut(pull: Pull, *, seconds: float = 1.0) -> Json:
    """Return the provider's note of a cut, which comes at most so many seconds from now."""
    begun, after = time.monotonic(), 0
    while True:
        notes: list[Json] = [
            event.body
            for event in await pull.provider.events()
            if event.kind == "delivery.cut" and event.body["agreement"] == pull.agreement
        ]
        if notes:
            return notes[-1]
        assert time.monotonic() - begun < seconds, "the stream was not cut in time"
        after = (await pull.provider.get("events", after=after, limit=1000, wait=0.2))["next"]


async def _end(pull: Pull, how: str) -> None:
    provider, consumer = pull.provider, pull.consumer
    match how:
        case "revoked by the provider":
            await provider.post(f"agreements/{pull.agreement}/revoke")
        case "given up by the consumer":
            await consumer.post(f"agreements/{pull.agreement}/give-up")
        case "suspended by the consumer":
            await consumer.post(f"transfers/{pull.transfer}/suspend")
        case _:
            await provider.post(f"transfers/{pull.theirs}/{how.split(maxsplit=1)[0]}")


CODES = {
    "revoked by the provider": "agreement.revoked",
    "given up by the consumer": "transfer.terminated",
    "suspended by the consumer": "transfer.suspended",
    "suspend by the provider": "transfer.suspended",
    "terminate by the provider": "transfer.terminated",
    "complete by the provider": "transfer.completed",
}


@pytest.mark.parametrize("how", CODES)
async def test_a_running_file_is_cut(garden: Party, bank: Party, big: Path, how: str) -> None:
    pull = await started(garden, bank, big, {"count": 3})
    async with pull.stream() as answer:
        assert answer.headers["content-length"] == str(SIZE)
        pieces = answer.aiter_raw()
        size = len(await anext(pieces))
        await _end(pull, how)
        note = await _cut(pull)
        size += await _read_until_cut(pieces)
    assert size < SIZE
    # Of two messages of a consumer the first to arrive cuts.
    told = {CODES[how], "agreement.terminated"} if how.startswith("given") else {CODES[how]}
    assert note["code"] in told
    assert size <= note["bytes"] < SIZE
    assert "delivery.sent" not in await pull.kinds()


async def test_a_running_table_is_cut(garden: Party, bank: Party, long_table: Path) -> None:
    pull = await started(garden, bank, long_table, {"where": "n >= 0"})
    async with pull.stream(Accept=ARROW) as answer:
        pieces = answer.aiter_raw()
        data = await anext(pieces)
        await _end(pull, "revoked by the provider")
        note = await _cut(pull)
        assert (note["code"], note["form"]) == ("agreement.revoked", "table")
        assert await _read_until_cut(pieces) + len(data) <= note["bytes"]
    assert 0 < note["rows"] < 6_000_000


async def test_the_end_of_the_permitted_time_cuts(garden: Party, bank: Party, big: Path) -> None:
    """Nobody tells the stream: the lease of its decision ends with the moment."""
    moment = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    pull = await started(garden, bank, big, {"until": moment.isoformat()})
    async with pull.stream() as answer:
        assert answer.status_code == 200
        pieces = answer.aiter_raw()
        await anext(pieces)
        left = (moment - datetime.now(UTC)).total_seconds()
        assert left > 0, "the machine is too slow for this test"
        note = await _cut(pull, seconds=left + 1)
        assert datetime.now(UTC) >= moment
        await _read_until_cut(pieces)
    assert note["bytes"] < SIZE
    refused = await pull.get()
    assert refused.status_code == 403
    assert refused.json()["reasons"][0]["left"] == "odrl:dateTime"


async def test_a_reader_that_stalls_is_cut_too(garden: Party, bank: Party, big: Path) -> None:
    pull = await started(garden, bank, big, {"count": 3})
    url = urlsplit(pull.edr["endpoint"])
    reader, writer = await asyncio.open_connection("127.0.0.1", url.port, limit=4096)
    lines = [f"GET {url.path} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in pull.headers().items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await asyncio.sleep(0.1)
    await pull.provider.post(f"agreements/{pull.agreement}/revoke")
    note = await _cut(pull)
    assert note["code"] == "agreement.revoked"
    writer.close()


async def test_a_reader_that_hangs_up_is_not_delivered_to(
    garden: Party, bank: Party, big: Path
) -> None:
    pull = await started(garden, bank, big, {"count": 3})
    async with pull.stream() as answer:
        pieces = answer.aiter_raw()
        await anext(pieces)
    note = await _cut(pull, seconds=3)
    assert "code" not in note
    assert note["bytes"] < SIZE
    # It goes on where it stopped, as the same use.
    shown = await garden.get(f"agreements/{pull.agreement}")
    assert list(shown["used"].values()) == [1]
    assert shown["bytes"] == note["bytes"]


async def test_other_streams_run_on(garden: Party, bank: Party, big: Path) -> None:
    first = await started(garden, bank, big, {"count": 3})
    other = await started(garden, bank, big, {"count": 3})
    async with first.stream() as one, other.stream() as two:
        cut, kept = one.aiter_raw(), two.aiter_raw()
        size = len(await anext(kept))
        await anext(cut)
        await garden.post(f"agreements/{first.agreement}/revoke")
        await _cut(first)
        await _read_until_cut(cut)
        async for piece in kept:
            size += len(piece)
    assert size == SIZE
    await other.delivered(1)
    assert await other.kinds() == ["access.granted", "delivery.sent"]


async def test_a_long_stream_outlives_its_leases(bank: Party, big: Path, start: Start) -> None:
    """Policy is asked again each second, and the stream goes on as long as it allows."""
    garden = await start("garden", settings="\n[delivery]\nlease_seconds = 1\n")
    pull = await started(garden, bank, big, {"count": 1})
    size = 0
    async with pull.stream() as answer:
        begun = time.monotonic()
        async for piece in answer.aiter_raw():
            size += len(piece)
            if time.monotonic() - begun < 2.5:
                await asyncio.sleep(0.05)
    assert size == SIZE
    assert list((await pull.used()).values()) == [1]
    assert (await pull.kinds()).count("access.granted") == 1


async def test_a_stopping_connector_does_not_wait_for_readers(
    tmp_path: Path, bank: Party, big: Path
) -> None:
    async with party(tmp_path / "orchard", "orchard") as orchard:
        pull = await started(orchard, bank, big, {"count": 1})
        streaming = pull.stream(session=str(uuid4()))
        answer = await streaming.__aenter__()
        pieces = answer.aiter_raw()
        await anext(pieces)
        begun = time.monotonic()
    assert time.monotonic() - begun < 6
    await _read_until_cut(pieces)
    await streaming.__aexit__(None, None, None)
    # The count was final, and what left is metered.
    async with party(tmp_path / "orchard", "orchard") as orchard:
        shown = await orchard.get(f"agreements/{pull.agreement}")
        assert list(shown["used"].values()) == [1]
