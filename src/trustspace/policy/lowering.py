"""Lowering: what a policy says becomes rules that the engine evaluates.

One way for the policies of files and of the wire. A rule that names several actions under
different refinements, several assets or parties becomes as many rules. Which of them belong to one
rule of the document is remembered.

Ids: ``p1`` … for permissions, ``x1`` … for prohibitions, ``d1`` … for obligations; ``p1d1`` for a
duty of a permission or a remedy of a prohibition (``x1d1``), ``p1d1f1`` for its consequence.

Example::

    lowered = lower_document(read_policy(document))
    lowered.policies[0].permissions[0].actions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Literal, cast

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, Normal
from trustspace.policy.delivery import Delivery, deciding
from trustspace.policy.document import Scope
from trustspace.policy.duty_terms import DutyTerms
from trustspace.policy.flat import Flat
from trustspace.policy.operands import EVERY_ACTION
from trustspace.policy.rule import DutyIR, Leaf, PolicyIR, RuleIR
from trustspace.policy.vocabulary import COUNTED, WITH_EACH_USE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.policy.document import Action, Document, Duty, Rule

MAX_ANCESTORS = 64
"""Policies that a policy inherits from, each time that one is reached."""

MAX_INHERITED = 4
"""Generations of policies that a policy inherits from."""

_LETTERS = {"permission": "p", "prohibition": "x", "obligation": "d"}


@dataclass(frozen=True)
class Standing:
    """What a policy has from where it stands.

    Attributes:
        digest: Names the policy as it was written; by default made of its id.
        prefix: Stands before every id of a rule.
        target: What the policy is about, where a rule says nothing.
        assignee: Whom it concerns, where a rule says nothing.
        counts: Whether uses are counted, each permission by its own counter.
    """

    digest: str | None = None
    prefix: str = ""
    target: str | None = None
    assignee: str | None = None
    counts: bool = False


@dataclass
class Lowered:
    """Rules of a policy and of those it inherits from, with their names.

    Attributes:
        policies: The normalised policies, the asked one first.
        rules: The document's rule of every normalised rule, by its id.
        duties: The document's name of every duty, by its id.
    """

    policies: list[PolicyIR] = field(default_factory=list)
    rules: dict[str, Rule] = field(default_factory=dict)
    duties: dict[str, Duty] = field(default_factory=dict)

    def add(self, document: Document, standing: Standing) -> PolicyIR:
        """Lower one policy and remember it.

        Raises:
            ValidationError: It is larger than the engine's documents.
            PolicyError: A part of it cannot be evaluated.
        """
        found = _Lowering(document, standing, self).policy()
        self.policies.append(found)
        return found


def lower_document(document: Document, others: Mapping[str, Document] | None = None) -> Lowered:
    """Return the rules of a document and of the policies that it inherits from.

    Args:
        document: The policy.
        others: Policies that it may inherit from, by id.

    Raises:
        ValidationError: It is larger than the engine's documents.
        PolicyError: A policy to inherit from is not there or inherits from itself
            (``policy.inheritance``).
    """
    lowered = Lowered()
    for number, each in enumerate(generations(document, others or {})):
        lowered.add(each, Standing(prefix=f"i{number}" if number else ""))
    return lowered


def generations(
    document: Document, others: Mapping[str, Document], heirs: tuple[str, ...] = ()
) -> list[Document]:
    """Return a policy and all that it inherits from, itself first.

    Args:
        document: The policy.
        others: Policies by id.
        heirs: Ids of the policies that inherit from it.

    Raises:
        PolicyError: One is not there, inherits from itself or is too far away, code
            ``policy.inheritance``.
    """
    heirs = (*heirs, document.uid)
    found = [document]
    for name in document.inherits:
        if name not in others or name in heirs or len(heirs) > MAX_INHERITED:
            why = "inherits from itself" if name in heirs else "is not given"
            if name in others and len(heirs) > MAX_INHERITED:
                why = f"is more than {MAX_INHERITED} generations away"
            raise PolicyError(
                f"the policy {name[:200]!r} to inherit from {why}",
                code="policy.inheritance",
                location="/inheritFrom",
            )
        found += generations(others[name], others, heirs)
        if len(found) > MAX_ANCESTORS:
            raise PolicyError(
                f"a policy inherits from at most {MAX_ANCESTORS} policies, however they meet",
                code="policy.limit",
                location="/inheritFrom",
            )
    return found


@dataclass(frozen=True)
class _Lowering:
    """One policy on its way."""

    document: Document
    standing: Standing
    lowered: Lowered

    def policy(self) -> PolicyIR:
        document = self.document
        rules: dict[str, list[RuleIR]] = {"permission": [], "prohibition": []}
        obligations: list[DutyIR] = []
        numbers = dict.fromkeys(_LETTERS, 0)
        for rule in document.rules:
            numbers[rule.kind] += 1
            name = f"{self.standing.prefix}{_LETTERS[rule.kind]}{numbers[rule.kind]}"
            if rule.kind == "obligation":
                self.lowered.rules[name] = rule
                obligations += [self.duty(duty, name, owed=True) for duty in rule.duties]
                continue
            for index, variant in enumerate(_variants(rule, self.standing)):
                known = name + (f"_{index + 1}" if index else "")
                self.lowered.rules[known] = rule
                rules[rule.kind].append(self.rule(rule, variant, known))
        return PolicyIR(
            uid=document.uid,
            digest=self.standing.digest or f"document:{document.uid}",
            kind=document.kind,
            conflict=document.conflict,
            permissions=tuple(rules["permission"]),
            prohibitions=tuple(rules["prohibition"]),
            obligations=tuple(obligations),
        )

    def rule(
        self, rule: Rule, variant: tuple[tuple[Action, ...], Scope, Scope], name: str
    ) -> RuleIR:
        actions, target, assignee = variant
        counter = f"rule:{name}"
        delivery = Delivery.of(self._shaping(rule), counter=counter)
        flat = Flat()
        top = tuple(flat.add(part)[0] for part in deciding(rule.parts))
        refine = tuple(
            flat.add(part)[0] for part in (*actions[0].refine, *target.refine, *assignee.refine)
        )
        covered: dict[str, None] = {}
        for action in actions:
            included = _included(action.name, self.document.included)
            covered |= dict.fromkeys((action.name, *sorted(included - {action.name})))
        return RuleIR(
            id=name,
            actions=tuple(covered),
            target=target.name,
            assignee=assignee.name,
            counter=counter if delivery.limits else None,
            leaves=tuple(flat.leaves),
            logic=tuple(tuple(level) for level in flat.levels),
            top=top,
            refine=refine,
            duties=tuple(
                self.duty(duty, f"{name}d{index}", owed=rule.kind == "prohibition")
                for index, duty in enumerate(rule.duties, 1)
            ),
            filters=delivery.filters,
            columns=delivery.columns,
            masks=delivery.masks,
            limits=delivery.limits,
            depends=(),
            src=rule.src,
        )

    def _shaping(self, rule: Rule) -> list[Atom]:
        """Return what says what may leave; uses are counted only where somebody counts."""
        return [
            part
            for part in rule.parts
            if isinstance(part, Atom)
            and (part.operand.shapes_delivery or (self.standing.counts and part.left in COUNTED))
        ]

    def duty(self, duty: Duty, name: str, *, owed: bool) -> DutyIR:
        """Lower a duty: a pre-condition, unless it is owed or its constraints put it off."""
        self.lowered.duties[name] = duty
        terms = DutyTerms.of(duty)
        flat = Flat()
        top = tuple(flat.add(part)[0] for part in terms.binding)
        when: Literal["before", "during", "after"] = "after" if owed or terms.puts_off else "before"
        is_done_here = owed and duty.action.name in WITH_EACH_USE
        return DutyIR(
            id=name,
            action=duty.action.name,
            when="during" if is_done_here else when,
            delay=terms.delay,
            deadline=terms.deadline,
            leaves=tuple(flat.leaves),
            logic=tuple(tuple(level) for level in flat.levels),
            top=top,
            refine=_conditions(terms.proof),
            params=dict(duty.params),
            on_failure="suspend" if is_done_here else "terminate",
            remedies=(),
            consequences=tuple(
                self.duty(each, f"{name}f{index}", owed=owed)
                for index, each in enumerate(duty.consequences, 1)
            ),
            src=duty.src,
        )


def _variants(rule: Rule, standing: Standing) -> list[tuple[tuple[Action, ...], Scope, Scope]]:
    """Return actions, asset and party of every rule that a rule of the document stands for."""
    plain = tuple(action for action in rule.actions if not action.refine)
    actions: list[tuple[Action, ...]] = [plain] if plain else []
    actions += [(action,) for action in rule.actions if action.refine]
    targets = rule.targets or (Scope(standing.target, (), ""),)
    assignees = rule.assignees or (Scope(standing.assignee, (), ""),)
    return list(product(actions, targets, assignees))


def _included(name: str, declared: Mapping[str, str]) -> set[str]:
    """Return an action with everything it includes, actions of the document's own too."""
    found = set(EVERY_ACTION.get(name, {name}))
    grown = True
    while grown:
        more = {child for child, parent in declared.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def _conditions(parts: Sequence[Normal]) -> tuple[Leaf, ...]:
    for part in parts:
        if not isinstance(part, Atom):
            raise PolicyError(
                "logic in the refinement of a duty is not supported",
                code="policy.unsupported",
                location=part.src,
                hint="write one condition each, or duties of their own",
            )
    flat = Flat()
    for part in parts:
        flat.add(cast("Atom", part))
    return tuple(
        leaf.model_copy(update={"id": f"r{number}"}) for number, leaf in enumerate(flat.leaves, 1)
    )
