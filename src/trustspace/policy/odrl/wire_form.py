"""From a policy file in any spelling to the rules that go on the wire.

The file is understood first (`reader`), then written again: ODRL's terms bare, others absolute,
numbers as text with a datatype. What the protocol's profile has no place for stands in the members
that `trustspace.model.odrl` names, and the rules then name our profile.

Example::

    wire_rules({"@context": "http://www.w3.org/ns/odrl.jsonld", "uid": "urn:p", "permission": [
        {"action": {"rdf:value": {"@id": "odrl:read"}, "refinement": [...]}}]})
    # {'permission': [{'action': 'read', 'https://…#actionRefinement': [...]}], 'profile': …}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES
from trustspace.policy.lowering import generations
from trustspace.policy.odrl.names import Names, listed
from trustspace.policy.odrl.reader import RULES, PolicyReader, read_policy
from trustspace.policy.odrl.rule_reader import (
    ACTION_VALUES,
    SHARED,
    WIRE_REFINEMENT,
    WIRE_SCOPES,
    WITHIN,
)
from trustspace.policy.vocabulary import FUNCTIONS, LEFT_OPERANDS, NAMESPACES, to_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.model.value import JsonObject
    from trustspace.policy.document import Document, RuleKind
    from trustspace.policy.odrl.nodes import Members

_CONNECTIVES = ("and", "or", "xone", "andSequence")

_WITHIN_ON_WIRE = {
    "odrl:duty": "duty",
    "odrl:remedy": "odrl:remedy",
    "odrl:consequence": "odrl:consequence",
}


def wire_rules(
    document: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]] | None = None
) -> JsonObject:
    """Return the rules of a policy, with those that it inherits, in wire form.

    Args:
        document: JSON-LD of one policy.
        others: Policies that it may inherit from, by id.

    Raises:
        UnsupportedTermError: A term or a member is not understood.
        PolicyError: It is malformed, names an asset, or a policy to inherit from is not there,
            too far away or inherits from itself (``policy.inheritance``).
    """
    given = dict(others or {})
    known = {name: replace(_read(each), uid=name) for name, each in given.items()}
    found: JsonObject = {}
    for each in generations(_read(document), known):
        source = document if each.uid not in known else given[each.uid]
        for name, rules in _written(source).items():
            if name == "conflict" and found.setdefault(name, rules) != rules:
                raise PolicyError(
                    f"the policy {each.uid[:200]!r} settles conflicts in another way",
                    code="policy.inheritance",
                    location="/inheritFrom",
                )
            if name != "conflict":
                listed_rules = found.setdefault(name, [])
                listed_rules += [rule for rule in rules if rule not in listed_rules]
    return found


def _read(document: Mapping[str, Any]) -> Document:
    return read_policy(document, operands=LEFT_OPERANDS)


def _written(document: Mapping[str, Any]) -> JsonObject:
    return WireWriter(Names.of(document), LEFT_OPERANDS).rules(document)


class WireWriter(PolicyReader):
    """Writes the rules of one document that was understood."""

    def rules(self, node: Mapping[str, Any]) -> JsonObject:
        """Return the rules of a policy in wire form.

        Raises:
            PolicyError: It names an asset, or parties of its own, where a dataset's terms name
                none.
        """
        node, src = self.root(node)
        members = self.members(node, src)
        for name in ("odrl:target", "odrl:assigner", "odrl:assignee"):
            for item, where in self.items(members, name):
                if name != "odrl:target" or not self._collection(item, where, "target"):
                    raise _named(name.removeprefix("odrl:"), where)
        found: JsonObject = {}
        for name, kind in RULES:
            written = [
                rule
                for item, where in self.items(members, name)
                for rule in self._written_rule(item, kind, where, members)
            ]
            if written:
                found[kind] = written
        for item, _ in self.items(members, "odrl:conflict"):
            value = item.get("@id") or item.get("@type") if isinstance(item, Mapping) else item
            found["conflict"] = to_wire(self.names.term(str(value)))
        return found

    def _written_rule(
        self, item: object, kind: RuleKind, src: str, policy: Members
    ) -> Iterator[JsonObject]:
        """Yield a rule for each action, asset and party that one of the document names."""
        members = self.members(self.node(item), src)
        shared = {name: policy[name] for name in SHARED if name in policy}
        own = shared | members
        constraints = self._written_constraints(members, "odrl:constraint")
        constraints += self._written_constraints(shared, "odrl:constraint")
        common = self._written_following(members, WITHIN[kind])
        if kind == "obligation":
            common |= self._functions(members)
        actions = [
            self._written_action(each, where, members)
            for each, where in self.items(own, "odrl:action")
        ]
        targets = self._written_scopes(own, "odrl:target", ASSETS)
        parties = self._written_scopes(own, "odrl:assignee", PARTIES)
        for action, target, party in product(actions, targets, parties):
            only = len(actions) * len(targets) * len(parties) == 1
            name = self._id(members, src) if only else {}
            limits = {"constraint": constraints} if constraints else {}
            yield {**name, **action, **limits, **target, **party, **common}

    def _written_duty(self, item: object, src: str) -> JsonObject:
        members = self.members(self.node(item), src)
        ((action, where),) = self.items(members, "odrl:action")
        constraints = self._written_constraints(members, "odrl:constraint")
        return {
            **self._id(members, src),
            **self._written_action(action, where, members),
            **({"constraint": constraints} if constraints else {}),
            **self._functions(members),
            **self._written_following(members, "odrl:consequence"),
        }

    def _id(self, members: Members, src: str) -> JsonObject:
        uid = self.uid(members, src)
        return {} if uid is None else {"@id": uid}

    def _written_following(self, members: Members, name: str) -> JsonObject:
        duties = [self._written_duty(item, where) for item, where in self.items(members, name)]
        return {_WITHIN_ON_WIRE[name]: duties} if duties else {}

    def _functions(self, members: Members) -> JsonObject:
        """Return who informs whom and who is paid, as a duty has it."""
        return {name: text for name, text in self._params(members).items() if name in FUNCTIONS}

    def _written_action(self, item: object, src: str, rule: Members) -> JsonObject:
        node = self.node(item)
        more = self._written_constraints(rule, WIRE_REFINEMENT)
        members = self.members(node if isinstance(node, Mapping) else {}, src)
        values = [members[name] for name in ACTION_VALUES if name in members]
        term = self.action_term(*values[0]) if values else self.action_term(node, src)
        refine = self._written_constraints(members, "odrl:refinement") + more
        return {"action": to_wire(term)} | ({ACTION_REFINEMENT: refine} if refine else {})

    def _written_scopes(self, members: Members, name: str, member: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        held = WIRE_SCOPES[name] if WIRE_SCOPES[name] in members else name
        for item, where in self.items(members, held):
            collection = self._collection(item, where, name.removeprefix("odrl:"))
            found.append({member: collection})
        return found or [{}]

    def _collection(self, item: object, src: str, what: str) -> JsonObject:
        """Return a collection of assets or parties; one asset has no place in terms."""
        node = self.node(item)
        members = {} if isinstance(node, str) else self.members(node, src)
        source = [self.ident(*each) for each in self.items(members, "odrl:source")]
        refine = self._written_constraints(members, "odrl:refinement")
        if not source and (isinstance(node, str) or "@id" in members) and not refine:
            if what == "target":
                raise _named(what, src)
            source = [self.ident(node, src)]
        return {
            **({"odrl:source": source[0]} if source else {}),
            **({"odrl:refinement": refine} if refine else {}),
        }

    def _written_constraints(self, members: Members, name: str) -> list[JsonObject]:
        if name not in members:
            return []
        return [self._written_constraint(item, src) for item, src in self.items(members, name)]

    def _written_constraint(self, item: object, src: str) -> JsonObject:
        members = self.members(self.node(item), src)
        for name in _CONNECTIVES:
            if f"odrl:{name}" in members:
                return {name: self._written_constraints(members, f"odrl:{name}")}
        if "odrl:rightOperandReference" in members:
            raise UnsupportedTermError(
                "a right operand that has to be fetched is not supported",
                code="policy.unsupported",
                location=members["odrl:rightOperandReference"][1],
                hint="write the value as rightOperand",
            )
        datatype = self.text(members, "odrl:dataType")
        unit = self.text(members, "odrl:unit")
        return {
            "leftOperand": to_wire(self._name(members, "odrl:leftOperand")),
            "operator": to_wire(self._name(members, "odrl:operator")),
            "rightOperand": self._operand(members["odrl:rightOperand"][0], datatype),
            **({"odrl:unit": unit} if unit else {}),
        }

    def _name(self, members: Members, name: str) -> str:
        (item,) = listed(members[name][0])
        return self.names.term(item["@id"] if isinstance(item, Mapping) else item)

    def text(self, members: Members, name: str) -> str | None:
        """Return the name of a unit or a datatype."""
        for item, src in self.items(members, name):
            return self.ident(item, src)
        return None

    def _operand(self, value: object, datatype: str | None) -> object:
        items = [self._literal(each, datatype) for each in listed(value)]
        several = isinstance(value, list | tuple) or len(items) != 1
        return items if several else items[0]

    def _literal(self, item: object, datatype: str | None) -> object:
        declared = datatype
        if isinstance(item, Mapping):
            if isinstance(item.get("@id"), str):
                return self._value(item["@id"])
            declared = item.get("@type") or declared
            item = item.get("@value")
        if isinstance(item, bool | int | float):
            native = "xsd:boolean" if isinstance(item, bool) else "xsd:integer"
            native = "xsd:decimal" if isinstance(item, float) else native
            declared, item = declared or native, json.dumps(item)
        if declared is None:
            return self._value(item)
        return {"@value": item, "@type": self.names.identifier(str(declared))}

    def _value(self, text: object) -> object:
        """Return a value with the prefixes of the document written out."""
        if not isinstance(text, str) or text.partition(":")[0] in NAMESPACES:
            return text
        found = self.names.identifier(text)
        prefix, _, local = found.partition(":")
        return NAMESPACES[prefix] + local if prefix in NAMESPACES else found


def _named(what: str, src: str) -> PolicyError:
    return PolicyError(
        f"terms have no {what}",
        code="policy.malformed",
        location=src,
        hint="the dataset is named when it is published; name users with 'recipient'",
    )
