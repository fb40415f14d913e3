"""The HTTP clients that every other package uses to call somebody outside.

An answer is bytes within a limit, within a deadline, or one error of the transport branch. A status
is data, not an error, unless the caller says which it expects. Redirects are answers like others:
who follows one decides so and calls again, through the guard.

Example::

    async with GuardedClient(EgressPolicy()) as client:
        answer = await client.request("POST", url, headers={"authorization": token}, json=message)
        document = answer.expect(200, 201).json()
        async with client.stream("GET", data_url) as incoming:
            async for piece in incoming.chunks():
                ...
"""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from json import dumps
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import httpx

from trustspace._version import __version__
from trustspace.errors import ConnectError, DeadlineError, EgressDeniedError
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_response import (
    IncomingStream,
    Response,
    SizeLimit,
    SyncIncomingStream,
)
from trustspace.transport.http_transport import (
    ConnectionLimits,
    GuardedTransport,
    SyncGuardedTransport,
    origin_of,
)
from trustspace.transport.network import Lookup, system_lookup, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping

MAX_BYTES = 1_048_576
"""Bytes of an answer; the largest page of a catalogue stays below."""
DEADLINE = timedelta(seconds=10)
"""From the call to the last byte of the answer."""
IDLE = timedelta(seconds=30)
"""How long a stream may stand still."""

_CLOSE_SECONDS: Final = 1.0
_USER_AGENT: Final = f"trustspace/{__version__}"


class GuardedClient:
    """Calls others from asynchronous code.

    Args:
        policy: What may be called; the default is public addresses over https.
        limits: How many connections there are.
        trusted: Further certificate authorities in PEM.
        lookup: How host names are resolved.
    """

    def __init__(
        self,
        policy: EgressPolicy | None = None,
        *,
        limits: ConnectionLimits | None = None,
        trusted: str | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.policy: EgressPolicy = policy or EgressPolicy()
        self.trusted = trusted
        self._transport = GuardedTransport(
            self.policy, limits=limits, trusted=trusted, lookup=lookup
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON value
        content: bytes | None = None,
        max_bytes: int = MAX_BYTES,
        deadline: timedelta = DEADLINE,
    ) -> Response:
        """Send a request and read the whole answer.

        Args:
            method: HTTP method.
            url: Where to; checked by the guard.
            headers: Further headers.
            json: Body to be sent as JSON, or None.
            content: Body to be sent as it is, or None.
            max_bytes: Most bytes of the answer's body.
            deadline: From now to the last byte.

        Raises:
            EgressDeniedError: The guard refuses the address; nothing was sent.
            ConnectError: There is no connection, or it broke.
            DeadlineError: The answer was not complete in time.
            TransportError: The answer is too large or compressed.
        """
        start = time.monotonic()
        try:
            body, is_json = _body(json, content)
            all_headers = _headers(headers, is_json=is_json)
            return await self._exchange(method, url, all_headers, body, max_bytes, deadline)
        except (EgressDeniedError, ConnectError):
            await anyio.sleep(_floor(self.policy, start))
            raise

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        max_bytes: int,
        deadline: timedelta,
    ) -> Response:
        """Check the URL, send a request and read the whole answer."""
        target = checked(self.policy, url)
        request = httpx.Request(method, target, headers=headers, content=content)
        try:
            with anyio.fail_after(deadline.total_seconds()):
                response = await self._transport.handle_async_request(request)
                try:
                    limit = SizeLimit(response, max_bytes)
                    body = b"".join([limit.count(p) async for p in response.stream])  # type: ignore[union-attr] # async
                finally:
                    await _close(response)
        except TimeoutError as error:
            raise too_late(request.url, deadline) from error
        return _complete(request, response, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        max_bytes: int | None = None,
        deadline: timedelta = DEADLINE,
        idle: timedelta = IDLE,
    ) -> AsyncIterator[IncomingStream]:
        """Send a request and hand out the answer while it comes.

        Args:
            method: HTTP method.
            url: Where to; checked by the guard.
            headers: Further headers.
            content: Body, or None; may itself be a stream.
            max_bytes: Most bytes of the answer's body, or None for any number.
            deadline: From now to the answer's header, a streamed body included.
            idle: How long the answer's body may stand still.

        Raises:
            EgressDeniedError: The guard refuses the address; nothing was sent.
            ConnectError: There is no connection, or it broke.
            DeadlineError: The answer did not begin in time, or stood still.
            TransportError: The answer is too large or compressed.
        """
        start = time.monotonic()
        try:
            request = _build(self.policy, method, url, headers, content)
            with anyio.fail_after(deadline.total_seconds()):
                response = await self._transport.handle_async_request(request)
        except TimeoutError as error:
            raise too_late(request.url, deadline) from error
        except (EgressDeniedError, ConnectError):
            await anyio.sleep(_floor(self.policy, start))
            raise
        try:
            yield IncomingStream(response, max_bytes, idle)
        finally:
            await _close(response)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class SyncGuardedClient:
    """Calls others from synchronous code; may be shared by threads.

    Args:
        policy: What may be called; the default is public addresses over https.
        limits: How many connections there are; ``per_host`` is not applied.
        trusted: Further certificate authorities in PEM.
        lookup: How host names are resolved.
    """

    def __init__(
        self,
        policy: EgressPolicy | None = None,
        *,
        limits: ConnectionLimits | None = None,
        trusted: str | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.policy: EgressPolicy = policy or EgressPolicy()
        self._transport = SyncGuardedTransport(
            self.policy, limits=limits, trusted=trusted, lookup=lookup
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 - any JSON value
        content: bytes | None = None,
        max_bytes: int = MAX_BYTES,
        deadline: timedelta = DEADLINE,
    ) -> Response:
        """Send a request and read the whole answer; as `GuardedClient.request`."""
        start = time.monotonic()
        try:
            request = _build(self.policy, method, url, headers, *_body(json, content))
            with until(start + deadline.total_seconds()):
                response = self._transport.handle_request(request)
                try:
                    limit = SizeLimit(response, max_bytes)
                    body = b"".join([limit.count(p) for p in response.stream])  # type: ignore[union-attr] # sync
                finally:
                    response.close()
        except (EgressDeniedError, ConnectError):
            time.sleep(_floor(self.policy, start))
            raise
        return _complete(request, response, body)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        max_bytes: int | None = None,
        deadline: timedelta = DEADLINE,
        idle: timedelta = IDLE,
    ) -> Iterator[SyncIncomingStream]:
        """Send a request and hand out the answer while it comes; as `GuardedClient.stream`."""
        start = time.monotonic()
        try:
            request = _build(self.policy, method, url, headers, content)
            with until(start + deadline.total_seconds()):
                response = self._transport.handle_request(request)
        except (EgressDeniedError, ConnectError):
            time.sleep(_floor(self.policy, start))
            raise
        try:
            yield SyncIncomingStream(response, max_bytes, idle)
        finally:
            response.close()

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _body(json: Any, content: bytes | None) -> tuple[bytes | None, bool]:  # noqa: ANN401 - JSON
    """Return the bytes to send and whether they are JSON."""
    if json is None:
        return content, False
    return dumps(json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(), True


def _build(
    policy: EgressPolicy,
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    content: Any,  # noqa: ANN401 - whatever httpx takes as a body
    is_json: bool = False,
) -> httpx.Request:
    """Make a request to a URL that the guard has parsed; nobody parses it again."""
    target = checked(policy, url)
    return httpx.Request(
        method, target, headers=_headers(headers, is_json=is_json), content=content
    )


def checked(policy: EgressPolicy, url: str) -> httpx.URL:
    """Return a URL that the guard has parsed; its refusal reads as a failed connection does."""
    try:
        return policy.check_url(url)
    except EgressDeniedError as error:
        shown = url.partition("?")[0][:200]
        raise EgressDeniedError(
            f"No connection to {shown!r}", hint=f"{error}. {error.hint}"
        ) from error


def _headers(headers: Mapping[str, str] | None, *, is_json: bool) -> dict[str, str]:
    """Return all headers of a request by their names in lower case."""
    found = {name.lower(): value for name, value in (headers or {}).items()}
    found["user-agent"] = _USER_AGENT
    # The size of a compressed answer is not known before memory was spent on it.
    found["accept-encoding"] = "identity"
    if is_json:
        found["content-type"] = "application/json"
    return found


def _complete(request: httpx.Request, response: httpx.Response, body: bytes) -> Response:
    return Response(request.method, str(request.url), response.status_code, response.headers, body)


async def _close(response: httpx.Response) -> None:
    """Give the connection back, or close it when the answer was not read to its end."""
    with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
        await response.aclose()


def too_late(url: httpx.URL, deadline: timedelta) -> DeadlineError:
    """Return the error for an answer that is not whole in time."""
    return DeadlineError(f"No answer of {origin_of(url)} within {deadline.total_seconds():g} s")


def _floor(policy: EgressPolicy, start: float) -> float:
    """Return how long to wait, so that a refusal takes as long as a closed port."""
    return max(0.0, policy.failure_floor.total_seconds() - (time.monotonic() - start))
