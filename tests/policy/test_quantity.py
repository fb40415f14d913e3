"""Amounts with units and windows: one reading, one spelling, clear refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.quantity import (
    Measured,
    duration_text,
    read_quantity,
    size_text,
    write_quantity,
)
from trustspace.policy.right_operand import seconds_of


@pytest.mark.parametrize(
    ("text", "what", "number", "window"),
    [
        ("1000", "row", 1000, None),
        (" 1000/PT24H ", "row", 1000, "P1D"),
        ("1000/P1D+08:00", "row", 1000, "P1D+08:00"),
        ("10485760", "byte", 10_485_760, None),
        ("10GB", "byte", 10**10, None),
        ("10 gb/P7D", "byte", 10**10, "P7D"),
        ("1.5 MiB", "byte", 1_572_864, None),
        ("512KiB", "byte", 524_288, None),
        ("7B/PT1H", "byte", 7, "PT1H"),
        ("PT8H", "second", 28_800, None),
        ("PT90M/P1D", "second", 5_400, "P1D"),
        (str(MAX_INTEGER), "byte", MAX_INTEGER, None),
    ],
)
def test_amounts_are_read(text, what, number, window):
    assert read_quantity(text, what) == (number, window)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("0", "row"),
        ("-1", "row"),
        ("1.5", "row"),
        ("10GB", "row"),
        ("", "row"),
        ("1000/", "row"),
        ("1000/P1M", "row"),
        ("1000/P2D", "row"),
        ("1000/P1D/P1D", "row"),
        ("\u0661", "row"),
        (str(MAX_INTEGER + 1), "row"),
        ("10GX", "byte"),
        ("1.5B", "byte"),
        ("GB", "byte"),
        ("10_000", "byte"),
        ("9999999TB", "byte"),
        ("PT0S", "second"),
        ("3600", "second"),
        ("P1M", "second"),
    ],
)
def test_what_is_no_amount_is_refused(text, what):
    with pytest.raises(PolicyError) as caught:
        read_quantity(text, what)
    assert caught.value.code == "policy.datatype"


@given(st.integers(1, MAX_INTEGER), st.sampled_from(["row", "byte"]))
def test_what_is_written_is_read_again(number, what):
    assert read_quantity(write_quantity(number, None, what), what) == (number, None)
    assert read_quantity(write_quantity(number, "P1D", what), what) == (number, "P1D")


@given(st.integers(0, 10**9))
def test_durations_are_written_as_they_are_read(seconds):
    assert seconds_of(duration_text(seconds)) == seconds


def test_sizes_take_the_unit_in_which_they_are_shortest():
    sizes = {0: "0B", 1: "1B", 1000: "1kB", 1024: "1KiB", 1536: "1536B", 5 * 10**9: "5GB"}
    assert {number: size_text(number) for number in sizes} == sizes
    assert write_quantity(28_800, "P7D", "second") == "PT8H/P7D"
    assert duration_text(90_061) == "P1DT1H1M1S"


@pytest.mark.parametrize(
    ("unit", "what", "window", "left"),
    [
        ("count", "use", None, "odrl:count"),
        ("P1D", "use", "P1D", "ts:frequency"),
        ("row", "row", None, "ts:dataRecord"),
        ("row/PT1H", "row", "PT1H", "ts:dataRecord"),
        ("byte", "byte", None, "ts:dataSize"),
        ("second/P1D+08:00", "second", "P1D+08:00", "odrl:meteredTime"),
    ],
)
def test_units_of_limits_say_what_is_counted(unit, what, window, left):
    measured = Measured.of(unit)
    assert (measured.what, measured.window, measured.left) == (what, window, left)
    assert str(measured) == unit
