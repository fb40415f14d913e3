"""The management API: what an owner, the SDK and the command line ask of a connector.

A listener of its own, bound to loopback, one bearer token whose hash is stored. FastAPI describes
it at ``/openapi.json``. Waiting is asking with ``?wait=``: the answer comes with the change.
"""

import hashlib
import hmac
import uuid
from typing import Annotated, Any, ClassVar

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trustspace._version import __version__
from trustspace.connector.context import Hosted
from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.hosting import Hosting
from trustspace.connector.idempotency import Keep, once
from trustspace.connector.problems import problem, problem_of
from trustspace.connector.wire_body import strict_route
from trustspace.errors import TrustspaceError
from trustspace.policy.messages import Language

MAX_WAIT = 60.0
"""Longest wait for a change, in seconds."""

Wait = Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for a change.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


def _hosted(request: Request, participant: str) -> Hosted:
    plane: ControlPlane = request.app.state.plane
    return plane.context.participant(participant)


Who = Annotated[Hosted, Depends(_hosted)]


class _Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class NewParticipant(_Body):
    """A participant to host beside the others."""

    name: str = Field(max_length=63)


class Publication(_Body):
    """A dataset to offer: where it is and under which terms."""

    title: str | None = None
    source: dict[str, Any] = Field(examples=[{"kind": "file", "path": "/data/roses.parquet"}])
    policy: dict[str, Any] = Field(examples=[{"purpose": "credit-scoring", "count": 100}])


class CatalogQuery(_Body):
    """Whose catalogue to fetch: a URL or a DID."""

    address: str
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None


class NegotiationRequest(_Body):
    """What to ask a provider for."""

    address: str
    dataset: str
    purpose: str | None = None
    offer: str | None = None


class TransferOrder(_Body):
    """Under which agreement to ask for data."""

    agreement: str
    format: str = "HttpData-PULL"


class Ending(_Body):
    """Why something ends or pauses, for the counterparty to read."""

    reason: str = Field(default="", max_length=2000)


class NegotiationStep(Ending):
    """What an owner's step of a negotiation says: why it ends, or which terms are offered."""

    policy: dict[str, Any] | None = None


class Receipt(_Body):
    """How a delivery ended at the consumer."""

    session: str = Field(max_length=200)
    outcome: str = Field(pattern="^(delivered|refused|cut)$")
    bytes: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    sha256: str | None = Field(default=None, max_length=200)
    reasons: list[Any] = Field(default_factory=list, max_length=64)


class Attestation(_Body):
    """Facts that the owner attests about a counterparty, by left operand."""

    facts: dict[str, Any] = Field(examples=[{"spatial": ["CN-SH", "CN"]}])


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
        title="trustspace management API", version=__version__, docs_url=None, redoc_url=None
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
    _add_offering(app, plane)
    _add_agreeing(app, plane)
    _add_delivering(app, plane)
    _add_observing(app, plane)
    return app


class _Guard:
    """Lets nothing but a look at the health pass without the token."""

    def __init__(self, app: ASGIApp, token_digest: str) -> None:
        self._app = app
        self._token_digest = token_digest

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
        return (is_known and scheme.lower() == "bearer") or scope["path"] == "/health"


def _unauthorised() -> Response:
    return problem(
        401,
        "unauthorized",
        "the management token is missing or wrong",
        hint="send Authorization: Bearer <content of management.token in the home>",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _add_offering(app: FastAPI, plane: ControlPlane) -> None:
    base = "/v1/participants/{participant}"

    @app.get(base)
    async def participant(hosted: Who) -> dict[str, Any]:
        return plane.about(hosted)

    @app.put(base + "/datasets/{dataset_id:path}")
    async def publish(hosted: Who, dataset_id: str, body: Publication) -> Response:
        shown = await plane.publications.publish(
            hosted, dataset_id, title=body.title, source=body.source, policy=body.policy
        )
        return JSONResponse(shown, status_code=201 if shown["changed"] else 200)

    @app.get(base + "/datasets")
    async def datasets(hosted: Who, after: str | None = None, limit: Limit = 100) -> dict[str, Any]:
        return await plane.publications.page(hosted, after=after, limit=limit)

    @app.get(base + "/datasets/{dataset_id:path}")
    async def dataset(hosted: Who, dataset_id: str) -> dict[str, Any]:
        return await plane.publications.show(hosted, dataset_id)

    @app.delete(base + "/datasets/{dataset_id:path}", status_code=204)
    async def withdraw(hosted: Who, dataset_id: str) -> None:
        await plane.publications.withdraw(hosted, dataset_id)

    @app.post(base + "/catalog")
    async def catalog(hosted: Who, body: CatalogQuery) -> dict[str, Any]:
        return await plane.catalog(hosted, body.address, limit=body.limit)


def _add_agreeing(app: FastAPI, plane: ControlPlane) -> None:
    base = "/v1/participants/{participant}"

    @app.post(base + "/negotiations", status_code=201)
    async def negotiate(hosted: Who, body: NegotiationRequest, key: Key = None) -> Response:
        async def create(keep: Keep) -> dict[str, Any]:
            return await plane.negotiate(
                hosted,
                body.address,
                body.dataset,
                purpose=body.purpose,
                offer_id=body.offer,
                keep=keep,
            )

        return await once(plane.context, hosted, key, body.model_dump(), create, status=201)

    @app.get(base + "/negotiations")
    async def negotiations(
        hosted: Who, state: str | None = None, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.negotiations_page(hosted, state=state, limit=limit, cursor=cursor)

    @app.get(base + "/negotiations/{pid}")
    async def negotiation(hosted: Who, pid: str, wait: Wait = 0) -> dict[str, Any]:
        return await plane.negotiation(hosted, pid, wait=wait)

    @app.post(base + "/negotiations/{pid}/{step}")
    async def step(hosted: Who, pid: str, step: str, body: NegotiationStep) -> dict[str, Any]:
        return await plane.step_negotiation(
            hosted, pid, step, reason=body.reason, policy=body.policy
        )

    @app.get(base + "/agreements")
    async def agreements(
        hosted: Who, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.agreements_page(hosted, limit=limit, cursor=cursor)

    @app.get(base + "/agreements/{agreement_id}")
    async def agreement(hosted: Who, agreement_id: str) -> dict[str, Any]:
        return await plane.agreement(hosted, agreement_id)

    @app.post(base + "/agreements/{agreement_id}/revoke")
    async def revoke(hosted: Who, agreement_id: str, body: Ending) -> dict[str, Any]:
        return await plane.revoke(hosted, agreement_id, reason=body.reason)


def _add_delivering(app: FastAPI, plane: ControlPlane) -> None:
    base = "/v1/participants/{participant}/transfers"

    @app.post(base, status_code=201)
    async def transfer(hosted: Who, body: TransferOrder, key: Key = None) -> Response:
        async def create(keep: Keep) -> dict[str, Any]:
            return await plane.request_transfer(
                hosted, body.agreement, format_=body.format, keep=keep
            )

        return await once(plane.context, hosted, key, body.model_dump(), create, status=201)

    @app.get(base)
    async def transfers(
        hosted: Who, state: str | None = None, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.transfers_page(hosted, state=state, limit=limit, cursor=cursor)

    @app.get(base + "/{pid}")
    async def one(hosted: Who, pid: str, wait: Wait = 0) -> dict[str, Any]:
        return await plane.transfer(hosted, pid, wait=wait)

    @app.get(base + "/{pid}/edr")
    async def edr(
        hosted: Who,
        pid: str,
        fresh: bool = False,
    ) -> dict[str, Any]:
        return await plane.edr(hosted, pid, fresh=fresh)

    @app.post(base + "/{pid}/receipts", status_code=204)
    async def receipt(hosted: Who, pid: str, body: Receipt) -> None:
        await plane.receipt(hosted, pid, body.model_dump(exclude_none=True))

    @app.post(base + "/{pid}/{step}")
    async def step(hosted: Who, pid: str, step: str, body: Ending) -> dict[str, Any]:
        return await plane.step_transfer(hosted, pid, step, reason=body.reason)


def _add_observing(app: FastAPI, plane: ControlPlane) -> None:
    base = "/v1/participants/{participant}"

    @app.get(base + "/events")
    async def events(
        hosted: Who,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Limit = 100,
        wait: Wait = 0,
    ) -> dict[str, Any]:
        return await plane.events(hosted, after=after, limit=limit, wait=wait)

    @app.get(base + "/explain/{subject}")
    async def explain(hosted: Who, subject: str, language: Language = "en") -> dict[str, Any]:
        return await plane.explain(hosted, subject, language=language)

    @app.put(base + "/counterparties/{did}")
    async def attest(hosted: Who, did: str, body: Attestation) -> dict[str, Any]:
        return await plane.attest(hosted, did, body.facts)

    @app.get(base + "/counterparties/{did}")
    async def attested(hosted: Who, did: str) -> dict[str, Any]:
        return await plane.attested(hosted, did)
