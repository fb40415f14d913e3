"""The guarded client for who sends many small messages, at a fraction of the cost.

Whoever exchanges protocol messages sends a few hundred bytes and reads a few hundred, thousands of
times. General HTTP clients spend most of such an exchange on what it does not need. `MessageClient`
is a `GuardedClient` whose `request` writes the message to a kept connection and parses the answer
in C; the same addresses are checked, the same answers refused, with the same errors. Streams go the
general way.

Example::

    async with MessageClient(EgressPolicy()) as client:
        answer = await client.request("POST", url, headers={"authorization": token}, json=message)
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import anyio
import httpx

from trustspace.errors import ConnectError, TransportError
from trustspace.transport.http_client import GuardedClient, checked, too_late
from trustspace.transport.http_response import Response
from trustspace.transport.http_transport import (
    ConnectionLimits,
    Places,
    no_connection,
    origin_of,
    refused_alike,
    tls_context,
)
from trustspace.transport.message_connection import (
    Answer,
    BrokenConnectionError,
    MessageConnection,
)
from trustspace.transport.network import MAX_ADDRESSES, GuardedNetwork, Lookup, system_lookup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from trustspace.transport.guard import EgressPolicy

_UNFIT: Final = re.compile(r"[\x00\r\n]")
# Characters that RFC 3986 lets stand in a path as they are, and whole escapes.
_PLAIN: Final = re.compile(
    r"(https?://[a-z0-9.-]{1,253}(?::[1-9][0-9]{0,4})?)(/(?:[A-Za-z0-9/:@!$&()*+,;=._~-]|%[0-9A-F]{2}){0,2048})"
)


class MessageClient(GuardedClient):
    """Calls others, with messages rather than streams; for one event loop of asyncio.

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
        super().__init__(policy, limits=limits, trusted=trusted, lookup=lookup)
        self._kept = _KeptConnections(
            GuardedNetwork(self.policy, lookup=lookup), limits or ConnectionLimits(), trusted
        )

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        max_bytes: int,
        deadline: timedelta,
    ) -> Response:
        target, path = self._target(url)
        request = _written(method, target, path, headers, content)
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                answer = await self._kept.exchange(target, request, max_bytes)
        except TimeoutError as error:
            raise too_late(target, deadline) from error
        return Response(method, url, answer.status, httpx.Headers(answer.headers), answer.body)

    def _target(self, url: str) -> tuple[httpx.URL, str]:
        """Return a checked URL of the right origin, and the path to ask for.

        Where nothing in the path can be read in two ways, only the origin is parsed, which the
        guard remembers: every message has a path of its own.
        """
        match = _PLAIN.fullmatch(url)
        if match is not None and "/." not in match[2]:
            return checked(self.policy, f"{match[1]}/"), match[2]
        target = checked(self.policy, url)
        return target, target.raw_path.decode("ascii")

    async def aclose(self) -> None:
        """Close every connection."""
        self._kept.close()
        await super().aclose()


class _KeptConnections:
    """Connections by origin; one that becomes free is used again within the idle time."""

    def __init__(
        self, network: GuardedNetwork, limits: ConnectionLimits, trusted: str | None
    ) -> None:
        self._network = network
        self._limits = limits
        self._trusted = trusted
        self._places = Places(limits.per_host)
        self._total: asyncio.Semaphore = asyncio.Semaphore(limits.total)
        self._idle: dict[str, list[MessageConnection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def exchange(self, target: httpx.URL, request: bytes, max_bytes: int) -> Answer:
        """Send a request on a free connection, or on a new one."""
        origin = origin_of(target)
        await self._places.take(origin)
        try:
            async with self._total:
                connection = self._take(origin) or await self._connect(target, origin)
                try:
                    return await connection.exchange(request, max_bytes=max_bytes)
                except BrokenConnectionError as error:
                    raise ConnectError(f"The connection to {origin} broke") from error
                except TransportError as error:
                    raise TransportError(_of(origin, str(error))) from error
                finally:
                    self._give_back(origin, connection)
        finally:
            self._places.give_back(origin)

    def close(self) -> None:
        """Close what is free; what is busy is closed when it becomes free."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    def _take(self, origin: str) -> MessageConnection | None:
        idle = self._idle.get(origin, [])
        oldest = asyncio.get_running_loop().time() - self._limits.idle_time.total_seconds()
        while idle:
            # The last one used: the others may come to their end.
            connection = idle.pop()
            if connection.is_usable and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    def _give_back(self, origin: str, connection: MessageConnection) -> None:
        kept = sum(map(len, self._idle.values()))
        if self._is_closed or not connection.is_usable or kept >= self._limits.idle:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(self._limits.idle_time.total_seconds(), self._clean)

    def _clean(self) -> None:
        """Close what has been free for too long, and look again while anything is free."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._limits.idle_time.total_seconds()
        for origin, connections in tuple(self._idle.items()):
            fresh = [one for one in connections if one.is_usable and one.idle_since > oldest]
            for connection in connections:
                if connection not in fresh:
                    connection.close()
            if fresh:
                self._idle[origin] = fresh
            else:
                del self._idle[origin]
        again = self._limits.idle_time.total_seconds()
        self._sweep = loop.call_later(again, self._clean) if self._idle else None

    async def _connect(self, target: httpx.URL, origin: str) -> MessageConnection:
        """Connect to the first address of a host that answers, when all of them are allowed."""
        seconds = self._limits.connect_time.total_seconds()
        is_secure = target.scheme == "https"
        port = target.port or (443 if is_secure else 80)
        host = target.raw_host.decode("ascii")
        failure: Exception | None = None
        with refused_alike(origin):
            try:
                with anyio.fail_after(seconds):
                    addresses = await self._network.addresses(host, port)
            except (TimeoutError, OSError) as error:
                raise ConnectError(no_connection(origin)) from error
        share = seconds / min(len(addresses), MAX_ADDRESSES)
        for address in addresses:
            try:
                async with asyncio.timeout(share + seconds):
                    _, connection = await asyncio.get_running_loop().create_connection(
                        MessageConnection,
                        address,
                        port,
                        ssl=tls_context(self._trusted) if is_secure else None,
                        server_hostname=host if is_secure else None,
                        ssl_handshake_timeout=seconds if is_secure else None,
                    )
            except (TimeoutError, OSError) as error:
                failure = error
            else:
                return connection
        raise ConnectError(no_connection(origin)) from failure


def _written(
    method: str, target: httpx.URL, path: str, headers: Mapping[str, str], content: bytes | None
) -> bytes:
    """Return a request as it goes out, header and body together."""
    lines = [f"{method} {path} HTTP/1.1"]
    lines.append(f"host: {target.netloc.decode('ascii')}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if content is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(content or b'')}")
    if any(map(_UNFIT.search, lines)):
        raise TransportError(
            f"The request to {origin_of(target)} cannot be written: a header has a line break"
        )
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (content or b"")


def _of(origin: str, reason: str) -> str:
    """Say whose answer is refused, unless its size says enough."""
    return (
        reason if reason.startswith("An answer") else f"The answer of {origin} is refused: {reason}"
    )
