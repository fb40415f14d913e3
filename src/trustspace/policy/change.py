"""What changed between two versions of a policy, in words for the person who decides about it.

Where `trustspace.policy.narrow.difference` finds what a counterparty may not do, this tells all of
it: what was added, what was removed, what became wider or narrower. *Wider* and *narrower* are
meant from the side of whoever gets the data: a longer time is wider, one more condition narrower.

Example::

    changes(offer, asked)[0].en  # "wider: 'the count must be …' instead of …"
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, Normal
from trustspace.policy.implication import any_implies, key
from trustspace.policy.messages import LANGUAGES, Language, phrase
from trustspace.policy.normal_rule import NormalRule, normal_rules
from trustspace.policy.vocabulary import compact
from trustspace.policy.wording import condition, duty_words, printable, rule_words, term

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from trustspace.model.odrl import Policy
    from trustspace.policy.document import RuleKind
    from trustspace.policy.normal_duty import NormalDuty

_KINDS: tuple[RuleKind, ...] = ("permission", "prohibition", "obligation")


class Kind(StrEnum):
    """What happened to a term or a rule."""

    ADDED = "added"
    REMOVED = "removed"
    WIDER = "wider"
    NARROWER = "narrower"
    CHANGED = "changed"
    """Another value, of which neither contains the other."""


@dataclass(frozen=True)
class Change:
    """One thing that differs.

    Attributes:
        kind: What happened.
        pointer: JSON pointer, into the policy before for what was removed, else into that after.
        en: The change in English.
        zh: The same in Chinese.
        left: Left operand concerned, or None where it is a whole rule.
    """

    kind: Kind
    pointer: str
    en: str
    zh: str
    left: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the change as JSON."""
        return {
            "change": self.kind.value,
            "pointer": self.pointer,
            "left": self.left,
            "en": self.en,
            "zh": self.zh,
        }


def changes(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Return what changed from one policy to another, rule by rule.

    Ids, parties and spelling make no difference. A policy that cannot be read gives one change that
    says so.

    Args:
        before: What was on the table, for example the stored offer.
        after: What is there now, for example what was asked for.
    """
    found: list[Change] = []
    try:
        if before.target and after.target and before.target != after.target:
            found.append(_change(Kind.CHANGED, "/target", _member("target")))
        strategies = [_conflict(policy) for policy in (before, after)]
        if strategies[0] != strategies[1]:
            found.append(_change(Kind.CHANGED, "/conflict", _member("conflict")))
        for kind in _KINDS:
            earlier, later = (_normal(policy, kind) for policy in (before, after))
            found.extend(_rules(kind, earlier, later))
    except PolicyError as error:
        words = printable(error)
        found.append(
            _change(
                Kind.CHANGED,
                error.location,
                lambda language: phrase("difference.unreadable", language, wanted=words),
            )
        )
    return tuple(found)


def _normal(policy: Policy, kind: RuleKind) -> tuple[NormalRule, ...]:
    rules = {
        "permission": policy.permissions,
        "prohibition": policy.prohibitions,
        "obligation": policy.obligations,
    }
    return normal_rules(rules[kind], kind)


def _conflict(policy: Policy) -> str:
    return compact(str((policy.model_extra or {}).get("conflict", "prohibit")))


def _rules(
    kind: RuleKind, before: Sequence[NormalRule], after: Sequence[NormalRule]
) -> Iterator[Change]:
    """Pair the rules of one kind, equal ones first, then the closest of the same action."""
    equal = Counter(rule.key for rule in before) & Counter(rule.key for rule in after)
    earlier, later = _without(before, equal), _without(after, equal)
    for rule in earlier:
        candidates = [other for other in later if other.action == rule.action]
        if not candidates:
            yield _change(Kind.REMOVED, rule.src, _of_rule(Kind.REMOVED, kind, rule), None)
            continue
        differing = [list(_terms(kind, rule, other)) for other in candidates]
        nearest = min(range(len(candidates)), key=lambda index: len(differing[index]))
        later.remove(candidates[nearest])
        yield from differing[nearest]
    for rule in later:
        yield _change(Kind.ADDED, rule.src, _of_rule(Kind.ADDED, kind, rule), None)


def _without(rules: Sequence[NormalRule], known: Counter[Hashable]) -> list[NormalRule]:
    left = Counter(known)
    rest = []
    for rule in rules:
        if left[rule.key]:
            left[rule.key] -= 1
        else:
            rest.append(rule)
    return rest


def _terms(kind: RuleKind, before: NormalRule, after: NormalRule) -> Iterator[Change]:
    """Compare the constraints and duties of two rules of one action, by what they are about."""
    if before.names != after.names:
        yield _change(Kind.CHANGED, after.src, _member("collection"))
    if kind == "obligation":
        yield from _duties(before.duties, after.duties)
        return
    yield from _conditions(kind, before, after, before.parts, after.parts)
    yield from _conditions(kind, before, after, before.refine, after.refine)
    yield from _duties(before.duties, after.duties)


def _conditions(
    kind: RuleKind,
    before: NormalRule,
    after: NormalRule,
    was: Sequence[Normal],
    is_now: Sequence[Normal],
) -> Iterator[Change]:
    earlier = _parts_without(was, is_now)
    later = _parts_without(is_now, was)
    for part in earlier:
        other = next((each for each in later if _about(each) == _about(part)), None)
        if other is None:
            yield _of_term(Kind.REMOVED, part)
            continue
        later.remove(other)
        yield _of_term(_direction(kind, before, after, part, other), other, instead_of=part)
    for part in later:
        yield _of_term(Kind.ADDED, part)


def _duties(before: Sequence[NormalDuty], after: Sequence[NormalDuty]) -> Iterator[Change]:
    """Pair duties of one action; a duty that is stricter is narrower."""
    was, is_now = ({duty.key for duty in duties} for duties in (before, after))
    later = [duty for duty in after if duty.key not in was]
    for duty in before:
        if duty.key in is_now:
            continue
        other = next((each for each in later if each.action == duty.action), None)
        if other is None:
            yield _of_duty(Kind.REMOVED, duty)
            continue
        later.remove(other)
        stricter, looser = other.is_as_strict_as(duty), duty.is_as_strict_as(other)
        kind = Kind.CHANGED
        if stricter != looser:
            kind = Kind.NARROWER if stricter else Kind.WIDER
        yield _of_duty(kind, other, instead_of=duty)
    for duty in later:
        yield _of_duty(Kind.ADDED, duty)


def _of_duty(kind: Kind, duty: NormalDuty, *, instead_of: NormalDuty | None = None) -> Change:
    def words(language: Language) -> str:
        wanted = duty_words(duty, language)
        if instead_of is None:
            return phrase(f"change.{kind}", language, wanted=wanted)
        expected = duty_words(instead_of, language)
        return phrase(f"change.{kind}", language, wanted=wanted, expected=expected)

    return _change(kind, duty.src, words)


def _parts_without(parts: Sequence[Normal], others: Sequence[Normal]) -> list[Normal]:
    known = {_key(part) for part in others}
    return [part for part in parts if _key(part) not in known]


def _key(part: Normal) -> Hashable:
    """Return what constraints have in common that mean the same to a reader."""
    if isinstance(part, Atom) and part.op == "odrl:isAnyOf" and len(part.values) == 1:
        return part.left, "odrl:eq", part.values[0]
    return key(part)


def _about(part: Normal) -> str:
    return part.left if isinstance(part, Atom) else part.kind


def _direction(
    kind: RuleKind, before: NormalRule, after: NormalRule, earlier: Normal, later: Normal
) -> Kind:
    stricter = after.fulfils(earlier) or any_implies(after.refine, earlier)
    looser = before.fulfils(later) or any_implies(before.refine, later)
    if stricter == looser:
        return Kind.CHANGED
    # A prohibition whose condition is met more rarely forbids less.
    return Kind.NARROWER if stricter is (kind == "permission") else Kind.WIDER


def _of_term(kind: Kind, part: Normal, *, instead_of: Normal | None = None) -> Change:
    def words(language: Language) -> str:
        if instead_of is None:
            return phrase(f"change.{kind}", language, wanted=condition(part, language))
        return phrase(
            f"change.{kind}",
            language,
            wanted=condition(part, language),
            expected=condition(instead_of, language),
        )

    return _change(kind, part.src, words, part.left if isinstance(part, Atom) else None)


def _of_rule(kind: Kind, name: str, rule: NormalRule) -> Callable[[Language], str]:
    def words(language: Language) -> str:
        wanted = rule_words(name, rule.action, (*rule.parts, *rule.refine), language)
        if name != "obligation":
            owed = "; ".join(duty_words(duty, language) for duty in rule.duties)
            wanted += phrase("change.duties", language, wanted=owed) if owed else ""
        return phrase(f"change.{kind}", language, wanted=wanted)

    return words


def _member(name: str) -> Callable[[Language], str]:
    return lambda language: phrase("difference.member", language, term=term(name, language))


def _change(
    kind: Kind, pointer: str, words: Callable[[Language], str], left: str | None = None
) -> Change:
    english, chinese = (words(language) for language in LANGUAGES)
    return Change(kind, pointer, english, chinese, left)
