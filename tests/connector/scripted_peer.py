"""A counterparty on a real socket with a real identity that answers as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote
from uuid import uuid4

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.connector.party import Party

from trustspace.connector.listener import Listener, bind
from trustspace.dsp.messages import (
    ContractAgreementMessage,
    ContractNegotiation,
    Message,
    NegotiationState,
    TransferProcess,
    TransferState,
)
from trustspace.dsp.wire import emit, timestamp
from trustspace.identity.did import Service, build_document, did_web
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue
from trustspace.model.odrl import Agreement
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

Json = dict[str, Any]
Answer = Callable[[Json], Response | Awaitable[Response]]

OFFER: Json = {
    "@id": "urn:uuid:0ffe4000-0000-4000-8000-000000000001",
    "@type": "Offer",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["research"]}
            ],
        }
    ],
}


@dataclass
class ScriptedPeer:
    """Answers what a test puts into ``answers``, 404 to the rest, and keeps what it was told.

    Attributes:
        answers: By endpoint with ``{pid}`` for a pid, for example ``negotiations/{pid}/agreement``.
        heard: Endpoint and body of every protocol request, in order.
        pid: Its own pid of whatever is talked about.
    """

    url: str
    id: str
    key: SigningKey
    voice: httpx.AsyncClient
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[tuple[str, Json]] = field(default_factory=list)
    profiles: list[str] = field(default_factory=lambda: [TRUSTSPACE_NAMESPACE])
    pid: str = field(default_factory=lambda: f"urn:uuid:{uuid4()}")
    _spoken: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base(self) -> str:
        return f"{self.url}/dsp"

    @property
    def hosted(self) -> Self:
        """Itself, so that it can stand where a party does."""
        return self

    @property
    def dsp_url(self) -> str:
        return self.base

    def bodies(self, endpoint: str) -> list[Json]:
        return [body for found, body in self.heard if found == endpoint]

    async def until_heard(self, endpoint: str) -> None:
        """Wait for a request at an endpoint."""
        while not self.bodies(endpoint):
            self._spoken.clear()
            await self._spoken.wait()

    async def silent(self, _: Json) -> Response:
        """Answer nothing as long as the peer lives."""
        await self._stopped.wait()
        return Response(status_code=503)

    def acknowledge(self, endpoint: str, state: NegotiationState | TransferState) -> None:
        """Answer an endpoint with the process in a state, to the consumer that asked first."""

        def answer(body: Json) -> Response:
            kind = ContractNegotiation if isinstance(state, NegotiationState) else TransferProcess
            pid = self._their_pid(body)
            document = emit(kind(consumer_pid=pid, provider_pid=self.pid, state=state))
            return JSONResponse(document, status_code=201 if "{pid}" not in endpoint else 200)

        self.answers[endpoint] = answer

    def token(self, audience: str) -> str:
        now = datetime.now(UTC)
        return bearer_header(issue(self.key, issuer=self.id, audience=audience, now=now))

    async def say(
        self, to: Party, path: str, message: Message | Mapping[str, Any]
    ) -> httpx.Response:
        body = message if isinstance(message, Mapping) else emit(message)
        headers = {"Authorization": self.token(to.id)}
        return await self.voice.post(f"{to.hosted.dsp_url}/{path}", json=body, headers=headers)

    def agreement(self, request: Json, consumer: str, **changed: Any) -> ContractAgreementMessage:
        """Return the agreement to a request, with some members of the agreement changed."""
        rules = {key: request["offer"][key] for key in ("permission", "target")}
        body = rules | {
            "@id": f"urn:uuid:{uuid4()}",
            "@type": "Agreement",
            "assigner": self.id,
            "assignee": consumer,
            "timestamp": timestamp(datetime.now(UTC)),
        }
        return ContractAgreementMessage(
            id=f"urn:uuid:{uuid4()}",
            consumer_pid=request["consumerPid"],
            provider_pid=self.pid,
            agreement=Agreement.read(body | changed),
        )

    # --- the server --------------------------------------------------------------------------

    async def serve_document(self, _: Request) -> Response:
        services = [
            Service.of(self.id, "DataService", f"{self.url}/.well-known/dspace-version"),
            Service.of(self.id, "CatalogService", f"{self.base}/catalog"),
        ]
        return JSONResponse(build_document(self.id, self.key, services).to_wire())

    async def serve_versions(self, _: Request) -> Response:
        entry = {
            "version": "2025-1",
            "path": "/dsp",
            "binding": "HTTPS",
            "serviceId": self.id,
            "profile": self.profiles,
        }
        return JSONResponse({"protocolVersions": [entry]})

    async def serve(self, request: Request) -> Response:
        path = unquote(request.path_params["path"])
        endpoint = re.sub(r"urn:uuid:[0-9a-f-]{36}", "{pid}", path)
        data = await request.body()
        body = json.loads(data) if data else {}
        self.heard.append((endpoint, body))
        self._spoken.set()
        answer = self.answers.get(endpoint)
        if answer is None:
            return Response(status_code=404)
        found = answer(body)
        return found if isinstance(found, Response) else await found

    def dataset(self, _: Json) -> Response:
        service = {"@id": "s", "@type": "DataService", "endpointURL": self.base}
        distribution = {
            "@type": "Distribution",
            "format": "HttpData-PULL",
            "accessService": service,
        }
        return JSONResponse(
            {
                "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
                "@id": "roses",
                "@type": "Dataset",
                "hasPolicy": [OFFER],
                "distribution": [distribution],
            }
        )

    def _their_pid(self, body: Json) -> str:
        if "consumerPid" in body:
            return str(body["consumerPid"])
        return next(str(said["consumerPid"]) for _, said in self.heard if "consumerPid" in said)


@contextlib.asynccontextmanager
async def scripted_peer() -> AsyncIterator[ScriptedPeer]:
    """Run a scripted counterparty that offers the dataset ``roses``."""
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    async with httpx.AsyncClient(timeout=20, trust_env=False) as voice:
        peer = ScriptedPeer(
            url=f"http://localhost:{port}",
            id=did_web("localhost", port, "peer"),
            key=SigningKey.generate(),
            voice=voice,
        )
        peer.answers["catalog/datasets/roses"] = peer.dataset
        routes = [
            Route("/peer/did.json", peer.serve_document),
            Route("/.well-known/dspace-version", peer.serve_versions),
            Route("/dsp/{path:path}", peer.serve, methods=["GET", "POST"]),
        ]
        async with Listener(Starlette(routes=routes), bound):
            yield peer
            peer._stopped.set()
