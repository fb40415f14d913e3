"""A counterparty on a real socket that is well but for what a test takes from it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.listener import Listener, bind
from trustspace.dsp.binding import catalog_error
from trustspace.identity.did import Service, build_document, did_web
from trustspace.identity.keys import SigningKey

Json = dict[str, Any]
Answer = Callable[[Request], Awaitable[Response]]

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
LOGIN = HTMLResponse("<!DOCTYPE html><html><body>Please log in</body></html>")


def answering(content: Any, status: int = 200) -> Answer:
    """Answer the same to everything."""

    async def answer(_: Request) -> Response:
        return content if isinstance(content, Response) else JSONResponse(content, status)

    return answer


async def silent(_: Request) -> Response:
    """Take the request and say nothing for longer than anyone waits."""
    await anyio.sleep(30)
    return Response(status_code=503)


@dataclass
class SickPeer:
    """A provider that offers ``roses``.

    Attributes:
        answers: What it answers otherwise than a healthy one, by the name of the endpoint.
        heard: Bodies of negotiation messages, by path.
    """

    url: str
    id: str
    key: SigningKey
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[tuple[str, Json]] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"{self.url}/dsp"

    def versions(self, **changed: Any) -> Json:
        entry = {"version": "2025-1", "path": "/dsp", "binding": "HTTPS", "serviceId": self.id}
        return {"protocolVersions": [entry | changed]}

    def document(self, **changed: Any) -> Json:
        services = [Service.of(self.id, "DataService", f"{self.url}/.well-known/dspace-version")]
        return build_document(self.id, self.key, services).to_wire() | changed

    def dataset(self) -> Json:
        service = {"@id": "s", "@type": "DataService", "endpointURL": self.base}
        return {
            "@id": "roses",
            "@type": "Dataset",
            "hasPolicy": [{"@id": "o1", "@type": "Offer", "permission": [{"action": "use"}]}],
            "distribution": [
                {"@type": "Distribution", "format": "HttpData-PULL", "accessService": service}
            ],
        }

    def catalogue(self, **changed: Any) -> Json:
        service = {"@id": "s", "@type": "DataService", "endpointURL": self.base}
        return {
            "@context": CONTEXT,
            "@id": "urn:uuid:catalogue",
            "@type": "Catalog",
            "participantId": self.id,
            "service": [service],
            "dataset": [self.dataset()],
        } | changed

    async def serve(self, request: Request) -> Response:
        name = request.scope["endpoint_name"]
        if name in self.answers:
            return await self.answers[name](request)
        return JSONResponse(*await self._healthy(name, request))

    async def _healthy(self, name: str, request: Request) -> tuple[Json, int]:
        pids = {"consumerPid": "c", "providerPid": "urn:uuid:p1"}
        ack = {"@context": CONTEXT, "@type": "ContractNegotiation"} | pids
        match name:
            case "versions":
                return self.versions(), 200
            case "document":
                return self.document(), 200
            case "catalogue":
                return self.catalogue(), 200
            case "dataset":
                return {"@context": CONTEXT} | self.dataset(), 200
            case "request" | "termination":
                body = await request.json()
                self.heard.append((name, body))
                state = "REQUESTED" if name == "request" else "TERMINATED"
                return ack | {"consumerPid": body["consumerPid"], "state": state}, 200
        return catalog_error("not_found"), 404


def _route(peer: SickPeer, path: str, name: str) -> Route:
    async def endpoint(request: Request) -> Response:
        request.scope["endpoint_name"] = name
        return await peer.serve(request)

    return Route(path, endpoint, methods=["GET", "POST"])


@contextlib.asynccontextmanager
async def sick_peer(
    *, certificate: Path | None = None, dates: bool = True, host: str = "localhost"
) -> AsyncIterator[SickPeer]:
    """Run a peer.

    Args:
        certificate: PEM file with certificate and key, for TLS.
        dates: Whether the server itself writes the Date header.
        host: Name under which it tells its address.
    """
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    scheme = "http" if certificate is None else "https"
    peer = SickPeer(
        url=f"{scheme}://{host}:{port}",
        id=did_web("localhost", port, "peer"),
        key=SigningKey.generate(),
    )
    routes = [
        _route(peer, path, name)
        for path, name in {
            "/.well-known/dspace-version": "versions",
            "/peer/did.json": "document",
            "/dsp/catalog/request": "catalogue",
            "/dsp/catalog/datasets/{id}": "dataset",
            "/dsp/negotiations/request": "request",
            "/dsp/negotiations/{pid}": "negotiation",
            "/dsp/negotiations/{pid}/termination": "termination",
        }.items()
    ]
    file = "" if certificate is None else str(certificate)
    listener = Listener(Starlette(routes=routes), bound, certificate=file, key=file)
    listener._server.config.date_header = dates
    async with listener:
        yield peer
