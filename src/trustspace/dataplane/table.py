"""A published file as a table: restricted rows, streamed in bounded memory.

A table takes a few batches of memory, of Parquet a few row groups, whatever its size and however
slowly it is taken: the file is read no further ahead than that.

Example::

    with source.open() as file:
        table = Table(file, source.layout)
        for piece in table.stream(Restriction(filters=decision.filters)):
            send(piece.data)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from trustspace.dataplane.arrow_stream import Piece, encode
from trustspace.dataplane.data_extra import pl
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.dataplane.table_reader import (
    arrow_frames,
    arrow_schema_of,
    json_lines_blocks,
    reading_errors,
    scan_csv,
    scan_parquet,
    schema_of,
)
from trustspace.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from trustspace.dataplane.published_file import PublishedFile
    from trustspace.dataplane.table_layout import TableLayout
    from trustspace.errors import PolicyDeniedError


class RowAllowance(Protocol):
    """How many rows may leave."""

    def rows(self, position: int, number: int) -> int:
        """Take rows from a position on; returns how many may leave. May block."""
        ...

    def refusal(self) -> PolicyDeniedError:
        """Return why no more may."""
        ...


BATCH_BYTES: Final = 4 * 1024 * 1024
"""About so much leaves at a time; a batch costs 0.2 ms, whatever its size."""

MIN_BATCH_ROWS, MAX_BATCH_ROWS = 256, 131_072


class Table:
    """An open file that is read as a table.

    Args:
        file: The file; the caller closes it after the last piece.
        layout: How it is read, from its publication.
    """

    def __init__(self, file: PublishedFile, layout: TableLayout) -> None:
        self._file = file
        self._layout = layout

    def stream(
        self, restriction: Restriction, allowance: RowAllowance | None = None
    ) -> Generator[Piece, None, None]:
        """Return what may leave as one Arrow IPC stream, in pieces.

        Whether the restriction can be carried out is known when this returns, before the first
        piece.

        Args:
            restriction: Filters, columns and masks to carry out.
            allowance: Asked for each batch of rows before it leaves; None for no limit.

        Raises:
            PolicyDeniedError: A part of the restriction cannot be carried out, code
                ``pep.unenforceable``; or, behind the last row that may leave, the allowance's.
            IntegrityError: The file cannot be read as it was when published; also while pieces
                are taken.
        """
        try:
            schema, frames = self._restricted(restriction)
            if restriction.watermark is not None:
                restriction.watermark.check(schema)
                frames = restriction.watermark.marked(frames, schema)
        except reading_errors() as error:
            raise self._unreadable(error) from error
        return self._pieces(schema, frames if allowance is None else _allowed(frames, allowance))

    def _pieces(
        self, schema: pl.Schema, frames: Iterator[pl.DataFrame]
    ) -> Generator[Piece, None, None]:
        try:
            yield from encode(self._until_changed(frames), schema)
        except reading_errors() as error:
            raise self._unreadable(error) from error

    def _until_changed(self, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        # Checked before the end of the stream is written: a mixture of two states of the file has
        # no digest by which the consumer could notice, but a stream without an end it refuses.
        yield from frames
        self._file.check_unchanged()

    def _restricted(self, restriction: Restriction) -> tuple[pl.Schema, Iterator[pl.DataFrame]]:
        if self._layout.format in ("parquet", "csv"):
            query = restrict(self._scan(), restriction)
            frames = query.collect_batches(
                chunk_size=self._batch_rows(), maintain_order=True, lazy=True
            )
            return query.collect_schema(), frames
        source = self._source_schema()
        schema = restrict(pl.LazyFrame(schema=source), restriction).collect_schema()
        blocks = self._blocks(source)
        return schema, (restrict(block.lazy(), restriction).collect() for block in blocks)

    def _scan(self) -> pl.LazyFrame:
        if self._layout.format == "parquet":
            return scan_parquet(self._file)
        return scan_csv(self._file, self._layout.declared_schema())

    def _source_schema(self) -> pl.Schema:
        if self._layout.format == "arrow":
            return schema_of(arrow_schema_of(self._file))
        return self._layout.declared_schema()

    def _blocks(self, schema: pl.Schema) -> Iterator[pl.DataFrame]:
        if self._layout.format == "arrow":
            return arrow_frames(self._file)
        blocks = json_lines_blocks(self._file)
        return (pl.read_ndjson(block, schema=schema) for block in blocks)

    def _batch_rows(self) -> int:
        row_bytes = max(1, self._layout.unpacked_bytes // max(1, self._layout.rows))
        return min(max(BATCH_BYTES // row_bytes, MIN_BATCH_ROWS), MAX_BATCH_ROWS)

    def _unreadable(self, error: BaseException) -> IntegrityError:
        # The library's own words may quote values of the table; they stay in the chained error.
        return IntegrityError(
            "a published table cannot be read",
            expected=f"{self._layout.format} as it was published",
            found=type(error).__name__,
            hint="publish the file again",
        )


def _allowed(frames: Iterable[pl.DataFrame], allowance: RowAllowance) -> Iterator[pl.DataFrame]:
    """Yield the rows that may leave, then say why there are no more, if there are more."""
    position = 0
    for frame in frames:
        number = allowance.rows(position, frame.height)
        position += number
        if number == frame.height:
            yield frame
            continue
        if number:
            yield frame.head(number)
        raise allowance.refusal()
