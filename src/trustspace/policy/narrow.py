"""Narrowing: what a consumer may change in an offer, and what differs between two policies.

A consumer states its purpose by narrowing the offer: ``purpose isAnyOf [A, B]`` becomes
``purpose eq A``. A provider accepts an offer that equals its own or is narrower: the same rules,
with constraints added, lists shortened and bounds tightened. Everything else is a counter-offer.

Example::

    asked = narrow_purpose(offer, "credit-scoring")
    difference(offer, asked)  # (): equal or narrower
    difference(asked, offer)[0].en  # "'the purpose must be credit-scoring' is missing or weaker"
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.model.odrl import AtomicConstraint, Constraint, Offer, Policy, Rule
from trustspace.model.value import canonical
from trustspace.policy.constraint import Atom, Normal
from trustspace.policy.implication import key
from trustspace.policy.messages import LANGUAGES, Language, phrase
from trustspace.policy.normal_duty import NormalDuty
from trustspace.policy.normal_rule import NormalRule, normal_rules
from trustspace.policy.right_operand import name_of
from trustspace.policy.vocabulary import compact
from trustspace.policy.wording import demand, duty_words, printable, term

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trustspace.policy.document import RuleKind

WIDER = "offer.wider"
"""Reason id of an offer that differs from the stored one by more than narrowing."""

_KINDS: tuple[RuleKind, ...] = ("permission", "prohibition", "obligation")


@dataclass(frozen=True)
class Difference:
    """One thing that keeps a policy from being equal to or narrower than another.

    Attributes:
        pointer: JSON pointer, into the stored policy for what is missing, else into the asked one.
        en: What differs, in English.
        zh: The same in Chinese.
        left: Left operand concerned, or ``None``.
        op: Operator concerned, or ``None``.
        expected: Right operand of the stored policy, or ``None``.
    """

    pointer: str
    en: str
    zh: str
    left: str | None = None
    op: str | None = None
    expected: Any = None

    def reason(self) -> dict[str, Any]:
        """Return the difference as a reason for the counterparty, absent members left out."""
        members = {
            "id": WIDER,
            "src": self.pointer,
            "left": self.left,
            "op": self.op,
            "expected": list(self.expected) if isinstance(self.expected, tuple) else self.expected,
            "text": self.en,
        }
        return {name: member for name, member in members.items() if member is not None}


def narrow_purpose(offer: Offer, purpose: str | None) -> Offer:
    """Return the offer with the consumer's one purpose in every permission.

    A constraint that lists the purpose among others is replaced by ``purpose eq X``; where none
    does, that constraint is added, so that the provider's own list stays to be judged by.

    Args:
        offer: The provider's offer.
        purpose: The purpose, or ``None`` to leave the offer as it is.
    """
    if purpose is None:
        return offer
    permissions = tuple(_with_purpose(rule, purpose) for rule in offer.permissions)
    return offer.model_copy(update={"permissions": permissions})


def difference(stored: Policy, asked: Policy) -> tuple[Difference, ...]:
    """Return what keeps an asked policy from being equal to or narrower than the stored one.

    Args:
        stored: Policy of whoever decides, for example the provider's own offer.
        asked: Policy received.

    Returns:
        Nothing when it is equal or narrower. A policy that cannot be read is a difference.
    """
    found = list(_members_that_differ(stored, asked))
    try:
        for kind in _KINDS:
            mine, other = (_normal(policy, kind) for policy in (stored, asked))
            if kind == "permission":
                found.extend(_wider_permissions(mine, other))
            else:
                found.extend(_missing_rules(kind, mine, other))
    except PolicyError as error:
        words = {"wanted": printable(error)}
        found.append(_difference("difference.unreadable", error.location, words))
    return tuple(found)


def same_rules(one: Policy, other: Policy) -> bool:
    """Tell whether two policies have the same rules, whatever their ids, types and parties.

    Spelling and order make no difference; where a policy has terms that are not understood, its
    rules are compared as written.
    """
    if next(_members_that_differ(one, other), None) is not None:
        return False
    try:
        return all(
            Counter(rule.key for rule in _normal(one, kind))
            == Counter(rule.key for rule in _normal(other, kind))
            for kind in _KINDS
        )
    except PolicyError:
        return _as_written(one) == _as_written(other)


def _with_purpose(rule: Rule, purpose: str) -> Rule:
    stated: str | None = None
    constraints: list[Constraint] = []
    for constraint in rule.constraints:
        spelling = _listed(constraint, purpose)
        if spelling is None:
            constraints.append(constraint)
        elif stated is None:
            stated = spelling
            constraints.append(_purpose(stated))
    if stated is None:
        constraints.append(_purpose(purpose))
    return rule.model_copy(update={"constraints": tuple(constraints)})


def _purpose(value: str) -> AtomicConstraint:
    return AtomicConstraint(left_operand="purpose", operator="eq", right_operand=value)


def _listed(constraint: Constraint, purpose: str) -> str | None:
    """Return how a constraint on the purpose spells the purpose, if it admits it."""
    if (
        not isinstance(constraint, AtomicConstraint)
        or compact(constraint.left_operand) != "odrl:purpose"
        or compact(constraint.operator) not in ("odrl:isAnyOf", "odrl:eq")
    ):
        return None
    right = constraint.right_operand
    for item in right if isinstance(right, list) else [right]:
        text = item.get("@value", item.get("@id")) if isinstance(item, dict) else item
        if isinstance(text, str) and name_of(text) == name_of(purpose):
            return text
    return None


def _rules(policy: Policy, kind: str) -> Sequence[Rule]:
    return {
        "permission": policy.permissions,
        "prohibition": policy.prohibitions,
        "obligation": policy.obligations,
    }[kind]


def _normal(policy: Policy, kind: RuleKind) -> tuple[NormalRule, ...]:
    return normal_rules(_rules(policy, kind), kind)


def _as_written(policy: Policy) -> bytes:
    return canonical([[rule.to_wire() for rule in _rules(policy, kind)] for kind in _KINDS])


def _members_that_differ(stored: Policy, asked: Policy) -> Iterator[Difference]:
    if stored.target and asked.target and stored.target != asked.target:
        yield _difference("difference.member", "/target", {"term": "target"})
    strategies = {
        compact(str((policy.model_extra or {}).get("conflict", "prohibit")))
        for policy in (stored, asked)
    }
    if len(strategies) > 1:
        yield _difference("difference.member", "/conflict", {"term": "conflict"})


def _wider_permissions(
    stored: Sequence[NormalRule], asked: Sequence[NormalRule]
) -> Iterator[Difference]:
    """Pair the permissions of one action, closest first, and report what is wider."""
    left = list(asked)
    for rule in stored:
        candidates = [other for other in left if other.action == rule.action]
        # One about fewer assets or parties than another is no permission for the others.
        candidates = [other for other in candidates if other.refines_as_much(rule)] or candidates
        if not candidates:
            yield _rule_difference("difference.rule_missing", "permission", rule)
            continue
        gaps = [list(other.gaps(rule)) for other in candidates]
        # Of two that are narrow enough the equal one, which leaves the other for its own pair.
        nearest = min(
            range(len(candidates)),
            key=lambda index: (len(gaps[index]), candidates[index].key != rule.key),
        )
        left.remove(candidates[nearest])
        if not gaps[nearest] and not candidates[nearest].refines_as_much(rule):
            yield _rule_difference("difference.rule_missing", "permission", rule)
        for part in gaps[nearest]:
            yield _constraint_difference(part)
    for rule in left:
        yield _rule_difference("difference.rule_added", "permission", rule)


def _missing_rules(
    kind: str, stored: Sequence[NormalRule], asked: Sequence[NormalRule]
) -> Iterator[Difference]:
    """Report prohibitions and obligations that are not there, or are weaker."""
    for rule in stored:
        if not any(_stands_for(kind, other, rule) for other in asked):
            yield _rule_difference("difference.rule_missing", kind, rule)


def _stands_for(kind: str, asked: NormalRule, stored: NormalRule) -> bool:
    if kind == "obligation":
        return all(asked.does(duty) for duty in stored.duties)
    same = asked.scope == stored.scope and {*map(key, asked.parts)} == {*map(key, stored.parts)}
    return same and all(asked.does(duty) for duty in stored.duties)


def _rule_difference(name: str, kind: str, rule: NormalRule) -> Difference:
    return _difference(name, rule.src, {"term": kind, "expected": rule.action})


def _constraint_difference(part: Normal | NormalDuty) -> Difference:
    if isinstance(part, NormalDuty):
        english, chinese = (
            phrase("difference.weaker", language, wanted=duty_words(part, language))
            for language in LANGUAGES
        )
        return Difference(part.src, english, chinese)
    if not isinstance(part, Atom):
        return _difference("difference.weaker", part.src, {"wanted": part.kind})
    english, chinese = (
        phrase(
            "difference.weaker",
            language,
            wanted=demand(part.left, part.op, part.right, language, unit=part.unit or ""),
        )
        for language in LANGUAGES
    )
    return Difference(part.src, english, chinese, part.left, part.op, part.right)


def _difference(name: str, pointer: str, fields: dict[str, str]) -> Difference:
    def text(language: Language) -> str:
        words = {
            field: word if field == "wanted" else term(word, language)
            for field, word in fields.items()
        }
        return phrase(name, language, **words)

    return Difference(pointer, text("en"), text("zh"))
