"""Finding an agreement instead of negotiating it again; of many that ask at once, one negotiates.

What was asked is remembered by provider, dataset and purpose (`trustspace.store.negotiation_keys`)
and looked up in the transaction that would begin a negotiation. A valid agreement is found, a
negotiation under way is joined. An agreement is valid while it is in force, its time is not over
and, as far as the consumer knows, a use is left; where the caller named an offer, its terms are
those of that offer.

Example::

    found = reuse.find(tx, hosted, wish, terms=None, now=now)
    if found is None:
        reuse.remember(tx, hosted, wish, negotiations.request(tx, hosted, …), now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.quotas import (
    counter_of,
    counts_uses,
    opens_next,
    standing,
)
from trustspace.connector.negotiating.agreements import purpose_of
from trustspace.dsp.messages import NegotiationState
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.policy.narrow import same_rules
from trustspace.store import AgreementState
from trustspace.store.rows import NegotiationKeyRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.model.odrl import Offer
    from trustspace.store import AgreementRow, Transaction

COUNT = "odrl:count"
"""Left operand of the terms that limit how often data is used."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks a provider for.

    Attributes:
        whose: The provider's DID, or the address under which it is asked.
        dataset_id: Which dataset.
        purpose: What for, or None.
    """

    whose: str
    dataset_id: str
    purpose: str | None


class Reuse:
    """Agreements and negotiations that a wish can be answered with."""

    def __init__(self, decide: DecisionPoint) -> None:
        self._decide = decide

    def find(
        self, tx: Transaction, hosted: Hosted, wish: Wish, *, terms: Offer | None, now: datetime
    ) -> ContractNegotiation | None:
        """Return a negotiation that came to a valid agreement, or one under way; None when neither.

        Args:
            tx: The transaction.
            hosted: The consumer.
            wish: What is asked for.
            terms: The offer, narrowed as it would be asked for, when the caller named one.
            now: Current time.
        """
        purpose = wish.purpose or ""
        row = tx.negotiation_keys.find(hosted.name, wish.whose, wish.dataset_id, purpose)
        if row is None:
            return None
        known = [
            negotiation
            for pid in (row.negotiation_pid, row.agreed_pid)
            if pid is not None
            and (negotiation := tx.negotiations.get(hosted.name, pid)) is not None
        ]
        for negotiation in known:
            if negotiation.state is NegotiationState.FINALIZED:
                agreement = tx.agreements.of_negotiation(hosted.name, negotiation.id)
                if agreement is not None and self._is_valid(tx, agreement, terms, now=now):
                    return negotiation
        for negotiation in known:
            if (
                not negotiation.is_terminal
                and negotiation.id == row.negotiation_pid
                and (terms is None or _asks_for(negotiation, terms))
            ):
                return negotiation
        return None

    @staticmethod
    def remember(
        tx: Transaction,
        hosted: Hosted,
        wish: Wish,
        negotiation: ContractNegotiation,
        *,
        now: datetime,
    ) -> None:
        """Have a negotiation that was just begun found by who wishes for the same.

        An agreement that was found before is found until the new one is there, and also when there
        will be none.
        """
        tx.negotiation_keys.put(
            hosted.name,
            NegotiationKeyRow(
                participant=hosted.name,
                counterparty=negotiation.counterparty,
                dataset_id=wish.dataset_id,
                purpose=wish.purpose or "",
                address=wish.whose,
                negotiation_pid=negotiation.id,
                agreed_pid=None,
                asked_at=now,
            ),
        )

    def note_use(
        self, tx: Transaction, agreement: AgreementRow, body: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Count a use that the consumer reports, and forget an agreement of which none is left.

        Args:
            tx: The transaction.
            agreement: Under which agreement.
            body: How the delivery ended: ``session``, ``outcome``, ``bytes``, ``reasons``.
            now: Current time.
        """
        if agreement.role is not Role.CONSUMER:
            return
        if body["outcome"] == "refused":
            if _names_count(body.get("reasons", ())):
                tx.negotiation_keys.forget(
                    agreement.participant, agreement.dataset_id, agreement.negotiation_pid
                )
            return
        for limit in filter(counts_uses, self._decide.limits(agreement)):
            counter, ends_at = counter_of(limit, now), opens_next(limit, now)
            key = (agreement.participant, agreement.id, counter, body["session"])
            if tx.counters.reserve(*key, maximum=limit.max, now=now, ends_at=ends_at):
                tx.counters.commit(*key, now=now)

    def _is_valid(
        self, tx: Transaction, agreement: AgreementRow, terms: Offer | None, *, now: datetime
    ) -> bool:
        if agreement.state is not AgreementState.FINALIZED or agreement.role is not Role.CONSUMER:
            return False
        if agreement.ends_at is not None and agreement.ends_at <= now:
            return False
        if terms is not None and not same_rules(terms, Agreement.model_validate(agreement.body)):
            return False
        # A window that is used up opens again; uses in all do not.
        limits = [
            one
            for one in self._decide.limits(agreement)
            if counts_uses(one) and opens_next(one, now) is None
        ]
        used = standing(tx, (agreement.participant, agreement.id), limits, now=now)
        return not limits or any(used.get(one.counter, 0) < one.max for one in limits)


def offered(
    hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
) -> NegotiationKeyRow:
    """Return the key under which the agreement is found that a provider's own offer leads to."""
    purpose = None if negotiation.offer is None else purpose_of(negotiation.offer)
    return NegotiationKeyRow(
        participant=hosted.name,
        counterparty=negotiation.counterparty,
        dataset_id=negotiation.dataset_id,
        purpose=purpose or "",
        address=negotiation.counterparty,
        negotiation_pid=None,
        agreed_pid=negotiation.id,
        asked_at=now,
    )


def _asks_for(negotiation: ContractNegotiation, terms: Offer) -> bool:
    return negotiation.offer is not None and same_rules(terms, negotiation.offer)


def _names_count(reasons: Iterable[Any]) -> bool:
    return any(isinstance(reason, dict) and reason.get("left") == COUNT for reason in reasons)
