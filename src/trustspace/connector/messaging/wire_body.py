"""Bodies of requests: read with limits, strictly as JSON, before anything else looks at them.

No compressed bodies (a bomb needs no key), no more bytes than allowed whatever the headers say, no
sender that drips for ever, no duplicate keys, no deep nesting (`trustspace.model.strict_json`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request

from trustspace.errors import RemoteProtocolError, TrustspaceError
from trustspace.model import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response

    from trustspace.connector.settings import Limits


class BodyError(TrustspaceError):
    """A body was refused.

    Args:
        message: What was expected and found.
        status: HTTP status of the answer.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


async def read_json(request: Request, limits: Limits) -> Any:  # noqa: ANN401 - any JSON value
    """Read a request's body as strict JSON.

    Raises:
        BodyError: 415 compressed or no JSON type, 413 too large, 408 too slow, 400 no body.
        RemoteProtocolError: The body is not acceptable JSON.
    """
    data = await read_bytes(request, limits)
    if not data:
        raise BodyError("expected a JSON body, found none", status=400)
    return strict_json.loads(data)


async def read_bytes(request: Request, limits: Limits) -> bytes:
    """Read a request's body, which may be empty and is JSON otherwise.

    Raises:
        BodyError: 415 compressed or no JSON type, 413 too large, 408 too slow.
    """
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        raise BodyError(f"expected application/json, found {media_type}", status=415)
    return await read_any(request, limits)


async def read_any(request: Request, limits: Limits) -> bytes:
    """Read a request's body of whatever type.

    Raises:
        BodyError: 415 compressed, 413 too large, 408 too slow.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BodyError("send the body without Content-Encoding", status=415)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body_bytes:
        raise BodyError(f"a body has at most {limits.body_bytes} bytes", status=413)
    if announced in ("", "0") and "transfer-encoding" not in request.headers:
        return b""
    data = bytearray()
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(limits.body_seconds) as limit:
            async for piece in request.stream():
                data += piece
                if len(data) > limits.body_bytes:
                    raise BodyError(f"a body has at most {limits.body_bytes} bytes", status=413)
                limit.reschedule(clock() + limits.body_seconds)
    except TimeoutError as error:
        raise BodyError(f"no data for {limits.body_seconds:g} s", status=408) from error
    except ClientDisconnect as error:
        raise BodyError("the connection was closed within the body", status=400) from error
    return bytes(data)


def strict_route(limits: Limits) -> type[APIRoute]:
    """Return the class of FastAPI routes that read their bodies under the same rules."""

    class StrictRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def strictly(request: Request) -> Response:
                # Read here, because whatever fails later is answered in FastAPI's own words.
                data = await read_bytes(request, limits)
                try:
                    value = strict_json.loads(data) if data else None
                except RemoteProtocolError as error:
                    raise BodyError(str(error), status=400) from error
                return await handle(_ReadRequest(request, data, value))

            return strictly

    return StrictRoute


class _ReadRequest(Request):
    """A request whose body has been read and decoded."""

    def __init__(self, request: Request, data: bytes, value: Any) -> None:  # noqa: ANN401 - any JSON value
        super().__init__(request.scope, request.receive)
        self._read = data, value

    async def body(self) -> bytes:
        return self._read[0]

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        return self._read[1]
