"""From JSON-LD to what it says: policies of any class, compact or expanded, rules in any spelling.

Strict where it matters: what is not understood is refused with its pointer, never ignored. What
only describes (titles, notes) may stand anywhere.

Example::

    document = read_policy({"@context": "http://www.w3.org/ns/odrl.jsonld", "uid": "urn:p",
                            "permission": [{"action": "use", "target": "urn:d"}]})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.policy.document import Document, PolicyKind, Rule
from trustspace.policy.odrl.names import Names, listed
from trustspace.policy.odrl.nodes import Members, malformed
from trustspace.policy.odrl.rule_reader import SHARED, RuleReader, refuse_others
from trustspace.policy.rule import MAX_RULES
from trustspace.policy.vocabulary import FUNCTIONS, NAMESPACES, unknown_term

if TYPE_CHECKING:
    from trustspace.policy.document import RuleKind
    from trustspace.policy.vocabulary import LeftOperand

_CLASSES: Mapping[str, PolicyKind] = {
    "odrl:Policy": "set",
    "odrl:Set": "set",
    "odrl:Assertion": "set",
    "odrl:Privacy": "set",
    "odrl:Offer": "offer",
    "odrl:Agreement": "agreement",
}

_PROFILES = frozenset(
    {*NAMESPACES.values(), "http://www.w3.org/ns/odrl/2/core", "http://www.w3.org/ns/odrl/2"}
)

RULES: tuple[tuple[str, RuleKind], ...] = (
    ("odrl:permission", "permission"),
    ("odrl:prohibition", "prohibition"),
    ("odrl:obligation", "obligation"),
)
"""Members that hold rules, with the kind of rule that stands there."""

_POLICY_MEMBERS = frozenset(
    {*FUNCTIONS, *SHARED, "odrl:profile", "odrl:inheritFrom", "odrl:conflict", "odrl:timestamp"}
    | {name for name, _ in RULES}
)


def read_policy(
    document: Any,  # noqa: ANN401 - any JSON value
    *,
    operands: Mapping[str, LeftOperand] | None = None,
    names: Names | None = None,
) -> Document:
    """Read a policy.

    Args:
        document: JSON-LD of one policy, possibly in a graph with what it refers to.
        operands: Left operands that the author declares beside the known ones.
        names: How the document spells its terms, where that is known already.

    Raises:
        UnsupportedTermError: A term, class, profile or context is not understood.
        PolicyError: It is malformed (``policy.malformed``), too large (``policy.limit``), or a
            value is of the wrong kind.
    """
    node = document[0] if isinstance(document, list) and len(document) == 1 else document
    if not isinstance(node, Mapping):
        raise malformed("a policy is a JSON object", "")
    names = names or Names.of(node)
    return PolicyReader(names, operands or {}).policy(node)


class PolicyReader(RuleReader):
    """Reads one policy."""

    def policy(self, node: Mapping[str, Any]) -> Document:
        """Read the policy of a document."""
        node, src = self.root(node)
        members = self.members(node, src)
        refuse_others(members, _POLICY_MEMBERS)
        kind = self._kind(members, src)
        number = sum(len(self.items(members, name)) for name, _ in RULES)
        if number > MAX_RULES:
            raise PolicyError(
                f"a policy has at most {MAX_RULES} rules, found {number}",
                code="policy.limit",
                location=src,
            )
        self._check_profiles(members)
        rules = tuple(
            self.rule(item, rule_kind, where, members)
            for name, rule_kind in RULES
            for item, where in self.items(members, name)
        )
        inherits = tuple(
            self.ident(item, where) for item, where in self.items(members, "odrl:inheritFrom")
        )
        if not rules and not inherits:
            raise malformed("a policy has at least one rule", src)
        self._check(kind, members, rules, src)
        return Document(
            uid=self.uid(members, src) or "urn:trustspace:policy",
            kind=kind,
            conflict=self._conflict(members),
            inherits=inherits,
            rules=rules,
            uids=self.constraints.uids,
            included=self.included,
        )

    def root(self, node: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """Return the policy of a graph, or the document itself."""
        graph = next((v for k, v in node.items() if self.names.term(k) == "@graph"), None)
        if graph is None:
            return node, ""
        found = []
        for index, item in enumerate(listed(graph)):
            if not isinstance(item, Mapping):
                raise malformed("a graph holds objects", f"/@graph/{index}")
            src = f"/@graph/{index}"
            members = self.members(item, src)
            uid = members.get("@id", (None, ""))[0]
            if isinstance(uid, str):
                self.graph[self.names.identifier(uid)] = item
            if self._classes(members) & _CLASSES.keys():
                found.append((item, src))
        if len(found) != 1:
            raise malformed(f"a graph holds one policy, found {len(found)}", "/@graph")
        return found[0]

    def _classes(self, members: Members) -> set[str]:
        return {self.names.term(str(item)) for item, _ in self.items(members, "@type")}

    def _kind(self, members: Members, src: str) -> PolicyKind:
        classes = self._classes(members)
        found = {_CLASSES[name] for name in classes if name in _CLASSES and name != "odrl:Policy"}
        unknown = {name for name in classes - _CLASSES.keys() if name.startswith("odrl:")}
        if unknown or len(found) > 1:
            raise UnsupportedTermError(
                f"the class {', '.join(sorted(unknown or classes))} is not one of a policy here",
                code="policy.unsupported",
                location=f"{src}/@type",
                hint="use Set, Offer or Agreement",
            )
        return found.pop() if found else "set"

    def _check_profiles(self, members: Members) -> None:
        known = {profile.rstrip("/#") for profile in _PROFILES}
        for item, where in self.items(members, "odrl:profile"):
            profile = self.ident(item, where)
            prefix, _, local = profile.partition(":")
            absolute = NAMESPACES[prefix] + local if prefix in NAMESPACES else profile
            if absolute.rstrip("/#") not in known:
                raise UnsupportedTermError(
                    f"profile {absolute[:200]!r} is not supported",
                    code="policy.unsupported",
                    location=where,
                    hint="leave the profile out and use terms that are known",
                )

    def _conflict(self, members: Members) -> Any:  # noqa: ANN401 - one of two words
        items = self.items(members, "odrl:conflict")
        if not items:
            return "prohibit"
        value, where = items[0]
        if isinstance(value, Mapping):
            value = value.get("@id") or value.get("@type")
        name = self.names.term(str(value))
        if len(items) > 1 or name not in ("odrl:perm", "odrl:prohibit", "odrl:invalid"):
            raise unknown_term(
                "conflict strategy", name, ("odrl:perm", "odrl:prohibit", "odrl:invalid"), where
            )
        # A prohibition wins whatever the policy says.
        return "invalid" if name == "odrl:invalid" else "prohibit"

    def _check(self, kind: PolicyKind, members: Members, rules: tuple[Rule, ...], src: str) -> None:
        names = [rule.uid for rule in rules]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise malformed(f"the id {min(doubled)!r} names two rules", src)
        if kind == "agreement" and any(
            not rule.assignees and rule.kind != "obligation" for rule in rules
        ):
            raise malformed("an agreement names its assignee", src)
        del members
