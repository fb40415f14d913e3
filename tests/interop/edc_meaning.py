"""What a policy means to an Eclipse connector: its JSON-LD expanded, then read into its own model.

Written from the published contexts and apart from our own reader, so that the two check each other.
Two policies are equal to it when their `meaning` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DSP = "https://w3id.org/dspace/2025/1/context.jsonld"
EDC = "https://w3id.org/edc/dspace/v0.0.1"
EDC_NS = "https://w3id.org/edc/v0.0.1/ns/"
ODRL = "http://www.w3.org/ns/odrl/2/"

PREFIXES = {
    DSP: {
        "odrl": ODRL,
        "dspace": "https://w3id.org/dspace/2025/1/",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "dct": "http://purl.org/dc/terms/",
        "dcat": "http://www.w3.org/ns/dcat#",
    },
    EDC: {"edc": EDC_NS},
}
ODRL_TERMS = (
    "Agreement Offer Set profile target assigner assignee action permission prohibition obligation"
    " duty constraint operator rightOperand leftOperand use eq gt gteq lt lteq neq isA hasPart"
    " isPartOf isAllOf isAnyOf isNoneOf and or xone andSequence"
)
TERMS = {
    DSP: {term: ODRL + term for term in ODRL_TERMS.split()},
    EDC: {term: EDC_NS + term for term in ("inForceDate", "id", "description", "isCatalog")},
}


class Reader:
    """Reads under the contexts that a message names."""

    def __init__(self, contexts: Any) -> None:
        known = [one for one in contexts if one in TERMS]
        self.terms = {term: iri for one in known for term, iri in TERMS[one].items()}
        self.prefixes = {name: iri for one in known for name, iri in PREFIXES[one].items()}

    def iri(self, name: str) -> str:
        """Expand a term, a prefixed name or an IRI; anything else stays a relative reference."""
        if name in self.terms:
            return self.terms[name]
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.prefixes and not rest.startswith("//"):
            return self.prefixes[prefix] + rest
        return name

    def member(self, node: Mapping[str, Any], term: str) -> list[Any]:
        """Return the values of a property of ODRL, whatever it is spelled like."""
        for key, value in node.items():
            if self.iri(key) == ODRL + term:
                return value if isinstance(value, list) else [value]
        return []

    def name(self, value: Any) -> str:
        """Return what a value of the kind ``@vocab`` names."""
        return self.iri(value["@id"] if isinstance(value, Mapping) else value)

    def literal(self, values: list[Any]) -> Any:
        """Return a right operand: types are dropped, a list of one is its element."""
        found = [one.get("@value", one) if isinstance(one, Mapping) else one for one in values]
        return found[0] if len(found) == 1 else found

    def constraint(self, node: Mapping[str, Any]) -> Any:
        for connective in ("and", "or", "xone"):
            if parts := self.member(node, connective):
                return connective, [self.constraint(part) for part in parts]
        (left,), (operator,) = self.member(node, "leftOperand"), self.member(node, "operator")
        return self.name(left), self.name(operator), self.literal(self.member(node, "rightOperand"))

    def rule(self, node: Mapping[str, Any]) -> Any:
        (action,) = self.member(node, "action")
        parts = [self.constraint(one) for one in self.member(node, "constraint")]
        return {"action": self.name(action), "constraints": parts}

    def policy(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy as it is compared: without type, assignee and target."""
        rules = {
            kind: [self.rule(one) for one in self.member(node, kind)]
            for kind in ("permission", "prohibition", "obligation")
        }
        known = {ODRL + name for name in (*rules, "assigner", "assignee", "target", "profile")}
        foreign = {
            self.iri(key): value
            for key, value in node.items()
            if not key.startswith("@")
            and self.iri(key) not in known
            # A property without a meaning does not outlive the expansion.
            and ":" in self.iri(key)
            and self.iri(key) != ODRL + "timestamp"
        }
        return rules | {
            "assigner": [self.name(one) for one in self.member(node, "assigner")],
            "profile": [self.name(one) for one in self.member(node, "profile")],
            "extensible": foreign,
        }


def meaning(contexts: Any, policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a policy in a message with these contexts means to an Eclipse connector."""
    return Reader(contexts).policy(policy)
