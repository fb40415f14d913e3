"""When one constraint is at least as strict as another.

Two constraints are equal when their `key` is: spelling, the order of lists and of alternatives, a
list of one or its element make no difference. A constraint `implies` another when whatever
satisfies the first satisfies the second; where that cannot be told from the text alone (places
within places, facts with several values) the answer is no.

Example::

    implies(atom("purpose eq A"), atom("purpose isAnyOf [A, B]"))  # True
    implies(atom("count lteq 10"), atom("count lt 10"))            # False
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from trustspace.policy.constraint import Atom, Group, Normal
from trustspace.policy.mask import format_mask
from trustspace.policy.row_filter import format_where
from trustspace.policy.vocabulary import MEMBERSHIP, Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


def key(part: Normal) -> Hashable:
    """Return what equal constraints have in common, however they are written."""
    if isinstance(part, Group):
        keys = [key(each) for each in part.parts]
        if part.kind == "andSequence":
            return part.kind, tuple(keys)
        # Counted, not a set: one of two equal alternatives never holds alone.
        return part.kind, frozenset(Counter(keys).items())
    if part.operand.kind is Kind.ROW_FILTER:
        return part.left, part.op, format_where(part.filter)
    if part.operand.kind is Kind.MASKS:
        return part.left, part.op, frozenset(format_mask(mask) for mask in part.masks)
    several = part.op in MEMBERSHIP or isinstance(part.right, tuple)
    right = frozenset(part.values) if several else part.right
    return part.left, part.op, right if part.unit is None else (right, part.unit)


def implies(asked: Normal, stored: Normal) -> bool:
    """Tell whether whatever satisfies the asked constraint satisfies the stored one."""
    if isinstance(stored, Atom):
        return isinstance(asked, Atom) and _atom_implies(asked, stored)
    if key(asked) == key(stored):
        return True
    if stored.kind == "or":
        alternatives = asked.parts if isinstance(asked, Group) and asked.kind == "or" else (asked,)
        return all(any(implies(each, part) for part in stored.parts) for each in alternatives)
    if stored.kind == "and" and isinstance(asked, Group) and asked.kind == "and":
        return all(any(implies(each, part) for each in asked.parts) for part in stored.parts)
    return False


def _atom_implies(asked: Atom, stored: Atom) -> bool:
    if asked.left != stored.left or asked.unit != stored.unit:
        return False
    if key(asked) == key(stored):
        return True
    if stored.operand.kind in _RANGES:
        return _is_within(asked, stored)
    if asked.op == "odrl:eq":
        return stored.op in ("odrl:isAnyOf", "odrl:isAllOf") and asked.right in stored.values
    if asked.op == stored.op == "odrl:isNoneOf":
        return set(asked.values) >= set(stored.values)
    shortened = asked.op in ("odrl:isAnyOf", "odrl:isAllOf", "odrl:isPartOf")
    return shortened and asked.op == stored.op and set(asked.values) <= set(stored.values)


def _is_within(asked: Atom, stored: Atom) -> bool:
    """Compare the ranges of two bounds; integers, so that ``lteq 9`` is ``lt 10``."""
    if not isinstance(asked.right, int) or not isinstance(stored.right, int):
        return False
    if stored.op == "odrl:neq":
        return False
    low, high = _range(asked)
    lowest, highest = _range(stored)
    return lowest <= low and high <= highest


def _range(atom: Atom) -> tuple[float, float]:
    value = cast("int", atom.right)
    return {
        "odrl:lt": (-_ENDLESS, value - 1),
        "odrl:lteq": (-_ENDLESS, value),
        "odrl:gt": (value + 1, _ENDLESS),
        "odrl:gteq": (value, _ENDLESS),
        "odrl:eq": (value, value),
    }.get(atom.op, (-_ENDLESS, _ENDLESS))


_ENDLESS = float("inf")

_RANGES = frozenset(
    {Kind.DATE_TIME, Kind.INTEGER, Kind.FREQUENCY, Kind.DECIMAL, Kind.DURATION, Kind.QUANTITY}
)


def any_implies(asked: Iterable[Normal], stored: Normal) -> bool:
    """Tell whether one of several constraints implies another."""
    return any(implies(each, stored) for each in asked)
