"""Numbers with decimal places are kept exactly, and come back as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.policy.decimals import MONEY_SCALE, SCALE, as_written, scale_of, units
from trustspace.policy.operands import EVERY_OPERAND

MONEY = EVERY_OPERAND["odrl:payAmount"]


def test_money_has_a_scale_of_its_own():
    assert scale_of(MONEY) == MONEY_SCALE
    assert scale_of(EVERY_OPERAND["odrl:percentage"]) == SCALE


@pytest.mark.parametrize(
    ("raw", "found"),
    [("5.00", 50_000), (5, 50_000), (" 0.0001 ", 1), ("-1", -10_000), (2.5, 25_000)],
)
def test_a_number_in_whole_units(raw, found):
    assert units(raw, scale=MONEY_SCALE) == found


@pytest.mark.parametrize("raw", [True, "five", "0.00001", "1e400", "NaN", "Infinity", None, ""])
def test_what_is_no_number_is_refused(raw):
    with pytest.raises(PolicyError) as caught:
        units(raw, scale=MONEY_SCALE)
    assert caught.value.code == "policy.datatype"


@given(st.integers(-(10**12), 10**12))
def test_a_number_is_read_back(value):
    assert units(as_written(value, MONEY), scale=MONEY_SCALE) == value


def test_only_numbers_are_written_otherwise():
    assert as_written((50_000, "x", True), MONEY) == (5, "x", True)
    assert as_written(5, EVERY_OPERAND["odrl:count"]) == 5
    assert as_written(False, MONEY) is False
    assert as_written(12_345, MONEY) == "1.2345"
