"""Reasons and decisions in their short form made into whole values."""

from typing import Any

from trustspace.policy.decision import Decision, Reason

PURPOSE = {
    "id": "odrl.constraint.unsatisfied",
    "at": "c1",
    "rule": "p1",
    "left": "odrl:purpose",
    "op": "odrl:isAnyOf",
    "expected": ("credit-scoring", "research"),
    "actual": "marketing",
    "unit": None,
    "src": "/permission/0/constraint/0",
}


def reason(**members: Any) -> Reason:
    return Reason.model_validate(dict.fromkeys(Reason.model_fields) | members)


def decision(*reasons: Reason, **members: Any) -> Decision:
    plain: dict[str, Any] = {
        "v": 1,
        "id": "r",
        "allow": not reasons,
        "effect": "deny" if reasons else "allow",
        "bundle": "sha256:b",
        "policy": ("urn:a",),
        "considered": ("p1",),
        "rules": () if reasons else ("p1",),
        "reasons": reasons,
        "obligations": (),
        "filters": (),
        "columns": None,
        "masks": (),
        "limits": (),
        "depends": (),
        "deferred": (),
        "ttl": 0 if reasons else 60,
    }
    return Decision.model_validate(plain | members)
