"""Offers and agreements as peers write them, of one permission with some constraints."""

from typing import Any

from trustspace.model.odrl import Agreement, Offer
from trustspace.policy.constraint import Normal
from trustspace.policy.lower import lower
from trustspace.policy.normal_rule import normal_rules
from trustspace.policy.rule import PolicyIR

TS = "https://w3id.org/trustspace/ns#"
UNTIL = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2026-12-31T16:00:00Z"}
COUNT = {"leftOperand": "count", "operator": "lteq", "rightOperand": "10"}
PURPOSE = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["a", "b"]}
SPATIAL = {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": "CN"}


def offer(*constraints: dict[str, Any], **members: Any) -> Offer:
    permission = {"action": "use", "constraint": list(constraints)}
    return Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [permission], **members})


def lowered(*constraints: dict[str, Any], **members: Any) -> PolicyIR:
    return lower(offer(*constraints, **members), kind="offer")


def shape(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": TS + left, "operator": operator, "rightOperand": right}


def agreement(*constraints: dict[str, Any], **members: Any) -> Agreement:
    permission = {"action": "use", "constraint": list(constraints)}
    return Agreement.read(
        {
            "@id": "urn:a",
            "@type": "Agreement",
            "target": "urn:d",
            "assigner": "did:web:p",
            "assignee": "did:web:c",
            "permission": [permission],
            **members,
        }
    )


def part(constraint: object) -> Normal:
    """Return one constraint in normal form."""
    permission = {"action": "use", "constraint": [constraint]}
    policy = Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [permission]})
    return normal_rules(policy.permissions, "permission")[0].parts[0]
