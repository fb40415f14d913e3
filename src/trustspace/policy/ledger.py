"""The ledger: how far each term of a policy binds, at the provider and at the consumer.

A term is *enforced* where this software can stop what it forbids, *attested* where evidence of it
will exist, *contractual* where it is only promised. The provider's column is about everything until
the data leaves, the consumer's about what happens to it afterwards: there nothing is claimed that
would need the consumer's software to be honest, so that whatever can be done with a saved copy is
contractual. The labels follow from what the engine decides, what the data plane can carry out and
how the dataset leaves; nothing is labelled by its name alone.

Example::

    ledger(lower(offer, kind="offer"))[0]
    # Term('/permission/0/constraint/0', 'odrl:count', 'enforced', 'contractual', 'ledger.count')
    require(ledger(rules), accepted=["distribute"])  # PolicyError names what else is a promise only
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trustspace.errors import PolicyError
from trustspace.policy.facts import Capabilities
from trustspace.policy.lasting import CLOCKS
from trustspace.policy.messages import Language, phrase
from trustspace.policy.operands import EVERY_ACTION
from trustspace.policy.promised import DECLARATIVE, is_promised
from trustspace.policy.quantity import MEASURES
from trustspace.policy.vocabulary import COUNTED, LEFT_OPERANDS, Label, compact, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trustspace.policy.rule import DutyIR, Leaf, PolicyIR, RuleIR


@dataclass(frozen=True)
class Term:
    """One term and how far it binds.

    Attributes:
        pointer: JSON pointer of the term in the policy.
        term: Prefixed name: a left operand, the action of a duty, or the action of a prohibition.
        provider: Whether it holds until the data leaves.
        consumer: Whether it holds for what was delivered.
        why: Id of the reason, in words under this id of the message catalogue.
    """

    pointer: str
    term: str
    provider: Label
    consumer: Label
    why: str

    def to_document(self) -> dict[str, str]:
        """Return it as JSON."""
        return {
            "pointer": self.pointer,
            "term": self.term,
            "provider": self.provider,
            "consumer": self.consumer,
            "why": self.why,
        }


@dataclass(frozen=True)
class Abilities:
    """What a connector can really do about terms.

    Attributes:
        observes: Left operands whose value it sees itself, with the reason's id.
        believes: Left operands whose value somebody states, beside those that are always decided
            by a statement (`LeftOperand.stated`): the consumer in the agreement, or the owner
            about a counterparty.
        performs: Duties that it does itself with every use.
        hears: Duties of the consumer that its connector says it has done, in a signed message,
            and whose falling due is recorded.
        proves: Duties for whose fulfilment there is evidence by the side that can know.
        delivery: What its data plane can do to a table.
    """

    observes: frozenset[str] = CLOCKS | COUNTED | {"odrl:elapsedTime", "odrl:recipient"}
    believes: frozenset[str] = frozenset({"odrl:purpose", "odrl:spatial"})
    performs: frozenset[str] = frozenset({"ts:log", "ts:meter", "odrl:attribute"})
    hears: frozenset[str] = frozenset({"odrl:delete", "odrl:inform", "ts:report"})
    proves: frozenset[str] = frozenset({"odrl:compensate", "odrl:obtainConsent", "ts:notify"})
    delivery: Capabilities = field(default_factory=Capabilities)


CONNECTOR = Abilities()
"""This connector."""


@dataclass(frozen=True)
class Delivering:
    """How a dataset leaves.

    Attributes:
        forms: ``file``, ``table``, ``api``; what is not known is assumed to be what terms need.
        writes: Whether calls can change something at the provider.
        by_other_software: Whether the provider is seen to run another kind of connector, of which
            nothing is known.
    """

    forms: tuple[str, ...] = ("file", "table")
    writes: bool = False
    by_other_software: bool = False

    @property
    def is_called(self) -> bool:
        """Whether each use is a call that the provider answers."""
        return "api" in self.forms


def ledger(
    policy: PolicyIR,
    *,
    delivering: Delivering | None = None,
    abilities: Abilities = CONNECTOR,
) -> tuple[Term, ...]:
    """Return how far each term of a policy binds, in the order of the policy.

    Args:
        policy: The normalised policy.
        delivering: How the dataset leaves, where that is known.
        abilities: What the connector can do.
    """
    book = _Book(delivering or Delivering(), abilities)
    found: dict[tuple[str, str], Term] = {}
    for one in book.terms(policy):
        found.setdefault((one.pointer, one.term), one)
    if book.delivering.by_other_software:
        return tuple(map(_unseen, found.values()))
    return tuple(found.values())


def promises(terms: Iterable[Term], accepted: Iterable[str] = ()) -> tuple[Term, ...]:
    """Return the terms that the provider cannot even attest and that nobody has accepted as such.

    Args:
        terms: The ledger.
        accepted: Names of terms in any spelling, for example ``distribute``.
    """
    known = frozenset(map(compact, accepted))
    return tuple(one for one in terms if one.provider == "contractual" and one.term not in known)


def require(terms: Iterable[Term], accepted: Sequence[str] = ()) -> None:
    """Pass when every term is at least attested at the provider, or accepted as a promise.

    Args:
        terms: The ledger.
        accepted: Names of terms that may be contractual.

    Raises:
        PolicyError: One is not, code ``policy.contractual``, with its pointer; names all of them.
    """
    open_ = promises(terms, accepted)
    if not open_:
        return
    first, *others = open_
    listed = "".join(f"; also {spelled(one.term)!r} at {one.pointer}" for one in others)
    names = dict.fromkeys([*map(spelled, accepted), *(spelled(one.term) for one in open_)])
    raise PolicyError(
        f"the term {spelled(first.term)!r} would be a promise and nothing more: "
        f"{words(first)}{listed}",
        code="policy.contractual",
        location=first.pointer,
        hint=f"leave it out, or accept that: accept_contractual={list(names)}",
    )


def words(term: Term, language: Language = "en") -> str:
    """Return why a term binds as far as it does, in words."""
    return phrase(term.why, language)


_NEVER_SERVED = frozenset({"odrl:delete", "odrl:modify", "odrl:move"})
"""What nobody can do to the provider's own data, because sources are read and never written."""


@dataclass(frozen=True)
class _Book:
    """The labels of one policy."""

    delivering: Delivering
    abilities: Abilities

    def terms(self, policy: PolicyIR) -> Iterator[Term]:
        for rule in policy.permissions:
            yield from self._shapes(rule)
            yield from map(self._leaf, rule.leaves)
            yield from self._duties(rule.duties)
        for rule in policy.prohibitions:
            yield from map(self._leaf, rule.leaves)
            yield from self._prohibited(rule, _asked(policy))
            yield from self._duties(rule.duties)
        yield from self._duties(policy.obligations)

    def _shapes(self, rule: RuleIR) -> Iterator[Term]:
        able = self.abilities.delivery
        is_table = able.shapes_tables and "table" in self.delivering.forms
        drops = any(mask.method == "drop" for mask in rule.masks)
        masks = [mask.method for mask in rule.masks if mask.method != "drop"]
        for name, is_asked, is_able in (
            ("ts:rowFilter", bool(rule.filters), True),
            ("ts:columns", rule.columns is not None or drops, True),
            ("ts:mask", bool(masks), able.masks.issuperset(masks)),
        ):
            if not is_asked:
                continue
            if not is_table:
                yield Term(rule.src, name, "contractual", "contractual", "ledger.shape.whole")
            elif not is_able:
                yield Term(rule.src, name, "contractual", "contractual", "ledger.mask.unknown")
            else:
                # What did not leave is not there, whatever the consumer runs.
                yield Term(rule.src, name, "enforced", "enforced", "ledger.shape")

    def _leaf(self, leaf: Leaf) -> Term:
        name = leaf.left
        known = LEFT_OPERANDS.get(name)
        provider: Label = "contractual"
        if known is not None and leaf.op in known.operators:
            is_stated = known.stated and known.label == "attested"
            if name in self.abilities.observes:
                provider = "enforced"
            elif is_stated or name in self.abilities.believes:
                provider = "attested"
        why = _why(name)
        if provider == "contractual":
            why = _why_not(name)
        if name in MEASURES and MEASURES[name] not in self.abilities.delivery.counts:
            provider, why = "contractual", "ledger.unresolved"
        elif name == "ts:dataRecord" and "table" not in self.delivering.forms:
            provider, why = "contractual", "ledger.rows.whole"
        if self.delivering.is_called and why in ("ledger.time", "ledger.count"):
            why += ".call"
        return Term(leaf.src, name, provider, "contractual", why)

    def _duties(self, duties: Iterable[DutyIR]) -> Iterator[Term]:
        for duty in duties:
            yield self._duty(duty)
            yield from map(self._leaf, duty.leaves)
            yield from self._duties(duty.consequences)

    def _duty(self, duty: DutyIR) -> Term:
        able = self.abilities
        if duty.when == "before":
            return Term(duty.src, duty.action, "enforced", "contractual", "ledger.duty.before")
        if duty.action in able.proves:
            return Term(duty.src, duty.action, "attested", "attested", "ledger.duty.proved")
        if duty.action in able.performs:
            return Term(duty.src, duty.action, "enforced", "contractual", "ledger.duty.performed")
        if duty.action in able.hears:
            return Term(duty.src, duty.action, "attested", "contractual", "ledger.duty.heard")
        return Term(duty.src, duty.action, "contractual", "contractual", "ledger.duty.promised")

    def _prohibited(self, rule: RuleIR, asked: str) -> Iterator[Term]:
        for name in _named(rule.actions):
            provider: Label = "contractual"
            why = "ledger.prohibited"
            if asked in EVERY_ACTION.get(name, {name}):
                provider, why = "enforced", "ledger.prohibited.delivery"
            elif name in _NEVER_SERVED and not self.delivering.writes:
                provider, why = "enforced", "ledger.prohibited.never_served"
            yield Term(rule.src, name, provider, "contractual", why)


def _asked(policy: PolicyIR) -> str:
    """Return the action as which the data is asked for when nobody says another."""
    if any("odrl:use" in rule.actions for rule in policy.permissions) or not policy.permissions:
        return "odrl:use"
    return policy.permissions[0].actions[0]


def _named(actions: Sequence[str]) -> list[str]:
    """Return the actions that a rule names, without those that they include."""
    return [
        name
        for name in actions
        if not any(name in EVERY_ACTION.get(other, ()) for other in actions if other != name)
    ]


def _why_not(name: str) -> str:
    """Return why nothing here decides a constraint on an operand."""
    if name in DECLARATIVE:
        return "ledger.declared"
    return "ledger.promised" if is_promised(name) else "ledger.unresolved"


def _why(name: str) -> str:
    if name in CLOCKS:
        return "ledger.time"
    if name in MEASURES:
        return "ledger.running" if MEASURES[name] == "second" else "ledger.amount"
    if name in COUNTED:
        return "ledger.count"
    known = LEFT_OPERANDS.get(name)
    if known is not None and known.stated:
        return "ledger.stated"
    return f"ledger.{name.partition(':')[2]}"


def _unseen(term: Term) -> Term:
    """Return a term of a provider whose software is not known to do anything about it."""
    if "enforced" not in (term.provider, term.consumer):
        return term
    weaker: dict[Label, Label] = {"enforced": "contractual"}
    return replace(
        term,
        provider=weaker.get(term.provider, term.provider),
        consumer=weaker.get(term.consumer, term.consumer),
        why="ledger.other_software",
    )
