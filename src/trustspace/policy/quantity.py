"""Amounts that a limit counts: rows, bytes and running time, in all or within each window.

DSP 2025-1 has no ``unit`` in a constraint, so an amount is written with its unit in the right
operand, and with a window where it begins anew: ``1000/P1D`` rows, ``10GB``, ``PT8H/P7D``. Within
the engine an amount is an integer: rows, bytes, seconds; a window is the unit of the comparison.

A limit's unit says what is counted and in which window: ``count`` and ``P1D`` are uses, ``row``,
``byte`` and ``second`` amounts in all, ``row/P1D`` amounts within each window.

Example::

    read_quantity("10GB/P1D", "byte")     # (10000000000, 'P1D')
    Measured.of("row/P1D")                # Measured(what='row', window='P1D')
    size_text(1_048_576)                  # '1MiB'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from trustspace.errors import PolicyError
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.right_operand import seconds_of
from trustspace.policy.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

What = Literal["use", "row", "byte", "second"]
"""What a limit counts."""

MEASURES: Mapping[str, What] = MappingProxyType(
    {"ts:dataRecord": "row", "ts:dataSize": "byte", "odrl:meteredTime": "second"}
)
"""What the left operands count that count more than uses."""

COUNT = "count"
"""Unit of a limit of uses in all."""

_OPERANDS: Mapping[str, str] = MappingProxyType({what: name for name, what in MEASURES.items()})
_UNITS: Mapping[str, int] = MappingProxyType(
    {
        "TB": 10**12,
        "GB": 10**9,
        "MB": 10**6,
        "kB": 10**3,
        "TiB": 1 << 40,
        "GiB": 1 << 30,
        "MiB": 1 << 20,
        "KiB": 1 << 10,
        "B": 1,
    }
)
"""Units of sizes (IEC 80000-13), in bytes."""

_SPELLINGS = {name.lower(): factor for name, factor in _UNITS.items()}
_NUMBER = re.compile(r"[0-9]{1,16}")
_SIZE = re.compile(r"(?P<number>[0-9]{1,16}(?:\.[0-9]{1,12})?) ?(?P<unit>[A-Za-z]{0,3})")
_EXPECTED: Mapping[What, tuple[str, str]] = MappingProxyType(
    {
        "row": ("a number of rows such as 1000 or 1000/P1D", ""),
        "byte": ("a size such as 10GB, 512KiB or 10GB/P1D", "units are " + ", ".join(_UNITS)),
        "second": ("a running time such as PT8H or PT8H/P7D", ""),
    }
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the unit of a limit stands for.

    Attributes:
        what: What is counted.
        window: The window in which it is counted anew, or None.
    """

    what: What
    window: str | None = None

    @classmethod
    def of(cls, unit: str) -> Measured:
        """Read the unit of a limit."""
        if unit == COUNT:
            return cls("use")
        what, _, window = unit.partition("/")
        for known in _OPERANDS:
            if what == known:
                return cls(MEASURES[_OPERANDS[known]], window or None)
        return cls("use", unit)

    def __str__(self) -> str:
        """Return the unit of a limit."""
        if self.what == "use":
            return self.window or COUNT
        return f"{self.what}/{self.window}" if self.window else self.what

    @property
    def left(self) -> str:
        """Left operand of such a limit."""
        if self.what == "use":
            return "ts:frequency" if self.window else "odrl:count"
        return _OPERANDS[self.what]


def read_quantity(text: str, what: What) -> tuple[int, str | None]:
    """Return an amount and its window in its one spelling, or None where it has none.

    Raises:
        PolicyError: It is no such amount, code ``policy.datatype``.
    """
    amount, slash, window = text.strip().partition("/")
    number = _amount(amount, what)
    if number is None or not 1 <= number <= MAX_INTEGER:
        expected, hint = _EXPECTED[what]
        raise PolicyError(
            f"expected {expected}, found {text[:80]!r}", code="policy.datatype", hint=hint
        )
    return number, str(Window.of(window)) if slash else None


def write_quantity(number: int, window: str | None, what: What) -> str:
    """Return an amount as it is written in a policy."""
    amount = {"byte": size_text, "second": duration_text}.get(what, str)(number)
    return f"{amount}/{window}" if window else amount


def size_text(number: int) -> str:
    """Return a size in the unit in which it is shortest."""
    fitting = [
        f"{number // factor}{name}" for name, factor in _UNITS.items() if number % factor == 0
    ]
    return min(fitting, key=len) if number else "0B"


def duration_text(seconds: int) -> str:
    """Return whole seconds as an ISO 8601 duration in the largest units that fit."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    time = "".join(
        f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number
    )
    day = f"{days}D" if days else ""
    return f"P{day}T{time}" if time else f"P{day}" if day else "PT0S"


def _amount(text: str, what: What) -> int | None:
    if what == "second":
        return seconds_of(text)
    if what != "byte":
        return int(text) if _NUMBER.fullmatch(text) else None
    match = _SIZE.fullmatch(text)
    factor = _SPELLINGS.get((match["unit"] or "B").lower()) if match else None
    if match is None or factor is None:
        return None
    size = Fraction(match["number"]) * factor
    return int(size) if size.denominator == 1 else None
