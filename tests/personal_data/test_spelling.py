import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.personal_data.spelling import INVISIBLE, plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("138-1234", "138-1234"),
        ("\uff11\uff13\uff18\u2013\u0661\u0967\U0001d7da", "138-112"),
        ("\uff21\uff20\uff42\uff0ecn", "A@b.cn"),
        ("1\u200b2\ufeff3\u00ad4", f"1{INVISIBLE}2{INVISIBLE}3{INVISIBLE}4"),
        ("1\u00a02\u30003", "1 2 3"),
        ("\uff08021\uff09", "(021)"),
        ("中文\uff0c标点\uff1a不变。", "中文\uff0c标点\uff1a不变。"),
        ("\U0001f600 \U0001d7ce", "\U0001f600 0"),
    ],
)
def test_what_looks_alike_is_spelled_alike(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_every_digit_of_every_script_is_one() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) == "Nd":
            assert plain(character) == str(unicodedata.decimal(character))


@given(st.text())
def test_places_stay_what_they_are(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)
