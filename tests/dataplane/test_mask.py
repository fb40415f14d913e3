from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dataplane.masking import SALT, masked, masked_column

from trustspace.dataplane.mask import ENFORCEABLE, mask_column
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.errors import PolicyDeniedError
from trustspace.policy.facts import TABLES
from trustspace.policy.mask import METHODS
from trustspace.policy.predicate import MaskSpec


@pytest.mark.parametrize(
    ("value", "params", "expected"),
    [
        ("13812345678", {"keep": 3}, "138****678"),
        ("13812345678", {}, "13****78"),
        ("中华人民共和国", {"keep": 1}, "中****国"),
        ("abcdefg", {"keep": 3}, "abc****efg"),
        ("abcdef", {"keep": 3}, "****"),
        ("ab", {"keep": 3}, "****"),
        ("", {}, "****"),
        ("abc", {"keep": 0}, "****"),
        (None, {}, None),
        (13812345678, {"keep": 3}, "138****678"),
        (-1.25, {"keep": 1}, "-****5"),
    ],
)
def test_partial_keeps_the_ends(value: Any, params: dict[str, Any], expected: str | None) -> None:
    assert masked(pl.Series([value]), "partial", **params) == [expected]


@given(st.text(max_size=12), st.integers(0, 5))
def test_partial_never_tells_the_middle_or_the_length(value: str, keep: int) -> None:
    (result,) = masked(pl.Series([value]), "partial", keep=keep)
    if len(value) > 2 * keep:
        assert result == value[:keep] + "****" + value[len(value) - keep :]
    else:
        assert result == "****"


def test_null_keeps_the_type_and_nothing_else() -> None:
    frame = pl.DataFrame({"c": [1, 2], "d": [[1], [2]]})
    masks = tuple(MaskSpec(column=name, method="null", params={}) for name in frame.columns)
    result = restrict(frame.lazy(), Restriction(masks=masks)).collect()
    assert result.schema == frame.schema
    assert result.rows() == [(None, None), (None, None)]


MOMENT = datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("series", "value", "expected"),
    [
        (pl.Series(["a", None]), "n/a, (x)", "n/a, (x)"),
        (pl.Series(["a", None]), "", ""),
        (pl.Series(["a", None], dtype=pl.Categorical), "b", "b"),
        (pl.Series(["a", None], dtype=pl.Enum(["a"])), "b", "b"),
        (pl.Series([1, None], dtype=pl.Int8), "-128", -128),
        (pl.Series([1, None], dtype=pl.UInt64), str(2**64 - 1), 2**64 - 1),
        (pl.Series([1.5, None]), "2.25", 2.25),
        (pl.Series([Decimal("1.50"), None]), "9.99", Decimal("9.99")),
        (pl.Series([True, None]), "false", False),
        (pl.Series([date(2026, 1, 31), None]), "1900-01-01", date(1900, 1, 1)),
        (pl.Series([time(8), None]), "12:00:00", time(12)),
        (pl.Series([MOMENT, None]), "2026-01-31T16:00:00+08:00", MOMENT),
        (
            pl.Series([MOMENT.replace(tzinfo=None), None]),
            "2026-01-31T08:00:00",
            MOMENT.replace(tzinfo=None),
        ),
    ],
)
def test_a_constant_stands_in_every_row(series: pl.Series, value: str, expected: Any) -> None:
    found = masked(series, "constant", value=value)
    assert found == [expected, expected]
    assert type(found[0]) is type(expected)


@pytest.mark.parametrize(
    ("series", "value"),
    [
        (pl.Series([1], dtype=pl.Int8), "128"),
        (pl.Series([1]), "1.5"),
        (pl.Series([1]), "x"),
        (pl.Series([1.5]), "inf"),
        (pl.Series([1.5]), "NaN"),
        (pl.Series([Decimal("1.50")]), "9.999"),
        (pl.Series([Decimal("1.50")], dtype=pl.Decimal(3, 2)), "10.00"),
        (pl.Series([True]), "True"),
        (pl.Series([date(2026, 1, 31)]), "2026-02-30"),
        (pl.Series([date(2026, 1, 31)]), "today"),
        (pl.Series([MOMENT]), "2026-01-31T08:00:00"),
        (pl.Series([MOMENT.replace(tzinfo=None)]), "2026-01-31T08:00:00Z"),
        (pl.Series([b"a"]), "a"),
        (pl.Series([0]).cast(pl.Duration), "P1D"),
    ],
)
def test_a_constant_of_another_type_is_refused(series: pl.Series, value: str) -> None:
    with pytest.raises(PolicyDeniedError, match="is no value of type"):
        masked(series, "constant", value=value)


def test_personal_data_goes_and_the_text_stays() -> None:
    values = ["call 13812345678", None, "", "nothing", "call 13812345678"]
    expected = ["call [PHONE]", None, "", "nothing", "call [PHONE]"]
    assert masked(pl.Series(values), "redact_pii") == expected
    category = pl.Series(values, dtype=pl.Categorical)
    assert masked(category, "redact_pii") == expected
    with pytest.raises(PolicyDeniedError, match="are no text"):
        masked(pl.Series([13812345678]), "redact_pii")


HIDING = ["null", "constant(value=z)", "hash", "tokenise"]


@given(st.lists(st.none() | st.text(min_size=6, max_size=40), max_size=10))
@pytest.mark.parametrize("mask", [*HIDING, "partial"])
def test_no_text_leaves_as_it_was(mask: str, values: list[str | None]) -> None:
    found = masked_column(pl.Series(values, dtype=pl.String), mask).to_list()
    assert len(found) == len(values)
    for value, left in zip(values, found, strict=True):
        assert value is None or left is None or value not in left


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=10))
@pytest.mark.parametrize("mask", ["null", "constant(value=7)", "tokenise", "partial(keep=0)"])
def test_no_number_leaves_as_it_was(mask: str, values: list[int]) -> None:
    found = masked_column(pl.Series(values, dtype=pl.Int64), mask).to_list()
    assert all(value == 7 or value != left for value, left in zip(values, found, strict=True))


PHONE = "13812345678"
hostile = st.text(st.sampled_from("\0\n\r\t'\"\\\\<>&;%$|*。中é\u202e\U0001f600 "), max_size=12)


@given(hostile, hostile)
def test_no_telephone_leaves_whatever_stands_beside_it(before: str, after: str) -> None:
    (left,) = masked(pl.Series([before + PHONE + after]), "redact_pii")
    assert left == f"{before}[PHONE]{after}"


@pytest.mark.parametrize("value", [[1], {"a": "x"}, [{"a": 1}]])
@pytest.mark.parametrize("mask", [*HIDING[1:], "redact_pii", "partial", "date_floor(unit=day)"])
def test_lists_and_structures_can_only_be_dropped_or_emptied(value: Any, mask: str) -> None:
    series = pl.Series([value, None])
    with pytest.raises(PolicyDeniedError, match="no canonical text") as caught:
        masked_column(series, mask)
    assert "drop or null" in caught.value.hint
    assert masked_column(series, "null").to_list() == [None, None]


@pytest.mark.parametrize(
    ("series", "method", "params", "words"),
    [
        (pl.Series(["a"]), "hash", {"salt": "mine"}, "does not take 'salt'"),
        (pl.Series(["a"]), "null", {"x": 1}, "does not take 'x'"),
        (pl.Series(["a"]), "partial", {"keep": -1}, "an integer from 0"),
        (pl.Series(["a"]), "partial", {"keep": True}, "an integer from 0"),
        (pl.Series(["a"]), "partial", {"keep": "4"}, "'keep' is not of the right type"),
        (pl.Series(["a"]), "partial", {"start": 1}, "does not take 'start'"),
        (pl.Series(["a"]), "constant", {}, "needs 'value'"),
        (pl.Series(["a"]), "constant", {"value": 1}, "'value' is not of the right type"),
        (pl.Series([1]), "round", {"digits": 1, "step": "1"}, "either digits or step"),
        (pl.Series([MOMENT]), "date_floor", {"unit": "century"}, "'unit' is not 'century'"),
        (pl.Series(["a"]), "drop", {}, "cannot be carried out here"),
    ],
)
def test_a_mask_that_cannot_be_carried_out_denies(
    series: pl.Series, method: str, params: dict[str, Any], words: str
) -> None:
    mask = MaskSpec(column="c", method=method, params=params)  # type: ignore[arg-type]
    with pytest.raises(PolicyDeniedError, match=words) as caught:
        mask_column("c", series.dtype, mask, salt=SALT)
    assert caught.value.code == "pep.unenforceable"
    assert caught.value.reasons[0]["left"] == "ts:mask"
    assert caught.value.reasons[0]["op"] == method


def test_every_method_can_be_carried_out_and_is_declared() -> None:
    assert set(METHODS) == ENFORCEABLE == TABLES.masks
