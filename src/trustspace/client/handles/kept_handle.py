"""A governed handle of what is kept: sealed on this side, and each use decided again.

It has the methods of the handle of a delivery (`trustspace.client.handles.handle`), and reads from
the sealed store instead of from the provider. Every batch and every read of a file passes the same
gate (`trustspace.client.handles.use_gate`): it stops with the agreement, with its time, and with
the last use that is left.

Example::

    with client.open(agreement, action="ts:train") as data:
        for batch in data.iter_batches():
            ...
"""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from trustspace.client.handles.kept_rows import KeptRows
from trustspace.client.handles.rows import Query, Rows
from trustspace.client.values import Saved
from trustspace.dataplane.data_extra import pa
from trustspace.dataplane.sink import FileSink
from trustspace.dataplane.table_sink import TableSink, table_format
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterator

    from trustspace.client.handles.keeping import Kept
    from trustspace.client.handles.use_gate import UseGate
    from trustspace.usage.sealed_reader import SealedReader
    from trustspace.usage.sealed_store import SealedStore

DOWNLOAD = "ts:download"
"""Action of taking a copy out."""

EXTRACT = "odrl:extract"
"""Action of taking a large result of a query out."""

SMALL_RESULT_ROWS = 10_000
"""Rows of a query's result that leave without being asked for as an extract."""

COPY_BYTES = 1024 * 1024


class KeptHandle(Rows):
    """What is kept of one agreement; use it in a ``with`` block.

    Args:
        store: The sealed store.
        kept: What is kept.
        gate: Leave to use it.
    """

    def __init__(self, store: SealedStore, kept: Kept, gate: UseGate) -> None:
        self._store = store
        self._kept = kept
        self._gate = gate
        self._rows = 0
        self._table = KeptRows(store, kept, gate)

    @property
    def session(self) -> str:
        """Id under which the own connector counts this use."""
        return self._gate.session

    @property
    def closed(self) -> bool:
        """Whether no data leaves any more."""
        return self._gate.closed

    def __enter__(self) -> Self:
        """Ask for leave.

        Raises:
            PolicyDeniedError: The agreement, policy or a counter speak against it.
        """
        self._gate.begin(columns=self._table.names if self._kept.form == "table" else ())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let no data out any more, and have the use recorded."""
        if not self._gate.closed or self._gate.agreement:
            self._table.close()
            self._gate.end(rows=self._rows)

    def iter_batches(self) -> Generator[Any, None, None]:
        """Yield the rows as `pyarrow.RecordBatch`, one by one.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: What is kept was changed.
            ConfigurationError: It is no table.
        """
        self._need_table()
        for batch in self._gate.guard(self._table.batches(None), size=lambda each: each.nbytes):
            self._rows += batch.num_rows
            yield batch

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return all rows as a `pyarrow.Table`; raises as `iter_batches`."""
        self._need_table()
        return pa.Table.from_batches(list(self.iter_batches()), schema=self._table.schema)

    def sql(self, text: str, *parameters: Any) -> Query:  # noqa: ANN401 - any value
        """Return a query over the rows, which are the view ``data``.

        Args:
            text: One SELECT.
            parameters: Values of its ``?`` or ``$1``.
        """
        self._need_table()
        return Query(text, parameters, view=lambda: self._table, leaving=self._results)

    def read(self) -> bytes:
        """Return the bytes of the file; raises as `open`."""
        with self.open() as file:
            return file.read()

    @contextmanager
    def open(self) -> Iterator[GovernedFile]:
        """Open the file for reading at any place, until the block ends.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: What is kept was changed.
            ConfigurationError: It is kept as a table.
        """
        if self._kept.form != "file":
            raise _other_form("a table", "to_polars(), to_arrow(), iter_batches() or sql()")
        self._gate.check()
        with self._store.reader(self._gate.agreement, "file") as reader:
            yield GovernedFile(reader, self._gate)

    def save(self, path: str | os.PathLike[str]) -> Saved:
        """Take a plain copy out, which the agreement must allow as ``ts:download``.

        Args:
            path: Where to; ``.parquet .csv .jsonl .arrow`` for a table.

        Raises:
            PolicyDeniedError: The agreement does not allow copies, or does not let it flow.
            ConfigurationError: Nothing can be written there.
        """
        start, target = time.monotonic(), Path(path)
        self._gate.check()
        self._gate.leave_for(DOWNLOAD)
        rows: int | None = None
        if self._kept.form == "file":
            with self.open() as file, FileSink(target, resume=False) as sink:
                while piece := file.read(COPY_BYTES):
                    sink.write(piece)
                written = sink.commit()
        else:
            if table_format(target) is None:
                raise _other_form("a table", "a suffix .parquet, .csv, .jsonl or .arrow")
            with TableSink(target, self._table.schema) as table:
                for batch in self.iter_batches():
                    table.write(batch)
                written = table.commit()
            rows = written.rows
        seconds = time.monotonic() - start
        return Saved(bytes=written.size_bytes, rows=rows, sha256=written.sha256, seconds=seconds)

    def _results(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Let a query's result out; a large one only where extracts are allowed."""
        rows, asked = 0, False
        for batch in self._gate.guard(batches, size=lambda each: each.nbytes):
            rows += batch.num_rows
            if rows > SMALL_RESULT_ROWS and not asked:
                self._gate.leave_for(EXTRACT)
                asked = True
            yield batch

    def _need_table(self) -> None:
        if self._kept.form != "table":
            raise _other_form("a file", "read(), open() or save()")


class GovernedFile(io.RawIOBase):
    """A kept file; every read passes the gate.

    Args:
        reader: The sealed file.
        gate: Leave to use it.
    """

    def __init__(self, reader: SealedReader, gate: UseGate) -> None:
        self._reader = reader
        self._gate = gate

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read from any place: always."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._reader.tell()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - anything that can be written to
        """Read into a buffer.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: What is kept was changed.
        """
        self._gate.check()
        count = self._reader.readinto(buffer)
        self._gate.bytes += count
        return count


def _other_form(form: str, instead: str) -> ConfigurationError:
    return ConfigurationError(
        f"what is kept of this agreement is {form}", setting="form", hint=f"use {instead}"
    )
