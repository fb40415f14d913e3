"""Rules of a document: actions, assets, parties, constraints, and the duties that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.policy.document import Action, Duty, Rule, Scope
from trustspace.policy.odrl.names import RDF_VALUE, Names, is_descriptive, listed
from trustspace.policy.odrl.nodes import Members, Nodes, malformed
from trustspace.policy.operands import EVERY_ACTION
from trustspace.policy.vocabulary import FUNCTIONS, compact, unknown_term

if TYPE_CHECKING:
    from trustspace.policy.constraint import Normal
    from trustspace.policy.document import RuleKind
    from trustspace.policy.vocabulary import LeftOperand

SHARED = ("odrl:target", "odrl:assignee", "odrl:action", "odrl:constraint")
"""Members of a policy that stand for those of each of its rules (ODRL, "Policy Rule
Composition")."""

WITHIN: Mapping[RuleKind, str] = {
    "permission": "odrl:duty",
    "prohibition": "odrl:remedy",
    "obligation": "odrl:consequence",
}
"""Member of a rule that holds what has to be done beside it."""

_MAX_CONSEQUENCES = 1

ACTION_VALUES = ("rdf:value", RDF_VALUE, "odrl:value")
"""Members that name the action of an action with refinements."""
_ACTION_MEMBERS = frozenset(
    {"odrl:refinement", "odrl:value", "odrl:includedIn", "odrl:implies", "rdf:value", RDF_VALUE}
)
_SCOPE_MEMBERS = frozenset({"odrl:source", "odrl:refinement", "odrl:partOf"})
WIRE_REFINEMENT = "ts:actionRefinement"
"""Member that holds on the wire what the refinement of an action says here."""
WIRE_SCOPES = {"odrl:target": "ts:assets", "odrl:assignee": "ts:parties"}
"""Members that hold on the wire what a collection says here."""

_DUTY_MEMBERS = frozenset(
    {
        WIRE_REFINEMENT,
        "odrl:action",
        "odrl:constraint",
        "odrl:consequence",
        "odrl:target",
        "odrl:assignee",
    }
    | FUNCTIONS
)


class RuleReader(Nodes):
    """Reads the rules of one document.

    Attributes:
        included: Actions that the document declares, with the action that includes each.
    """

    def __init__(self, names: Names, operands: Mapping[str, LeftOperand]) -> None:
        super().__init__(names, operands)
        self.included: dict[str, str] = {}
        self._following: list[str] = []

    def rule(self, item: Any, kind: RuleKind, src: str, policy: Members) -> Rule:  # noqa: ANN401 - any JSON value
        """Read a rule, with what its policy says for all of them."""
        members = self.members(self.node(item), src)
        within = WITHIN[kind]
        refuse_others(
            members,
            frozenset(
                {*SHARED, *FUNCTIONS, within, "odrl:partOf", WIRE_REFINEMENT}
                | {*WIRE_SCOPES.values()}
            ),
        )
        uid = self.uid(members, src) or src
        shared = {name: policy[name] for name in SHARED if name in policy}
        actions = self._actions(members if "odrl:action" in members else shared, src)
        parts = self._parts(members, "odrl:constraint") + self._parts(shared, "odrl:constraint")
        following = tuple(self._duty(each, where, 0) for each, where in self.items(members, within))
        duties = following
        if kind == "obligation":
            duties = tuple(
                Duty(uid, action, parts, following, self._params(members), src)
                for action in actions[:1]
            )
        return Rule(
            uid=uid,
            kind=kind,
            actions=actions,
            targets=self._scopes(shared | members, "odrl:target"),
            assignees=self._scopes(shared | members, "odrl:assignee"),
            parts=parts,
            duties=duties,
            src=src,
        )

    def _duty(self, item: Any, src: str, depth: int) -> Duty:  # noqa: ANN401 - any JSON value
        node = self.node(item)
        members = self.members(node, src)
        uid = self.uid(members, src)
        if uid is not None and uid in self._following:
            raise PolicyError(
                f"the duty {uid!r} follows from itself", code="policy.cycle", location=src
            )
        if uid is not None:
            self.constraints.named.claim(uid, node, src)
        refuse_others(members, _DUTY_MEMBERS)
        actions = self._actions(members, src)
        if len(actions) != 1:
            raise malformed("a duty has one action", src)
        consequences = self.items(members, "odrl:consequence")
        if consequences and depth >= _MAX_CONSEQUENCES:
            raise PolicyError(
                "a consequence of a consequence is not supported",
                code="policy.limit",
                location=src,
                hint="write what is owed as one consequence",
            )
        self._following.append(uid or src)
        following = tuple(self._duty(each, where, depth + 1) for each, where in consequences)
        self._following.pop()
        return Duty(
            uid=uid or src,
            action=actions[0],
            parts=self._parts(members, "odrl:constraint"),
            consequences=following,
            params=self._params(members),
            src=src,
        )

    def _params(self, members: Members) -> dict[str, str]:
        wanted = [name for name in members if name in FUNCTIONS or name == "odrl:assignee"]
        found = {}
        for name in wanted:
            item, where = self.items(members, name)[0]
            node = item if isinstance(item, str) else self.members(item, where)
            if isinstance(node, str) or "@id" in node:
                found[name] = self.ident(item, where)
        return found

    def _parts(self, members: Members, name: str) -> tuple[Normal, ...]:
        if name not in members:
            return ()
        return self.constraints.parts(*members[name])

    def _scopes(self, members: Members, name: str) -> tuple[Scope, ...]:
        if WIRE_SCOPES[name] in members:
            name = WIRE_SCOPES[name]
        return tuple(self._scope(item, where) for item, where in self.items(members, name))

    def _scope(self, item: Any, src: str) -> Scope:  # noqa: ANN401 - any JSON value
        node = self.node(item)
        if isinstance(node, str):
            return Scope(self.names.identifier(node), (), src)
        members = self.members(node, src)
        own = {name: member for name, member in members.items() if name.startswith("odrl:")}
        refuse_others(own, _SCOPE_MEMBERS)
        source = self.items(members, "odrl:source")
        uid = self.uid(members, src)
        name = None
        if source:
            name = self.ident(*source[0])
        elif uid is not None:
            name = self.names.identifier(uid)
        refine = self._parts(members, "odrl:refinement")
        if name is None and not refine:
            raise malformed("a party or an asset has an id", src)
        return Scope(name, refine, src)

    def _actions(self, members: Members, src: str) -> tuple[Action, ...]:
        more = self._parts(members, WIRE_REFINEMENT)
        found = tuple(
            self._action(item, where, more) for item, where in self.items(members, "odrl:action")
        )
        if not found:
            raise malformed("a rule has an action", src)
        return found

    def _action(
        self,
        item: Any,  # noqa: ANN401 - any JSON value
        src: str,
        more: tuple[Normal, ...],
    ) -> Action:
        node = self.node(item)
        refine: tuple[Normal, ...] = ()
        if isinstance(node, Mapping):
            members = self.members(node, src)
            refuse_others(members, _ACTION_MEMBERS)
            values = [members[name] for name in ACTION_VALUES if name in members]
            term = self.action_term(*values[0]) if values else self.action_term(node, src)
            refine = self._parts(members, "odrl:refinement")
            inside = self.items(members, "odrl:includedIn")
            if term not in EVERY_ACTION and inside:
                self.included[term] = self.action_term(*inside[0])
        else:
            term = self.action_term(node, src)
        if term not in EVERY_ACTION and term not in self.included:
            raise unknown_term("action", term, EVERY_ACTION, src)
        return Action(term, (*refine, *more), src)

    def action_term(self, value: Any, src: str) -> str:  # noqa: ANN401 - any JSON value
        """Return the prefixed name of an action."""
        items = listed(value)
        item = items[0] if len(items) == 1 else None
        if isinstance(item, Mapping):
            item = item.get("@id") or item.get("uid") or item.get("id") or item.get("@value")
        if not isinstance(item, str) or not item:
            raise malformed("an action is named by one term", src)
        return compact(self.names.term(item))


def unsupported(name: str, src: str) -> UnsupportedTermError:
    """Return the error for a member that is not understood here."""
    return UnsupportedTermError(
        f"{name[:200]!r} is not supported here",
        code="policy.unsupported",
        location=src,
        hint="leave it out: what is not understood is not ignored",
    )


def refuse_others(members: Members, allowed: frozenset[str]) -> None:
    """Refuse members that would be ignored.

    Raises:
        UnsupportedTermError: There is one.
    """
    for name, (_, where) in members.items():
        if name not in allowed and not is_descriptive(name):
            raise unsupported(name, where)
