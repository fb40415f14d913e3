"""Which digits are an identity card, a bank card, a telephone or a passport.

Example::

    is_identity_card("11010519491231002X")  # True
    is_bank_card("4111111111111111")  # True
    number_kind(("138", "1234", "5678"))  # 'PHONE'
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

NumberKind = Literal["ID_CARD", "BANK_CARD", "PHONE"]

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
"""GB 11643-1999, 4.4: weights of ISO 7064, MOD 11-2, and the check character by remainder."""

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""ISO/IEC 7812-1, annex B: every second digit doubled, its digits added."""

FEWEST_DIGITS = 10
"""A number of fewer digits is recognised after a plus only."""

_CARD_GROUPS = frozenset({(4, 6, 4), (4, 6, 5), (6, 13)})
"""How the digits stand on cards that do not have them in fours."""

_MOBILE = re.compile(r"(?:00)?(?:86)?1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})[2-9][0-9]{6,7}")
_ABROAD = re.compile(r"[1-9][0-9]{7,14}")
"""ITU-T E.164: at most 15 digits after the plus; fewer than eight are no subscriber's number."""

_NORTH_AMERICA = (3, 3, 4)

_PASSPORT = re.compile(r"(?:[EG][0-9]{8}|[DESP][A-HJ-NP-Z][0-9]{7})")
"""Ordinary, service and diplomatic passports of the People's Republic of China."""


def is_identity_card(number: str) -> bool:
    """Tell whether it is a citizen's number with a birthday that was and a check digit that fits.

    Args:
        number: 17 digits and a digit or ``X``.
    """
    if len(number) != 18 or not number[:17].isdigit() or number[0] == "0":
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number[:17], strict=True))
    return 1800 <= born.year < 2200 and _CHECK[total % 11] == number[17].upper()


def is_bank_card(number: str) -> bool:
    """Tell whether it is a card's number of 13 to 19 digits whose check digit fits.

    Numbers that begin with 0 or 1 are left out: no bank issues them, and times in milliseconds look
    like them.
    """
    if not 13 <= len(number) <= 19 or number[0] in "01" or len(set(number)) == 1:
        return False
    digits = [ord(digit) - 48 for digit in reversed(number)]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0


def number_kind(groups: Sequence[str], *, has_plus: bool = False) -> NumberKind | None:
    """Return what groups of digits are together, or None.

    Args:
        groups: Digits between separators; the last may end in ``X``.
        has_plus: Whether a plus stands before the first.
    """
    number = "".join(groups)
    if len(number) < FEWEST_DIGITS and not has_plus:
        return None
    if is_identity_card(number):
        return "ID_CARD"
    if not number.isdigit():
        return None
    if _MOBILE.fullmatch(number):
        return "PHONE"
    if _is_grouped_as_card(groups) and is_bank_card(number):
        return "BANK_CARD"
    return "PHONE" if _is_phone(groups, number, has_plus=has_plus) else None


def _is_grouped_as_card(groups: Sequence[str]) -> bool:
    """Tell whether digits stand together as on cards, and not as thousands or dates."""
    if len(groups) == 1 or tuple(map(len, groups)) in _CARD_GROUPS:
        return True
    return all(len(group) == len(groups[0]) > 3 for group in groups[:-1])


def _is_phone(groups: Sequence[str], number: str, *, has_plus: bool) -> bool:
    if has_plus:
        return _ABROAD.fullmatch(number) is not None
    if number[0] == "0":
        return _LANDLINE.fullmatch(number) is not None
    return tuple(map(len, groups)) == _NORTH_AMERICA and groups[0][0] in "23456789"


def passport_letters(digits: str, before: str) -> int:
    """Return how many of the letters before digits make a Chinese passport's number of them.

    Args:
        digits: Seven or eight digits with no letter or digit behind.
        before: What stands before them, at least three characters where there are so many.
    """
    for count in (1, 2):
        letters = before[-count:]
        further = before[-count - 1 : -count]
        is_begin = len(letters) == count and not (further.isascii() and further.isalnum())
        if is_begin and _PASSPORT.fullmatch(letters.upper() + digits):
            return count
    return 0
