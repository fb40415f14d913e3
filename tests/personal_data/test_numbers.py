from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.personal_data.numbers import (
    is_bank_card,
    is_identity_card,
    number_kind,
    passport_letters,
)


def luhn_digit(digits: str) -> str:
    """The textbook's algorithm, digit by digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def identity_digit(digits: str) -> str:
    """ISO 7064, MOD 11-2, in its recursive form."""
    product = 0
    for digit in digits:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(12 - product) % 11]


digits_of = st.text("0123456789", min_size=12, max_size=18)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("11010519491231002X", True),
        ("11010519491231002x", True),
        ("110105194912310021", False),
        ("11010519491331002X", False),
        ("1101051949123100X2", False),
        ("01010519491231002X", False),
        ("11010519491231002", False),
    ],
)
def test_identity_cards(number: str, expected: bool) -> None:
    assert is_identity_card(number) is expected


@given(
    st.integers(110000, 829999),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.integers(0, 999),
    st.sampled_from("0123456789X"),
)
def test_only_one_check_digit_fits(region: int, born: date, order: int, check: str) -> None:
    digits = f"{region}{born:%Y%m%d}{order:03}"
    assert is_identity_card(digits + check) is (identity_digit(digits) == check)


@given(digits_of, st.sampled_from("0123456789"))
def test_bank_cards_have_the_digit_of_luhn(digits: str, check: str) -> None:
    is_issued = digits[0] not in "01" and len(set(digits + check)) > 1
    assert is_bank_card(digits + check) is (luhn_digit(digits) == check and is_issued)


@pytest.mark.parametrize("number", ["4" * 12, "4" * 20, "0000000000000000", "1111111111111111"])
def test_no_bank_card(number: str) -> None:
    assert not is_bank_card(number)


@pytest.mark.parametrize(
    ("groups", "has_plus", "expected"),
    [
        (("13812345678",), False, "PHONE"),
        (("138", "1234", "5678"), False, "PHONE"),
        (("8613812345678",), False, "PHONE"),
        (("008613812345678",), False, "PHONE"),
        (("86", "13812345678"), True, "PHONE"),
        (("12345678901",), False, None),
        (("021", "62833333"), False, "PHONE"),
        (("010", "6283", "3333"), False, "PHONE"),
        (("0001234567",), False, None),
        (("49", "30", "901820"), True, "PHONE"),
        (("1234567",), True, None),
        (("1", "2"), True, None),
        (("0123456789",), True, None),
        (("415", "555", "2671"), False, "PHONE"),
        (("115", "555", "2671"), False, None),
        (("4155552671",), False, None),
        (("123456789",), False, None),
        (("4111", "1111", "1111", "1111"), False, "BANK_CARD"),
        (("378", "282", "246", "310", "005"), False, None),
        (("3782", "822463", "10005"), False, "BANK_CARD"),
        (("110105", "19491231", "002X"), False, "ID_CARD"),
        (("110105", "19491231", "003X"), False, None),
    ],
)
def test_kinds_of_numbers(groups: tuple[str, ...], has_plus: bool, expected: str | None) -> None:
    assert number_kind(groups, has_plus=has_plus) == expected


@pytest.mark.parametrize(
    ("digits", "before", "count"),
    [
        ("12345678", " E", 1),
        ("12345678", "号g", 1),
        ("1234567", " EA", 2),
        ("1234567", " PE", 2),
        ("1234567", " EI", 0),
        ("1234567", " XA", 0),
        ("12345678", "aE", 0),
        ("12345678", "E", 1),
        ("12345678", "", 0),
        ("1234567", "1EA", 0),
    ],
)
def test_passports_of_china(digits: str, before: str, count: int) -> None:
    assert passport_letters(digits, before) == count
