"""What a decision leaves of a table: rows, columns, masks.

The order is fixed: rows are chosen on the values as they are, then columns are masked, and what may
not leave is never part of the result. A name that the table does not have is refused rather than
passed over: the column may have been renamed, and its values would leave unmasked.

Example::

    restriction = Restriction(filters=decision.filters, columns=decision.columns,
                              masks=decision.masks, salt=salt_of(agreement))
    for batch in restrict(pl.scan_parquet(path), restriction).collect_batches(): ...
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustspace.dataplane.data_extra import column_named, pl
from trustspace.dataplane.mask import mask_column
from trustspace.dataplane.refusal import Term, unenforceable
from trustspace.dataplane.row_filter import Schema, compile_predicate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polars.datatypes import DataTypeClass

    from trustspace.dataplane.watermark import Watermark
    from trustspace.policy.predicate import MaskSpec, Predicate


@dataclass(frozen=True)
class Restriction:
    """The part of a decision that is carried out on a table.

    Attributes:
        filters: Row filters, joined by AND.
        columns: Columns that may leave; None for all.
        masks: At most one mask per column.
        salt: Secret bytes bound to the agreement, at least 16; never part of ``repr``.
        watermark: The recipient's mark, put onto what is left.
    """

    filters: tuple[Predicate, ...] = ()
    columns: tuple[str, ...] | None = None
    masks: tuple[MaskSpec, ...] = ()
    salt: bytes = field(default=b"", repr=False)
    watermark: Watermark | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the table leaves as it is, so that its file may leave too."""
        return not (self.filters or self.masks or self.watermark) and self.columns is None


def restrict(frame: pl.LazyFrame, restriction: Restriction) -> pl.LazyFrame:
    """Return the query for what may leave; columns keep the order of the table.

    Args:
        frame: The table.
        restriction: What the decision demands.

    Raises:
        PolicyDeniedError: A part of it cannot be carried out, code ``pep.unenforceable``.
    """
    schema = frame.collect_schema()
    masks = _by_column(restriction.masks)
    _check_known(masks, schema, "ts:mask")
    _check_known(restriction.columns or (), schema, "ts:columns")
    for predicate in restriction.filters:
        frame = frame.filter(compile_predicate(predicate, schema))
    leaving = {
        name: _outgoing(name, dtype, masks.get(name), restriction.salt)
        for name, dtype in schema.items()
        if restriction.columns is None or name in restriction.columns
        if name not in masks or masks[name].method != "drop"
    }
    if not leaving:
        raise unenforceable("no column of the table may leave", term="ts:columns", subject="")
    # Selecting the expressions themselves would leave one row where all of them are constants.
    return frame.with_columns(list(leaving.values())).select(
        [column_named(name) for name in leaving]
    )


def _outgoing(name: str, dtype: pl.DataType, mask: MaskSpec | None, salt: bytes) -> pl.Expr:
    if mask is not None and mask.method != "null":
        return mask_column(name, dtype, mask, salt=salt)
    column = column_named(name) if mask is None else mask_column(name, dtype, mask, salt=salt)
    portable = portable_type(dtype)
    return column if portable == dtype else column.cast(portable)


def portable_type(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    """Return a type as it leaves: categories become text.

    A dictionary would tell every category of the source, those of the filtered rows too.
    """
    dtype = dtype() if isinstance(dtype, type) else dtype
    if dtype in (pl.Categorical, pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(portable_type(dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(portable_type(dtype.inner), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct({each.name: portable_type(each.dtype) for each in dtype.fields})
    return dtype


def _by_column(masks: Iterable[MaskSpec]) -> dict[str, MaskSpec]:
    by_column: dict[str, MaskSpec] = {}
    for mask in masks:
        if by_column.setdefault(mask.column, mask) != mask:
            raise unenforceable(
                f"column {mask.column!r} has two different masks",
                term="ts:mask",
                subject=mask.column,
                operator=mask.method,
            )
    return by_column


def _check_known(names: Iterable[str], schema: Schema, term: Term) -> None:
    for name in names:
        if name not in schema:
            raise unenforceable(
                f"the table has no column {name!r}, which the policy names",
                term=term,
                subject=name,
                hint="correct the policy, or publish the table with this column",
            )
