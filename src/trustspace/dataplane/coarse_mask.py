"""Masks that leave the size of a value: ``round`` and ``date_floor``.

Numbers go to the nearest multiple of a step, halves away from zero: whole and decimal numbers
exactly, floats to the float nearest to that multiple. A multiple that the column's type cannot hold
is null. Moments go back to the first moment of their year, quarter, month, week (from Monday), day
or hour in a zone, UTC unless it is given; where a clock was put forward over that moment, to the
first one after the gap, and in an hour that came twice, to its first beginning.

Example::

    rounded(frame.schema["price"], parse_mask("price:round(step=0.05)"))
    floored(frame.schema["seen"], parse_mask("seen:date_floor(unit=day, zone=Asia/Shanghai)"))
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Final

from trustspace.dataplane.column_text import per_distinct_value, within_calendar
from trustspace.dataplane.data_extra import arrow_compute, column_named, pl
from trustspace.dataplane.refusal import unmaskable
from trustspace.policy.mask_parameters import step_of

if TYPE_CHECKING:
    from trustspace.policy.predicate import MaskSpec

_EVERY: Final = {
    "year": "1y",
    "quarter": "1q",
    "month": "1mo",
    "week": "1w",
    "day": "1d",
    "hour": "1h",
}
"""Units as Polars writes them."""

_EXACT: Final = Context(prec=100)


def rounded(dtype: pl.DataType, mask: MaskSpec) -> pl.Expr:
    """Return a column's numbers as multiples of a step.

    Raises:
        PolicyDeniedError: It has no numbers, or they are as they are at this step, code
            ``pep.unenforceable``.
    """
    step = step_of(mask)
    column = column_named(mask.column)
    if dtype.is_integer():
        return _rounded_integers(column, dtype, mask, _whole(step, mask))
    if isinstance(dtype, pl.Decimal):
        if step % Decimal(1).scaleb(-dtype.scale):
            raise unmaskable(mask, f"values of {dtype.scale} decimal places are no multiples of it")
        return _rounded_decimals(column, dtype, step)
    if dtype.is_float():
        return _rounded_floats(column.cast(pl.Float64()), step).cast(dtype)
    raise unmaskable(mask, f"values of type {dtype} are no numbers", hint="choose hash or null")


def floored(dtype: pl.DataType, mask: MaskSpec) -> pl.Expr:
    """Return a column's dates or moments at the beginning of their unit.

    Raises:
        PolicyDeniedError: It has none, the zone is unknown or means nothing with them, code
            ``pep.unenforceable``.
    """
    unit, zone = str(mask.params["unit"]), mask.params.get("zone")
    column = within_calendar(column_named(mask.column), dtype)
    own_zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    if zone is not None and own_zone is None:
        raise unmaskable(mask, f"values of type {dtype} have no zone", hint="leave the zone out")
    if dtype == pl.Date and unit != "hour":
        return column.dt.truncate(_EVERY[unit])
    if not isinstance(dtype, pl.Datetime):
        raise unmaskable(mask, f"values of type {dtype} have no {unit}")
    if own_zone is None:
        return column.dt.truncate(_EVERY[unit])
    return _floored_in(column, mask, str(zone or "UTC"), own_zone)


def _floored_in(column: pl.Expr, mask: MaskSpec, zone: str, own_zone: str) -> pl.Expr:
    try:
        pl.Series([0]).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    except pl.exceptions.PolarsError as error:
        hint = "write the name of a time zone, for example Asia/Shanghai"
        raise unmaskable(mask, f"there is no time zone {zone!r}", hint=hint) from error
    local = column.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    begin = local.dt.truncate(_EVERY[str(mask.params["unit"])])
    # Clocks are put forward by half an hour or an hour; what lies in the gap does not exist.
    found = pl.coalesce(
        (begin.dt.offset_by(later) if later else begin).dt.replace_time_zone(
            zone, ambiguous="earliest", non_existent="null"
        )
        for later in ("", "30m", "1h")
    )
    return found.dt.convert_time_zone(own_zone)


def _whole(step: Decimal, mask: MaskSpec) -> int:
    if step != step.to_integral_value():
        raise unmaskable(
            mask, "whole numbers are what they are at this step", hint="choose a whole step"
        )
    return int(step)


def _rounded_integers(column: pl.Expr, dtype: pl.DataType, mask: MaskSpec, step: int) -> pl.Expr:
    bits = int(str(dtype).strip("UInt"))
    lowest, highest = (0, 2**bits - 1)
    if dtype.is_signed_integer():
        lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if step > highest:
        raise unmaskable(mask, f"the step is larger than any value of type {dtype}")
    zero, by = pl.lit(0, dtype=dtype), pl.lit(step, dtype=dtype)
    rest = column % by
    rest = pl.when(rest < zero).then(rest + by).otherwise(rest)
    is_up = pl.when(column >= zero).then(rest >= by - rest).otherwise(rest > by - rest)
    is_high = is_up & (column > pl.lit(highest, dtype=dtype) - (by - rest))
    is_low = ~is_up & (column < pl.lit(lowest, dtype=dtype) + rest)
    multiple = pl.when(is_up).then(column + (by - rest)).otherwise(column - rest)
    return pl.when(is_high | is_low).then(None).otherwise(multiple)


def _rounded_floats(column: pl.Expr, step: Decimal) -> pl.Expr:
    over, under = map(float, step.as_integer_ratio())

    # Polars divides by one number by multiplying with its inverse, which ends in other digits.
    def multiples(series: pl.Series) -> pl.Series:
        scaled = arrow_compute.divide(arrow_compute.multiply(series.to_arrow(), under), over)
        times = arrow_compute.round(scaled, round_mode="half_towards_infinity")
        multiple = arrow_compute.divide(arrow_compute.multiply(times, over), under)
        return pl.Series(series.name, multiple, dtype=pl.Float64)

    multiple = column.map_batches(multiples, return_dtype=pl.Float64(), is_elementwise=True)
    is_fit = multiple.is_finite() | ~column.is_finite()
    return pl.when(is_fit).then(multiple + 0.0).otherwise(None)


def _rounded_decimals(column: pl.Expr, dtype: pl.Decimal, step: Decimal) -> pl.Expr:
    def text(value: Decimal | None) -> str | None:
        if value is None:
            return None
        times = (value / step).quantize(Decimal(1), ROUND_HALF_UP, _EXACT)
        return f"{_EXACT.multiply(times, step):f}"

    def texts(series: pl.Series) -> pl.Series:
        return per_distinct_value(series, lambda values: [text(value) for value in values])

    strings = column.map_batches(texts, return_dtype=pl.String(), is_elementwise=True)
    return strings.cast(dtype, strict=False)
