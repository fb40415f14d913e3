"""Serving one data request, without a web framework: status, headers, and pieces with a gate.

The caller has decided that the consumer may have the data and hands in two functions. The *gate*
is passed before each piece and raises when the right to go on has ended, so that after a revocation
no further piece leaves; the response then breaks off, which the consumer notices. The *meter*
is told of each piece before it leaves, so that nothing leaves unmetered.

A file leaves by range, with a strong entity tag and the digest that its publication promised (RFC
9530). A table leaves as an Arrow stream, whose bytes depend on the agreement, hence whole and
without a tag. A URL's bytes are passed on; of the request nothing reaches the upstream server, and
of its answer nothing but the bytes reaches the consumer.

Example::

    passage = Passage(gate.check, count)
    answer = await serve_pull(source, "file", PullRequest.of("GET", headers), passage)
    try:
        async for data in answer.body: ...
    finally:
        await answer.aclose()
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self

import anyio.to_thread

from trustspace.dataplane.arrow_stream import MEDIA_TYPE, PIECE_BYTES, Piece
from trustspace.dataplane.byte_range import ByteRange, matches_any, parse_range
from trustspace.dataplane.refusal import unenforceable
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import AnySource, FileSource, Form, HttpSource
from trustspace.dataplane.table import RowAllowance, Table
from trustspace.errors import ConfigurationError, RemoteProtocolError, StatusError

if TYPE_CHECKING:
    from trustspace.dataplane.published_file import PublishedFile
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.http_response import IncomingStream

Gate = Callable[[], None]
"""Passes, or raises `PolicyDeniedError`; must not block."""

Meter = Callable[[int, int], None]
"""Told the bytes and rows of a piece that is about to leave; must not block."""


class Allowance(RowAllowance, Protocol):
    """How many rows and bytes may leave."""

    async def size(self, position: int, number: int) -> int:
        """Take bytes from a position of the whole on; returns how many may leave."""
        ...


@dataclass(frozen=True)
class Passage:
    """What everything passes that leaves.

    Attributes:
        gate: Passed before each piece.
        meter: Told of each piece before it leaves.
        allowance: Asked for everything before it leaves; None where nothing is limited.
    """

    gate: Gate
    meter: Meter
    allowance: Allowance | None = None


_PRIVATE: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Data under an agreement is nobody's to keep on the way, and nothing to be guessed at."""


@dataclass(frozen=True)
class PullRequest:
    """The part of a data request that shapes its answer.

    Attributes:
        method: ``GET`` or ``HEAD``.
        range: The header of this name; so are the others.
        if_range: See above.
        if_match: See above.
        if_none_match: See above.
    """

    method: Literal["GET", "HEAD"] = "GET"
    range: str | None = None
    if_range: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def of(cls, method: str, headers: Mapping[str, str]) -> Self:
        """Read a request.

        Args:
            method: ``HEAD``, or anything else for ``GET``.
            headers: Headers; names are looked up in lower case.
        """
        return cls(
            method="HEAD" if method == "HEAD" else "GET",
            range=headers.get("range"),
            if_range=headers.get("if-range"),
            if_match=headers.get("if-match"),
            if_none_match=headers.get("if-none-match"),
        )


class PullAnswer:
    """The answer to a data request; close it whether its body was read or not.

    Attributes:
        status: HTTP status.
        headers: Headers of the answer.
        body: The bytes in pieces of at least 1 MiB, the last one shorter; empty where the status or
            the method has none.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: AsyncIterator[bytes] | None = None,
        resources: AsyncExitStack | None = None,
    ) -> None:
        self.status = status
        self.headers: dict[str, str] = dict(headers) | _PRIVATE
        self.body: AsyncIterator[bytes] = body if body is not None else _nothing()
        self._resources = resources or AsyncExitStack()

    async def begin(self) -> None:
        """Fetch the first piece now, so that what speaks against it is said instead of an answer.

        Raises:
            PolicyDeniedError: Nothing of it may leave.
        """
        rest = aiter(self.body)
        first = await anext(rest, None)

        async def whole() -> AsyncIterator[bytes]:
            if first is not None:
                yield first
            async for piece in rest:
                yield piece

        self.body = whole()

    async def aclose(self) -> None:
        """Close what the body is read from; closing twice is no error."""
        await self._resources.aclose()


async def serve_pull(
    source: AnySource,
    form: Form,
    request: PullRequest,
    passage: Passage,
    *,
    restriction: Restriction | None = None,
    client: GuardedClient | None = None,
) -> PullAnswer:
    """Answer one data request that was allowed.

    Args:
        source: Where the data comes from.
        form: The form that is asked for; one of the source's.
        request: What shapes the answer.
        passage: What everything passes that leaves.
        restriction: Filters, columns and masks to carry out; None for none.
        client: Fetches URLs; needed for these only.

    Returns:
        An answer with status 200, 206, 304, 412 or 416. What goes wrong behind its first byte is
        raised from its body: `PolicyDeniedError` by the gate or the allowance, `IntegrityError`
        when the file is not what it was, `TransportError` when the upstream server fails.

    Raises:
        PolicyDeniedError: The restriction cannot be carried out on this form, code
            ``pep.unenforceable``; the gate is closed; or the allowance leaves nothing.
        IntegrityError: The file is not what was published.
        TransportError: The upstream server does not give the data.
    """
    passage.gate()
    serving = _Serving(request, passage)
    try:
        if form == "table":
            answer = await serving.table(source, restriction or Restriction())
        else:
            _check_whole(restriction)
            if isinstance(source, HttpSource):
                answer = await serving.url(source, client)
            else:
                answer = await serving.file(_as_file(source))
        if passage.allowance is not None and request.method == "GET":
            await answer.begin()
    except BaseException:
        await serving.resources.aclose()
        raise
    return answer


def etag_of(source: FileSource) -> str:
    """Return the strong entity tag of a published file: its digest."""
    return f'"{source.sha256}"'


class _Serving:
    """One request being answered, with what has to be closed afterwards."""

    def __init__(self, request: PullRequest, passage: Passage) -> None:
        self.request = request
        self.gate = passage.gate
        self.meter = passage.meter
        self.allowance = passage.allowance
        self.position = 0
        self.resources = AsyncExitStack()

    async def file(self, source: FileSource) -> PullAnswer:
        refused = _precondition(source, self.request)
        if refused is not None:
            return refused
        wanted = self.request.range if self.request.if_range in (None, etag_of(source)) else None
        try:
            part = parse_range(wanted, source.size_bytes)
        except RemoteProtocolError:
            return PullAnswer(416, {"Content-Range": f"bytes */{source.size_bytes}"})
        file = await anyio.to_thread.run_sync(self._open_file, source)
        digest = base64.b64encode(bytes.fromhex(source.sha256)).decode()
        about = {
            "Content-Type": source.media_type,
            "Accept-Ranges": "bytes",
            "ETag": etag_of(source),
            "Repr-Digest": f"sha-256=:{digest}:",
        }
        status = 200 if part is None else 206
        if part is None:
            part = ByteRange(0, source.size_bytes)
        else:
            about["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{source.size_bytes}"
        about["Content-Length"] = str(part.size_bytes)
        self.position = part.start
        return self._answer(status, about, self._from_thread(_pieces_of(file, part)))

    async def table(self, source: AnySource, restriction: Restriction) -> PullAnswer:
        pieces = await anyio.to_thread.run_sync(self._open_table, source, restriction)
        about = {"Content-Type": MEDIA_TYPE, "Accept-Ranges": "none"}
        return self._answer(200, about, self._from_thread(pieces))

    def _open_file(self, source: FileSource) -> PublishedFile:
        # Noted in the thread: who waits for it may be cancelled and never see the file.
        file = source.open()
        self.resources.callback(file.close)
        return file

    def _open_table(
        self, source: AnySource, restriction: Restriction
    ) -> Generator[Piece, None, None]:
        if not isinstance(source, FileSource) or source.layout is None:
            raise unenforceable("the source is no table", term="ts:rowFilter", subject="")
        file = self._open_file(source)
        pieces = Table(file, source.layout).stream(restriction, self.allowance)
        self.resources.callback(pieces.close)
        return pieces

    async def url(self, source: HttpSource, client: GuardedClient | None) -> PullAnswer:
        if client is None:
            raise ConfigurationError("a URL is served with an HTTP client", setting="client")
        about = {"Content-Type": source.media_type, "Accept-Ranges": "none"}
        if self.request.method == "HEAD":
            return PullAnswer(200, about)
        upstream = await self.resources.enter_async_context(
            client.stream("GET", source.url, headers=source.headers)
        )
        if upstream.status != 200:
            # Neither its address nor its words are the consumer's to know.
            raise StatusError(
                f"the provider's own source answered {upstream.status}", status=upstream.status
            )
        length = upstream.headers.get("content-length", "")
        if length.isascii() and length.isdecimal():
            about["Content-Length"] = length
        return self._answer(200, about, self._passed_on(upstream))

    def _answer(
        self, status: int, about: Mapping[str, str], body: AsyncGenerator[bytes, None]
    ) -> PullAnswer:
        self.resources.push_async_callback(body.aclose)
        return PullAnswer(
            status, about, body if self.request.method == "GET" else None, self.resources
        )

    async def _from_thread(self, pieces: Iterator[Piece]) -> AsyncGenerator[bytes, None]:
        """Take each piece in a thread, because reading and filtering block."""
        while True:
            self.gate()
            piece = await anyio.to_thread.run_sync(next, pieces, None)
            if piece is None:
                return
            async for data in self._leaving(piece):
                yield data

    async def _passed_on(self, upstream: IncomingStream) -> AsyncGenerator[bytes, None]:
        parts: list[bytes] = []
        size = 0
        async for chunk in upstream.chunks():
            parts.append(chunk)
            size += len(chunk)
            if size >= PIECE_BYTES:
                async for data in self._leaving(Piece(b"".join(parts))):
                    yield data
                parts, size = [], 0
        if size:
            async for data in self._leaving(Piece(b"".join(parts))):
                yield data

    async def _leaving(self, piece: Piece) -> AsyncIterator[bytes]:
        """Yield what of a piece may leave, then say why not the rest."""
        data = piece.data
        allowed = len(data)
        if self.allowance is not None:
            allowed = await self.allowance.size(self.position, len(data))
        self.position += allowed
        # Asked once more: the piece may have taken long, and what ended meanwhile ends it too.
        self.gate()
        if allowed:
            self.meter(allowed, piece.rows)
            yield data[:allowed]
        if allowed < len(data) and self.allowance is not None:
            raise self.allowance.refusal()


def _check_whole(restriction: Restriction | None) -> None:
    if restriction is not None and not restriction.is_empty:
        raise unenforceable(
            "filters and masks can be carried out on the table form only",
            term="ts:rowFilter",
            subject="",
            hint="ask for the table form",
        )


def _as_file(source: AnySource) -> FileSource:
    if not isinstance(source, FileSource):
        raise ConfigurationError("an interface is called, not pulled", setting="source")
    return source


def _precondition(source: FileSource, request: PullRequest) -> PullAnswer | None:
    etag = etag_of(source)
    if request.if_match is not None and not matches_any(request.if_match, etag, strong=True):
        return PullAnswer(412, {"ETag": etag})
    if request.if_none_match is not None and matches_any(request.if_none_match, etag, strong=False):
        return PullAnswer(304, {"ETag": etag})
    return None


def _pieces_of(file: PublishedFile, part: ByteRange) -> Iterator[Piece]:
    for offset in range(part.start, part.stop, PIECE_BYTES):
        yield Piece(file.read_at(offset, min(PIECE_BYTES, part.stop - offset)))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
