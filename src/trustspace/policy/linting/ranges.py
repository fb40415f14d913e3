"""Which values meet several comparisons of one operand at once, as far as that is certain.

Every operand is taken for one that may have several values, except with ``eq``; so two lists that
share no value need not contradict each other. Only contradictions that hold for every value are
found.

Example::

    clash(atom_before_2026, atom_after_2027)  # True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.policy.vocabulary import ORDERED, Kind

if TYPE_CHECKING:
    from trustspace.policy.constraint import Atom

CLOCKS = frozenset({"odrl:dateTime", "edc:inForceDate"})
"""Left operands that are compared with the present time."""

_NUMBERS = frozenset({Kind.DATE_TIME, Kind.INTEGER, Kind.DECIMAL, Kind.DURATION, Kind.FREQUENCY})

_NOT_NEGATIVE = frozenset({Kind.DURATION, Kind.FREQUENCY}) | frozenset(
    # Of these a negative value means nothing.
    {"odrl:count", "odrl:payAmount", "odrl:absoluteSize", "ts:dataRecord", "ts:dataSize"}
)

Range = tuple[int | None, int | None]
"""Lowest and highest value, both included; None for without end."""


def same_thing(one: Atom, other: Atom) -> bool:
    """Return whether two comparisons are about one value: operand and unit, or both the clock."""
    if one.left in CLOCKS and other.left in CLOCKS:
        return True
    return one.left == other.left and one.unit == other.unit


def is_number(atom: Atom) -> bool:
    """Return whether a comparison is one of numbers or times."""
    return atom.operand.kind in _NUMBERS and all(type(value) is int for value in atom.values)


def span(atom: Atom) -> Range:
    """Return the numbers that an ordered comparison or an equality leaves."""
    (right,) = [value for value in atom.values if isinstance(value, int)]
    lowest: int | None = None
    if atom.operand.kind in _NOT_NEGATIVE or atom.left in _NOT_NEGATIVE:
        lowest = 0
    match atom.op:
        case "odrl:lt":
            return lowest, right - 1
        case "odrl:lteq":
            return lowest, right
        case "odrl:gt":
            return right + 1, None
        case "odrl:gteq":
            return right, None
        case _:
            return right, right


def is_span(atom: Atom) -> bool:
    """Return whether a comparison leaves one range of numbers."""
    ordered = atom.op in ORDERED or atom.op == "odrl:eq"
    return is_number(atom) and ordered and len(atom.values) == 1


def impossible(atom: Atom) -> bool:
    """Return whether no value at all meets a comparison."""
    if not atom.values:
        return True
    if is_span(atom):
        lowest, highest = span(atom)
        return lowest is not None and highest is not None and lowest > highest
    return False


def clash(one: Atom, other: Atom) -> bool:
    """Return whether no value meets both comparisons of one thing."""
    if is_span(one) and is_span(other):
        return _apart(span(one), span(other))
    return any(_sets_clash(*pair) for pair in ((one, other), (other, one)))


def _apart(one: Range, other: Range) -> bool:
    lows = [low for low, _ in (one, other) if low is not None]
    highs = [high for _, high in (one, other) if high is not None]
    return bool(lows and highs) and max(lows) > min(highs)


def _sets_clash(one: Atom, other: Atom) -> bool:
    wanted, others = set(one.values), set(other.values)
    match one.op, other.op:
        case "odrl:eq", "odrl:eq":
            return wanted != others
        case "odrl:eq", "odrl:neq":
            return wanted == others
        case ("odrl:eq", "odrl:isAnyOf" | "odrl:isAllOf") | ("odrl:isAllOf", "odrl:isAnyOf"):
            return not wanted & others
        case "odrl:isAllOf", "odrl:isAllOf":
            return not wanted & others
        case (("odrl:isAnyOf" | "odrl:isAllOf" | "odrl:eq"), "odrl:isNoneOf"):
            return wanted <= others
        case _:
            return False


def implies(one: Atom, other: Atom) -> bool:
    """Return whether whatever meets one comparison surely meets another of the same thing."""
    if one.op == other.op and set(one.values) == set(other.values):
        return True
    if is_span(one) and is_span(other):
        (low, high), (other_low, other_high) = span(one), span(other)
        above = other_low is None or (low is not None and low >= other_low)
        below = other_high is None or (high is not None and high <= other_high)
        return above and below
    if one.op == other.op and one.op in ("odrl:isAnyOf", "odrl:isAllOf"):
        return set(one.values) < set(other.values)
    if one.op == other.op == "odrl:isNoneOf":
        return set(one.values) > set(other.values)
    return False
