"""A site's rules in a folder, and modules made of them without OPA."""

from __future__ import annotations

from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.sources import Sources

ODRL = "http://www.w3.org/ns/odrl.jsonld"


def policy(operand: str = "acme:reactorClass") -> dict[str, object]:
    """A policy over a site's own operand."""
    constraint = {"leftOperand": operand, "operator": "eq", "rightOperand": "A"}
    rule = {"target": "urn:d", "action": "use", "constraint": [constraint]}
    return {"@context": ODRL, "@type": "Set", "uid": "urn:p", "permission": [rule]}


def cases(*, party: str = "urn:bob", expect: str = "permit") -> dict[str, object]:
    """One case over a plain policy."""
    rule = {"target": "urn:d", "action": "use"}
    plain = {"@context": ODRL, "@type": "Set", "uid": "urn:p", "permission": [rule]}
    asked = {"party": party, "action": "use", "target": "urn:d"}
    return {"policy": plain, "cases": [{"name": "one", "request": asked, "expect": expect}]}


def shipped_module(*groups: object) -> RuleModule:
    """The shipped rules as a module, with groups of cases."""
    sources, shipped = Sources.core(), CompiledPolicy.shipped()
    described = CompiledPolicy.of(shipped.module, sources.data, source=sources.revision)
    return RuleModule.assemble(sources, described, list(groups))
