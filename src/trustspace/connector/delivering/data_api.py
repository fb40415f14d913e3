"""The data endpoints: a pull with a token, and a fresh token for the consumer's connector.

A table leaves as an Arrow stream with filters, columns and masks applied, a file by range with its
digest. Whatever ends the right to go on ends the response: a stream that was cut lacks its end.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.delivering.calls import Calls
from trustspace.connector.delivering.delivery_checks import FORM_UNAVAILABLE, CalledInstead
from trustspace.connector.delivering.delivery_response import DeliveryResponse
from trustspace.connector.delivering.order import Order
from trustspace.connector.problems import problem, problem_of
from trustspace.dataplane.api_source import METHODS
from trustspace.errors import (
    IdentityError,
    NotFoundError,
    PolicyDeniedError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.transferring.tokens import TokenDesk
    from trustspace.dataplane.edr import EdrClaims
    from trustspace.model.data_address import DataAddress
    from trustspace.store import Transaction
    from trustspace.transport.http_client import GuardedClient

logger: logging.Logger = logging.getLogger(__name__)

ARROW_STREAM = "application/vnd.apache.arrow.stream"
SESSION = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""A session is named by whoever opens it; a UUID fits."""


class DataApi:
    """Data endpoints of every hosted participant."""

    def __init__(
        self,
        context: ConnectorContext,
        authentication: Authentication,
        deliveries: Deliveries,
        tokens: TokenDesk,
        client: GuardedClient,
    ) -> None:
        self._context = context
        self._authentication = authentication
        self._deliveries = deliveries
        self._tokens = tokens
        # Sources are called under a policy of their own, which no one else's address comes under.
        client = context.sources or client
        self._client = client
        self._calls = Calls(context, deliveries, client)

    def routes(self) -> list[Route]:
        """Return the routes of the public listener that belong to data."""
        return [
            Route("/{participant}/data/{pid}", self._pull, methods=["GET"]),
            Route("/{participant}/data/{pid}", self._call, methods=sorted(METHODS)),
            Route("/{participant}/data/{pid}/{path:path}", self._call, methods=sorted(METHODS)),
            Route("/{participant}/renewals/{pid}", self._renew, methods=["POST"]),
        ]

    async def _pull(self, request: Request) -> Response:
        async def answer(hosted: Hosted, claims: EdrClaims) -> Response:
            try:
                grant = await self._deliveries.grant(hosted, _order(request, claims))
            except CalledInstead:
                return await self._calls.answer(hosted, request.path_params["pid"], claims, request)
            return await DeliveryResponse.prepare(
                self._deliveries, hosted, grant, request, client=self._client
            )

        return await self._answered(request, answer)

    async def _call(self, request: Request) -> Response:
        async def answer(hosted: Hosted, claims: EdrClaims) -> Response:
            return await self._calls.answer(hosted, request.path_params["pid"], claims, request)

        return await self._answered(request, answer)

    async def _answered(
        self, request: Request, answer: Callable[[Hosted, EdrClaims], Awaitable[Response]]
    ) -> Response:
        try:
            hosted = self._context.participant(request.path_params["participant"])
            pid = request.path_params["pid"]
            claims = self._tokens.check(hosted, pid, request.headers.get("authorization"))
            return await answer(hosted, claims)
        except (IdentityError, NotFoundError) as error:
            logger.info("data refused at %s: %s", request.url.path, error)
            return _unauthorised()
        except PolicyDeniedError as error:
            if error.code == FORM_UNAVAILABLE:
                return problem(406, error.code, str(error), hint=error.hint)
            return problem_of(error)
        except TrustspaceError as error:
            return problem_of(error)

    async def _renew(self, request: Request) -> Response:
        try:
            hosted = self._context.participant(request.path_params["participant"])
            who = await self._authentication.verify(hosted, request.headers.get("authorization"))

            def hop(tx: Transaction) -> DataAddress:
                self._authentication.use(tx, hosted, who)
                return self._tokens.renew(tx, hosted, request.path_params["pid"], sender=who.id)

            address = await self._context.store.write(hop)
        except (IdentityError, NotFoundError) as error:
            logger.info("no token given at %s: %s", request.url.path, error)
            return Response(status_code=404)
        except TrustspaceError as error:
            return problem_of(error)
        return JSONResponse(
            {
                "authorization": address.property("authorization"),
                "expiresIn": address.property("expiresIn"),
            },
            headers={"Cache-Control": "no-store"},
        )


def _order(request: Request, claims: EdrClaims) -> Order:
    session = request.headers.get("trustspace-session", "")
    if not SESSION.fullmatch(session):
        # A foreign consumer names no session: each request is an open of its own.
        session = uuid.uuid4().hex
    return Order(
        transfer_pid=request.path_params["pid"],
        agreement_id=claims.agreement_id,
        consumer=claims.consumer,
        session=session,
        action=request.headers.get("trustspace-action"),
        as_table=ARROW_STREAM in request.headers.get("accept", ""),
    )


def _unauthorised() -> Response:
    return problem(
        401,
        "unauthorized",
        "the token is not valid for this data",
        hint="ask the connector for a fresh token",
        headers={"WWW-Authenticate": "Bearer"},
    )
