"""Rows on the wire: the Arrow IPC stream format, written in pieces and read from pieces.

The provider side writes the schema, record batches and the end marker of the format, cut into
pieces of 1 MiB whatever the batches' size, so that a delivery can be stopped between any two. Text
leaves as plain buffers, never as views: a view of a filtered or masked column would carry the
buffer that it looks into, with the rows that were filtered out.

The consumer side trusts nothing: a batch is validated in full before it is handed on, a length
beyond the limit is refused before memory is taken, and a stream without its end marker is a
truncated one, which Arrow itself would take for complete.

Example::

    for piece in encode(frames, schema):
        send(piece.data)

    for batch in decode(chunks):
        writer.write(batch)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trustspace.dataplane.data_extra import pa, pl
from trustspace.errors import IntegrityError, PolicyDeniedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEDIA_TYPE: Final = "application/vnd.apache.arrow.stream"
"""Registered by the IANA for this format."""

PIECE_BYTES: Final = 1024 * 1024
"""Size of every piece but the last; smaller ones cost throughput, larger ones a later cut."""

MAX_READ_BYTES: Final = 1 << 30
"""Largest part of a stream that a reader takes at once: a message's head or its buffers."""

END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""What ends a stream (Arrow columnar format, "IPC Streaming Format")."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a delivery, and the rows whose first byte is among them."""

    data: bytes
    rows: int = 0


def encode(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> Iterator[Piece]:
    """Write frames as one Arrow IPC stream.

    Args:
        frames: Frames of that schema, in order.
        schema: Columns of the table.

    Yields:
        Pieces of `PIECE_BYTES` each, the last one shorter.

    Raises:
        PolicyDeniedError: What gives the frames does not let more of them leave; the pieces before
            it hold those that may.
    """
    cutter = _Cutter()
    yield from cutter.add(memoryview(arrow_schema(schema).serialize()), rows=0)
    try:
        for frame in frames:
            for batch in frame.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches():
                yield from cutter.add(memoryview(batch.serialize()), rows=batch.num_rows)
    except PolicyDeniedError:
        # The rows before it may leave; without its end the stream says that there are more.
        yield from cutter.rest()
        raise
    yield from cutter.add(memoryview(END), rows=0)
    yield from cutter.rest()


def arrow_schema(schema: pl.Schema) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the schema that frames of a Polars schema have on the wire."""
    frame = pl.DataFrame(schema=schema)
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def decode(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Read the record batches of an Arrow IPC stream.

    Args:
        chunks: The bytes in order, cut anywhere.

    Yields:
        Each `pyarrow.RecordBatch`, validated.

    Raises:
        IntegrityError: The bytes are no such stream, are cut short, or go on behind its end.
    """
    reader = open_stream(chunks)
    yield from reader.batches()


def open_stream(chunks: Iterable[bytes]) -> StreamReader:
    """Read the head of an Arrow IPC stream, so that its schema is known before its rows.

    Raises:
        IntegrityError: The bytes are no such stream.
    """
    return StreamReader(chunks)


class StreamReader:
    """An Arrow IPC stream of which the schema was read.

    Attributes:
        schema: The `pyarrow.Schema`.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._source = _ChunkFile(chunks)
        try:
            self._reader = pa.ipc.open_stream(self._source)
            self.schema: Any = self._reader.schema
            _check_names(self.schema)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _broken(error) from error

    def batches(self) -> Iterator[Any]:
        """Yield each `pyarrow.RecordBatch` once, validated.

        Raises:
            IntegrityError: The stream is malformed, cut short, or goes on behind its end.
        """
        while True:
            try:
                batch = self._reader.read_next_batch()
                batch.validate(full=True)
            except StopIteration:
                break
            except (pa.ArrowException, OSError) as error:
                raise _broken(error) from error
            yield batch
        if self._source.tail != END or self._source.read(1):
            raise IntegrityError(
                "the Arrow stream does not end where it ought to",
                expected="its end marker as the last bytes",
                found=self._source.tail.hex() or "nothing",
                hint="the delivery was cut short; fetch again",
            )


class _Cutter:
    """Collects bytes and yields them in pieces of one size."""

    def __init__(self) -> None:
        self._parts: list[memoryview] = []
        self._size = 0
        self._rows = 0

    def add(self, data: memoryview, *, rows: int) -> Iterator[Piece]:
        # Rows count with the first byte of their batch, so that no reader has rows uncounted.
        self._rows += rows
        start = 0
        while self._size + len(data) - start >= PIECE_BYTES:
            stop = start + PIECE_BYTES - self._size
            self._parts.append(data[start:stop])
            start = stop
            yield self._cut()
        self._parts.append(data[start:])
        self._size += len(data) - start

    def rest(self) -> Iterator[Piece]:
        if self._size:
            yield self._cut()

    def _cut(self) -> Piece:
        piece = Piece(b"".join(self._parts), self._rows)
        self._parts, self._size, self._rows = [], 0, 0
        return piece


class _ChunkFile:
    """Chunks as the file that pyarrow reads from; remembers the last bytes it gave."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.tail = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_READ_BYTES:
            raise IntegrityError(
                "the Arrow stream announces a part that is too large",
                expected=f"at most {MAX_READ_BYTES} bytes",
                found=f"{size} bytes",
            )
        parts: list[memoryview] = []
        while size:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
                continue
            parts.append(self._rest[:size])
            size -= len(parts[-1])
            self._rest = self._rest[len(parts[-1]) :]
        data = b"".join(parts)
        self.tail = (self.tail + data[-len(END) :])[-len(END) :]
        return data


def _check_names(fields: Iterable[Any]) -> None:
    # Arrow validates the text in columns, but not what columns and members are called.
    seen: set[str] = set()
    for each in fields:
        if each.name in seen:
            msg = "two columns have one name"
            raise ValueError(msg)
        seen.add(each.name)
        _check_names(each.type.field(index) for index in range(each.type.num_fields))


def _broken(error: Exception) -> IntegrityError:
    return IntegrityError(
        "the delivery cannot be read",
        expected="an Arrow IPC stream",
        found=type(error).__name__,
        hint="fetch again; if it happens again, the other side sends something else",
    )
