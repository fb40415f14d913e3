"""What the connector knows of a counterparty and of an agreement, as facts for the engine.

Example::

    facts = agreed(tx, hosted, agreement)   # {'odrl:recipient': …, 'odrl:purpose': …}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.errors import ConfigurationError
from trustspace.model.odrl import Agreement
from trustspace.policy.decision import AgreementFacts, Fact, PolicyIR
from trustspace.policy.facts import agreed_purposes, agreement_facts, place_fact, purpose_fact
from trustspace.policy.lower import lower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import Hosted
    from trustspace.model.participant import ParticipantId
    from trustspace.store import AgreementRow, Transaction

ATTESTABLE = frozenset({"spatial"})
"""Left operands whose facts an owner may attest about a counterparty."""

DEFAULT_ACTION = "odrl:use"


def about(tx: Transaction, hosted: Hosted, subject: ParticipantId) -> dict[str, Fact]:
    """Collect what is known of a counterparty."""
    facts = {"odrl:recipient": Fact.ok(subject)}
    row = tx.counterparties.get(hosted.name, subject)
    if row is not None and "spatial" in row.facts:
        facts["odrl:spatial"] = place_fact(row.facts["spatial"])
    return facts


def agreed(tx: Transaction, hosted: Hosted, agreement: AgreementRow) -> dict[str, Fact]:
    """Collect what is known of the consumer of an agreement and of what was agreed."""
    facts = about(tx, hosted, agreement.counterparty)
    purposes = agreed_purposes(Agreement.model_validate(agreement.body))
    facts["odrl:purpose"] = purpose_fact(purposes)
    return facts


def agreement_rules(agreement: AgreementRow) -> PolicyIR:
    """Return the rules of an agreement.

    Raises:
        PolicyError: They cannot be evaluated.
    """
    # The digest is worked out again: a body changed in the database is not what was signed.
    return lower(Agreement.model_validate(agreement.body), kind="agreement")


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


def attestable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Check the facts that an owner attests about a counterparty.

    Raises:
        ConfigurationError: A name is not one that can be attested, or a value is not text.
    """
    for name, value in facts.items():
        if name not in ATTESTABLE or not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"{name!r} cannot be attested with {value!r}",
                setting=f"facts.{name}",
                hint="known: spatial, a code such as CN-SH (ISO 3166) or 310115 (GB/T 2260)",
            )
    return dict(facts)
