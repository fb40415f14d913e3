"""Drives operations by hand: a script of answers in, the result and what was asked for out."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from trustspace.client.exchange import Request, Response, Wait
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
