"""A response that delivers data and stops the moment the right to it ends.

Beside the sending a watch waits for the gate and for the end of the lease, so that a stream whose
reader stalls is cut as well. A cut response never gets its end: a table lacks its end marker, a
file its length, and the reader knows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

import anyio
from starlette.responses import Response

from trustspace.connector.delivering.attribution import attribution_headers
from trustspace.connector.delivering.watch import until_over
from trustspace.dataplane.pull import Passage, PullAnswer, PullRequest, serve_pull
from trustspace.dataplane.source import read_source
from trustspace.errors import TrustspaceError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.allowance import Allowance
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.delivering.grant import Grant
    from trustspace.transport.http_client import GuardedClient

logger: logging.Logger = logging.getLogger(__name__)


class Meter:
    """What left with one response."""

    def __init__(self) -> None:
        self.size_bytes: int = 0
        self.rows: int = 0

    def __call__(self, size_bytes: int, rows: int) -> None:
        """Add a piece that is about to leave."""
        self.size_bytes += size_bytes
        self.rows += rows


class DeliveryResponse(Response):
    """One data request's answer under a grant; made with `prepare`."""

    def __init__(
        self,
        deliveries: Deliveries,
        hosted: Hosted,
        grant: Grant,
        answer: PullAnswer,
        meter: Meter,
        *,
        delivers: bool,
        allowance: Allowance | None = None,
    ) -> None:
        headers = dict(answer.headers) | attribution_headers(hosted, grant)
        super().__init__(status_code=answer.status, headers=headers)
        if "content-length" not in answer.headers and "Content-Length" not in answer.headers:
            del self.headers["content-length"]
        self._deliveries = deliveries
        self._hosted = hosted
        self._grant = grant
        self._answer = answer
        self._meter = meter
        self._delivers = delivers
        self._allowance = allowance

    @classmethod
    async def prepare(
        cls,
        deliveries: Deliveries,
        hosted: Hosted,
        grant: Grant,
        request: Request,
        *,
        client: GuardedClient,
    ) -> Self:
        """Open the source and work out the answer; nothing is sent yet.

        Raises:
            PolicyDeniedError: The grant cannot be carried out on this source.
            IntegrityError: The source is not what was published.
            TransportError: The provider's own server does not give the data.
        """
        meter = Meter()
        asked = PullRequest.of(request.method, request.headers)
        source = read_source(grant.dataset.source)
        as_table = grant.order.as_table
        allowance = deliveries.allowance(
            hosted, grant, source, grant.restriction if as_table else None
        )
        try:
            if allowance is not None and as_table:
                await allowance.check_anew()
            answer = await serve_pull(
                source,
                "table" if as_table else "file",
                asked,
                Passage(grant.gate.check, meter, allowance),
                restriction=grant.restriction,
                client=client,
            )
        except BaseException:
            with anyio.CancelScope(shield=True):
                if allowance is not None:
                    await allowance.settle(size=0, rows=0)
                await deliveries.leave(hosted, grant)
            raise
        delivers = answer.status in (200, 206) and asked.method == "GET"
        return cls(deliveries, hosted, grant, answer, meter, delivers=delivers, allowance=allowance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, watched."""
        del scope
        complete = False
        try:
            if self._delivers:
                await self._deliveries.count(self._hosted, self._grant)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, tasks.cancel_scope)
                tasks.start_soon(self._until_gone, receive, tasks.cancel_scope)
                complete = await self._send(send)
                tasks.cancel_scope.cancel()
        except* (TrustspaceError, OSError) as errors:
            logger.info("delivery broke off: %s", errors.exceptions)
        finally:
            with anyio.CancelScope(shield=True):
                await self._answer.aclose()
                if self._allowance is not None:
                    await self._allowance.settle(size=self._meter.size_bytes, rows=self._meter.rows)
                if self._delivers:
                    await self._deliveries.delivered(
                        self._hosted,
                        self._grant,
                        size_bytes=self._meter.size_bytes,
                        rows=self._meter.rows,
                        complete=complete,
                        code="" if self._allowance is None else self._allowance.code,
                    )
                await self._deliveries.leave(self._hosted, self._grant)

    async def _send(self, send: Send) -> bool:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        async for data in self._answer.body:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True

    async def _until_gone(self, receive: Receive, delivery: anyio.CancelScope) -> None:
        """Cut the delivery when the consumer hangs up; sending would go on into nothing."""
        while (await receive())["type"] != "http.disconnect":
            pass
        delivery.cancel()

    async def _watch(self, delivery: anyio.CancelScope) -> None:
        """Cut the delivery when the gate closes, or when the lease ends and is not renewed."""
        self._grant = await until_over(self._deliveries, self._hosted, self._grant)
        delivery.cancel()
