r"""One spelling for what looks alike: digits of every script, wide letters, dashes, spaces.

Each character becomes one character, so that places in the text stay what they are.

Example::

    plain("\\uff11\\uff13\\uff18\\u2013\\uff11\\uff12\\uff13\\uff14")  # '138-1234'
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

INVISIBLE = "\N{WORD JOINER}"
"""What every invisible character is read as."""

_WIDE = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff08\uff09\uff0b\uff0d\uff0e\uff20"
_NOT_SEEN = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
_SPACES = "\u00a0\u2000-\u200a\u202f\u3000"
_END_OF_DIGITS = 0x20000
"""Planes beyond the first two hold no digits, and are long to look through."""
_DASHES = "\u2010-\u2015\u2212"


def plain(text: str) -> str:
    """Return a text of the same length in which equal signs are spelled alike."""
    if text.isascii() or (_unusual().search(text) is None and _ASTRAL.search(text) is None):
        return text
    return text.translate(_usual())


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
"""Beyond the basic plane; in a class of its own, since one class for both is searched slowly."""


@cache
def _unusual() -> re.Pattern[str]:
    digits = "".join(digit for digit in _decimals() if digit < "\U00010000")
    return re.compile(f"[{_WIDE}{_NOT_SEEN}{_SPACES}{_DASHES}{digits}]")


@cache
def _usual() -> dict[int, str]:
    spelled = {ord(digit): str(value) for digit, value in _decimals().items()}
    everything = "".join(map(chr, range(0x80, 0x10000)))
    for characters, usual in ((_NOT_SEEN, INVISIBLE), (_SPACES, " "), (_DASHES, "-")):
        spelled |= {ord(each): usual for each in re.findall(f"[{characters}]", everything)}
    for wide in re.findall(f"[{_WIDE}]", everything):
        spelled[ord(wide)] = unicodedata.normalize("NFKC", wide)
    return spelled


@cache
def _decimals() -> dict[str, int]:
    """Return the decimal digits of all scripts but ASCII's (Unicode, category Nd)."""
    found = {}
    for character in map(chr, range(0x80, _END_OF_DIGITS)):
        value = unicodedata.decimal(character, None)
        if value is not None:
            found[character] = value
    return found
