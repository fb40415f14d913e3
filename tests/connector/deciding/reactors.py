"""Providers of facts as tests use them: one in Python, one behind HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.listener import Listener, bind
from trustspace.policy.fact_provider import FactQuestion
from trustspace.policy.left_operand import LeftOperand
from trustspace.policy.own_operand import own_operand

CLASS = own_operand({"name": "acme:reactorClass", "kind": "string"})
SMALL = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "acme:reactorClass", "operator": "eq", "rightOperand": "IIb"}
            ],
        }
    ]
}


@dataclass
class Register:
    """A register of reactors.

    Attributes:
        says: What it answers; an exception is raised.
        asked: Every question.
    """

    says: Any = "IIb"
    asked: list[FactQuestion] = field(default_factory=list)
    operands: tuple[LeftOperand | str, ...] = (CLASS,)
    max_age: timedelta = timedelta(minutes=5)
    deadline: timedelta = timedelta(seconds=2)

    def facts(self, question: FactQuestion) -> Mapping[str, object]:
        self.asked.append(question)
        if isinstance(self.says, BaseException):
            raise self.says
        return {"acme:reactorClass": self.says, "acme:unasked": "x"}


Answer = Callable[[Request], Awaitable[Response]]


@dataclass
class Endpoint:
    """A register behind HTTP."""

    url: str = ""
    says: Any = "IIb"
    answer: Answer | None = None
    heard: list[tuple[str, Any]] = field(default_factory=list)

    async def respond(self, request: Request) -> Response:
        body = await request.json()
        self.heard.append((request.headers.get("authorization", ""), body))
        if self.answer is not None:
            return await self.answer(request)
        return JSONResponse({"facts": dict.fromkeys(body["operands"], self.says)})


@contextlib.asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """Serve a register on loopback."""
    socket = bind("127.0.0.1", 0)
    served = Endpoint(f"http://127.0.0.1:{socket.getsockname()[1]}/facts")
    app = Starlette(routes=[Route("/facts", served.respond, methods=["POST"])])
    async with Listener(app, socket):
        yield served
