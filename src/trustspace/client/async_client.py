"""The async client of a running connector; every operation is that of the sync client, awaited.

Example::

    async with AsyncClient("http://127.0.0.1:41235", token) as client:
        agreement = await client.negotiate("https://garden.example", "rose-prices")
        async with agreement.open() as data:
            frame = await data.to_polars()
"""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import anyio.from_thread

from trustspace.client.async_handle import AsyncHandle
from trustspace.client.bound import AsyncBoundAgreement
from trustspace.client.exchange import Exchange, Request, Response, Wait
from trustspace.client.handle import Handle
from trustspace.client.home import RunningConnector
from trustspace.client.management import DEFAULT_TIMEOUT, LONGEST_ANSWER_BYTES, Management
from trustspace.client.operations import EventPages, Operations
from trustspace.client.operations.negotiation import NEGOTIATION_DEADLINE
from trustspace.client.pull import DataEndpoints
from trustspace.client.values import Agreement, Transfer, id_of
from trustspace.errors import ConnectError, TransportError
from trustspace.transport.http_client import GuardedClient

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from trustspace.client.values import (
        CatalogView,
        CounterpartyFacts,
        DatasetInfo,
        Event,
        Explanation,
        Negotiation,
        ParticipantInfo,
    )
    from trustspace.transport.guard import EgressPolicy

T = TypeVar("T")


class AsyncClient:
    """Speaks to a running connector in the name of one of its participants; as `Client`.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        participant: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        egress: EgressPolicy | None = None,
        start_hint: str = "",
    ) -> None:
        self._management = Management(url, token, timeout, start_hint)
        self._operations = Operations(participant)
        self._http = GuardedClient(self._management.egress)
        self._endpoints = DataEndpoints(egress)

    @classmethod
    def of_home(
        cls,
        home: str | os.PathLike[str],
        *,
        participant: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        egress: EgressPolicy | None = None,
    ) -> Self:
        """Return a client of the connector that runs in a home; as `Client.of_home`."""
        running = RunningConnector.of_home(home)
        return cls(
            running.url,
            running.token,
            participant=participant,
            timeout=timeout,
            egress=egress,
            start_hint=running.start_hint,
        )

    async def aclose(self) -> None:
        """Close every connection; handles that are open fail from now on."""
        await self._http.aclose()
        self._endpoints.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def drive(self, exchange: Exchange[T]) -> T:
        """Run an operation to its result."""
        with contextlib.closing(exchange):
            try:
                step = next(exchange)
                while True:
                    try:
                        answer = await self._perform(step)
                    except TransportError as error:
                        step = exchange.throw(error)
                    else:
                        step = exchange.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    async def _perform(self, step: Request | Wait) -> Response | None:
        if isinstance(step, Wait):
            await anyio.sleep(step.duration.total_seconds())
            return None
        start = time.monotonic()
        try:
            answer = await self._http.request(
                step.method,
                self._management.url_of(step),
                headers=self._management.headers_of(step),
                json=step.body,
                max_bytes=LONGEST_ANSWER_BYTES,
                deadline=self._management.deadline_of(step),
            )
        except ConnectError as error:
            error.hint = error.hint or self._management.start_hint
            raise
        elapsed = timedelta(seconds=time.monotonic() - start)
        return self._management.read(answer.status, answer.headers, answer.body, elapsed)

    async def participant(self) -> ParticipantInfo:
        """Return the participant in whose name this client speaks; as `Client.participant`."""
        return await self.drive(self._operations.participant())

    async def participants(self) -> tuple[ParticipantInfo, ...]:
        """Return every participant that the connector hosts; as `Client.participants`."""
        return await self.drive(self._operations.participants())

    async def host(self, name: str) -> ParticipantInfo:
        """Let the connector host another participant; as `Client.host`."""
        return await self.drive(self._operations.host(name))

    async def publish(
        self,
        source: str | Path,
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> DatasetInfo:
        """Offer a file or a URL's content; as `Client.publish`."""
        exchange = self._operations.publish(
            source, id=id, terms=terms, title=title, headers=headers
        )
        return await self.drive(exchange)

    async def unpublish(self, dataset: str) -> None:
        """Withdraw a dataset from the catalogue; as `Client.unpublish`."""
        await self.drive(self._operations.unpublish(dataset))

    async def dataset(self, dataset: str) -> DatasetInfo:
        """Return one published dataset; as `Client.dataset`."""
        return await self.drive(self._operations.dataset(dataset))

    async def datasets(self) -> tuple[DatasetInfo, ...]:
        """Return every dataset published here; as `Client.datasets`."""
        return await self.drive(self._operations.datasets())

    async def catalog(self, address: str, *, limit: int | None = None) -> CatalogView:
        """Return what a counterparty offers to us; as `Client.catalog`."""
        return await self.drive(self._operations.catalog(address, limit=limit))

    async def negotiate(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        deadline: timedelta = NEGOTIATION_DEADLINE,
    ) -> AsyncBoundAgreement:
        """Negotiate until there is an agreement or a refusal; as `Client.negotiate`."""
        exchange = self._operations.negotiate(
            address, dataset, purpose=purpose, offer=offer, deadline=deadline
        )
        return self._bind(await self.drive(exchange))

    async def negotiations(self) -> tuple[Negotiation, ...]:
        """Return every negotiation, either role; as `Client.negotiations`."""
        return await self.drive(self._operations.negotiations())

    async def negotiation(self, negotiation: str) -> Negotiation:
        """Return one negotiation; as `Client.negotiation`."""
        return await self.drive(self._operations.negotiation(negotiation))

    async def terminate_negotiation(
        self, negotiation: str, *, reason: str | None = None
    ) -> Negotiation:
        """Terminate a negotiation that has no outcome yet; as `Client.terminate_negotiation`."""
        return await self.drive(self._operations.terminate_negotiation(negotiation, reason=reason))

    async def agreements(self) -> tuple[AsyncBoundAgreement, ...]:
        """Return every agreement, either role; as `Client.agreements`."""
        return tuple(map(self._bind, await self.drive(self._operations.agreements())))

    async def agreement(self, agreement: str) -> AsyncBoundAgreement:
        """Return one agreement; as `Client.agreement`."""
        return self._bind(await self.drive(self._operations.agreement(agreement)))

    async def revoke(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> AsyncBoundAgreement:
        """End an agreement; as `Client.revoke`."""
        return self._bind(
            await self.drive(self._operations.revoke(id_of(agreement), reason=reason))
        )

    def open(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> AsyncHandle:
        """Return a governed handle, to be used in an ``async with`` block; as `Client.open`."""

        def drive(exchange: Exchange[T]) -> T:
            return anyio.from_thread.run(self.drive, exchange)

        handle = Handle(
            id_of(agreement),
            drive=drive,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )
        return AsyncHandle(handle)

    async def transfers(self) -> tuple[Transfer, ...]:
        """Return every transfer, either role; as `Client.transfers`."""
        return await self.drive(self._operations.transfers())

    async def transfer(self, transfer: str) -> Transfer:
        """Return one transfer; as `Client.transfer`."""
        return await self.drive(self._operations.transfer(transfer))

    async def suspend(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Suspend a transfer; running streams are cut; as `Client.suspend`."""
        return await self.drive(self._operations.step(id_of(transfer), "suspend", reason=reason))

    async def resume(self, transfer: Transfer | str) -> Transfer:
        """Resume a suspended transfer; as `Client.resume`."""
        return await self.drive(self._operations.step(id_of(transfer), "resume"))

    async def complete(self, transfer: Transfer | str) -> Transfer:
        """Complete a transfer: no more data is wanted; as `Client.complete`."""
        return await self.drive(self._operations.step(id_of(transfer), "complete"))

    async def terminate(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Terminate a transfer; as `Client.terminate`."""
        return await self.drive(self._operations.step(id_of(transfer), "terminate", reason=reason))

    async def explain(self, id: str, *, language: str = "en") -> Explanation:  # noqa: A002
        """Explain a negotiation, transfer, agreement or decision; as `Client.explain`."""
        return await self.drive(self._operations.explain(id, language=language))

    async def events(self, after: int = 0, *, follow: bool = False) -> AsyncIterator[Event]:
        """Yield the events of the log, oldest first; as `Client.events`."""
        pages = EventPages(self._operations, after, follow=follow)
        while not pages.ended:
            for event in await self.drive(pages.next()):
                yield event

    async def attest(self, did: str, facts: Mapping[str, str]) -> CounterpartyFacts:
        """Attest facts about a counterparty; as `Client.attest`."""
        return await self.drive(self._operations.attest(did, facts))

    async def attested(self, did: str) -> CounterpartyFacts:
        """Return what has been attested about a counterparty; as `Client.attested`."""
        return await self.drive(self._operations.attested(did))

    def _bind(self, agreement: Agreement) -> AsyncBoundAgreement:
        return AsyncBoundAgreement.of(agreement, self)
