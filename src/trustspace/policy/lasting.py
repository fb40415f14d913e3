"""For how long a decision stands: until the next moment at which something in it may change.

Example::

    time_to_live(request)  # 1, one second before a rule's time is up
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustspace.policy.decision import DecisionRequest

LONGEST_LEASE = 60
"""Seconds after which every decision is asked for again."""

CLOCKS = frozenset({"odrl:dateTime", "edc:inForceDate"})
"""Left operands whose fact is the time of the request."""


def time_to_live(request: DecisionRequest) -> int:
    """Return for how many seconds a decision on the request may be leased, 1 to 60."""
    change = next_change(request)
    return LONGEST_LEASE if change is None else min(LONGEST_LEASE, change - request.now)


def next_change(request: DecisionRequest) -> int | None:
    """Return the next moment at which the passing of time may change a decision, Unix seconds."""
    moments = [
        moment
        for policy in request.policies
        for one in (*policy.permissions, *policy.prohibitions, *policy.duties())
        for leaf in one.leaves
        if leaf.left in CLOCKS and isinstance(leaf.right, int)
        for moment in (leaf.right, leaf.right + 1)
    ]
    # A duty lapses in the second after its term.
    moments += [
        duty.deadline + 1
        for policy in request.policies
        for duty in policy.duties()
        if duty.deadline is not None
    ]
    moments += [due + 1 for due in request.duties.outstanding.values()]
    moments += [fact.expires for fact in request.facts.values() if fact.expires is not None]
    if request.agreement is not None and request.agreement.expires is not None:
        moments.append(request.agreement.expires)
    return min((moment for moment in moments if moment > request.now), default=None)
