"""What becomes of something under way that is decided again: it goes on, pauses, or ends.

It ends where nothing can make it right again: its time is over, a credential was revoked, the
agreement has ended, or a duty that ends it is overdue. Whatever else denies pauses it.

Example::

    outcome(request, engine.decide(request))   # "suspend"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trustspace.policy.lasting import CLOCKS

if TYPE_CHECKING:
    from trustspace.policy.decision import Decision, DecisionRequest, Reason

Outcome = Literal["keep", "suspend", "terminate"]

_UNTIL = frozenset({"odrl:lt", "odrl:lteq"})
_ENDED = frozenset({"agreement.not_active", "agreement.expired", "agreement.digest"})


def outcome(request: DecisionRequest, decision: Decision) -> Outcome:
    """Return what a decision means for what is under way.

    Args:
        request: What was asked, at the point ``monitor``.
        decision: The answer.
    """
    if decision.allow:
        return "keep"
    return "terminate" if is_final(request, decision) else "suspend"


def is_final(request: DecisionRequest, decision: Decision) -> bool:
    """Say whether a denial will never turn into an allow by itself."""
    duties = {duty.id: duty for policy in request.policies for duty in policy.duties()}
    for reason in decision.reasons:
        if reason.id in _ENDED:
            return True
        owed = duties.get(reason.at or "")
        if reason.id == "odrl.obligation.overdue" and owed and owed.on_failure == "terminate":
            return True
    conjuncts = {
        rule.id: frozenset(rule.top) for policy in request.policies for rule in policy.permissions
    }
    failing = {reason.rule for reason in decision.reasons if reason.rule in conjuncts}
    over = {
        reason.rule
        for reason in decision.reasons
        if reason.rule in conjuncts
        and reason.at in conjuncts[reason.rule]
        and _is_over(request, reason)
    }
    return bool(failing) and failing == over


def _is_over(request: DecisionRequest, reason: Reason) -> bool:
    """Say whether a comparison has become false for good."""
    if reason.id != "odrl.constraint.unsatisfied" or reason.left is None:
        return False
    if reason.left in CLOCKS:
        return reason.op in _UNTIL
    fact = request.facts.get(reason.left)
    return fact is not None and any(name.startswith("revocation:") for name in fact.depends)
