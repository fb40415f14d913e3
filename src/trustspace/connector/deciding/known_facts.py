"""What the connector knows of a counterparty and of an agreement, as facts for the engine.

Of the facts that somebody else states only those go in that the rules name: what the owner attests,
and what a provider says (`trustspace.connector.deciding.fact_desk`).

Example::

    known = Knowing(context.facts, tx, hosted, now).agreed(agreement, rules, point="access")
    known.subject, known.facts   # {'odrl:recipient': …, 'odrl:purpose': …, 'cx:Membership': …}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.fact_sources import may_be_stated
from trustspace.errors import ConfigurationError, PolicyError
from trustspace.model.odrl import Agreement
from trustspace.policy.decision import AgreementFacts, Fact, Limit, PolicyIR, Subject
from trustspace.policy.fact_provider import FactQuestion
from trustspace.policy.facts import (
    agreed_purposes,
    agreement_facts,
    needed,
    participant,
    purpose_fact,
)
from trustspace.policy.given_fact import fact_of
from trustspace.policy.left_operand import Kind, LeftOperand, Point
from trustspace.policy.lower import lower
from trustspace.policy.vocabulary import LEFT_OPERANDS, compact, spelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.connector.deciding.fact_desk import FactDesk
    from trustspace.model.participant import ParticipantId
    from trustspace.store import AgreementRow, Transaction

DEFAULT_ACTION = "odrl:use"

GROUPS = LeftOperand("groups", Kind.IRI, "attested", frozenset(), stated=True)
"""Groups that an owner attests a counterparty to be in; policies name them as a recipient."""


@dataclass(frozen=True)
class Known:
    """What is known of whom a decision is about.

    Attributes:
        subject: Who asks, with its groups.
        facts: Facts by left operand.
    """

    subject: Subject
    facts: dict[str, Fact]


@dataclass(frozen=True)
class Knowing:
    """What one participant knows at one moment.

    Attributes:
        desk: What providers say.
        tx: The transaction.
        hosted: Who decides.
        now: The moment.
    """

    desk: FactDesk
    tx: Transaction
    hosted: Hosted
    now: datetime

    def about(
        self, counterparty: ParticipantId, rules: PolicyIR, *, point: Point, dataset: str
    ) -> Known:
        """Collect what is known of a counterparty, as far as rules compare it.

        Raises:
            FactsNeededError: A provider has to be asked first, within `FactDesk.write`.
        """
        row = self.tx.counterparties.get(self.hosted.name, counterparty)
        stated: Mapping[str, Any] = {} if row is None else row.facts
        seconds = int(self.now.timestamp())
        facts = {"odrl:recipient": Fact.ok(counterparty)}
        wanted = []
        for operand in stated_operands(rules):
            if point in operand.deferred:
                # What the engine has a table for, it leaves to later by itself.
                facts |= {operand.name: Fact.unavailable("deferred")} if operand.stated else {}
            elif operand.name in self.desk.served:
                wanted.append(operand.name)
            else:
                facts[operand.name] = _attested(operand, stated, seconds)
        if wanted:
            question = FactQuestion(self.hosted.id, counterparty, dataset, tuple(wanted))
            facts |= self.desk.facts(question, now=self.now)
        groups = _attested(GROUPS, stated, seconds).value
        return Known(participant(counterparty, groups=_names(groups)), facts)

    def agreed(self, agreement: AgreementRow, rules: PolicyIR, *, point: Point) -> Known:
        """Collect what is known of the consumer of an agreement and of what was agreed.

        Raises:
            FactsNeededError: A provider has to be asked first, within `FactDesk.write`.
        """
        known = self.about(agreement.counterparty, rules, point=point, dataset=agreement.dataset_id)
        purposes = agreed_purposes(Agreement.model_validate(agreement.body))
        known.facts["odrl:purpose"] = purpose_fact(purposes)
        return known


def stated_operands(rules: PolicyIR) -> Iterable[LeftOperand]:
    """Yield the operands of rules whose value somebody states."""
    for name in sorted(needed(rules)):
        operand = LEFT_OPERANDS.get(name)
        if operand is not None and may_be_stated(operand):
            yield operand


def agreement_rules(agreement: AgreementRow) -> PolicyIR:
    """Return the rules of an agreement.

    Raises:
        PolicyError: They cannot be evaluated.
    """
    # The digest is worked out again: a body changed in the database is not what was signed.
    return lower(Agreement.model_validate(agreement.body), kind="agreement")


def limits_of(agreement: AgreementRow) -> tuple[Limit, ...]:
    """Return what an agreement counts; nothing when its rules cannot be read."""
    try:
        rules = agreement_rules(agreement)
    except PolicyError:
        return ()
    return tuple(limit for rule in rules.permissions for limit in rule.limits)


def known_agreement(row: AgreementRow) -> AgreementFacts:
    """Return an agreement as the engine is told of it, with the digest that was signed."""
    return agreement_facts(
        Agreement.model_validate(row.body), state=row.state.value, signed=row.signed_at
    ).model_copy(update={"digest": row.digest})


def main_action(rules: PolicyIR) -> str:
    """Return the action that a policy is about: ``use``, or what its first permission names."""
    for rule in rules.permissions:
        if DEFAULT_ACTION in rule.actions:
            return DEFAULT_ACTION
    return rules.permissions[0].actions[0] if rules.permissions else DEFAULT_ACTION


def attestable(
    facts: Mapping[str, Any], *, served: frozenset[str], now: datetime
) -> dict[str, Any]:
    """Check the facts that an owner attests about a counterparty.

    Args:
        facts: Statements by left operand, in any spelling, or under ``groups``.
        served: Operands that a provider serves, which nobody attests beside it.
        now: Current time.

    Returns:
        The facts by the names that people read.

    Raises:
        ConfigurationError: A name is not one that can be attested, a statement is malformed, of
            the wrong kind or over already, or a provider serves the operand.
    """
    checked = {}
    for name, stated in facts.items():
        operand = GROUPS if name == GROUPS.name else LEFT_OPERANDS.get(compact(name))
        if operand is None or not may_be_stated(operand):
            known = sorted(spelled(n) for n, one in LEFT_OPERANDS.items() if may_be_stated(one))
            raise _refused(name, "nobody can attest it", f"known: groups, {', '.join(known)}")
        if operand.name in served:
            raise _refused(name, "a provider of facts serves it", "change it at its source")
        try:
            fact = fact_of(operand, stated, now=int(now.timestamp()))
        except PolicyError as error:
            raise _refused(name, str(error), _EXAMPLE) from error
        if fact.status != "ok":
            raise _refused(name, "it is over already, or nothing is stated", _EXAMPLE)
        checked[operand.name if operand is GROUPS else spelled(operand.name)] = stated
    return checked


_EXAMPLE = (
    'give a value, several, or {"value": …, "until": "2027-01-01T00:00:00Z"}; '
    "a place is a code such as CN-SH (ISO 3166) or 310115 (GB/T 2260)"
)


def _refused(name: str, why: str, hint: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name[:200]!r} cannot be attested: {why}", setting=f"facts.{name[:200]}", hint=hint
    )


def _attested(operand: LeftOperand, stated: Mapping[str, Any], now: int) -> Fact:
    name = operand.name if operand is GROUPS else spelled(operand.name)
    try:
        return fact_of(operand, stated.get(name), now=now)
    except PolicyError:
        # Stored by another version, or changed in the database.
        return Fact.unavailable("error")


def _names(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(one for one in values if isinstance(one, str))
