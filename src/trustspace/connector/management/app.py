"""The management API: what an owner, the SDK and the command line ask of a connector.

A listener of its own, bound to loopback, one bearer token whose hash is stored. FastAPI describes
it at ``/openapi.json``. Waiting is asking with ``?wait=``: the answer comes with the change.
"""

import hashlib
import hmac
import uuid
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trustspace._version import __version__
from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.deciding.policy_engine import BUNDLE_PATH, bundle_token
from trustspace.connector.hosting import Hosting
from trustspace.connector.management.agreeing import add_agreeing
from trustspace.connector.management.approving import add_approving
from trustspace.connector.management.bodies import (
    NewParticipant,
)
from trustspace.connector.management.delivering import add_delivering
from trustspace.connector.management.diagnosing import add_diagnosing
from trustspace.connector.management.discovering import add_discovering
from trustspace.connector.management.duties import add_duties
from trustspace.connector.management.ending import add_agreements
from trustspace.connector.management.observing import add_observing
from trustspace.connector.management.offering import add_offering
from trustspace.connector.management.receiving import add_receiving
from trustspace.connector.management.ruling import add_ruling
from trustspace.connector.management.using import add_using
from trustspace.connector.messaging.wire_body import strict_route
from trustspace.connector.problems import problem, problem_of
from trustspace.errors import TrustspaceError


def token_hash(token: str) -> str:
    """Return what is stored of a management token."""
    return hashlib.sha256(token.encode()).hexdigest()


def management_app(plane: ControlPlane, hosting: Hosting, *, token_digest: str) -> FastAPI:
    """Build the management API.

    Args:
        plane: The control plane.
        hosting: The participants.
        token_digest: Hash of the bearer token, as `token_hash` returns it.
    """
    app = FastAPI(
        title="trustspace management API",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )

    app.router.route_class = strict_route(plane.context.settings.limits)

    @app.exception_handler(TrustspaceError)
    async def refuse(request: Request, error: TrustspaceError) -> Response:
        del request
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        del request
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        return problem(422, "invalid", f"{where}: {first['msg']}", hint="see /openapi.json")

    @app.exception_handler(HTTPException)
    async def unserved(request: Request, error: HTTPException) -> Response:
        code = "not_found" if error.status_code == 404 else "invalid"
        hint = f"{request.method} {request.url.path} is not served; see /openapi.json"
        return problem(error.status_code, code, str(error.detail), hint=hint)

    app.add_middleware(_Guard, token_digest=token_digest)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/v1/participants")
    async def participants() -> list[dict[str, Any]]:
        return [plane.about(hosted) for hosted in plane.context.hosted.values()]

    @app.post("/v1/participants", status_code=201)
    async def host(body: NewParticipant) -> dict[str, Any]:
        return plane.about(await hosting.add(body.name))

    app.state.plane = plane
    add_offering(app, plane)
    add_discovering(app, plane)
    add_agreeing(app, plane)
    add_duties(app, plane)
    add_agreements(app, plane)
    add_approving(app, plane)
    add_receiving(app, plane)
    add_delivering(app, plane)
    add_observing(app, plane)
    add_diagnosing(app, plane)
    add_ruling(app, plane)
    add_using(app, plane)
    return app


class _Guard:
    """Lets nothing but a look at the health pass without the token."""

    def __init__(self, app: ASGIApp, token_digest: str) -> None:
        self._app = app
        self._token_digest = token_digest
        self._bundle_token = bundle_token(token_digest).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex.encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        app = self._app if self._may_pass(scope) else _unauthorised()
        await app(scope, receive, send_with_id)

    def _may_pass(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(token_hash(given), self._token_digest)
        if scope["path"] == BUNDLE_PATH:
            is_known |= hmac.compare_digest(given.encode(), self._bundle_token)
        return (is_known and scheme.lower() == "bearer") or scope["path"] == "/health"


def _unauthorised() -> Response:
    return problem(
        401,
        "unauthorized",
        "the management token is missing or wrong",
        hint="send Authorization: Bearer <content of management.token in the home>",
        headers={"WWW-Authenticate": "Bearer"},
    )
