"""Masks: text and back, and the stronger of two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.policy.mask import (
    METHODS,
    PARAMETERS,
    STRENGTH,
    format_mask,
    hides_as_much,
    parse_mask,
    strongest,
)
from trustspace.policy.predicate import MaskMethod, MaskSpec


def mask(column: str, method: MaskMethod, **params: str | int) -> MaskSpec:
    return MaskSpec(column=column, method=method, params=params)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("phone", mask("phone", "hash")),
        ("phone:drop", mask("phone", "drop")),
        (" phone : null ", mask("phone", "null")),
        ("ns:phone:hash", mask("ns:phone", "hash")),
        ("phone:partial(keep=4)", mask("phone", "partial", keep=4)),
        ("phone:partial()", mask("phone", "partial")),
        ("born:date_floor(unit=year)", mask("born", "date_floor", unit="year")),
        ("name:constant(value=N/A)", mask("name", "constant", value="N/A")),
        ("电话:hash", mask("电话", "hash")),
    ],
)
def test_a_mask_is_read(text, expected):
    assert parse_mask(text) == expected
    assert parse_mask(format_mask(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "a mask is written column:method", "'phone:hash'"),
        (":hash", "a mask is written column:method", ""),
        ("phone:", "a mask is written column:method", ""),
        ("phone:hash(", "a mask is written column:method", ""),
        ("x" * 5_000, "a mask is written column:method", ""),
        ("phone:hsh", "mask method 'hsh' is unknown", "did you mean 'hash'"),
        ("phone:zzzz", "mask method 'zzzz' is unknown", "methods are: drop, null"),
        ("phone:hash(keep=4)", "does not take 'keep=4'", "its parameters: none"),
        ("phone:partial(kep=4)", "does not take 'kep=4'", "its parameters: keep"),
        ("phone:partial(keep=)", "does not take 'keep='", ""),
        ("phone:partial(keep=1,keep=2)", "does not take 'keep=2'", ""),
        ("phone:partial(keep=four)", "'keep' is an integer", ""),
        ("phone:partial(keep=9999999999999999)", "'keep' is an integer", ""),
        ("\ud800:hash", "Unicode text", ""),
    ],
)
def test_a_malformed_mask_is_refused(text, message, hint):
    with pytest.raises(PolicyError) as caught:
        parse_mask(text)
    assert caught.value.code == "policy.mask"
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_strength_falls_from_drop_to_round():
    assert list(METHODS) == sorted(STRENGTH, key=STRENGTH.__getitem__, reverse=True)
    assert STRENGTH["drop"] > STRENGTH["null"] > STRENGTH["hash"] > STRENGTH["partial"]


def test_the_strongest_mask_of_a_column_stands():
    masks = (mask("a", "partial"), mask("b", "hash"), mask("a", "drop"), mask("a", "hash"))
    assert strongest(masks) == (mask("a", "drop"), mask("b", "hash"))


def test_two_of_one_method_that_differ_become_null():
    masks = (mask("a", "partial", keep=4), mask("a", "partial", keep=2))
    assert strongest(masks) == (mask("a", "null"),)
    assert strongest((masks[0], masks[0])) == (masks[0],)


def test_hiding_as_much():
    assert hides_as_much(mask("a", "drop"), mask("a", "hash"))
    assert hides_as_much(mask("a", "hash"), mask("a", "hash"))
    assert not hides_as_much(mask("a", "partial", keep=4), mask("a", "partial", keep=2))
    assert not hides_as_much(mask("a", "partial"), mask("a", "hash"))


_columns = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)


@given(_columns, st.sampled_from(METHODS), st.integers(-99, 99), st.sampled_from(["year", "x y"]))
def test_what_is_written_is_read_back(column, method, number, text):
    params = {
        name: number if kind is int else text for name, kind in PARAMETERS.get(method, {}).items()
    }
    spec = mask(column, method, **params)
    assert parse_mask(format_mask(spec)) == spec


@given(st.text(max_size=40))
def test_any_text_is_a_mask_or_a_policy_error(text):
    spec = read_or_none(text)
    assert spec is None or parse_mask(format_mask(spec)) == spec


def read_or_none(text: str) -> MaskSpec | None:
    try:
        return parse_mask(text)
    except PolicyError:
        return None
