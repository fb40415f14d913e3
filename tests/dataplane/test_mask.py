from __future__ import annotations

import hashlib
import hmac
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.mask import ENFORCEABLE, KeyedHash, mask_column
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.errors import PolicyDeniedError
from trustspace.policy.predicate import MaskSpec

SALT = b"agreement-bound-salt-0123456789a"


def mac(text: str, salt: bytes = SALT) -> str:
    return hmac.digest(salt, text.encode(), "sha256").hex()


def masked(series: pl.Series, method: str, salt: bytes = SALT, **params: Any) -> list[Any]:
    """The column after masking, by both engines of Polars."""
    mask = MaskSpec(column="c", method=method, params=params)  # type: ignore[arg-type]
    query = restrict(series.alias("c").to_frame().lazy(), Restriction(masks=(mask,), salt=salt))
    values: list[Any] = query.collect(engine="in-memory")["c"].to_list()
    assert query.collect(engine="streaming")["c"].to_list() == values
    return values


@given(
    st.binary(min_size=0, max_size=200),
    st.lists(st.none() | st.text(max_size=40), max_size=5),
)
def test_the_keyed_hash_is_hmac_sha256(key: bytes, texts: list[str | None]) -> None:
    expected = [
        None if text is None else hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        for text in texts
    ]
    assert KeyedHash(key).hex_digests(texts) == expected


def test_a_long_key_is_hashed_first() -> None:
    key = b"k" * 100
    assert KeyedHash(key).hex_digests(["a"]) == [mac("a", key)]


TEXTS: list[tuple[pl.Series, list[str | None]]] = [
    (pl.Series(["a", None, "", "a", "é\u0301中"]), ["a", None, "", "a", "é\u0301中"]),
    (pl.Series([1, -(2**63), None]), ["1", str(-(2**63)), None]),
    (pl.Series([2**64 - 1], dtype=pl.UInt64), [str(2**64 - 1)]),
    (
        pl.Series([1.0, -0.0, 0.1, 1e21, 1e-7, math.nan, math.inf, -math.inf, None]),
        ["1", "0", "0.1", "1e+21", "1e-7", "NaN", "Infinity", "-Infinity", None],
    ),
    (pl.Series([0.5, None], dtype=pl.Float32), ["0.5", None]),
    (
        pl.Series([Decimal("1.50"), Decimal("-2.00"), Decimal("100.00"), None]),
        ["1.5", "-2", "100", None],
    ),
    (pl.Series([Decimal(100), None], dtype=pl.Decimal(10, 0)), ["100", None]),
    (pl.Series([True, False, None]), ["true", "false", None]),
    (pl.Series([date(2026, 1, 31), None]), ["2026-01-31", None]),
    (pl.Series([time(8, 0, 0, 5), None]), ["08:00:00.000005", None]),
    (pl.Series([timedelta(days=1, seconds=5), None]), ["P1DT5S", None]),
    (pl.Series([b"\x00\xff", None]), ["00ff", None]),
    (pl.Series(["b", None], dtype=pl.Categorical), ["b", None]),
    (pl.Series(["b", None], dtype=pl.Enum(["b"])), ["b", None]),
    (pl.Series([None, None]), [None, None]),
    (
        pl.Series([datetime(2026, 1, 31, 8)]),  # noqa: DTZ001 - a column without a zone
        ["2026-01-31T08:00:00"],
    ),
    (
        pl.Series([datetime(2026, 1, 31, 8, 0, 0, 5, tzinfo=UTC), None]).dt.convert_time_zone(
            "Asia/Shanghai"
        ),
        ["2026-01-31T08:00:00.000005Z", None],
    ),
    (
        pl.Series([1]).cast(pl.Datetime("ns", "UTC")),
        ["1970-01-01T00:00:00.000000001Z"],
    ),
]


@pytest.mark.parametrize(("series", "texts"), TEXTS, ids=lambda value: str(value)[:0] or None)
def test_a_hash_is_the_mac_of_the_canonical_text(
    series: pl.Series, texts: list[str | None]
) -> None:
    assert masked(series, "hash") == [None if text is None else mac(text) for text in texts]


def test_equal_values_of_different_types_hash_alike() -> None:
    series = [pl.Series(["1"]), pl.Series([1]), pl.Series([1.0]), pl.Series([Decimal("1.00")])]
    assert {masked(each, "hash")[0] for each in series} == {mac("1")}


def test_another_agreement_hashes_to_something_else() -> None:
    other = masked(pl.Series(["13812345678"]), "hash", salt=b"another-agreement-s-salt")
    assert other != masked(pl.Series(["13812345678"]), "hash")


@given(st.lists(st.none() | st.text(max_size=5), max_size=30))
def test_hashing_keeps_rows_in_place(values: list[str | None]) -> None:
    series = pl.Series(values, dtype=pl.String)
    assert masked(series, "hash") == [None if value is None else mac(value) for value in values]


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


@pytest.mark.parametrize(
    ("series", "method", "params", "salt", "words"),
    [
        (pl.Series([[1]]), "hash", {}, SALT, "no canonical text"),
        (pl.Series([{"a": 1}]), "partial", {}, SALT, "no canonical text"),
        (pl.Series(["a"]), "hash", {}, b"", "no salt"),
        (pl.Series(["a"]), "hash", {}, b"short", "no salt"),
        (pl.Series(["a"]), "hash", {"salt": "mine"}, SALT, "does not take 'salt'"),
        (pl.Series(["a"]), "null", {"x": 1}, SALT, "does not take 'x'"),
        (pl.Series(["a"]), "partial", {"keep": -1}, SALT, "number of characters"),
        (pl.Series(["a"]), "partial", {"keep": True}, SALT, "number of characters"),
        (pl.Series(["a"]), "partial", {"keep": "4"}, SALT, "number of characters"),
        (pl.Series(["a"]), "partial", {"start": 1}, SALT, "does not take 'start'"),
        (pl.Series(["a"]), "constant", {"value": "x"}, SALT, "cannot be carried out"),
        (pl.Series(["a"]), "tokenise", {}, SALT, "cannot be carried out"),
        (pl.Series(["a"]), "redact_pii", {}, SALT, "cannot be carried out"),
        (pl.Series(["a"]), "date_floor", {"unit": "day"}, SALT, "cannot be carried out"),
        (pl.Series([1]), "round", {"digits": 1}, SALT, "cannot be carried out"),
    ],
)
def test_a_mask_that_cannot_be_carried_out_denies(
    series: pl.Series, method: str, params: dict[str, Any], salt: bytes, words: str
) -> None:
    mask = MaskSpec(column="c", method=method, params=params)  # type: ignore[arg-type]
    with pytest.raises(PolicyDeniedError, match=words) as caught:
        mask_column("c", series.dtype, mask, salt=salt)
    assert caught.value.code == "pep.unenforceable"
    assert caught.value.reasons[0]["left"] == "ts:mask"
    assert caught.value.reasons[0]["op"] == method


def test_what_can_be_carried_out_is_declared() -> None:
    assert {"drop", "null", "hash", "partial"} == ENFORCEABLE
