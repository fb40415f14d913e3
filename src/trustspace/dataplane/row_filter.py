"""Row filters compiled to Polars, exactly.

A row passes when the predicate is *true*. Null makes a comparison unknown, unknown stays unknown
under ``not`` (three-valued logic as in SQL), and not-a-number counts as null, because no order
holds for it. Text is compared by code points, without folding or normalising.

A literal never changes the type of a column: databases and data frames differ in what they do
with ``count < 2.5`` or with an integer beyond 2^53 against a float, and each silent conversion lets
wrong rows through somewhere. Here a comparison is moved onto the column's own grid instead (whole
numbers, decimals of the column's scale, ticks of its clock): ``count < 2.5`` is ``count <= 2``, and
a literal beyond the column's range is true or false for all rows that are not null. Only for floats
the literal is taken as the nearest float, as every reader of a decimal does. What does not go
together (unknown column, text against a number, a time against a column without a zone) is refused.

Example::

    schema = frame.collect_schema()
    frame.filter(compile_predicate(parse_where('grade = "A" and price < 2.5'), schema))
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, cast

from trustspace.dataplane.data_extra import column_named, pl
from trustspace.dataplane.refusal import unenforceable
from trustspace.policy.predicate import (
    Comparison,
    FilterLiteral,
    Negation,
    Predicate,
    bounded,
)

Schema = Mapping[str, "pl.DataType"]
Ordering = Literal["eq", "neq", "lt", "lteq", "gt", "gteq"]

_NUMBER: Final = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
"""A decimal column holds 38 digits; nothing behind them could be told apart there."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})(?:\.([0-9]{1,9}))?Z")

_EXACT: Final = Context(prec=200)
"""38 digits before the point and 38 behind it, scaled by at most 38 more, lose nothing in this."""

_TICKS: Final = MappingProxyType({"ms": 10**3, "us": 10**6, "ns": 10**9})
"""Ticks of a column's clock in a second."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FLOATS: Final = MappingProxyType({"Float16": "e", "Float32": "f", "Float64": "d"})
"""Floats as `struct` packs them, which is how a literal is rounded to one."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "eq": lambda column, value: column == value,
        "neq": lambda column, value: column != value,
        "lt": lambda column, value: column < value,
        "lteq": lambda column, value: column <= value,
        "gt": lambda column, value: column > value,
        "gteq": lambda column, value: column >= value,
    }
)


def compile_predicate(predicate: Predicate, schema: Schema) -> pl.Expr:
    """Return the expression that is true for the rows which the predicate lets through.

    Args:
        predicate: The filter.
        schema: Names and types of the table's columns.

    Raises:
        PolicyDeniedError: It cannot be evaluated exactly on this table, code
            ``pep.unenforceable``.
    """
    try:
        bounded((predicate,))
    except ValueError as error:
        raise unenforceable(str(error), term="ts:rowFilter", subject="") from error
    return _compile(predicate, schema)


def _compile(predicate: Predicate, schema: Schema) -> pl.Expr:
    if isinstance(predicate, Comparison):
        return _compile_comparison(predicate, schema)
    if isinstance(predicate, Negation):
        return ~_compile(predicate.arg, schema)
    join = pl.all_horizontal if predicate.op == "and" else pl.any_horizontal
    return join([_compile(argument, schema) for argument in predicate.args])


def _compile_comparison(comparison: Comparison, schema: Schema) -> pl.Expr:
    if comparison.field not in schema:
        raise unenforceable(
            f"the table has no column {comparison.field!r}, which the row filter names",
            term="ts:rowFilter",
            subject=comparison.field,
            operator=comparison.op,
            hint="correct the filter, or publish the table with this column",
        )
    if comparison.value is None:
        return column_named(comparison.field).is_null()
    column = _comparable(comparison, schema[comparison.field])
    if isinstance(comparison.value, FilterLiteral):
        return column.compare(cast("Ordering", comparison.op), comparison.value)
    matches = column.is_in(comparison.value)
    return ~matches if comparison.op == "not_in" else matches


class _Column:
    """A column as comparisons see it; the subclasses are the families of types."""

    accepts: frozenset[str] = frozenset()

    def __init__(self, comparison: Comparison, dtype: pl.DataType) -> None:
        self.comparison = comparison
        self.dtype = dtype
        self.column = column_named(comparison.field)

    def compare(self, operator: Ordering, literal: FilterLiteral) -> pl.Expr:
        """Compare with one literal; null where the column is null."""
        return cast("pl.Expr", _COMPARE[operator](self.column, self._lit(self.value(literal))))

    def is_in(self, literals: tuple[FilterLiteral, ...]) -> pl.Expr:
        """Tell whether the column equals one of the literals; null where it is null."""
        return pl.any_horizontal([self.compare("eq", literal) for literal in literals])

    def value(self, literal: FilterLiteral) -> Any:  # noqa: ANN401 - a value of the column's type
        """Return a literal as a value of the column's type, or refuse it."""
        if literal.type not in self.accepts:
            self.refuse(literal)
        return literal.value

    def _lit(self, value: Any) -> pl.Expr:  # noqa: ANN401 - a value of the column's type
        return pl.lit(value, dtype=self.dtype)

    def refuse(self, literal: FilterLiteral, because: str = "") -> NoReturn:
        """Deny: the literal does not go with the column's type."""
        field, operator = self.comparison.field, self.comparison.op
        raise unenforceable(
            f"column {field!r} of type {self.dtype} cannot be compared by {operator} with a "
            f"literal of type {literal.type}" + (f": {because}" if because else ""),
            term="ts:rowFilter",
            subject=field,
            operator=operator,
            hint="write a literal of the column's type",
        )


class _Unknown(_Column):
    """A column that holds nothing but null: every comparison is unknown."""

    def compare(self, operator: Ordering, literal: FilterLiteral) -> pl.Expr:  # noqa: ARG002
        return self.column.cast(pl.Boolean)


class _Opaque(_Column):
    """Lists, structures, bytes, durations: no literal goes with them."""


class _Text(_Column):
    accepts = frozenset({"string"})

    def __init__(self, comparison: Comparison, dtype: pl.DataType) -> None:
        super().__init__(comparison, pl.String())
        if dtype != pl.String:
            self.column = self.column.cast(pl.String)

    def is_in(self, literals: tuple[FilterLiteral, ...]) -> pl.Expr:
        values = [self.value(literal) for literal in literals]
        return self.column.is_in(pl.Series(values, dtype=pl.String))


class _Truth(_Column):
    accepts = frozenset({"boolean"})

    def compare(self, operator: Ordering, literal: FilterLiteral) -> pl.Expr:
        if operator not in ("eq", "neq"):
            self.refuse(literal, "truth has no order")
        return super().compare(operator, literal)


class _Date(_Column):
    accepts = frozenset({"date"})

    def value(self, literal: FilterLiteral) -> date:
        text = str(super().value(literal))
        try:
            return date.fromisoformat(text if _DATE.fullmatch(text) else "")
        except ValueError:
            self.refuse(literal, "it is not a date")


class _Float(_Column):
    accepts = frozenset({"integer", "decimal"})

    def __init__(self, comparison: Comparison, dtype: pl.DataType) -> None:
        super().__init__(comparison, dtype)
        self.column = self.column.fill_nan(None)

    def value(self, literal: FilterLiteral) -> float:
        exact = float(_number(self, super().value(literal), literal))
        layout = _FLOATS[str(self.dtype)]
        try:
            return cast("float", struct.unpack(layout, struct.pack(layout, exact))[0])
        except OverflowError:
            self.refuse(literal, "it is beyond the column's range")


class _Grid(_Column):
    """Values at equal steps: whole numbers, decimals of one scale, ticks of a clock."""

    accepts = frozenset({"integer", "decimal"})
    steps: int = 1
    lowest: int
    highest: int

    def position(self, literal: FilterLiteral) -> Decimal:
        """Return where the literal lies on the grid, perhaps between two of its values."""
        number = _number(self, self.value(literal), literal)
        return _EXACT.multiply(number, Decimal(self.steps))

    def at(self, position: int) -> pl.Expr:
        """Return the value of the grid at a position."""
        return self._lit(position)

    def compare(self, operator: Ordering, literal: FilterLiteral) -> pl.Expr:
        position = self.position(literal)
        below = int(position.to_integral_value(ROUND_FLOOR))
        above = int(position.to_integral_value(ROUND_CEILING))
        if operator in ("eq", "neq"):
            if below != above or not self.lowest <= below <= self.highest:
                return self._wherever_known(truth=operator == "neq")
            return cast("pl.Expr", _COMPARE[operator](self.column, self.at(below)))
        bound = above if operator in ("lt", "gteq") else below
        if self.lowest <= bound <= self.highest:
            return cast("pl.Expr", _COMPARE[operator](self.column, self.at(bound)))
        return self._wherever_known(truth=(bound > self.highest) == (operator in ("lt", "lteq")))

    def _wherever_known(self, *, truth: bool) -> pl.Expr:
        return pl.when(self.column.is_not_null()).then(pl.lit(truth))


class _Whole(_Grid):
    def __init__(self, comparison: Comparison, dtype: pl.DataType) -> None:
        super().__init__(comparison, dtype)
        signed = dtype.is_signed_integer()
        bits = int(str(dtype).removeprefix("Int" if signed else "UInt"))
        self.lowest = -(2 ** (bits - 1)) if signed else 0
        self.highest = 2 ** (bits - signed) - 1


class _Scaled(_Grid):
    def __init__(self, comparison: Comparison, dtype: pl.Decimal) -> None:
        super().__init__(comparison, dtype)
        self.steps = 10**dtype.scale
        self.highest = 10 ** (dtype.precision or 38) - 1
        self.lowest = -self.highest

    def at(self, position: int) -> pl.Expr:
        return self._lit(_EXACT.divide(Decimal(position), Decimal(self.steps)))


class _Clock(_Grid):
    accepts = frozenset({"dateTime"})
    lowest, highest = -(2**63), 2**63 - 1

    def __init__(self, comparison: Comparison, dtype: pl.Datetime) -> None:
        super().__init__(comparison, dtype)
        self.zone = dtype.time_zone
        self.steps = _TICKS[dtype.time_unit]

    def position(self, literal: FilterLiteral) -> Decimal:
        text = str(self.value(literal))
        if self.zone is None:
            self.refuse(literal, "the column has no time zone")
        match = _MOMENT.fullmatch(text)
        if match is None:
            self.refuse(literal, "it is not a time in UTC")
        try:
            moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
        except ValueError:
            self.refuse(literal, "it is not a time in UTC")
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
        fraction = Decimal(f"0.{match[2] or 0}")
        return _EXACT.multiply(_EXACT.add(Decimal(seconds), fraction), Decimal(self.steps))

    def at(self, position: int) -> pl.Expr:
        return pl.lit(position, dtype=pl.Int64).cast(self.dtype)


def _comparable(comparison: Comparison, dtype: pl.DataType) -> _Column:
    if isinstance(dtype, pl.Decimal):
        return _Scaled(comparison, dtype)
    if isinstance(dtype, pl.Datetime):
        return _Clock(comparison, dtype)
    if dtype.is_integer():
        return _Whole(comparison, dtype)
    if dtype.is_float():
        return _Float(comparison, dtype)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _Text(comparison, dtype)
    families: dict[Any, type[_Column]] = {pl.Boolean: _Truth, pl.Date: _Date, pl.Null: _Unknown}
    return families.get(type(dtype), _Opaque)(comparison, dtype)


def _number(column: _Column, value: object, literal: FilterLiteral) -> Decimal:
    text = str(value)
    if _NUMBER.fullmatch(text) is None:
        column.refuse(literal, "it is not a decimal number of at most 38 + 38 digits")
    return Decimal(text)
