from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.row_filter import compile_predicate
from trustspace.errors import PolicyDeniedError
from trustspace.policy.predicate import (
    Comparison,
    FilterLiteral,
    Junction,
    Negation,
    Predicate,
)
from trustspace.policy.row_filter import parse_where

Operator = Literal["eq", "neq", "lt", "lteq", "gt", "gteq", "in", "not_in"]
ORDERINGS: tuple[Operator, ...] = ("eq", "neq", "lt", "lteq", "gt", "gteq")
MOMENT = datetime(2026, 1, 31, 8, 0, 0, 123_000, tzinfo=UTC)


def passing(frame: pl.DataFrame, predicate: Predicate | str) -> list[int]:
    """Row numbers that pass, eagerly and through the streaming engine."""
    if isinstance(predicate, str):
        predicate = parse_where(predicate)
    numbered = frame.with_row_index("#").lazy()
    query = numbered.filter(compile_predicate(predicate, frame.schema)).select("#")
    rows = query.collect(engine="in-memory")["#"].to_list()
    assert sorted(query.collect(engine="streaming")["#"].to_list()) == rows
    return rows


def literal(kind: str, value: Any) -> FilterLiteral:
    return FilterLiteral(type=kind, value=value)  # type: ignore[arg-type]


# ------------------------------------------------------------------ an oracle in exact arithmetic


def exact(value: Any) -> Any:
    """A cell as a number or text without rounding; None is unknown."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isinf(value) else Fraction(value)
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, datetime):
        return Fraction((value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    if isinstance(value, date):
        return Fraction(value.toordinal())
    return Fraction(value)


def exact_literal(given_literal: FilterLiteral, dtype: pl.DataType) -> Any:
    value = given_literal.value
    match given_literal.type:
        case "string" | "boolean":
            return value
        case "date":
            return Fraction(date.fromisoformat(str(value)).toordinal())
        case "dateTime":
            return exact(datetime.fromisoformat(str(value)))
        case _ if dtype.is_float():
            return Fraction(pl.Series([float(str(value))], dtype=dtype)[0])
        case _:
            return Fraction(str(value))


def truth(predicate: Predicate, row: dict[str, Any], schema: pl.Schema) -> bool | None:
    if isinstance(predicate, Negation):
        inner = truth(predicate.arg, row, schema)
        return None if inner is None else not inner
    if isinstance(predicate, Junction):
        parts = [truth(part, row, schema) for part in predicate.args]
        decisive = predicate.op == "or"
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    return truth_of_comparison(predicate, row[predicate.field], schema[predicate.field])


def truth_of_comparison(predicate: Comparison, raw: Any, dtype: pl.DataType) -> bool | None:
    if predicate.op == "is_null":
        return raw is None
    cell = exact(raw)
    if cell is None:
        return None
    if isinstance(predicate.value, tuple):
        found = any(cell == exact_literal(one, dtype) for one in predicate.value)
        return found == (predicate.op == "in")
    assert predicate.value is not None
    other = exact_literal(predicate.value, dtype)
    outcomes: dict[str, bool] = {
        "eq": cell == other,
        "neq": cell != other,
        "lt": cell < other,
        "lteq": cell <= other,
        "gt": cell > other,
        "gteq": cell >= other,
    }
    return outcomes[predicate.op]


EDGES = [0, 1, -1, 2, 127, 128, -128, -129, 255, 256, 2**53 - 1, -(2**53) + 1]
BIG = [2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1]
FRACTIONS = ["0.5", "-0.5", "2.5", "1.005", "127.5", "-128.5", "0.1", "9007199254740993.0"]
WIDE = [f"{number}.0" for number in BIG] + ["9" * 38 + "." + "9" * 38, "-" + "9" * 38 + ".0"]

numbers = st.one_of(
    st.sampled_from(EDGES).map(lambda value: literal("integer", value)),
    st.integers(-300, 300).map(lambda value: literal("integer", value)),
    st.sampled_from(FRACTIONS + WIDE).map(lambda value: literal("decimal", value)),
    st.decimals(-300, 300, places=3).map(lambda value: literal("decimal", f"{value:f}")),
)
texts = st.text(st.sampled_from("aAäß\u0301Ⅳ1 "), max_size=3).map(
    lambda value: literal("string", value)
)
truths = st.booleans().map(lambda value: literal("boolean", value))
dates = st.dates(date(2025, 12, 1), date(2026, 2, 1)).map(
    lambda value: literal("date", value.isoformat())
)
moments = st.datetimes(datetime(2026, 1, 31, 7), datetime(2026, 1, 31, 9)).map(  # noqa: DTZ001
    lambda value: literal("dateTime", value.isoformat() + "Z")
)

INTEGERS = {
    "i8": (pl.Int8, -(2**7), 2**7 - 1),
    "u8": (pl.UInt8, 0, 2**8 - 1),
    "i64": (pl.Int64, -(2**63), 2**63 - 1),
    "u64": (pl.UInt64, 0, 2**64 - 1),
    "i128": (pl.Int128, -(2**127), 2**127 - 1),
}
SCHEMA = pl.Schema(
    {name: dtype for name, (dtype, _, _) in INTEGERS.items()}
    | {
        "f64": pl.Float64,
        "f32": pl.Float32,
        "dec": pl.Decimal(10, 2),
        "text": pl.String,
        "category": pl.Categorical(),
        "flag": pl.Boolean,
        "day": pl.Date,
        "ms": pl.Datetime("ms", "UTC"),
        "us": pl.Datetime("us", "Asia/Shanghai"),
        "ns": pl.Datetime("ns", "UTC"),
        "empty": pl.Null,
    }
)
LITERALS = (
    dict.fromkeys((*INTEGERS, "f64", "f32", "dec"), numbers)
    | {"text": texts, "category": texts, "flag": truths, "day": dates}
    | dict.fromkeys(("ms", "us", "ns"), moments)
    | {"empty": st.one_of(texts, numbers)}
)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    field = draw(st.sampled_from(sorted(SCHEMA)))
    kind: Operator = draw(st.sampled_from((*ORDERINGS, "in", "not_in")))
    if draw(st.integers(0, 8)) == 0:
        return Comparison(op="is_null", field=field, value=None)
    if kind in ("in", "not_in"):
        several = draw(st.lists(LITERALS[field], min_size=1, max_size=3))
        return Comparison(op=kind, field=field, value=tuple(several))
    if field == "flag":
        kind = draw(st.sampled_from(("eq", "neq")))
    return Comparison(op=kind, field=field, value=draw(LITERALS[field]))


predicates = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(
            Junction,
            op=st.sampled_from(("and", "or")),
            args=st.lists(inner, min_size=1, max_size=3).map(tuple),
        ),
        st.builds(Negation, op=st.just("not"), arg=inner),
    ),
    max_leaves=5,
)


def _integer_cells(name: str) -> st.SearchStrategy[int]:
    _, low, high = INTEGERS[name]
    near = [low, high] + [value for value in EDGES + BIG if low <= value <= high]
    return st.one_of(st.sampled_from(near), st.integers(max(low, -300), min(high, 300)))


floats = st.one_of(
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 2.5, 0.1, 9007199254740992.0]),
    st.floats(-300, 300, width=32),
)
shorts = st.text(st.sampled_from("aAäß\u0301Ⅳ1 "), max_size=3)
milliseconds = st.integers(-3_600_000, 3_600_000).map(
    lambda value: datetime(2026, 1, 31, 8, tzinfo=UTC) + timedelta(milliseconds=value)
)
CELLS: dict[str, st.SearchStrategy[Any]] = {name: _integer_cells(name) for name in INTEGERS} | {
    "f64": floats,
    "f32": floats,
    "dec": st.decimals(-300, 300, places=2),
    "text": shorts,
    "category": shorts,
    "flag": st.booleans(),
    "day": st.dates(date(2025, 12, 1), date(2026, 2, 1)),
    "ms": milliseconds,
    "us": milliseconds,
    "ns": milliseconds,
    "empty": st.none(),
}
rows = st.lists(
    st.fixed_dictionaries({name: st.none() | cells for name, cells in CELLS.items()}),
    min_size=1,
    max_size=6,
)


@given(rows, predicates)
def test_rows_pass_exactly_when_the_oracle_says_true(
    cells: list[dict[str, Any]], predicate: Predicate
) -> None:
    frame = pl.DataFrame(cells, schema=SCHEMA)
    assert frame.schema == SCHEMA
    expected = [
        index for index, row in enumerate(frame.rows(named=True)) if truth(predicate, row, SCHEMA)
    ]
    assert passing(frame, predicate) == expected


# ------------------------------------------------------------------ what the oracle might not hit


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n < 2.5", [0, 1]),
        ("n <= 2.5", [0, 1]),
        ("n > 2.5", [2]),
        ("n = 2.5", []),
        ("n != 2.5", [0, 1, 2]),
        ("not n = 1", [1, 2]),
        ("not n in (1, 2)", [2]),
        ("n not in (1, 2)", [2]),
        ("n is null", [3]),
        ("n is not null", [0, 1, 2]),
        ("n < 99999999999999999999.5", [0, 1, 2]),
        ("n > 99999999999999999999.5", []),
        ("not n > 99999999999999999999.5", [0, 1, 2]),
        ("n > -99999999999999999999.5", [0, 1, 2]),
        ("n < -99999999999999999999.5", []),
        ("n = 99999999999999999999.0", []),
        ("n = 1 or n is null", [0, 3]),
        ("n = 1 and n is null", []),
    ],
)
def test_integers_against_any_number(where: str, expected: list[int]) -> None:
    assert passing(pl.DataFrame({"n": [1, 2, 3, None]}), where) == expected


def test_integers_beyond_the_floats_are_told_apart() -> None:
    frame = pl.DataFrame({"n": [2**53, 2**53 + 1]})
    assert passing(frame, "n = 9007199254740993.0") == [1]


def test_not_a_number_satisfies_nothing() -> None:
    frame = pl.DataFrame({"x": [math.nan, 1.0, math.inf]})
    assert passing(frame, "x > 0") == [1, 2]
    assert passing(frame, "not x > 5") == [1]
    assert passing(frame, "x != 7") == [1, 2]
    assert passing(frame, "x is null") == []


def test_nanoseconds_are_kept() -> None:
    frame = pl.DataFrame({"t": [1, 2, None]}).cast(pl.Datetime("ns", "UTC"))
    later = Comparison(
        op="gt", field="t", value=literal("dateTime", "1970-01-01T00:00:00.000000001Z")
    )
    assert passing(frame, later) == [1]


def test_a_time_between_two_ticks_of_the_column() -> None:
    frame = pl.DataFrame({"t": [MOMENT, None]}, schema={"t": pl.Datetime("ms", "UTC")})
    just_after = literal("dateTime", "2026-01-31T08:00:00.123000001Z")
    for operator, expected in {"eq": [], "lt": [0], "gteq": [], "lteq": [0], "neq": [0]}.items():
        assert passing(frame, Comparison(op=operator, field="t", value=just_after)) == expected  # type: ignore[arg-type]


def test_a_time_beyond_the_clock_of_the_column() -> None:
    frame = pl.DataFrame({"t": [MOMENT, None]}, schema={"t": pl.Datetime("ns", "UTC")})
    far = literal("dateTime", "9999-12-31T23:59:59Z")
    assert passing(frame, Comparison(op="lt", field="t", value=far)) == [0]
    assert passing(frame, Comparison(op="gt", field="t", value=far)) == []


def test_enums_compare_as_text_not_by_position() -> None:
    frame = pl.DataFrame({"e": ["b", "a"]}, schema={"e": pl.Enum(["b", "a"])})
    assert passing(frame, 'e < "b"') == [1]


def test_is_null_goes_with_every_type() -> None:
    frame = pl.DataFrame(
        {"l": [[1], None], "s": [{"a": 1}, None], "d": [timedelta(1), None], "b": [b"x", None]}
    )
    for name in frame.columns:
        assert passing(frame, f"{name} is null") == [1]


REFUSED = [
    ("nobody = 1", "nobody", "no column"),
    ("text = 1", "text", "literal of type integer"),
    ("text = true", "text", "literal of type boolean"),
    ('i64 = "1"', "i64", "literal of type string"),
    ("i64 = true", "i64", "literal of type boolean"),
    ("i64 in (1, true)", "i64", "literal of type boolean"),
    ('f64 in (1, "x")', "f64", "literal of type string"),
    ('text in ("x", 1)', "text", "literal of type integer"),
    ("flag < true", "flag", "no order"),
    ("flag = 1", "flag", "literal of type integer"),
    ('day = "2026-01-01"', "day", "literal of type string"),
    ("day = 2026-01-01T00:00:00Z", "day", "literal of type dateTime"),
    ("us = 2026-01-01", "us", "literal of type date"),
    ("naive > 2026-01-01T00:00:00Z", "naive", "no time zone"),
    ("f16 = 99999", "f16", "beyond the column's range"),
    ("items = 1", "items", "List"),
    ("items in (1)", "items", "List"),
    ("not nobody = 1 or text is null", "nobody", "no column"),
]


@pytest.mark.parametrize(("where", "column", "words"), REFUSED)
def test_what_does_not_go_together_is_denied(where: str, column: str, words: str) -> None:
    schema = SCHEMA | {
        "naive": pl.Datetime("us"),
        "f16": pl.Float16(),
        "items": pl.List(pl.Int64),
    }
    with pytest.raises(PolicyDeniedError, match=words) as caught:
        compile_predicate(parse_where(where), schema)
    assert caught.value.code == "pep.unenforceable"
    (reason,) = caught.value.reasons
    assert reason["id"] == "pep.unenforceable"
    assert reason["left"] == "ts:rowFilter"
    assert reason["expected"] == column


@pytest.mark.parametrize(
    ("field", "kind", "value"),
    [
        ("dec", "decimal", "1e9"),
        ("dec", "decimal", "NaN"),
        ("dec", "decimal", "9" * 39),
        ("f64", "decimal", "Infinity"),
        ("day", "date", "2026-02-30"),
        ("day", "date", "20260201"),
        ("us", "dateTime", "2026-01-31T08:00:00+00:00"),
        ("us", "dateTime", "2026-01-31T25:00:00Z"),
        ("us", "dateTime", "yesterday"),
    ],
)
def test_malformed_literals_are_denied(field: str, kind: str, value: str) -> None:
    with pytest.raises(PolicyDeniedError, match="cannot be compared"):
        compile_predicate(Comparison(op="lt", field=field, value=literal(kind, value)), SCHEMA)


def test_a_filter_beyond_the_limits_is_denied() -> None:
    predicate: Predicate = parse_where("i64 = 1")
    for _ in range(200):
        predicate = Negation(op="not", arg=predicate)
    with pytest.raises(PolicyDeniedError, match="at most"):
        compile_predicate(predicate, SCHEMA)


def test_decimals_outside_the_precision_of_the_column() -> None:
    frame = pl.DataFrame({"d": [Decimal("1.10"), None]}, schema={"d": pl.Decimal(4, 2)})
    assert passing(frame, "d < 100.0") == [0]
    assert passing(frame, "d = 1.1") == [0]
    assert passing(frame, "d > 1.095") == [0]
    assert passing(frame, "d = 1.105") == []
    assert passing(frame, "d <= -100.0") == []
