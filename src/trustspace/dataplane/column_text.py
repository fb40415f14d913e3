"""The canonical text of a column's values, and functions of a column's distinct values.

Integers are written in digits, floats as RFC 8785 writes numbers, decimals without trailing zeros,
truth as ``true`` and ``false``, dates and times in ISO 8601 (in UTC with ``Z`` when the column has
a zone), bytes in hex. ``1``, ``1.0`` and ``"1"`` therefore have one text. Lists and structures have
none.

Example::

    frame.select(canonical_text(frame.schema["born"], parse_mask("born:hash")))
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from trustspace.dataplane.data_extra import column_named, pa, pl
from trustspace.dataplane.refusal import unmaskable
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.policy.predicate import MaskSpec


def canonical_text(dtype: pl.DataType, mask: MaskSpec) -> pl.Expr:
    """Return the text of every value of a mask's column.

    Raises:
        PolicyDeniedError: Values of this type have none, code ``pep.unenforceable``.
    """
    column = column_named(mask.column)
    if dtype == pl.String:
        return column
    if dtype.is_nested() or dtype in (pl.Object, pl.Unknown):
        raise unmaskable(mask, f"values of type {dtype} have no canonical text")
    if dtype.is_temporal():
        return _text_of_moments(within_calendar(column, dtype), dtype)
    if dtype.is_float():
        return column.map_batches(_texts_of_floats, return_dtype=pl.String(), is_elementwise=True)
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    text = column.cast(pl.String)
    if isinstance(dtype, pl.Decimal):
        return text.str.replace(r"(\.[0-9]*?)0+$", "$1").str.replace(r"\.$", "")
    return text


_DAY_OF_YEAR_2 = -719_162 + 365
_DAY_OF_YEAR_9999 = 2_932_896 - 365
"""Days since 1970-01-01 that have a calendar day in every zone (ISO 8601, four digits)."""
_NANOSECOND_DAYS = (-106_500, 106_500)
"""The same for nanoseconds, of which 64 bits count 292 years; whole years lie within."""

_PER_DAY: Final = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def within_calendar(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return dates and moments, null where they are beyond what can be computed with.

    Columns hold larger numbers than there are years; Polars stops the process over some of them.
    """
    per_day, first, last = 1, _DAY_OF_YEAR_2, _DAY_OF_YEAR_9999
    if isinstance(dtype, pl.Datetime):
        per_day = _PER_DAY[dtype.time_unit]
    if per_day == _PER_DAY["ns"]:
        first, last = _NANOSECOND_DAYS
    elif dtype not in (pl.Date, pl.Datetime):
        return column
    number = column.to_physical()
    return pl.when(number.is_between(first * per_day, last * per_day)).then(column)


def _text_of_moments(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Duration:
        return column.dt.to_string("iso")
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    shapes: dict[Any, str] = {pl.Date: "%Y-%m-%d", pl.Time: "%H:%M:%S%.f"}
    return column.dt.strftime(shapes.get(type(dtype), "%Y-%m-%dT%H:%M:%S%.f"))


def _texts_of_floats(series: pl.Series) -> pl.Series:
    return per_distinct_value(series, lambda values: [_text_of_float(value) for value in values])


def _text_of_float(value: float) -> str:
    if math.isfinite(value):
        return canonical(value).decode()
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def per_distinct_value(
    series: pl.Series, function: Callable[[list[Any]], list[str | None]]
) -> pl.Series:
    """Return texts that depend on the values of a column only, each worked out once."""
    # Arrow's dictionary costs least at every share of distinct values (10 to 100 ns a row).
    encoded = series.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    texts = pa.array(function(encoded.dictionary.to_pylist()), type=pa.large_string())
    return pl.Series(series.name, texts.take(encoded.indices), dtype=pl.String)
