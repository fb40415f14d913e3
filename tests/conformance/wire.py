"""HTTP as the kit speaks it: no kindness to whoever relies on more than the protocol says.

Its client opens a new TCP connection for every request, announces it as kept alive and leaves it
idle. Its server answers without ``Content-Type``, often without a body (then chunked), and drops
the connection when something is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

READ_BYTES = 65_536
CLIENT_SECONDS = 10.0
"""How long the kit's client waits for an answer."""


@dataclass(frozen=True)
class Answer:
    """What the connector answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the kit answers; without a body it is chunked and empty."""

    status: int = 200
    body: bytes | None = None


Handler = Callable[[str, bytes], Awaitable[Reply | None]]
"""Returns the reply to a path and a body, or None to drop the connection."""


@dataclass
class Client:
    """Sends requests, each on a connection of its own."""

    authorization: str
    _idle: list[asyncio.StreamWriter] = field(default_factory=list)

    async def send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """Send one request.

        Raises:
            OSError: There is no connection, or it broke.
            TimeoutError: There is no answer.
        """
        parts = urlsplit(url)
        async with asyncio.timeout(CLIENT_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            self._idle.append(writer)
            headers = [
                ("Authorization", self.authorization),
                ("Host", parts.netloc),
                ("Connection", "Keep-Alive"),
                ("Accept-Encoding", "gzip"),
                ("User-Agent", "okhttp/4.12.0"),
            ]
            if body is not None:
                headers.append(("Content-Type", "application/json; charset=utf-8"))
                headers.append(("Content-Length", str(len(body))))
            connection = h11.Connection(h11.CLIENT)
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            request = h11.Request(method=method, target=target, headers=headers)
            writer.write(connection.send(request) or b"")
            writer.write(connection.send(h11.Data(body or b"")) or b"")
            writer.write(connection.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            try:
                return await _answer(connection, reader)
            except h11.RemoteProtocolError as error:
                raise ConnectionResetError(f"no complete answer: {error}") from error

    async def aclose(self) -> None:
        """Close the connections that were left idle."""
        for writer in self._idle:
            await _close(writer)


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = await _next(connection, reader)
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
    assert head is not None
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    content = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else bytes(body)
    return Answer(head.status_code, headers, content)


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """Serve a handler on a free loopback port; yields the port."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
            connection = h11.Connection(h11.SERVER)
            while await _exchange(connection, reader, writer, handler):
                connection.start_next_cycle()
        writers.discard(writer)
        await _close(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in list(writers):
            await _close(writer)
        await server.wait_closed()


async def _exchange(
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    handler: Handler,
) -> bool:
    """Answer one request; tells whether the connection is kept."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = await _next(connection, reader)
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        else:
            return False
    assert request is not None
    path = unquote(request.target.decode().partition("?")[0])
    reply = await handler(path, bytes(body))
    if reply is None:
        return False
    size = [] if reply.body is None else [("Content-Length", str(len(reply.body)))]
    chunked = [("Transfer-Encoding", "chunked")] if reply.body is None else []
    headers = [("Date", "Tue, 24 Nov 2026 02:40:15 GMT"), *size, *chunked]
    writer.write(connection.send(h11.Response(status_code=reply.status, headers=headers)) or b"")
    writer.write(connection.send(h11.Data(reply.body or b"")) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    # Where nobody listens, the kit closes the connection after its answer.
    return reply.status != 404 and connection.our_state is h11.DONE


async def _next(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        connection.receive_data(await reader.read(READ_BYTES))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
