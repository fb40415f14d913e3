"""Receiving rows: record batches written as Parquet, CSV, JSON Lines or Arrow, by the suffix.

The file appears under its name when all rows are there, as with any file that is received. A table
cannot be resumed; an unfinished part is removed.

Example::

    reader = open_stream(chunks)
    with TableSink("roses.csv", reader.schema) as sink:
        for batch in reader.batches():
            sink.write(batch)
        written = sink.commit()
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from trustspace.dataplane.data_extra import arrow_csv, pa, parquet, pl
from trustspace.dataplane.sink import FileSink, Written
from trustspace.dataplane.table_layout import FORMATS, Format
from trustspace.dataplane.table_reader import reading_errors
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

ROW_GROUP_BYTES: Final = 64 * 1024 * 1024
"""Rows of about so much memory become one row group of Parquet."""


def table_format(path: str | Path) -> Format | None:
    """Return the format in which rows are written to a path; None when its suffix names none."""
    return FORMATS.get(Path(path).suffix.lower())


class TableSink:
    """A table that is being received; use it in a ``with`` block, which removes what is unfinished.

    Args:
        path: Where the file will be; its suffix decides the format.
        schema: The `pyarrow.Schema` of the batches.

    Raises:
        ConfigurationError: The suffix names no format of tables, the format cannot hold a column,
            or the file cannot be written there.
    """

    def __init__(self, path: str | Path, schema: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        format_ = table_format(path)
        if format_ is None:
            raise ConfigurationError(
                f"rows cannot be written to {Path(path).name!r}",
                setting="output",
                hint="choose one of the suffixes " + " ".join(FORMATS),
            )
        self._rows = 0
        self._is_finished = False
        self._file = FileSink(path, resume=False)
        try:
            with self._holding():
                self._writer = _WRITERS[format_](ArrowFile(self._file), schema)
        except BaseException:
            self._file.discard()
            raise

    def write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        """Append the rows of a `pyarrow.RecordBatch`.

        Raises:
            ConfigurationError: The format cannot hold a value, or the disk is full.
        """
        with self._holding():
            self._writer.write(batch)
        self._rows += batch.num_rows

    def commit(self) -> Written:
        """Finish the file and give it its name.

        Raises:
            ConfigurationError: It cannot be written.
        """
        with self._holding():
            self._writer.close()
        written = self._file.commit()
        self._is_finished = True
        return replace(written, rows=self._rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_finished:
            return
        # Closed for its memory's sake; what it still writes goes with the part.
        with contextlib.suppress(*reading_errors(), ConfigurationError):
            self._writer.close()
        self._file.discard()

    @contextlib.contextmanager
    def _holding(self) -> Iterator[None]:
        try:
            yield
        except reading_errors() as error:
            raise ConfigurationError(
                f"the rows do not fit into {self._file.path.name!r}: {type(error).__name__}",
                setting="output",
                hint="choose .parquet or .arrow, which hold every type",
            ) from error


class Sink(Protocol):
    """Where bytes are appended."""

    @property
    def offset(self) -> int:
        """How many bytes are there already."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes."""
        ...


class ArrowFile:
    """A sink as the file that pyarrow writes to.

    Args:
        file: The sink.
    """

    closed = False

    def __init__(self, file: Sink) -> None:
        self._file = file

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes or a buffer of pyarrow
        """Append bytes."""
        return self._file.write(memoryview(data))

    def tell(self) -> int:
        """Return how many bytes are there already."""
        return self._file.offset


class _ArrowWriter:
    """What pyarrow writes batch by batch: Arrow and CSV."""

    def __init__(self, writer: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._writer = writer

    def write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class ParquetRows:
    """Gathers batches into row groups, since those of a stream are small."""

    def __init__(self, handle: ArrowFile, schema: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._writer = parquet.ParquetWriter(handle, schema, compression="zstd")
        self._schema = schema
        self._batches: list[Any] = []
        self._size = 0

    def write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        """Append the rows of a batch."""
        self._batches.append(batch)
        self._size += batch.nbytes
        if self._size >= ROW_GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        if self._batches:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        table = pa.Table.from_batches(self._batches, schema=self._schema)
        self._batches, self._size = [], 0
        self._writer.write_table(table, row_group_size=table.num_rows)


class _JsonLinesWriter:
    def __init__(self, handle: ArrowFile, schema: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._handle = handle
        self._lines(schema.empty_table())

    def write(self, batch: Any) -> None:  # noqa: ANN401 - pyarrow has no types
        self._handle.write(self._lines(batch))

    def close(self) -> None:
        """Lines need no end."""

    @staticmethod
    def _lines(rows: Any) -> bytes:  # noqa: ANN401 - pyarrow has no types
        return pl.DataFrame(rows).write_ndjson().encode()


_WRITERS: Final[Mapping[Format, Callable[[ArrowFile, Any], Any]]] = {
    "parquet": ParquetRows,
    "csv": lambda handle, schema: _ArrowWriter(arrow_csv.CSVWriter(handle, schema)),
    "jsonl": _JsonLinesWriter,
    "arrow": lambda handle, schema: _ArrowWriter(pa.ipc.new_file(handle, schema)),
}
