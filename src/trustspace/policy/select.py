"""Pre-selection: only rules that can concern a request go into the engine.

An agreement may hold many permissions and prohibitions for other actions, datasets and parties.
Leaving them out makes the input small and never changes the decision: a rule is left out only
when the engine itself would find that it does not cover the request, by the same three tests.
Obligations always go in.

Example::

    applicable(policy, action="odrl:use", subject=subject, resource=resource)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustspace.policy.decision import PolicyIR, Resource, RuleIR, Subject


def applicable(policy: PolicyIR, *, action: str, subject: Subject, resource: Resource) -> PolicyIR:
    """Return the policy with only the rules that cover the action, the resource and the party.

    Args:
        policy: Normalised policy.
        action: Prefixed action of the request.
        subject: Who asks.
        resource: What is asked for.
    """
    parties = {*subject.ids, *subject.groups}
    resources = set(resource.ids)

    def covers(rule: RuleIR) -> bool:
        return (
            action in rule.actions
            and (rule.target is None or rule.target in resources)
            and (rule.assignee is None or rule.assignee in parties)
        )

    permissions = tuple(rule for rule in policy.permissions if covers(rule))
    # One that was breached is not over when the question is another: its remedies are owed.
    prohibitions = tuple(rule for rule in policy.prohibitions if covers(rule) or rule.duties)
    return policy.model_copy(update={"permissions": permissions, "prohibitions": prohibitions})
