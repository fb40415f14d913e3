"""A counterparty that can break HTTP itself: it answers each request with bytes that a test made.

Until a test breaks one of its endpoints it is a proper provider of ``roses``: version document, DID
document, catalogue, and yes to every message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from tests.connector.scripted_peer import OFFER

from trustspace.identity.did import Service, build_document, did_web
from trustspace.identity.keys import SigningKey
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

Json = dict[str, Any]
Breakage = Callable[["RawPeer", asyncio.StreamWriter], Coroutine[Any, Any, None]]

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
VERSIONS, DOCUMENT = ".well-known/dspace-version", "peer/did.json"
CATALOG, DATASET = "dsp/catalog/request", "dsp/catalog/datasets/roses"
REQUEST, TRANSFER, RENEWAL = "dsp/negotiations/request", "dsp/transfers/request", "renew"


def answer(
    body: bytes | Json | list[Any],
    *,
    status: int = 200,
    kind: str = "application/json",
    **headers: str,
) -> bytes:
    """Return an answer as it goes over the wire."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


@dataclass
class RawPeer:
    """The counterparty.

    Attributes:
        broken: What is done instead of the proper answer, by endpoint.
        heard: Endpoint, head and body of every request.
    """

    url: str
    id: str
    key: SigningKey
    broken: dict[str, Breakage] = field(default_factory=dict)
    heard: list[tuple[str, str, bytes]] = field(default_factory=list)
    pid: str = field(default_factory=lambda: f"urn:uuid:{uuid4()}")

    @property
    def hosted(self) -> RawPeer:
        return self

    @property
    def dsp_url(self) -> str:
        return f"{self.url}/dsp"

    def asked(self, endpoint: str) -> int:
        return sum(1 for found, _, _ in self.heard if found == endpoint)

    def proper(self, endpoint: str, body: bytes) -> bytes:
        """Return the answer of a counterparty in order."""
        match endpoint:
            case _ if endpoint == VERSIONS:
                entry = {"version": "2025-1", "path": "/dsp", "binding": "HTTPS"}
                entry |= {"serviceId": self.id, "profile": [TRUSTSPACE_NAMESPACE]}  # type: ignore[dict-item]
                return answer({"protocolVersions": [entry]})
            case _ if endpoint == DOCUMENT:
                services = [Service.of(self.id, "DataService", f"{self.url}/{VERSIONS}")]
                return answer(build_document(self.id, self.key, services).to_wire())
            case _ if endpoint == CATALOG:
                return answer(self.catalog())
            case _ if endpoint == DATASET:
                return answer({"@context": CONTEXT} | self.dataset(inline=True))
            case _ if endpoint == RENEWAL:
                return answer({"authorization": "fresh", "expiresIn": "300"})
        told = json.loads(body) if body else {}
        return answer(self.acknowledgement(endpoint, told), status=201)

    def acknowledgement(self, endpoint: str, told: Json) -> Json:
        name = "TransferProcess" if "transfers" in endpoint else "ContractNegotiation"
        return {
            "@context": CONTEXT,
            "@type": name,
            "consumerPid": told.get("consumerPid", ""),
            "providerPid": self.pid,
            "state": "REQUESTED",
        }

    def dataset(self, *, inline: bool) -> Json:
        service: Any = {"@id": "s", "@type": "DataService", "endpointURL": self.dsp_url}
        form = {"@type": "Distribution", "format": "HttpData-PULL"}
        return {
            "@id": "roses",
            "@type": "Dataset",
            "hasPolicy": [OFFER],
            "distribution": [form | {"accessService": service if inline else "s"}],
        }

    def catalog(self) -> Json:
        service = {"@id": "s", "@type": "DataService", "endpointURL": self.dsp_url}
        return {
            "@context": CONTEXT,
            "@id": "c",
            "@type": "Catalog",
            "participantId": self.id,
            "service": [service],
            "dataset": [self.dataset(inline=False)],
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?im)^content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                path = unquote(head.split()[1]).partition("?")[0].lstrip("/")
                endpoint = re.sub(r"urn:uuid:[0-9a-f-]{36}", "{pid}", path)
                self.heard.append((endpoint, head, body))
                breakage = self.broken.get(endpoint)
                if breakage is None:
                    writer.write(self.proper(endpoint, body))
                    await writer.drain()
                else:
                    await breakage(self, writer)
                    break
        writer.close()


@contextlib.asynccontextmanager
async def raw_peer() -> AsyncIterator[RawPeer]:
    """Run a counterparty that a test may break."""
    tasks: set[asyncio.Task[None]] = set()
    peers: list[RawPeer] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await peers[0].serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer = RawPeer(
        f"http://localhost:{port}", did_web("localhost", port, "peer"), SigningKey.generate()
    )
    peers.append(peer)
    try:
        yield peer
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
