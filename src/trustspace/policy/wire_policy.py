"""What a policy of the protocol says: offers and agreements as peers exchange them.

Beside ``odrl.reader``, which reads files in any spelling of JSON-LD: here the spelling is settled
(`trustspace.model.jsonld`), and everything is held to what a running connector can do with it. Both
give the same `Document`, of which `lowering` makes rules and `normal_rule` comparisons.

Example::

    document = read_wire(offer, kind="offer")
    document.rules[0].duties[0].action.name  # 'odrl:compensate'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES
from trustspace.policy.constraint import (
    Normal,
    atoms,
    pointer_part,
    read_constraints,
    refuse_unknown_members,
)
from trustspace.policy.document import Action, Document, Duty, Rule, Scope
from trustspace.policy.operands import every_action
from trustspace.policy.vocabulary import COUNTED, FUNCTIONS, Kind, compact, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Literal

    from trustspace.model import odrl as wire
    from trustspace.policy.document import PolicyKind, RuleKind

_MAX_CONSEQUENCES = 1

_WITHIN: dict[RuleKind, str] = {
    "permission": "duty",
    "prohibition": "odrl:remedy",
    "obligation": "odrl:consequence",
}
"""Member that holds what has to be done beside a rule of a kind."""


def read_wire(
    policy: wire.Policy,
    *,
    kind: PolicyKind,
    conflict: Literal["prohibit", "invalid"] = "prohibit",
    signed: datetime | None = None,
) -> Document:
    """Read a policy of the protocol.

    Args:
        policy: The policy.
        kind: What it is; an agreement has its times settled.
        conflict: What a conflict of its rules comes to.
        signed: When the agreement was signed, where that is known.

    Raises:
        UnsupportedTermError: A term, an operator or a member is not understood here.
        PolicyError: A value is of the wrong kind, the logic too deep, an id there twice.
    """
    reader = _Reader(signed, is_settled=kind == "agreement")
    listed: list[tuple[RuleKind, tuple[wire.Rule, ...]]] = [
        ("permission", policy.permissions),
        ("prohibition", policy.prohibitions),
        ("obligation", policy.obligations),
    ]
    return Document(
        uid=policy.id,
        kind=kind,
        conflict=conflict,
        inherits=(),
        rules=tuple(
            reader.rule(rule, each, f"/{each}/{index}")
            for each, rules in listed
            for index, rule in enumerate(rules)
        ),
        uids={},
        included={},
    )


def read_list(rules: Sequence[wire.Rule], kind: RuleKind) -> tuple[Rule, ...]:
    """Return the rules of one list of a policy.

    Raises:
        PolicyError: As `read_wire`.
    """
    reader = _Reader(None, is_settled=False)
    return tuple(reader.rule(rule, kind, f"/{kind}/{index}") for index, rule in enumerate(rules))


@dataclass(frozen=True)
class _Reader:
    signed: datetime | None
    is_settled: bool
    seen: set[str] = field(default_factory=set)

    def rule(self, rule: wire.Rule, kind: RuleKind, src: str) -> Rule:
        """Read a permission, a prohibition or an obligation."""
        uid = self._named(rule, src)
        within = _WITHIN[kind]
        self._check_members(rule, src, within)
        is_duty = kind == "obligation"
        name = every_action(rule.action, location=f"{src}/action")
        parts = self._constraints(rule, src, duty=is_duty)
        refine = self._refinements(rule.refinements, src, duty=is_duty)
        done = Action(name, refine, f"{src}/action")
        if kind == "prohibition":
            _check_prohibited(parts)
        following = tuple(
            self._duty(each, f"{src}/{pointer_part(within)}/{index}", 0)
            for index, each in enumerate((*rule.duties, *rule.remedies, *rule.consequences))
        )
        if is_duty:
            following = (Duty(uid, done, parts, following, _params(rule), src),)
        return Rule(
            uid=uid,
            kind=kind,
            actions=(done,),
            targets=self._scope(rule.assets, ASSETS, kind, src),
            assignees=self._scope(rule.parties, PARTIES, kind, src),
            parts=parts,
            duties=following,
            src=src,
        )

    def _duty(self, rule: wire.Rule, src: str, depth: int) -> Duty:
        uid = self._named(rule, src)
        self._check_members(rule, src, "odrl:consequence")
        if rule.consequences and depth >= _MAX_CONSEQUENCES:
            raise PolicyError(
                "a consequence of a consequence is not supported",
                code="policy.limit",
                location=src,
                hint="write what is owed as one consequence",
            )
        refine = self._refinements(rule.refinements, src, duty=True)
        return Duty(
            uid=uid,
            action=Action(
                every_action(rule.action, location=f"{src}/action"), refine, f"{src}/action"
            ),
            parts=self._constraints(rule, src, duty=True),
            consequences=tuple(
                self._duty(each, f"{src}/odrl:consequence/{index}", depth + 1)
                for index, each in enumerate(rule.consequences)
            ),
            params=_params(rule),
            src=src,
        )

    def _named(self, rule: wire.Rule, src: str) -> str:
        """Return the id of a rule, which nothing else in the policy has."""
        uid = str((rule.model_extra or {}).get("@id") or src)
        if uid in self.seen:
            raise PolicyError(
                f"the id {uid[:200]!r} names two rules", code="policy.malformed", location=src
            )
        self.seen.add(uid)
        return uid

    def _check_members(self, rule: wire.Rule, src: str, within: str) -> None:
        members = {
            "duty": rule.duties,
            "odrl:remedy": rule.remedies,
            "odrl:consequence": rule.consequences,
        }
        is_duty = within == "odrl:consequence"
        extra: dict[str, object] = {
            name: each for name, each in members.items() if each and name != within
        }
        if is_duty:
            extra |= {
                name: each
                for name, each in ((ASSETS, rule.assets), (PARTIES, rule.parties))
                if each is not None
            }
        for name, value in (rule.model_extra or {}).items():
            if not (is_duty and compact(name) in FUNCTIONS and isinstance(value, str)):
                extra[name] = value
        refuse_unknown_members(extra, src)

    def _constraints(self, rule: wire.Rule, src: str, *, duty: bool) -> tuple[Normal, ...]:
        parts = read_constraints(rule.constraints, src, duty=duty, signed=self.signed)
        for atom in atoms(parts):
            if duty and (atom.operand.shapes_delivery or atom.left in COUNTED):
                raise UnsupportedTermError(
                    f"{spelled(atom.left)!r} cannot be a condition of a duty",
                    code="policy.unsupported",
                    location=atom.src,
                    hint="state it as a constraint of the permission",
                )
            if (
                self.is_settled
                and atom.operand.kind is Kind.DATE_TIME
                and isinstance(atom.right, str)
            ):
                raise UnsupportedTermError(
                    "a time counted from the signature needs the agreement's timestamp",
                    code="policy.unsupported",
                    location=f"{atom.src}/rightOperand",
                    hint="give the agreement a timestamp with a zone",
                )
        return parts

    def _refinements(
        self,
        given: tuple[wire.Constraint, ...],
        src: str,
        *,
        member: str = ACTION_REFINEMENT,
        duty: bool = False,
    ) -> tuple[Normal, ...]:
        parts = read_constraints(given, src, duty=duty, signed=self.signed, member=member)
        for atom in atoms(parts):
            if atom.operand.shapes_delivery or atom.left in COUNTED:
                raise UnsupportedTermError(
                    f"{spelled(atom.left)!r} cannot be a refinement",
                    code="policy.unsupported",
                    location=atom.src,
                    hint="state it as a constraint of the permission",
                )
        return parts

    def _scope(
        self, given: wire.Collection | None, member: str, kind: RuleKind, src: str
    ) -> tuple[Scope, ...]:
        """Read a collection of assets or parties."""
        if given is None:
            return ()
        where = f"{src}/{pointer_part(member)}"
        refuse_unknown_members(given.model_extra, where)
        if given.source is not None and kind == "prohibition":
            raise UnsupportedTermError(
                "a prohibition does not name a collection",
                code="policy.unsupported",
                location=f"{where}/odrl:source",
                hint="who belongs to it may not be known: describe it by refinements",
            )
        refine = self._refinements(given.refinements, where, member="odrl:refinement")
        return (Scope(given.source, refine, where),)


def _check_prohibited(parts: tuple[Normal, ...]) -> None:
    for atom in atoms(parts):
        if atom.operand.shapes_delivery or atom.left in COUNTED:
            raise UnsupportedTermError(
                f"{spelled(atom.left)!r} cannot be a condition of a prohibition",
                code="policy.unsupported",
                location=atom.src,
                hint="state it as a constraint of the permission",
            )


def _params(rule: wire.Rule) -> dict[str, str]:
    """Return what a duty says to whoever carries it out: who informs whom, who is paid."""
    extra = rule.model_extra or {}
    return {compact(name): each for name, each in extra.items() if compact(name) in FUNCTIONS}
