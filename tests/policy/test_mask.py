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
from trustspace.policy.mask_parameters import MAX_DIGITS, MAX_KEEP, UNITS
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
        (
            "at:constant(value=2026-01-01T00:00:00Z)",
            mask("at", "constant", value="2026-01-01T00:00:00Z"),
        ),
        ('a:constant(value="")', mask("a", "constant", value="")),
        ('a:constant( value = " ,()" )', mask("a", "constant", value=" ,()")),
        ('a:constant(value="x:hash, ""y""")', mask("a", "constant", value='x:hash, "y"')),
        ("a:hash(keep=1):null", mask("a:hash(keep=1)", "null")),
        (
            "t:date_floor(unit=day, zone=Asia/Shanghai)",
            mask("t", "date_floor", unit="day", zone="Asia/Shanghai"),
        ),
        ("n:round(step=0.50)", mask("n", "round", step="0.5")),
        ("n:round(step=100)", mask("n", "round", step="100")),
        ("n:round(digits=-2)", mask("n", "round", digits=-2)),
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
        ("phone:partial(keep=four)", "'keep' is an integer from 0 to 4096", ""),
        ("phone:partial(keep=-1)", "'keep' is an integer", ""),
        ("phone:partial(keep=9999999999999999)", "'keep' is an integer", ""),
        ('phone:partial(keep=1")', "a mask is written column:method", ""),
        ('phone:partial("keep"=1)', "does not take '\"keep\"=1'", ""),
        ('phone:partial(keep=1 "2")', "does not take", ""),
        ("\ud800:hash", "Unicode text", ""),
    ],
)
def test_a_malformed_mask_is_refused(text, message, hint):
    with pytest.raises(PolicyError) as caught:
        parse_mask(text)
    assert caught.value.code == "policy.mask"
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_strength_falls_to_those_that_leave_a_part():
    assert list(METHODS) == sorted(STRENGTH, key=STRENGTH.__getitem__, reverse=True)
    assert METHODS[:5] == ("drop", "null", "constant", "hash", "tokenise")
    assert {STRENGTH[method] for method in METHODS[5:]} == {1}


def test_the_strongest_mask_of_a_column_stands():
    masks = (mask("a", "partial"), mask("b", "hash"), mask("a", "drop"), mask("a", "hash"))
    assert strongest(masks) == (mask("a", "drop"), mask("b", "hash"))


def test_two_of_one_method_that_differ_become_null():
    masks = (mask("a", "partial", keep=4), mask("a", "partial", keep=2))
    assert strongest(masks) == (mask("a", "null"),)
    assert strongest((masks[0], masks[0])) == (masks[0],)


def test_two_that_leave_different_parts_become_null():
    """A text without a telephone number passes one of them, the middle of it the other."""
    assert strongest((mask("a", "redact_pii"), mask("a", "partial"))) == (mask("a", "null"),)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("a:drop", "a:hash"),
        ("a:hash", "a:hash"),
        ("a:constant(value=x)", "a:hash"),
        ("a:tokenise", "a:redact_pii"),
        ("a:date_floor(unit=year)", "a:date_floor(unit=month)"),
        ("a:date_floor(unit=week, zone=UTC)", "a:date_floor(unit=day, zone=UTC)"),
        ("a:round(step=10)", "a:round(step=0.5)"),
        ("a:round(digits=-1)", "a:round(digits=2)"),
        ("a:round(step=0.5)", "a:round(digits=1)"),
    ],
)
def test_hiding_as_much(stronger, weaker):
    assert hides_as_much(parse_mask(stronger), parse_mask(weaker))
    assert stronger == weaker or not hides_as_much(parse_mask(weaker), parse_mask(stronger))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a:partial(keep=4)", "a:partial(keep=2)"),
        ("a:redact_pii", "a:partial"),
        ("a:date_floor(unit=year)", "a:round(digits=1)"),
        ("a:date_floor(unit=year)", "a:date_floor(unit=week)"),
        ("a:date_floor(unit=year, zone=UTC)", "a:date_floor(unit=day)"),
        ("a:round(step=2)", "a:round(step=3)"),
        ("a:constant(value=x)", "a:constant(value=y)"),
    ],
)
def test_neither_hides_what_the_other_hides(one, other):
    assert not hides_as_much(parse_mask(one), parse_mask(other))
    assert not hides_as_much(parse_mask(other), parse_mask(one))


_values = {
    "value": st.text(max_size=30),
    "keep": st.integers(0, MAX_KEEP),
    "digits": st.integers(-MAX_DIGITS, MAX_DIGITS),
    "step": st.sampled_from(["0.05", "1", "1000"]),
    "unit": st.sampled_from(UNITS),
    "zone": st.sampled_from(["UTC", "Asia/Shanghai", "Etc/GMT+8"]),
}


@st.composite
def _parameters(draw, method):
    names = PARAMETERS.get(method, ())
    if method == "round":
        names = (draw(st.sampled_from(names)),)
    return {name: draw(_values[name]) for name in names}


_columns = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).map(str.strip).filter(bool)
)


@given(_columns, st.sampled_from(METHODS), st.data())
def test_what_is_written_is_read_back(column, method, data):
    spec = mask(column, method, **data.draw(_parameters(method)))
    assert parse_mask(format_mask(spec)) == spec


@given(st.text(max_size=40) | st.text('a:hash(value)=",x ', max_size=40))
def test_any_text_is_a_mask_or_a_policy_error(text):
    spec = read_or_none(text)
    assert spec is None or parse_mask(format_mask(spec)) == spec


def read_or_none(text: str) -> MaskSpec | None:
    try:
        return parse_mask(text)
    except PolicyError:
        return None
