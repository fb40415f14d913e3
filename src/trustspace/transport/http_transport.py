"""HTTP over guarded sockets, as transports that httpx understands.

The two classes add nothing to HTTP but refusals: addresses that the guard denies, bodies that are
compressed, headers that are too large. Redirects, cookies, proxies of the environment and decoding
do not happen here at all. Connections are kept open for a while and used again.

Whatever fails before an answer begins reads the same outside, ``No connection to …``: otherwise who
names the address could scan a network by our error messages.

Example::

    async with httpx.AsyncClient(transport=GuardedTransport(EgressPolicy())) as client:
        answer = await client.get("https://provider.example/.well-known/dspace-version")
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import anyio
import httpcore
import httpx

from trustspace.errors import ConnectError, DeadlineError, EgressDeniedError, TransportError
from trustspace.transport.network import GuardedNetwork, Lookup, SyncGuardedNetwork, system_lookup

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence

    from trustspace.transport.guard import EgressPolicy

MAX_HEADER_BYTES = 32_768
"""Bytes of all header names and values of one answer."""

_NO_BODY_CODING: Final = (b"", b"identity")


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there are, and for how long.

    Attributes:
        total: Connections in all.
        per_host: Requests to one host at a time; a host that never answers blocks no other.
        idle: Connections kept for the next request.
        idle_time: How long they are kept; below the 5 s after which common servers close them, so
            that a request does not meet a connection that is being closed.
        connect_time: How long connecting may take, look-up and TLS each.
    """

    total: int = 512
    per_host: int = 32
    idle: int = 128
    idle_time: timedelta = timedelta(seconds=4)
    connect_time: timedelta = timedelta(seconds=3)


@lru_cache(maxsize=16)
def tls_context(trusted: str | None = None) -> ssl.SSLContext:
    """Return the only TLS there is: certificates and names verified, TLS 1.2 or newer.

    Args:
        trusted: Further certificate authorities in PEM, for a network with its own.
    """
    # Reading the authorities takes some 20 ms, hence the clients of a process share them.
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trusted is not None:
        context.load_verify_locations(cadata=trusted)
    return context


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests of `httpx.AsyncClient` or of `GuardedClient`.

    Args:
        policy: What may be called.
        limits: How many connections there are.
        trusted: Further certificate authorities in PEM.
        lookup: How host names are resolved.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        limits: ConnectionLimits | None = None,
        trusted: str | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._policy = policy
        self._limits = limits or ConnectionLimits()
        self._places = Places(self._limits.per_host)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls_context(trusted),
            max_connections=self._limits.total,
            max_keepalive_connections=self._limits.idle,
            keepalive_expiry=self._limits.idle_time.total_seconds(),
            network_backend=GuardedNetwork(policy, lookup=lookup),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer with its body still to be read.

        Raises:
            EgressDeniedError: The guard refuses the address.
            ConnectError: There is no connection, or it broke.
            TransportError: The answer has a compressed body or too large a header.
        """
        origin = origin_of(request.url)
        with refused_alike(origin):
            self._policy.check_parsed_url(request.url)
        await self._places.take(origin)
        try:
            with _errors_of(origin):
                answer = await self._pool.handle_async_request(_core_request(request, self._limits))
            stream = _Body(answer.stream, origin, self._places)
        except BaseException:
            self._places.give_back(origin)
            raise
        response = _response(answer, stream)
        refusal = refusal_of(response.headers.raw)
        if refusal is not None:
            await response.aclose()
            raise TransportError(f"The answer of {origin} is refused: {refusal}")
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class SyncGuardedTransport(httpx.BaseTransport):
    """Sends requests of `httpx.Client` or of `SyncGuardedClient`.

    Args:
        policy: What may be called.
        limits: How many connections there are; ``per_host`` is not applied.
        trusted: Further certificate authorities in PEM.
        lookup: How host names are resolved.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        limits: ConnectionLimits | None = None,
        trusted: str | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self._policy = policy
        self._limits = limits or ConnectionLimits()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(trusted),
            max_connections=self._limits.total,
            max_keepalive_connections=self._limits.idle,
            keepalive_expiry=self._limits.idle_time.total_seconds(),
            network_backend=SyncGuardedNetwork(policy, lookup=lookup),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer with its body still to be read.

        Raises:
            EgressDeniedError: The guard refuses the address.
            ConnectError: There is no connection, or it broke.
            TransportError: The answer has a compressed body or too large a header.
        """
        origin = origin_of(request.url)
        with refused_alike(origin):
            self._policy.check_parsed_url(request.url)
        with _errors_of(origin):
            answer = self._pool.handle_request(_core_request(request, self._limits))
        response = _response(answer, _SyncBody(answer.stream, origin))
        refusal = refusal_of(response.headers.raw)
        if refusal is not None:
            response.close()
            raise TransportError(f"The answer of {origin} is refused: {refusal}")
        return response

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class Places:
    """Bounds the requests to one host at a time."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, tuple[anyio.Semaphore, int]] = {}

    async def take(self, origin: str) -> None:
        """Wait for a place at a host."""
        semaphore, users = self._hosts.get(origin) or (
            anyio.Semaphore(self._per_host, fast_acquire=True),
            0,
        )
        self._hosts[origin] = semaphore, users + 1
        try:
            await semaphore.acquire()
        except BaseException:
            self._leave(origin)
            raise

    def give_back(self, origin: str) -> None:
        """Let the next one take a place."""
        self._hosts[origin][0].release()
        self._leave(origin)

    def _leave(self, origin: str) -> None:
        """Forget hosts that nobody calls; strangers can name any number of them."""
        semaphore, users = self._hosts.pop(origin)
        if users > 1:
            self._hosts[origin] = semaphore, users - 1


class _Body(httpx.AsyncByteStream):
    def __init__(
        self, stream: Iterable[bytes] | AsyncIterable[bytes], origin: str, places: Places
    ) -> None:
        self._stream = stream
        self._origin = origin
        self._places: Places | None = places

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of(self._origin):
            async for part in self._stream:  # type: ignore[union-attr] # of an asynchronous pool
                yield part

    async def aclose(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.give_back(self._origin)
            await self._stream.aclose()  # type: ignore[union-attr] # of an asynchronous pool


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes] | AsyncIterable[bytes], origin: str) -> None:
        self._stream = stream
        self._origin = origin

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of(self._origin):
            yield from self._stream  # type: ignore[misc] # of a synchronous pool

    def close(self) -> None:
        self._stream.close()  # type: ignore[union-attr] # of a synchronous pool


@contextmanager
def refused_alike(origin: str) -> Iterator[None]:
    """Let a refusal by the guard read as a failed connection does."""
    try:
        yield
    except EgressDeniedError as error:
        raise EgressDeniedError(no_connection(origin), hint=f"{error}. {error.hint}") from error


@contextmanager
def _errors_of(origin: str) -> Iterator[None]:
    """Translate what goes wrong on a connection."""
    try:
        with refused_alike(origin):
            yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout, ssl.SSLError) as error:
        raise ConnectError(no_connection(origin)) from error
    except httpcore.LocalProtocolError as error:
        raise TransportError(f"The request to {origin} cannot be written: {error}") from error
    except httpcore.TimeoutException as error:
        raise DeadlineError(f"No answer of {origin} in time") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise ConnectError(f"The connection to {origin} broke") from error


def no_connection(origin: str) -> str:
    """Return what is told of every connection that there is not."""
    return f"No connection to {origin}"


def origin_of(url: httpx.URL) -> str:
    """Return scheme, host and port of a URL as text."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _core_request(request: httpx.Request, limits: ConnectionLimits) -> httpcore.Request:
    url = request.url
    timeouts = dict(request.extensions.get("timeout", {}))
    timeouts["connect"] = limits.connect_time.total_seconds()
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions={"timeout": timeouts},
    )


def _response(
    answer: httpcore.Response, stream: httpx.AsyncByteStream | httpx.SyncByteStream
) -> httpx.Response:
    return httpx.Response(answer.status, headers=answer.headers, stream=stream)


def refusal_of(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Say why an answer's body must not be read, or None."""
    size = sum(len(name) + len(value) for name, value in headers)
    if size > MAX_HEADER_BYTES:
        return f"its header has more than {MAX_HEADER_BYTES} bytes"
    # A compressed body of a few kilobytes can expand to gigabytes; we asked for none.
    for name, value in headers:
        if name.lower() == b"content-encoding" and value.strip().lower() not in _NO_BODY_CODING:
            return "its body is compressed, which was not asked for"
    return None
