from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dataplane.masking import SALT, mac, masked, masked_column

from trustspace.dataplane.keyed_mask import KeyedHash
from trustspace.errors import PolicyDeniedError

OTHER = b"another-agreement-s-salt"


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


def test_equal_values_of_different_types_hash_alike() -> None:
    series = [pl.Series(["1"]), pl.Series([1]), pl.Series([1.0]), pl.Series([Decimal("1.00")])]
    assert {masked(each, "hash")[0] for each in series} == {mac("1")}


def test_another_agreement_hashes_to_something_else() -> None:
    other = masked(pl.Series(["13812345678"]), "hash", salt=OTHER)
    assert other != masked(pl.Series(["13812345678"]), "hash")


@given(st.lists(st.none() | st.text(max_size=5), max_size=30))
def test_hashing_keeps_rows_in_place(values: list[str | None]) -> None:
    series = pl.Series(values, dtype=pl.String)
    assert masked(series, "hash") == [None if value is None else mac(value) for value in values]


@pytest.mark.parametrize(
    ("series", "kind"),
    [
        (pl.Series(["13812345678", "b", "13812345678", None, ""]), pl.String),
        (pl.Series(["a", "b", "a", None], dtype=pl.Categorical), pl.String),
        (pl.Series([1, 2, 1, None]), pl.Int64),
        (pl.Series([1, 2, 1, None], dtype=pl.UInt8), pl.Int64),
        (pl.Series([2**63, 0, 2**63, None], dtype=pl.UInt64), pl.Int64),
        (pl.Series([b"a", b"b", b"a", None]), pl.Binary),
    ],
)
def test_tokens_are_of_the_columns_kind(series: pl.Series, kind: Any) -> None:
    found = masked_column(series, "tokenise")
    first, second, third, nothing, *_ = found.to_list()
    assert found.dtype == kind
    assert first == third != second
    assert nothing is None
    assert not set(found.drop_nulls()) & set(series.drop_nulls())


def test_tokens_have_one_form() -> None:
    (text,) = masked(pl.Series(["x"]), "tokenise")
    (number,) = masked(pl.Series([5]), "tokenise")
    (data,) = masked(pl.Series([b"x"]), "tokenise")
    assert text.startswith("tok_")
    assert int(text.removeprefix("tok_"), 16) < 2**128
    assert 0 <= number < 2**63
    assert len(data) == 16


def test_tokens_of_two_agreements_cannot_be_joined() -> None:
    for series in (pl.Series(["13812345678"]), pl.Series([13812345678]), pl.Series([b"1"])):
        assert masked(series, "tokenise") != masked(series, "tokenise", salt=OTHER)


def test_a_token_is_no_part_of_the_hash() -> None:
    (token,) = masked(pl.Series(["x"]), "tokenise")
    assert token.removeprefix("tok_") not in masked(pl.Series(["x"]), "hash")[0]


@given(st.lists(st.none() | st.text(max_size=5), max_size=30))
def test_tokens_are_equal_where_values_are(values: list[str | None]) -> None:
    tokens = masked(pl.Series(values, dtype=pl.String), "tokenise")
    assert len(set(tokens)) == len(set(values))
    assert [token is None for token in tokens] == [value is None for value in values]
    known: dict[str | None, str | None] = {}
    assert all(known.setdefault(*pair) == pair[1] for pair in zip(values, tokens, strict=True))


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (pl.Series([True]), "too few for tokens"),
        (pl.Series([1.5]), "too few for tokens"),
        (pl.Series([Decimal("1.5")]), "too few for tokens"),
        (pl.Series([0]).cast(pl.Date), "too few for tokens"),
        (pl.Series([[1]]), "no canonical text"),
    ],
)
def test_what_has_no_tokens_is_refused(series: pl.Series, words: str) -> None:
    with pytest.raises(PolicyDeniedError, match=words):
        masked(series, "tokenise")


@pytest.mark.parametrize("method", ["hash", "tokenise"])
@pytest.mark.parametrize("salt", [b"", b"short"])
def test_without_a_salt_there_is_no_key(method: str, salt: bytes) -> None:
    with pytest.raises(PolicyDeniedError, match="no salt"):
        masked(pl.Series(["a"]), method, salt=salt)
    assert len(SALT) >= 16
