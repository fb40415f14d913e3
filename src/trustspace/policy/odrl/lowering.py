"""From a document to rules that the engine evaluates, each action, asset and party apart.

A rule that names several actions under different refinements, several assets or parties becomes as
many rules. Which of them belong to one rule of the document is remembered.

Example::

    lowered = lower_document(read_policy(document))
    lowered.policies[0].permissions[0].actions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, cast

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, Normal
from trustspace.policy.delivery import Delivery, deciding
from trustspace.policy.flat import Flat
from trustspace.policy.odrl.document import Scope
from trustspace.policy.operands import EVERY_ACTION
from trustspace.policy.rule import DutyIR, Leaf, PolicyIR, RuleIR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.policy.odrl.document import Action, Document, Duty, Rule

MAX_INHERITED = 4
"""Generations of policies that a policy inherits from."""

_ANYONE = Scope(None, (), "")

_FULFILMENT = frozenset({"odrl:payAmount"})
"""What is compared with the proof of a duty, wherever it is written."""

_DELAYS = frozenset({"odrl:delayPeriod", "odrl:elapsedTime"})
_UNTIL = frozenset({"odrl:lt", "odrl:lteq", "odrl:eq"})
_USE = frozenset({"odrl:policyUsage", "policyUsage", "odrl:use"})


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
    for number, each in enumerate(_generations(document, others or {}, ())):
        prefix = f"i{number}" if number else ""
        lowered.policies.append(_lower(each, prefix, lowered))
    return lowered


def _generations(
    document: Document, others: Mapping[str, Document], heirs: tuple[str, ...]
) -> list[Document]:
    heirs = (*heirs, document.uid)
    found = [document]
    for name in document.inherits:
        if name not in others or name in heirs or len(heirs) > MAX_INHERITED:
            why = "is not given" if name not in others else "inherits from itself"
            if len(heirs) > MAX_INHERITED:
                why = f"is more than {MAX_INHERITED} generations away"
            raise PolicyError(
                f"the policy {name[:200]!r} to inherit from {why}",
                code="policy.inheritance",
                location="/inheritFrom",
            )
        found += _generations(others[name], others, heirs)
    return found


def _lower(document: Document, prefix: str, lowered: Lowered) -> PolicyIR:
    rules: dict[str, list[RuleIR]] = {"permission": [], "prohibition": []}
    obligations: list[DutyIR] = []
    for number, rule in enumerate(document.rules, 1):
        name = f"{prefix}{'pxd'[('permission', 'prohibition', 'obligation').index(rule.kind)]}"
        if rule.kind == "obligation":
            for duty in rule.duties:
                known = f"{name}{number}"
                lowered.rules[known] = rule
                obligations.append(_duty(duty, known, lowered, owed=True))
            continue
        for index, variant in enumerate(_variants(rule)):
            known = f"{name}{number}" + (f"_{index + 1}" if index else "")
            lowered.rules[known] = rule
            rules[rule.kind].append(_rule(rule, variant, known, document, lowered))
    return PolicyIR(
        uid=document.uid,
        digest=f"document:{document.uid}",
        kind=document.kind,
        conflict=document.conflict,
        permissions=tuple(rules["permission"]),
        prohibitions=tuple(rules["prohibition"]),
        obligations=tuple(obligations),
    )


def _variants(rule: Rule) -> list[tuple[tuple[Action, ...], Scope, Scope]]:
    """Return actions, asset and party of every rule that a rule of the document stands for."""
    plain = tuple(action for action in rule.actions if not action.refine)
    actions: list[tuple[Action, ...]] = [plain] if plain else []
    actions += [(action,) for action in rule.actions if action.refine]
    targets, assignees = rule.targets or (_ANYONE,), rule.assignees or (_ANYONE,)
    return list(product(actions, targets, assignees))


def _rule(
    rule: Rule,
    variant: tuple[tuple[Action, ...], Scope, Scope],
    name: str,
    document: Document,
    lowered: Lowered,
) -> RuleIR:
    actions, target, assignee = variant
    flat = Flat()
    shaping = [
        part for part in rule.parts if isinstance(part, Atom) and part.operand.shapes_delivery
    ]
    delivery = Delivery.of(shaping, counter=name)
    top = tuple(flat.add(part)[0] for part in deciding(rule.parts))
    refine = tuple(
        flat.add(part)[0] for part in (*actions[0].refine, *target.refine, *assignee.refine)
    )
    covered: dict[str, None] = {}
    for action in actions:
        covered |= dict.fromkeys((action.name, *sorted(_included(action.name, document.included))))
    return RuleIR(
        id=name,
        actions=tuple(covered),
        target=target.name,
        assignee=assignee.name,
        counter=None,
        leaves=tuple(flat.leaves),
        logic=tuple(tuple(level) for level in flat.levels),
        top=top,
        refine=refine,
        duties=tuple(
            _duty(duty, f"{name}d{index}", lowered, owed=rule.kind == "prohibition")
            for index, duty in enumerate(rule.duties, 1)
        ),
        filters=delivery.filters,
        columns=delivery.columns,
        masks=delivery.masks,
        limits=(),
        depends=(),
        src=rule.src,
    )


def _included(name: str, declared: Mapping[str, str]) -> set[str]:
    """Return an action with everything it includes, actions of the document's own too."""
    found = set(EVERY_ACTION.get(name, {name}))
    grown = True
    while grown:
        more = {child for child, parent in declared.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def _duty(duty: Duty, name: str, lowered: Lowered, *, owed: bool) -> DutyIR:
    """Lower a duty: a pre-condition, unless it is owed or its constraints put it off."""
    lowered.duties[name] = duty
    binding, refine, delay, deadline, is_after = _terms(duty)
    flat = Flat()
    top = tuple(flat.add(part)[0] for part in binding)
    return DutyIR(
        id=name,
        action=duty.action.name,
        when="after" if owed or is_after else "before",
        delay=delay,
        deadline=deadline,
        leaves=tuple(flat.leaves),
        logic=tuple(tuple(level) for level in flat.levels),
        top=top,
        refine=_conditions(refine),
        params=dict(duty.params),
        on_failure="terminate",
        remedies=(),
        consequences=tuple(
            _duty(each, f"{name}f{index}", lowered, owed=owed)
            for index, each in enumerate(duty.consequences, 1)
        ),
        src=duty.src,
    )


def _terms(
    duty: Duty,
) -> tuple[list[Normal], list[Normal], int | None, int | None, bool]:
    """Sort a duty's constraints: under which it binds, what its proof shows, until when."""
    binding: list[Normal] = []
    refine: list[Normal] = list(duty.action.refine)
    delay = deadline = None
    is_after = False
    for part in duty.parts:
        left = part.operand.name if isinstance(part, Atom) else ""
        if not isinstance(part, Atom):
            binding.append(part)
        elif left in _FULFILMENT:
            refine.append(part)
        elif left in _DELAYS and isinstance(part.right, int):
            delay, is_after = part.right, True
        elif left == "odrl:dateTime" and part.op in _UNTIL and isinstance(part.right, int):
            deadline = part.right - 1 if part.op == "odrl:lt" else part.right
            is_after = True
        elif left == "odrl:event" and set(part.values) & _USE:
            is_after = is_after or part.op in ("odrl:gt", "odrl:gteq")
        else:
            binding.append(part)
    return binding, refine, delay, deadline, is_after


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
