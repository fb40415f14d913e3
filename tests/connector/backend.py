"""A server of the provider's own that writes down what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from trustspace.connector.listener import Listener, bind

SECRET = "Bearer provider-s3cret"  # noqa: S105 - what must never be seen elsewhere


@dataclass
class Backend:
    """What it was asked.

    Attributes:
        url: Its base URL.
        heard: Method, path with query, headers and body of each request.
    """

    url: str
    heard: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def source(self) -> dict[str, object]:
        return {"kind": "api", "url": self.url, "headers": {"Authorization": SECRET}}

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        raw = request.scope["raw_path"].decode()
        query = request.scope["query_string"].decode()
        target = f"{raw}?{query}" if query else raw
        self.heard.append((request.method, target, dict(request.headers), body))
        kind = raw.rsplit("/", 1)[-1]
        if kind == "moved":
            return Response(status_code=302, headers={"location": self.url + "/secret"})
        if kind in ("401", "403", "404", "500"):
            return JSONResponse({"said": kind}, status_code=int(kind))
        if kind == "stream":
            return StreamingResponse(self.events(), media_type="text/event-stream")
        headers = {
            "server": "behind",
            "set-cookie": "a=b",
            "www-authenticate": "Basic",
            "x-internal": self.url,
            "etag": '"1"',
        }
        answer = {"path": target, "method": request.method, "body": body.decode()}
        return JSONResponse(answer, headers=headers)

    async def events(self) -> AsyncIterator[bytes]:
        for number in range(1_000):
            yield f"data: {number}\n\n".encode()
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def backend() -> AsyncIterator[Backend]:
    """Serve until the block ends."""
    bound = bind("127.0.0.1", 0)
    behind = Backend(f"http://127.0.0.1:{bound.getsockname()[1]}/v1")
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", behind.answer, methods=methods)])
    async with Listener(app, bound):
        yield behind
