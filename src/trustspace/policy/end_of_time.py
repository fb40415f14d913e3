"""When the time of a policy is over: the instant from which none of its permissions holds.

Bounds on the time (``dateTime lt``, ``lteq``, ``eq``) end a permission; of several that must all
hold the earliest one does, of alternatives the latest. A policy ends with its last permission.

Example::

    rules = lower(agreement, kind="agreement")  # permission: dateTime lt 2027-01-01T00:00:00Z
    ends_at(rules)  # datetime(2027, 1, 1, tzinfo=UTC)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.policy.lasting import CLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustspace.policy.decision import Leaf, LogicNode, PolicyIR, RuleIR

_AFTER = {"odrl:lt": 0, "odrl:lteq": 1, "odrl:eq": 1}
"""Seconds from a bound to the first second at which a comparison with it is false for good."""

_JOINED = frozenset({"and", "andSequence"})


def ends_at(rules: PolicyIR) -> datetime | None:
    """Return the instant (UTC) from which no permission holds, or None when there is none."""
    return _instant(_latest(_end_of(rule) for rule in rules.permissions))


def _end_of(rule: RuleIR) -> int | None:
    """Return the Unix second from which a permission does not hold."""
    known: dict[str, int | None] = {leaf.id: _bound(leaf) for leaf in rule.leaves}
    for level in rule.logic:
        for node in level:
            known[node.id] = _joined(node, known)
    return _earliest(known[name] for name in (*rule.top, *rule.refine))


def _bound(leaf: Leaf) -> int | None:
    if leaf.left not in CLOCKS or leaf.op not in _AFTER or not isinstance(leaf.right, int):
        return None
    return leaf.right + _AFTER[leaf.op]


def _joined(node: LogicNode, known: dict[str, int | None]) -> int | None:
    parts = [known[name] for name in node.args]
    return _earliest(parts) if node.kind in _JOINED else _latest(parts)


def _earliest(ends: Iterable[int | None]) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def _latest(ends: Iterable[int | None]) -> int | None:
    found = list(ends)
    known = [end for end in found if end is not None]
    return max(known) if known and len(known) == len(found) else None


def _instant(second: int | None) -> datetime | None:
    try:
        return None if second is None else datetime.fromtimestamp(second, UTC)
    except (OverflowError, OSError, ValueError):
        return None  # Beyond the last year that can be written: never, for every purpose.
