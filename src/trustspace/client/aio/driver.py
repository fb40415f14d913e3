"""How the async client reaches a running connector.

Example::

    async with AsyncClient("http://127.0.0.1:41235", token) as client:
        agreement = await client.negotiate("https://garden.example", "rose-prices")
        async with agreement.open() as data:
            frame = await data.to_polars()
"""

from __future__ import annotations

import contextlib
import inspect
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
import anyio.from_thread

from trustspace.client.bound import AsyncBoundAgreement
from trustspace.client.exchange import Exchange, Request, Response, Wait
from trustspace.client.haggling import Answer, Consult
from trustspace.client.handles.kept_data import KeptData
from trustspace.client.home import RunningConnector
from trustspace.client.management import DEFAULT_TIMEOUT, LONGEST_ANSWER_BYTES, Management
from trustspace.client.operations import Operations
from trustspace.client.pull import DataEndpoints
from trustspace.errors import ConnectError, TransportError
from trustspace.transport.http_client import GuardedClient

if TYPE_CHECKING:
    import os

    from trustspace.client.values import Agreement
    from trustspace.transport.guard import EgressPolicy

T = TypeVar("T")


class AsyncDriver:
    """Speaks to a running connector in the name of one of its participants; as `Client`.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.
        sealed: Folder in which what is kept of deliveries lies, sealed.
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
        sealed: str | os.PathLike[str] | None = None,
    ) -> None:
        self._management = Management(url, token, timeout, start_hint)
        self._operations = Operations(participant)
        self._http = GuardedClient(self._management.egress)
        self._endpoints = DataEndpoints(egress)
        self._kept = KeptData(sealed)

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
            sealed=home,
        )

    async def aclose(self) -> None:
        """Close every connection; handles that are open fail from now on."""
        await self._http.aclose()
        self._endpoints.close()
        self._kept.close()

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
                    except Exception as error:
                        if not isinstance(error, TransportError) and not isinstance(step, Consult):
                            raise
                        step = exchange.throw(error)
                    else:
                        step = exchange.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    async def _perform(self, step: Request | Wait | Consult) -> Response | Answer | None:
        if isinstance(step, Consult):
            return await _answer(step)
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

    def _bind(self, agreement: Agreement) -> AsyncBoundAgreement:
        return AsyncBoundAgreement.of(agreement, self)


async def _answer(question: Consult) -> Answer:
    answer = question.strategy(question.offer)
    return await answer if inspect.isawaitable(answer) else answer
