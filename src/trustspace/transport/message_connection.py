"""One kept connection: a request out, its whole answer in, then the next.

The parser is the one that the server side uses (llhttp, in C). What it takes more broadly than the
rest of this package is refused here: codings of the transfer other than ``chunked``, upgrades,
headers and bodies beyond their limits, compressed bodies.

Example::

    transport, connection = await loop.create_connection(MessageConnection, address, port)
    answer = await connection.exchange(request, max_bytes=1_000_000)
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple, cast

import httptools

from trustspace.errors import TransportError
from trustspace.transport.http_response import too_large
from trustspace.transport.http_transport import MAX_HEADER_BYTES, refusal_of

_RAW_HEADER_BYTES: Final = 2 * MAX_HEADER_BYTES
"""A header that has not ended after this many bytes is too long, however it is divided."""


class Answer(NamedTuple):
    """A whole answer.

    Attributes:
        status: HTTP status.
        headers: Names and values as they came.
        body: Without the coding of its transfer.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class BrokenConnectionError(Exception):
    """The connection ended or spoke no HTTP before the answer was whole."""


class MessageConnection(asyncio.Protocol):
    """One side of one connection.

    Attributes:
        idle_since: When it became free, by the loop's clock.
    """

    def __init__(self) -> None:
        self.idle_since: float = 0.0
        self._transport: asyncio.WriteTransport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._max_bytes = 0
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._has_header = False
        self._parts: list[bytes] = []
        self._size = 0
        self._ends_with_connection = False
        self._is_complete = False
        self._may_go_on = False

    @property
    def is_usable(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, *, max_bytes: int) -> Answer:
        """Send a request and wait for the whole answer; closes when that is not to be had.

        Raises:
            BrokenConnectionError: The connection broke.
            TransportError: The answer is too large or compressed.
        """
        if self._transport is None:
            raise BrokenConnectionError
        self._max_bytes = max_bytes
        self._begin()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            if not self._may_go_on:
                self.close()
            self._answer = None

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- what the event loop calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        # Not every loop's transports are asyncio's by their class; each of them can write.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer; one that nobody asked for ends the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        if not self._has_header:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BrokenConnectionError(str(error)))
        if not self._has_header and self._header_bytes > _RAW_HEADER_BYTES:
            self._fail(TransportError(f"its header has more than {MAX_HEADER_BYTES} bytes"))

    def eof_received(self) -> None:
        """Take the end, which is also that of a body whose length was not told."""
        if self._has_header and self._ends_with_connection:
            self._is_complete = True
            self._succeed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        self._transport = None
        self._fail(BrokenConnectionError(str(exc or "closed")))

    # --- what the parser calls -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Take the beginning of an answer; there is one to each request."""
        if self._is_complete:
            self._headers = []
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Judge the header before any of the body is kept."""
        self._status = self._parser.get_status_code()
        if self._status < 200:
            return
        self._has_header = True
        reason = refusal_of(self._headers)
        if reason is not None:
            self._fail(TransportError(reason))
            return
        told = dict(self._headers)
        coding = told.get(b"transfer-encoding")
        if coding is not None and coding.strip().lower() != b"chunked":
            self._fail(BrokenConnectionError("the transfer has an unknown coding"))
        length = told.get(b"content-length")
        self._ends_with_connection = coding is None and length is None
        if length is not None and int(length) > self._max_bytes:
            self._fail(too_large(self._max_bytes))

    def on_body(self, part: bytes) -> None:
        """Take a piece of the body."""
        self._size += len(part)
        if self._size > self._max_bytes:
            self._fail(too_large(self._max_bytes))
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        """Answer, unless this was only a remark before the answer (RFC 9110, section 15.2)."""
        if self._status == 101:
            self._fail(BrokenConnectionError("an upgrade was not asked for"))
        elif self._status < 200:
            self._begin()
        else:
            self._is_complete = True
            self._may_go_on = self._parser.should_keep_alive()
            self._succeed()

    # --- within ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._status = 0
        self._headers = []
        self._header_bytes = 0
        self._has_header = False
        self._parts = []
        self._size = 0
        self._ends_with_connection = False
        self._is_complete = False
        self._may_go_on = False

    def _succeed(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._status, self._headers, b"".join(self._parts)))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self.close()
