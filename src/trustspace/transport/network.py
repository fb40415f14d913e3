"""Sockets to checked addresses: resolve once, check every address, connect to one of them.

Both classes are backends of httpcore. The host name stays with the request, so that the certificate
and the ``Host`` header are checked against the name while the socket goes to the checked address;
a second resolution, which could answer differently, never happens.

Example::

    pool = httpcore.AsyncConnectionPool(network_backend=GuardedNetwork(EgressPolicy()))
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpcore

from trustspace.errors import EgressDeniedError

if TYPE_CHECKING:
    import ssl

    from trustspace.transport.guard import EgressPolicy

Lookup = Callable[[str, int], Sequence[str]]
"""Resolves a host name to addresses; blocks, and raises `OSError` when there is none."""
SocketOptions = Iterable[httpcore.SOCKET_OPTION]

MAX_ADDRESSES = 4
"""Addresses of one host that are tried."""
FIRST_READ = 65_536
LARGEST_READ = 262_144
"""Bytes per read; it grows while reads come back full, so that small answers stay cheap.

No larger: a buffer of a MiB comes fresh from the system each time, and touching its pages costs
more CPU than the reads it saves.
"""
FLUSH_AT = 65_536
"""Bytes to be sent that are held back until there are more or an answer is waited for."""

# Look-ups of hosts that strangers name must not occupy the threads that other work needs.
_MAX_LOOKUPS = 64


def system_lookup(host: str, port: int) -> Sequence[str]:
    """Resolve a host name as the system does.

    Raises:
        OSError: There is no such host.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        # A label of more than 63 characters, for example.
        raise OSError("not a host name") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections for the asynchronous client.

    Args:
        policy: What may be called.
        lookup: How host names are resolved; called in a thread.
        inner: What opens a socket to an address.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        lookup: Lookup = system_lookup,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._policy = policy
        self._lookup = lookup
        self._inner = inner or httpcore.AnyIOBackend()
        self._limiter: anyio.CapacityLimiter | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers, when all of them are allowed.

        Raises:
            EgressDeniedError: One of its addresses is not allowed; no socket was opened.
        """
        try:
            with anyio.fail_after(timeout):
                addresses = await self.addresses(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error
        failure: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(
                    address, port, _share(timeout, addresses), local_address, socket_options
                )
                return _Stream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the first addresses of a host, once all of them were checked.

        Raises:
            EgressDeniedError: One of them is not allowed.
            OSError: There is no such host.
        """
        return _checked(self._policy, host, await self._resolve(host, port))

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        if _is_address(host):
            return (host,)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_MAX_LOOKUPS)
        return await anyio.to_thread.run_sync(
            self._lookup, host, port, abandon_on_cancel=True, limiter=self._limiter
        )

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the signature is httpcore's
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature is httpcore's
        socket_options: SocketOptions | None = None,  # noqa: ARG002 - the signature is httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a socket of this machine is nobody outside.

        Raises:
            EgressDeniedError: Always.
        """
        raise EgressDeniedError("The egress guard refuses local sockets")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


class SyncGuardedNetwork(httpcore.NetworkBackend):
    """Opens connections for the synchronous client.

    Args:
        policy: What may be called.
        lookup: How host names are resolved; called in a thread, because it cannot be interrupted.
        inner: What opens a socket to an address.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        lookup: Lookup = system_lookup,
        inner: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._policy = policy
        self._lookup = lookup
        self._inner = inner or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers, when all of them are allowed.

        Raises:
            EgressDeniedError: One of its addresses is not allowed; no socket was opened.
        """
        timeout = _remaining(timeout, httpcore.ConnectTimeout)
        addresses = (host,) if _is_address(host) else self._resolve(host, port, timeout)
        failure: Exception = httpcore.ConnectError()
        for address in _checked(self._policy, host, addresses):
            try:
                stream = self._inner.connect_tcp(
                    address, port, _share(timeout, addresses), local_address, socket_options
                )
                return _SyncStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _resolve(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        found: list[Sequence[str] | OSError] = []

        def resolve() -> None:
            try:
                found.append(self._lookup(host, port))
            except OSError as error:
                found.append(error)

        thread = threading.Thread(target=resolve, name="trustspace-lookup", daemon=True)
        thread.start()
        thread.join(timeout)
        if not found:
            raise httpcore.ConnectTimeout
        if isinstance(found[0], OSError):
            raise httpcore.ConnectError from found[0]
        return found[0]

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - the signature is httpcore's
        timeout: float | None = None,  # noqa: ARG002 - the signature is httpcore's
        socket_options: SocketOptions | None = None,  # noqa: ARG002 - the signature is httpcore's
    ) -> httpcore.NetworkStream:
        """Refuse: a socket of this machine is nobody outside.

        Raises:
            EgressDeniedError: Always.
        """
        raise EgressDeniedError("The egress guard refuses local sockets")


_deadline: ContextVar[float | None] = ContextVar("trustspace_deadline", default=None)


@contextmanager
def until(moment: float | None) -> Iterator[None]:
    """Let every synchronous socket operation within end by a moment of the monotonic clock."""
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that sends header and body together, and whose reads grow with the answer."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._pending = b""
        self._size = FIRST_READ

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        # Who closes early may have answered before; as httpcore does, read on and see.
        with suppress(httpcore.WriteError):
            await self._flush(timeout)
        data = await self._inner.read(self._size, timeout)
        self._size = _next_size(self._size, len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._pending += buffer
        if len(self._pending) >= FLUSH_AT:
            await self._flush(timeout)

    async def _flush(self, timeout: float | None) -> None:  # noqa: ASYNC109
        if self._pending:
            pending, self._pending = self._pending, b""
            await self._inner.write(pending, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        return self._inner.get_extra_info(info)


class _SyncStream(httpcore.NetworkStream):
    """The same, with every operation bound by the deadline of its request."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._pending = b""
        self._size = FIRST_READ

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        with suppress(httpcore.WriteError):
            self._flush(timeout)
        data = self._inner.read(self._size, _remaining(timeout, httpcore.ReadTimeout))
        self._size = _next_size(self._size, len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._pending += buffer
        if len(self._pending) >= FLUSH_AT:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        if self._pending:
            pending, self._pending = self._pending, b""
            self._inner.write(pending, _remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _remaining(timeout, httpcore.ConnectTimeout)
        return _SyncStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        return self._inner.get_extra_info(info)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _checked(policy: EgressPolicy, host: str, addresses: Sequence[str]) -> Sequence[str]:
    """Check every address before the first is used: one bad one means the name is not honest."""
    for address in addresses:
        policy.check_address(address, host=host)
    return addresses[:MAX_ADDRESSES]


def _share(timeout: float | None, addresses: Sequence[str]) -> float | None:
    """Divide the time to connect, so that one dead address leaves time for the next."""
    return None if timeout is None else timeout / min(len(addresses), MAX_ADDRESSES)


def _remaining(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float | None:
    moment = _deadline.get()
    if moment is None:
        return timeout
    left = moment - time.monotonic()
    if left <= 0:
        raise expired
    return left if timeout is None else min(left, timeout)


def _next_size(size: int, received: int) -> int:
    if received < size:
        return size
    return min(4 * size, LARGEST_READ)
