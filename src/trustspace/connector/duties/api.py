"""The endpoint of our profile for messages about duties.

As the protocol's endpoints: who sends, what it says, then one transaction that uses the token up
and applies the message, only then the answer. Whoever is not a party gets 404 without a body.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.duties.message import DutyMessage, DutyStep, proof_in
from trustspace.connector.ending.message import PROFILE_PATH
from trustspace.connector.messaging.refusals import refusal
from trustspace.connector.messaging.wire_body import read_json
from trustspace.errors import NotFoundError, RemoteProtocolError, TrustspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.duties.telling import Telling
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.using.deletion_proof import DeletionProofs
    from trustspace.store import Transaction

logger: logging.Logger = logging.getLogger(__name__)

RETRY_SECONDS = "1"


class DutyApi:
    """Takes what counterparties say about duties."""

    def __init__(
        self,
        context: ConnectorContext,
        authentication: Authentication,
        telling: Telling,
        proofs: DeletionProofs,
    ) -> None:
        self._context = context
        self._authentication = authentication
        self._telling = telling
        self._proofs = proofs

    def routes(self) -> list[Route]:
        """Return the routes of the public listener that belong to duties."""
        path = f"/{{participant}}{PROFILE_PATH}/duties/{{agreement_id:path}}/{{step}}"
        return [Route(path, self._duty, methods=["POST"])]

    async def _duty(self, request: Request) -> Response:
        now = self._context.now()
        with self._context.trace.receiving(request.method, str(request.url), at=now) as said:
            request.state.said = said
            try:
                response: Response = JSONResponse(dict(await self._received(request)))
            except TrustspaceError as error:
                response = self._refused(request, error)
            said.answered(response.status_code, bytes(response.body))
        return response

    async def _received(self, request: Request) -> Mapping[str, Any]:
        hosted = self._context.participant(request.path_params["participant"])
        who = await self._authentication.verify(hosted, request.headers.get("authorization"))
        request.state.said.between(hosted, who.id)
        body = await read_json(request, self._context.settings.limits)
        request.state.said.message = body
        try:
            step = DutyStep(request.path_params["step"])
        except ValueError:
            raise NotFoundError("there is no such endpoint") from None
        if not isinstance(body, dict):
            raise RemoteProtocolError("a message is an object", code="message.malformed")
        message = DutyMessage.read(body)
        if message.agreement_id != request.path_params["agreement_id"]:
            raise RemoteProtocolError(
                "the message is about another agreement than the address", code="agreement.id"
            )
        proof = proof_in(message)
        if proof is not None:
            await self._proofs.check(proof, sender=who.id, agreement=message.agreement_id)
        now = self._context.now()

        def hop(tx: Transaction) -> Mapping[str, Any]:
            self._authentication.use(tx, hosted, who)
            return self._telling.receive(tx, hosted, step, message, sender=who.id, now=now)

        return await self._context.store.write(hop)

    def _refused(self, request: Request, error: TrustspaceError) -> Response:
        found = refusal(error, unauthorised=404)
        logger.info("%s refused with %s %s: %s", request.url.path, found.status, found.code, error)
        if found.status == 404:
            return Response(status_code=404)
        headers = {"Retry-After": RETRY_SECONDS} if found.status == 503 else None
        body = {"code": found.code, "reason": list(found.reasons)}
        return JSONResponse(body, status_code=found.status, headers=headers)
