"""Calls of a published interface: each decided, counted, passed on, metered, and cut when told.

A call is a governed open of its own: policy is asked, and its unit is final before the server
behind hears of it, so that no crash lets a call go uncounted. Only where that server could not be
reached at all the unit is given back. Which session the caller names does not matter: it would be
one count for many calls.
"""

from __future__ import annotations

import logging
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import anyio

from trustspace.connector.delivering.delivery_response import DeliveryResponse, Meter
from trustspace.connector.delivering.order import Order
from trustspace.connector.messaging.one_spelling import AS_SENT
from trustspace.connector.messaging.wire_body import BodyError, read_any
from trustspace.dataplane.api_source import PASSED_BACK, PASSED_ON, ApiSource
from trustspace.dataplane.pull import PullAnswer
from trustspace.dataplane.source import read_source
from trustspace.errors import (
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    NotFoundError,
    PolicyDeniedError,
    StatusError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.allowance import Allowance
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.delivering.gates import Gate
    from trustspace.connector.delivering.grant import Grant
    from trustspace.dataplane.edr import EdrClaims
    from trustspace.store import Transaction
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.http_response import IncomingStream

logger: logging.Logger = logging.getLogger(__name__)

FROM_BEHIND: Final = "Trustspace-Answer"
"""Header of an answer that is the published interface's own, not its connector's."""

_BELOW: Final = re.compile(rb"/+[^/]+/+data/+[^/]+")
"""What stands before the path of a call."""

_NO_BODY: Final = frozenset({"GET", "HEAD"})

_KEPT_BACK: Final = frozenset({401, 407})
"""Statuses that speak of the provider's own credentials."""


@dataclass(frozen=True)
class _Target:
    """Where a call goes."""

    source: ApiSource
    url: str
    headers: Mapping[str, str]


class Calls:
    """Calls of the interfaces of every hosted participant."""

    def __init__(
        self, context: ConnectorContext, deliveries: Deliveries, client: GuardedClient
    ) -> None:
        self._context = context
        self._deliveries = deliveries
        self._client = client

    async def answer(
        self, hosted: Hosted, transfer_pid: str, claims: EdrClaims, request: Request
    ) -> Response:
        """Pass one call on.

        Args:
            hosted: The provider.
            transfer_pid: Its pid of the transfer.
            claims: What the caller's token says.
            request: The call.

        Raises:
            BodyError: 404 no such path, 405 no such method, or the body cannot be taken.
            NotFoundError: There is no such transfer or dataset.
            PolicyDeniedError: Policy, a counter, the agreement or the transfer speak against it.
            TransportError: The server behind gives no answer.
        """
        body = await read_any(request, self._context.settings.limits)
        if body and request.method in _NO_BODY:
            raise BodyError(f"a {request.method} has no body", status=400)
        path = _BELOW.sub(b"", request.scope[AS_SENT], count=1).decode("latin-1")
        order = Order(
            transfer_pid=transfer_pid,
            agreement_id=claims.agreement_id,
            consumer=claims.consumer,
            session=uuid4().hex,
            action=request.headers.get("trustspace-action"),
            as_table=False,
            call=f"{request.method} {path[:200] or '/'}",
        )
        gate = self._context.gates.open(
            agreement_id=order.agreement_id, transfer_pid=order.transfer_pid
        )
        try:
            grant, target = await self._granted(hosted, order, gate, path, request)
        except BaseException:
            self._context.gates.leave(gate)
            raise
        try:
            return await self._passed_on(hosted, grant, target, request, body)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._deliveries.leave(hosted, grant)
            raise

    async def _granted(
        self, hosted: Hosted, order: Order, gate: Gate, path: str, request: Request
    ) -> tuple[Grant, _Target]:
        query = request.scope.get("query_string", b"").decode("latin-1")

        def hop(tx: Transaction) -> PolicyDeniedError | tuple[Grant, _Target]:
            target = self._target(tx, hosted, order, path, query)
            found = self._deliveries.decided(tx, hosted, order, gate)
            if isinstance(found, PolicyDeniedError):
                return found
            self._deliveries.make_final(tx, hosted, found)
            found.counting.is_done = True
            return found, target

        outcome = await self._context.decide(hop)
        if isinstance(outcome, PolicyDeniedError):
            raise outcome
        gate.check()
        return outcome

    def _target(
        self, tx: Transaction, hosted: Hosted, order: Order, path: str, query: str
    ) -> _Target:
        """Find where a call goes, before anything is counted."""
        agreement = tx.agreements.get(hosted.name, order.agreement_id)
        if agreement is None or agreement.counterparty != order.consumer:
            raise NotFoundError("there is no such agreement")
        dataset = tx.datasets.get(hosted.name, agreement.dataset_id)
        if dataset is None:
            raise NotFoundError("there is no such dataset")
        source = read_source(dataset.source)
        if not isinstance(source, ApiSource):
            raise BodyError("the dataset is no interface", status=404)
        method = order.call.partition(" ")[0]
        if method not in source.methods:
            allowed = ", ".join(source.methods)
            raise BodyError(f"the interface takes {allowed}, not {method}", status=405)
        try:
            return _Target(source, source.target(path, query), source.headers)
        except NotFoundError as error:
            raise BodyError(str(error), status=404) from error

    async def _passed_on(
        self, hosted: Hosted, grant: Grant, target: _Target, request: Request, body: bytes
    ) -> Response:
        own = {name.lower() for name in target.headers}
        passed = {
            name: value
            for name, value in request.headers.items()
            if name in PASSED_ON and name not in own
        }
        resources = AsyncExitStack()
        try:
            upstream = await resources.enter_async_context(
                self._client.stream(
                    request.method,
                    target.url,
                    headers=passed | dict(target.headers),
                    content=body or None,
                    deadline=timedelta(seconds=self._context.settings.delivery.call_seconds),
                )
            )
            _check_status(upstream)
        except TransportError as error:
            await resources.aclose()
            await self._not_called(hosted, grant, error)
            raise _without_address(error) from error
        except BaseException:
            await resources.aclose()
            raise
        meter = Meter()
        allowance = self._deliveries.allowance(hosted, grant, target.source)
        pieces = _pieces(upstream, grant, meter, allowance)
        resources.push_async_callback(pieces.aclose)
        headers = {
            name: value for name, value in upstream.headers.items() if name.lower() in PASSED_BACK
        }
        answer = PullAnswer(
            upstream.status, headers | {FROM_BEHIND: "interface"}, pieces, resources
        )
        return DeliveryResponse(
            self._deliveries, hosted, grant, answer, meter, delivers=True, allowance=allowance
        )

    async def _not_called(self, hosted: Hosted, grant: Grant, error: TransportError) -> None:
        """Note that there was no answer; a call that reached nobody is not counted."""
        logger.warning("call of %s: %s", grant.dataset.id, error)
        order = grant.order
        reached = not isinstance(error, ConnectError | EgressDeniedError)

        def hop(tx: Transaction) -> None:
            for limit in () if reached else grant.lease.limits:
                tx.counters.refund(hosted.name, order.agreement_id, limit.counter, order.session)
            body = order.about(grant.dataset.id) | {"bytes": 0, "rows": 0, "code": "unreachable"}
            tx.events.append(hosted.name, "delivery.cut", body, now=self._context.now())

        await self._context.store.write(hop)


async def _pieces(
    upstream: IncomingStream, grant: Grant, meter: Meter, allowance: Allowance | None
) -> AsyncGenerator[bytes, None]:
    """Pass the answer on as it comes: an interface may send events over hours."""
    async for chunk in upstream.chunks():
        allowed = len(chunk)
        if allowance is not None:
            allowed = await allowance.size(meter.size_bytes, len(chunk))
        grant.gate.check()
        if allowed:
            meter(allowed, 0)
            yield chunk[:allowed]
        if allowed < len(chunk) and allowance is not None:
            raise allowance.refusal()


def _check_status(upstream: IncomingStream) -> None:
    """Refuse to pass on what only the provider may read.

    Raises:
        StatusError: A redirect, which names another server, or a word about our credentials.
    """
    status = upstream.status
    is_redirect = 300 <= status < 400 and status != 304
    if is_redirect or status in _KEPT_BACK:
        raise StatusError(f"the interface answered {status}", status=status)


def _without_address(error: TransportError) -> TransportError:
    """Return an error that does not tell where the interface is."""
    if isinstance(error, DeadlineError):
        return DeadlineError("the provider's own interface did not answer in time")
    if isinstance(error, StatusError):
        words = f"the provider's own interface answered {error.status}"
        return StatusError(words, status=error.status)
    return ConnectError("the provider's own interface cannot be reached")
