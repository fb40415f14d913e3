"""Rules in normal form, and whether one rule is at least as strict as another.

A consumer may add to what it was offered and never take away: conditions, refinements, duties.
What is missing or weaker is named part by part.

Example::

    stored, asked = (normal_rules(each.permissions, "permission")[0] for each in (offer, request))
    list(asked.gaps(stored))  # constraints and duties of the stored one that the other weakens
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from trustspace.policy.constraint import Atom
from trustspace.policy.delivery import Delivery
from trustspace.policy.implication import any_implies, key
from trustspace.policy.mask import hides_as_much
from trustspace.policy.normal_duty import NormalDuty
from trustspace.policy.vocabulary import Kind
from trustspace.policy.wire_policy import read_list

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from trustspace.model.odrl import Rule as WireRule
    from trustspace.policy.constraint import Normal
    from trustspace.policy.document import Rule, RuleKind
    from trustspace.policy.predicate import MaskSpec


@dataclass(frozen=True)
class NormalRule:
    """One rule: its action, what it covers, and its conjuncts.

    Attributes:
        action: Prefixed action.
        parts: Conjuncts in normal form.
        refine: Conditions on action, assets and parties.
        names: Names of the asset and the party collection, ``None`` for all.
        duties: Duties of a permission, remedies of a prohibition; of an obligation, itself.
        src: JSON pointer of the rule.
    """

    action: str
    parts: tuple[Normal, ...]
    refine: tuple[Normal, ...]
    names: tuple[str | None, str | None]
    duties: tuple[NormalDuty, ...]
    src: str

    @property
    def key(self) -> Hashable:
        """What equal rules have in common."""
        return self.scope, frozenset(key(part) for part in self.parts), _counted(self.duties)

    @property
    def scope(self) -> Hashable:
        """What rules about the same thing have in common."""
        return self.action, self.names, frozenset(key(part) for part in self.refine)

    @cached_property
    def delivery(self) -> Delivery:
        """What may leave under the rule."""
        return Delivery.of(self.parts, counter="rule")

    def fulfils(self, part: Normal) -> bool:
        """Tell whether the rule's conjuncts are at least as strict as one constraint."""
        if isinstance(part, Atom) and part.operand.shapes_delivery:
            return _shapes_as_much(self.delivery, part)
        return any_implies(self.parts, part)

    def does(self, duty: NormalDuty) -> bool:
        """Tell whether one of the rule's duties is at least as strict as another one."""
        return any(each.is_as_strict_as(duty) for each in self.duties)

    def refines_as_much(self, stored: NormalRule) -> bool:
        """Tell whether the rule is about no more than another one."""
        named = zip(self.names, stored.names, strict=True)
        return all(theirs in (None, mine) for mine, theirs in named) and all(
            any_implies(self.refine, part) for part in stored.refine
        )

    def gaps(self, stored: NormalRule) -> Iterator[Normal | NormalDuty]:
        """Yield what of a stored permission is missing here or weaker.

        Args:
            stored: A permission of the same action.
        """
        yield from (part for part in stored.parts if not self.fulfils(part))
        yield from (part for part in stored.refine if not any_implies(self.refine, part))
        yield from (duty for duty in stored.duties if not self.does(duty))


def normal_rules(rules: Sequence[WireRule], kind: RuleKind) -> tuple[NormalRule, ...]:
    """Return the rules of one list of a policy in normal form.

    Args:
        rules: Rules as on the wire.
        kind: ``permission``, ``prohibition`` or ``obligation``.

    Raises:
        PolicyError: A rule has a term or a value that is not understood.
    """
    return tuple(_normal(rule) for rule in read_list(rules, kind))


def _normal(rule: Rule) -> NormalRule:
    action = rule.actions[0]
    scopes = [scope[0] if scope else None for scope in (rule.targets, rule.assignees)]
    refine = [action.refine, *(scope.refine for scope in scopes if scope)]
    names = [scope.name if scope else None for scope in scopes]
    return NormalRule(
        action=action.name,
        parts=rule.parts,
        refine=tuple(part for parts in refine for part in parts),
        names=(names[0], names[1]),
        duties=tuple(
            NormalDuty.of(duty, is_owed=rule.kind != "permission") for duty in rule.duties
        ),
        src=rule.src,
    )


def _counted(duties: Sequence[NormalDuty]) -> Hashable:
    return frozenset(duty.key for duty in duties)


def _shapes_as_much(asked: Delivery, stored: Atom) -> bool:
    if stored.operand.kind is Kind.ROW_FILTER:
        return stored.filter in asked.filters
    if stored.operand.kind is Kind.MASKS:
        return all(_is_hidden(asked, mask) for mask in stored.masks)
    if stored.op == "odrl:isNoneOf":
        return all(not _leaves(asked, str(column)) for column in stored.values)
    return asked.columns is not None and set(asked.columns) <= set(stored.values)


def _is_hidden(asked: Delivery, mask: MaskSpec) -> bool:
    return not _leaves(asked, mask.column) or any(
        hides_as_much(other, mask) for other in asked.masks if other.column == mask.column
    )


def _leaves(delivery: Delivery, column: str) -> bool:
    """Tell whether a column may leave at all."""
    if delivery.columns is not None and column not in delivery.columns:
        return False
    return not any(mask.method == "drop" and mask.column == column for mask in delivery.masks)
