"""Drives operations by hand: a script of answers in, the result and what was asked for out."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from trustspace.client import Client, Handle
from trustspace.client import pull as pull_module
from trustspace.client.exchange import Request, Response, Wait
from trustspace.client.handles import delivery as delivery_module
from trustspace.client.operations import Operations
from trustspace.errors import TrustspaceError


class Script:
    """Answers in the order given; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.waits: list[Wait] = []

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.asked]

    def play(self, exchange: Any, *answers: Any) -> Any:
        """Drive an exchange to its result; an answer is a Response, a document or an error."""
        left = list(answers)
        try:
            step = next(exchange)
            while True:
                if isinstance(step, Wait):
                    self.waits.append(step)
                    step = exchange.send(None)
                    continue
                self.asked.append(step)
                answer = left.pop(0)
                if isinstance(answer, TrustspaceError):
                    step = exchange.throw(answer)
                elif isinstance(answer, Response) or answer is None:
                    step = exchange.send(answer)
                else:
                    step = exchange.send(Response(200, answer))
        except StopIteration as stop:
            assert left == []
            return stop.value


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def play(script: Script) -> Any:
    return script.play


@pytest.fixture
def operations(play: Any, script: Script, doc: Any) -> Operations:
    """Operations that know their participant already, so that a script holds only the rest."""
    operations = Operations("bank")
    play(operations.participant(), doc.participant)
    script.asked.clear()
    return operations


@pytest.fixture
def problem() -> Any:
    def make(status: int, code: str, **members: Any) -> Response:
        return Response(status, {"status": status, "code": code, "detail": f"{code}!", **members})

    return make


@pytest.fixture
def late() -> Any:
    def make(document: Any, seconds: float) -> Response:
        return Response(200, document, elapsed=timedelta(seconds=seconds))

    return make


@pytest.fixture
def doc() -> Any:
    """Documents of the management interface."""
    provider = "did:web:garden.example"
    process = {"role": "consumer", "counterparty": provider, "dataset": "rose-prices"}
    return SimpleNamespace(
        participant={
            "name": "bank",
            "id": "did:web:localhost%3A4000:bank",
            "address": "http://localhost:4000",
            "dsp": "http://localhost:4000/bank/dsp",
            "development": True,
        },
        agreement=process
        | {"id": "urn:uuid:a1", "state": "FINALIZED", "purpose": "credit-scoring"},
        negotiation=process | {"id": "urn:uuid:n1", "state": "REQUESTED"},
        transfer=process | {"id": "urn:uuid:t1", "agreement": "urn:uuid:a1", "state": "STARTED"},
        dataset={
            "id": "rose-prices",
            "title": "Roses",
            "forms": ["file", "table"],
            "changed": True,
        },
    )


Answer = Callable[[HttpRequest], HttpResponse]


class ScriptedConnector:
    """A management interface and a data endpoint on a real socket, for what a real one never does.

    Attributes:
        answers: What ``METHOD path`` under the participant answers: a document, or a callable.
        data: What the data endpoint answers, one after the other; the last one stays.
        asked: Every request, as ``METHOD path``.
        headers: The data requests' headers.
        bodies: Bodies by ``METHOD path``, the last one.
    """

    def __init__(self, url: str, doc: Any) -> None:
        self.url = url
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.management_headers: dict[str, str] = {}
        self.bodies: dict[str, Any] = {}
        self.data: list[Answer] = []
        self.tokens = 0
        self.answers: dict[str, Any] = {
            "GET agreements/urn:uuid:a1": doc.agreement,
            "POST transfers": doc.transfer,
            "GET transfers/urn:uuid:t1": doc.transfer,
            "GET transfers/urn:uuid:t1/edr": self._edr,
            "POST transfers/urn:uuid:t1/receipts": {},
        }
        self.participant = doc.participant

    async def manage(self, request: HttpRequest) -> HttpResponse:
        path = request.path_params["path"]
        name = f"{request.method} {path.removeprefix('participants/bank/')}"
        self.asked.append(name)
        self.management_headers = dict(request.headers)
        body = await request.body()
        self.bodies[name] = json.loads(body) if body else None
        if path in ("participants", "participants/bank"):
            found = self.participant
            return JSONResponse([found] if name == "GET participants" else found)
        answer = self.answers.get(name, HttpResponse("no such path", status_code=404))
        if callable(answer) and not isinstance(answer, HttpResponse):
            answer = answer(request)
        return answer if isinstance(answer, HttpResponse) else JSONResponse(answer)

    async def deliver(self, request: HttpRequest) -> HttpResponse:
        self.headers.append(dict(request.headers))
        answer = self.data.pop(0) if len(self.data) > 1 else self.data[0]
        return answer(request)

    def _edr(self, request: HttpRequest) -> HttpResponse:
        self.tokens += request.query_params.get("fresh") == "true"
        return JSONResponse(
            {
                "endpoint": f"{self.url}/data",
                "authorization": f"Bearer token-{self.tokens}",
                "agreement": "urn:uuid:a1",
                "transfer": "urn:uuid:t1",
            }
        )


class Stage:
    """A server on a real socket that plays the connector of the test that runs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connector: ScriptedConnector | None = None

    async def manage(self, request: HttpRequest) -> HttpResponse:
        assert self.connector is not None
        return await self.connector.manage(request)

    async def deliver(self, request: HttpRequest) -> HttpResponse:
        assert self.connector is not None
        return await self.connector.deliver(request)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stage = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}")
        methods = ["GET", "POST", "PUT", "DELETE"]
        routes = [
            Route("/v1/{path:path}", stage.manage, methods=methods),
            Route("/data", stage.deliver),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), lifespan="off", ws="none", log_level="critical"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield stage
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def connector(stage: Stage, doc: Any) -> Iterator[ScriptedConnector]:
    stage.connector = ScriptedConnector(stage.url, doc)
    yield stage.connector
    stage.connector = None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the pauses of a delivery that goes on short."""
    monkeypatch.setattr(delivery_module, "RESTART_PAUSE", delivery_module.RESTART_PAUSE / 30)
    monkeypatch.setattr(pull_module, "GRACE", pull_module.GRACE / 10)
    monkeypatch.setattr("trustspace.client.handles.delivery.GRACE", pull_module.GRACE)


@pytest.fixture
def client(connector: ScriptedConnector) -> Iterator[Client]:
    with Client(connector.url, "secret") as client:
        yield client


@pytest.fixture
def handle(client: Client) -> Iterator[Handle]:
    with client.open("urn:uuid:a1") as handle:
        yield handle
