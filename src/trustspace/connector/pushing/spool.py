"""Tables written out before they are pushed, so that they have a length, a digest and an end.

A table's stream is made while it leaves and starts anew after a break. As Parquet it is written to
a file of the home first, filtered and masked, and then leaves like any file.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.dataplane.arrow_stream import open_stream
from trustspace.dataplane.refusal import unenforceable
from trustspace.dataplane.source import AnySource, FileSource
from trustspace.dataplane.table import Table
from trustspace.dataplane.table_sink import TableSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trustspace.dataplane.restriction import Restriction


@dataclass(frozen=True)
class Spooled:
    """A table as a file.

    Attributes:
        source: The file.
        rows: How many rows it holds.
    """

    source: FileSource
    rows: int


class Spool:
    """Files of tables on their way.

    Args:
        folder: Where they are; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parquet(
        self, pid: str, source: AnySource, restriction: Restriction, gate: Callable[[], None]
    ) -> Spooled:
        """Return a table as Parquet, written now or by an earlier attempt; blocks.

        Raises:
            PolicyDeniedError: The restriction cannot be carried out, or the gate closed.
            IntegrityError: The source is not what was published.
            ConfigurationError: The disk is full.
        """
        path = self._path(pid)
        if path.exists():
            there = FileSource.at(path)
            return Spooled(there, there.layout.rows if there.layout else 0)
        if not isinstance(source, FileSource) or source.layout is None:
            raise unenforceable("the source is no table", term="ts:rowFilter", subject="")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with source.open() as file:
            pieces = Table(file, source.layout).stream(restriction)

            def chunks() -> Iterator[bytes]:
                for piece in pieces:
                    gate()
                    yield piece.data

            with contextlib.closing(pieces):
                reader = open_stream(chunks())
                with TableSink(path, reader.schema) as sink:
                    for batch in reader.batches():
                        sink.write(batch)
                    written = sink.commit()
        return Spooled(FileSource.at(path), written.rows)

    def forget(self, pid: str) -> None:
        """Remove a file that is not needed any more."""
        with contextlib.suppress(OSError):
            self._path(pid).unlink()

    def _path(self, pid: str) -> Path:
        return self._folder / f"{hashlib.sha256(pid.encode()).hexdigest()[:32]}.parquet"
