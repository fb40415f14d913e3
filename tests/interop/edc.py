"""A stand-in for an Eclipse connector (EDC 0.14, DSP 2025-1) on a real socket, both roles.

It does what was seen of the real one and is never kinder: 409 while its own step is not saved, the
end of a process for good on any 4xx, repeats only on 5xx, 200 for 201, empty answers, members that
the protocol does not know, policies without rules, full names in data addresses, bare tokens.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.interop.edc_consumer import HTTP, ConsumerSide, Json, Process
from tests.interop.edc_meaning import DSP, EDC, EDC_NS

from trustspace.connector.listener import Listener, bind

DATA = b"name;grade\nrosa;A\ncanina;B\n"
ALLOW_ALL: Json = {"permission": [], "prohibition": [], "obligation": []}


@dataclass
class Edc(ConsumerSide):
    """The stand-in.

    Attributes:
        policies: Policy by dataset.
        dataset_by_get: Whether single datasets can be asked for.
        versions: Whether there is a version document.
        agrees_twice: Whether its first agreement is lost before it is saved.
        stored: What was written to its store.
        heard: Method, path and body of every protocol request.
        conflicts: Paths that were answered 409.
    """

    policies: dict[str, Json] = field(default_factory=lambda: {"roses": ALLOW_ALL})
    dataset_by_get: bool = False
    versions: bool = True
    agrees_twice: bool = False
    heard: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    agreements: dict[str, Json] = field(default_factory=dict)
    stored: list[bytes] = field(default_factory=list)

    def bodies(self, ending: str) -> list[Any]:
        return [body for _, path, body in self.heard if path.endswith(ending)]

    # --- provider ----------------------------------------------------------------------------

    def shown(self, asset: str) -> Json:
        parts = ("definition", asset, str(uuid4()))
        offer_id = ":".join(base64.b64encode(part.encode()).decode() for part in parts)
        service = {
            "@id": "service",
            "@type": "DataService",
            "endpointDescription": "dspace:connector",
            "endpointURL": self.base,
        }
        return {
            "@id": asset,
            "@type": "Dataset",
            "hasPolicy": [{"@id": offer_id, "@type": "Offer"} | self.policies[asset]],
            "distribution": [
                {"@type": "Distribution", "format": name, "accessService": service}
                for name in ("HttpData-PULL", "HttpData-PUSH")
            ],
            "id": asset,
            "edc:name": asset.title(),
        }

    def _catalog(self, body: Json) -> Json:
        (query,) = body.get("filter") or [{}]
        offset, limit = (
            query.get(f"{EDC_NS}{name}", query.get(name) if EDC in body["@context"] else None)
            for name in ("offset", "limit")
        )
        start = offset or 0
        assets = list(self.policies)[start : start + (limit or 50)]
        service = {"@id": "service", "@type": "DataService", "endpointURL": self.base}
        return self.message(
            "Catalog",
            participantId=self.id,
            service=[service],
            dataset=[self.shown(asset) for asset in assets],
        )

    def _open(self, client: str, body: Json) -> Process:
        process = Process(str(uuid4()), body["consumerPid"], body["callbackAddress"], client)
        self.processes[process.pid] = process
        return process

    async def _agree(self, process: Process, asset: str) -> None:
        for _ in range(2 if self.agrees_twice else 1):
            process.agreement = ALLOW_ALL | self.policies[asset]
            process.agreement |= {
                "@id": str(uuid4()),
                "@type": "Agreement",
                "target": asset,
                "assigner": self.id,
                "assignee": process.client,
                "timestamp": "2026-11-24T10:00:00.123Z",
            }
            body = self.message(
                "ContractAgreementMessage",
                consumerPid=process.peer,
                providerPid=process.pid,
                agreement=process.agreement,
            )
            process.saved = False
            path = f"negotiations/{process.peer}/agreement"
            if not await self.say(process, path, body, "AGREED"):
                return
        self.agreements[process.agreement["@id"]] = process.agreement

    async def _finalize(self, process: Process) -> None:
        process.saved = False
        pids = {"consumerPid": process.peer, "providerPid": process.pid}
        body = self.message("ContractNegotiationEventMessage", **pids, eventType="FINALIZED")
        await self.say(process, f"negotiations/{process.peer}/events", body, "FINALIZED")

    async def _start(self, process: Process) -> None:
        process.saved = False
        told = {
            "endpoint": f"{self.url}/api/public",
            "endpointType": HTTP,
            "authType": "bearer",
            "authorization": f"token-of-{process.pid}",
        }
        address = {
            "@type": "DataAddress",
            "endpointType": HTTP,
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": EDC_NS + name, "value": value}
                for name, value in told.items()
            ],
        }
        pids = {"consumerPid": process.peer, "providerPid": process.pid}
        body = self.message("TransferStartMessage", **pids, dataAddress=address)
        await self.say(process, f"transfers/{process.peer}/start", body, "STARTED")

    async def _push(self, process: Process, address: Json) -> None:
        """Start without an address, write to the sink as its data plane does, complete."""
        process.saved = False
        pids = {"consumerPid": process.peer, "providerPid": process.pid}
        body = self.message("TransferStartMessage", **pids)
        started = await self.say(process, f"transfers/{process.peer}/start", body, "STARTED")
        read = {one["name"]: one["value"] for one in address["endpointProperties"]}
        assert read[f"{EDC_NS}type"] == "HttpData"
        headers = {read[f"{EDC_NS}authKey"]: read[f"{EDC_NS}authCode"]}
        headers["Content-Type"] = "application/octet-stream"

        async def chunks() -> AsyncIterator[bytes]:
            yield DATA

        url = read[f"{EDC_NS}baseUrl"]
        answer = await self.http.post(url, content=chunks(), headers=headers)
        if not (started and answer.is_success):
            process.dead = f"sink: {answer.status_code} {answer.text}"
            return
        body = self.message("TransferCompletionMessage", **pids)
        path = f"transfers/{process.peer}/completion"
        await self.say(process, path, body, "COMPLETED")

    # --- the server --------------------------------------------------------------------------

    async def serve_versions(self, _: Request) -> Response:
        if not self.versions:
            return Response(status_code=404)
        entry = {"version": "2025-1", "path": "/2025-1", "binding": "HTTPS"}
        older = {"version": "2024/1", "path": "/2024/1", "binding": "HTTPS"}
        return JSONResponse({"protocolVersions": [older, entry]})

    async def serve_data(self, request: Request) -> Response:
        """The data plane: the bare token and nothing else."""
        token = request.headers.get("authorization", "")
        pid = token.removeprefix("token-of-")
        process = self.processes.get(pid)
        if token == pid or process is None or process.state != "STARTED":
            return Response(status_code=403)
        return Response(DATA, media_type="application/octet-stream")

    async def serve_store(self, request: Request) -> Response:
        """Some server of the consumer's that takes whatever is written."""
        if request.method != "POST" or request.headers.get("x-key") != "sesame":
            return Response(status_code=405)
        self.stored.append(await request.body())
        return Response(status_code=200)

    async def serve(self, request: Request) -> Response:
        path = unquote(request.path_params["path"])
        data = await request.body()
        header = request.headers.get("authorization")
        if header is None:
            return JSONResponse(self.message("CatalogError", code="401"), status_code=401)
        if data and request.headers.get("content-type") != "application/json":
            return Response(status_code=415)
        try:
            client = json.loads(header)["clientId"]
        except (ValueError, KeyError, TypeError):
            return HTMLResponse("<h1>Error</h1>", status_code=500)
        self.headers.append(header)
        body = json.loads(data) if data else {}
        self.heard.append((request.method, path, body))
        answer = self._answer(request.method, path, client, body)
        if answer.status_code == 409:
            self.conflicts.append(path)
        return answer

    def _answer(self, method: str, path: str, client: str, body: Json) -> Response:
        kind, _, rest = path.partition("/")
        if path == "catalog/request":
            return _chunked(self._catalog(body))
        if kind == "catalog":
            asset = rest.removeprefix("datasets/")
            if not self.dataset_by_get or asset not in self.policies:
                return JSONResponse(self.message("CatalogError", code="404"), status_code=404)
            return JSONResponse({"@context": [DSP, EDC]} | self.shown(asset))
        if rest == "request":
            return self._opened(kind, client, body)
        return self._about(method, path, client, body)

    def _about(self, method: str, path: str, client: str, body: Json) -> Response:
        kind, _, rest = path.partition("/")
        process = self.processes.get(rest.split("/")[0])
        if process is None or process.client != client:
            return JSONResponse(self.message("Error", code="404"), status_code=404)
        if method == "GET":
            return JSONResponse(self._shown(kind, process))
        if not process.saved:
            return JSONResponse(self.message("Error", code="409"), status_code=409)
        return self._stepped(process, rest.partition("/")[2], body)

    def _shown(self, kind: str, process: Process) -> Json:
        name = "ContractNegotiation" if kind == "negotiations" else "TransferProcess"
        pids = {"consumerPid": process.peer, "providerPid": process.pid}
        return self.message(name, **pids) | {"dspace:state": {"@id": f"dspace:{process.state}"}}

    def _opened(self, kind: str, client: str, body: Json) -> Response:
        if kind == "negotiations":
            process = self._open(client, body)
            self.later(self._agree(process, body["offer"]["target"]))
        else:
            if self.agreements[body["agreementId"]]["assignee"] != client:
                return Response(status_code=404)
            process = self._open(client, body)
            is_push = body["format"] == "HttpData-PUSH"
            self.later(
                self._push(process, body["dataAddress"]) if is_push else self._start(process)
            )
        return JSONResponse(self._shown(kind, process), status_code=200)

    def _stepped(self, process: Process, step: str, body: Json) -> Response:
        if step == "agreement":
            process.peer = process.peer or body["providerPid"]
            if wrong := self.take_agreement(process, body):
                process.dead = wrong
                process.move("TERMINATED")
                return JSONResponse(self.message("Error", code="400"), status_code=400)
            process.agreement = body["agreement"]
            process.saved = False
            self.later(self.verify(process))
        elif step == "agreement/verification" and process.state == "AGREED":
            process.move("VERIFIED")
            self.later(self._finalize(process))
        elif step == "events":
            process.move("FINALIZED")
        elif step == "start":
            process.address = body.get("dataAddress", {})
            process.move("STARTED")
        elif step in ("completion", "suspension", "termination"):
            process.move({"c": "COMPLETED", "s": "SUSPENDED", "t": "TERMINATED"}[step[0]])
        else:
            return JSONResponse(self.message("Error", code="409"), status_code=409)
        return Response(status_code=200)


def _chunked(document: Json) -> Response:
    """Answer without a length, as servers do with what is large."""
    data = json.dumps(document).encode()
    pieces = [data[start : start + 700] for start in range(0, len(data), 700)]
    return StreamingResponse(iter(pieces), media_type="application/json")


@contextlib.asynccontextmanager
async def edc(**settings: Any) -> AsyncIterator[Edc]:
    """Run a stand-in."""
    bound = bind("127.0.0.1", 0)
    url = f"http://localhost:{bound.getsockname()[1]}"
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        peer = Edc(url, http, **settings)
        routes = [
            Route("/protocol/.well-known/dspace-version", peer.serve_versions),
            Route("/protocol/2025-1/.well-known/dspace-version", lambda _: Response("", 404)),
            Route("/protocol/2025-1/{path:path}", peer.serve, methods=["GET", "POST"]),
            Route("/api/public", peer.serve_data),
            Route("/store", peer.serve_store, methods=["HEAD", "POST", "PUT"]),
        ]
        async with Listener(Starlette(routes=routes), bound):
            yield peer
            for task in peer.tasks:
                task.cancel()
            await asyncio.gather(*peer.tasks, return_exceptions=True)
