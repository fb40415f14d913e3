"""The rows of a kept table, restricted by what the own connector says of this use.

Most of a decision was carried out by the provider before the rows left; what is asked for beyond
that, for another action or by rules that came later, is carried out here on each batch.

Example::

    rows = KeptRows(store, kept, gate)
    for batch in rows.batches(["grade"]): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.dataplane.data_extra import parquet, pl
from trustspace.dataplane.restriction import Restriction, restrict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from trustspace.client.handles.keeping import Kept
    from trustspace.client.handles.use_gate import UseGate
    from trustspace.client.operations.using import UseLease
    from trustspace.usage.sealed_reader import SealedReader
    from trustspace.usage.sealed_store import SealedStore

BATCH_ROWS = 8192
"""Rows of a batch: about so many leave between two questions."""


class KeptRows:
    """A kept table as a view.

    Args:
        store: The sealed store.
        kept: What is kept.
        gate: Leave to use it.
    """

    def __init__(self, store: SealedStore, kept: Kept, gate: UseGate) -> None:
        self._store = store
        self._kept = kept
        self._gate = gate
        self._sealed: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are kept."""
        if self._sealed is None:
            with self._reader() as reader:
                self._sealed = tuple(parquet.read_schema(reader).names)
        return self._sealed

    @property
    def schema(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """The columns that may be used."""
        with self._reader() as reader:
            schema = parquet.read_schema(reader)
        rest = self._rest(self._gate.begin(columns=self.names))
        if rest.is_empty:
            return schema
        empty = pl.from_arrow(schema.empty_table())
        return restrict(empty.lazy(), rest).collect().to_arrow().schema  # type: ignore[union-attr]

    def batches(self, columns: Collection[str] | None) -> Iterator[Any]:
        """Yield the rows, each batch after a look at the gate.

        Args:
            columns: Columns that are wanted; None for all.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: What is kept was changed.
        """
        rest = self._rest(self._gate.begin(columns=self.names))
        wanted = None if columns is None or not rest.is_empty else list(columns)
        with self._reader() as reader, parquet.ParquetFile(reader) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                self._gate.check()
                if rest.is_empty:
                    yield batch
                else:
                    yield from _restricted(batch, rest, columns)

    def close(self) -> None:
        """Forget what was looked up."""
        self._sealed = None

    def _reader(self) -> SealedReader:
        return self._store.reader(self._gate.agreement, "table")

    def _rest(self, lease: UseLease) -> Restriction:
        """Return what of a decision is still to be carried out."""
        here = set(self.names)
        done = {mask.column for mask in self._kept.masks if mask in lease.masks}
        masks = tuple(
            mask for mask in lease.masks if mask.column in here and mask.column not in done
        )
        columns = None
        if lease.columns is not None and not here <= set(lease.columns):
            columns = tuple(name for name in self.names if name in lease.columns)
        return Restriction(
            filters=tuple(each for each in lease.filters if each not in self._kept.filters),
            columns=columns,
            masks=masks,
            salt=bytes.fromhex(self._kept.salt),
        )


def _restricted(
    batch: Any,  # noqa: ANN401 - pyarrow has no types
    rest: Restriction,
    columns: Collection[str] | None,
) -> Iterator[Any]:
    frame = pl.from_arrow(batch)
    left = restrict(frame.lazy(), rest).collect()  # type: ignore[union-attr]
    if columns is not None:
        left = left.select(list(columns))
    yield from left.to_arrow().to_batches()
