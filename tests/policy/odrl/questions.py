"""Short forms of policies, requests and worlds for tests."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NOW = "2026-11-25T00:00:00Z"


def constraint(left: str, operator: str, right: Any, **more: Any) -> Json:
    """Return a constraint."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


def rule(*constraints: Any, action: Any = "use", **more: Any) -> Json:
    """Return a rule."""
    return {"action": action, **({"constraint": list(constraints)} if constraints else {}), **more}


def policy(*permissions: Any, **more: Any) -> Json:
    """Return a policy of permissions."""
    given = {"permission": list(permissions)} if permissions else {}
    return {"@context": "http://www.w3.org/ns/odrl.jsonld", "uid": "urn:p", **given, **more}


def question(policy_: Any, context: Any = None, world: Json | None = None, **request: Any) -> Json:
    """Return a question: by default a use at a fixed time."""
    asked: Json = {"action": "use", **request}
    if context is not None:
        asked["context"] = context
    return {"id": "q", "policy": policy_, "request": asked, "world": {"time": NOW} | (world or {})}


EURO = "http://dbpedia.org/resource/Euro"
PURPOSE = constraint("purpose", "eq", "urn:research", uid="urn:c1")
PAY = constraint("payAmount", "eq", {"@value": "5.00", "@type": "xsd:decimal"}, unit=EURO)
COMPENSATE = {
    "uid": "urn:d1",
    "action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [PAY]}],
}
PAID = {"payments": [{"amount": "5.00", "unit": EURO, "evidence": "urn:receipt"}]}
GROUP = {"@type": "PartyCollection", "source": "urn:group"}
