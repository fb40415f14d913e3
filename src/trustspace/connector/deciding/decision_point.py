"""Where the connector asks policy: catalogue, negotiation, transfer, access.

Collects the facts that only the connector knows (who asks, what was agreed, how often it was used,
what the owner attests) and turns a denial into what the counterparty may read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.connector.cataloguing.offers import offer_of
from trustspace.connector.deciding.decision_log import decision_id
from trustspace.connector.deciding.denial import GONE, Refusal, refusal_of, unsupported
from trustspace.connector.deciding.known_facts import (
    Knowing,
    agreement_rules,
    known_agreement,
    limits_of,
    main_action,
)
from trustspace.connector.deciding.quotas import counted
from trustspace.connector.deciding.visibility import Visibility
from trustspace.connector.duties.fulfilment import fulfilment
from trustspace.errors import NotFoundError, PolicyError
from trustspace.policy.facts import (
    FILES,
    TABLES,
    agreed_purposes,
    dataset,
    elapsed_fact,
    evaluate,
    purpose_fact,
)
from trustspace.policy.lower import lower
from trustspace.policy.narrow import difference, narrow_purpose
from trustspace.policy.vocabulary import action as known_action

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.order import Order
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.model.odrl import Offer, Policy
    from trustspace.model.participant import ParticipantId
    from trustspace.policy.decision import Decision, Limit, PolicyIR
    from trustspace.store import AgreementRow, DatasetRow, Transaction


@dataclass(frozen=True)
class Verdict:
    """What policy says of a request.

    Attributes:
        refusal: Why it is not allowed; None when it is.
        dataset: What it is about.
        offer: The stored offer.
    """

    refusal: Refusal | None
    dataset: DatasetRow
    offer: Offer


class DecisionPoint:
    """Asks the engine and remembers only what may be remembered."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context
        self.visibility: Visibility = Visibility(context)

    # --- negotiation -----------------------------------------------------------------------------

    def offered(
        self,
        tx: Transaction,
        hosted: Hosted,
        offer: Offer | None,
        *,
        subject: ParticipantId,
        now: datetime,
    ) -> Offer:
        """Return the stored offer that an offer on the table is about.

        Raises:
            NotFoundError: Dataset or offer are unknown, withdrawn or hidden; one answer for all.
        """
        return self._offered(tx, hosted, offer, subject=subject, now=now)[1]

    def _offered(
        self,
        tx: Transaction,
        hosted: Hosted,
        offer: Offer | None,
        *,
        subject: ParticipantId,
        now: datetime,
    ) -> tuple[DatasetRow, Offer]:
        absent = NotFoundError("there is no such offer")
        if offer is None or offer.target is None:
            raise absent
        row = tx.datasets.get(hosted.name, offer.target)
        if row is None or row.withdrawn_at is not None or row.offer_id != offer.id:
            raise absent
        policy = tx.policies.get(hosted.name, row.policy_digest)
        if policy is None or not self.visibility.shows(
            tx, hosted, policy.body, policy.digest, subject=subject, now=now
        ):
            raise absent
        return row, offer_of(row, policy.body, target=row.id)

    def requested(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> Verdict:
        """Decide a request: the stored offer must allow it, and it may not ask for more.

        What we offered in this negotiation before counts as well as what is stored.

        Raises:
            NotFoundError: Dataset or offer are unknown, withdrawn or hidden.
        """
        row, stored = self._offered(
            tx, hosted, negotiation.offer, subject=negotiation.counterparty, now=now
        )
        refusal = self._judged(tx, hosted, negotiation, stored, now=now)
        last = negotiation.previous_offer
        if (
            refusal is not None
            and last is not None
            and self._judged(tx, hosted, negotiation, last, now=now) is None
        ):
            refusal = None
        return Verdict(refusal, row, stored)

    def counter_offer(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        stored: Offer,
        *,
        now: datetime,
    ) -> Offer | None:
        """Return what can be offered instead of what was asked for, or None.

        It is the stored offer, for the purpose asked for if that is one of its own; None when
        policy would refuse that too.
        """
        candidates = [stored]
        try:
            purposes = () if negotiation.offer is None else agreed_purposes(negotiation.offer)
        except PolicyError:
            purposes = ()
        if len(purposes) == 1:
            candidates.insert(0, narrow_purpose(stored, purposes[0]))
        for offer in candidates:
            instead = negotiation.model_copy(update={"offer": offer})
            if self._judged(tx, hosted, instead, stored, now=now) is None:
                return offer
        return None

    def accepted(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> Refusal | None:
        """Decide about an offer of ours that the consumer accepts: policy must allow it by now."""
        row = tx.datasets.get(hosted.name, negotiation.dataset_id)
        if negotiation.offer is None or row is None or row.withdrawn_at is not None:
            return GONE
        return self._judged(tx, hosted, negotiation, negotiation.offer, now=now)

    def _judged(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        stored: Offer,
        *,
        now: datetime,
    ) -> Refusal | None:
        """Judge the offer on the table by another one."""
        asked = negotiation.offer
        if asked is None:
            return GONE
        try:
            rules = lower(stored, kind="offer")
            lower(asked, kind="offer")
            refusal = self._negotiable(tx, hosted, negotiation, rules, asked, now=now)
        except PolicyError as error:
            return unsupported(error)
        if refusal is not None:
            return refusal
        differing = difference(stored, asked)
        if not differing:
            return None
        reasons = tuple(one.reason() for one in differing)
        return Refusal("offer.wider", reasons)

    def _negotiable(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        rules: PolicyIR,
        asked: Policy,
        *,
        now: datetime,
    ) -> Refusal | None:
        known = Knowing(self._context.facts, tx, hosted, now).about(
            negotiation.counterparty,
            rules,
            point="negotiation",
            dataset=negotiation.dataset_id,
        )
        purpose = purpose_fact(agreed_purposes(asked))
        decision = evaluate(
            self._context.engine,
            "negotiation",
            rules,
            action=main_action(rules),
            subject=known.subject,
            resource=dataset(negotiation.dataset_id),
            facts=known.facts | {"odrl:purpose": purpose},
            now=now,
            id=decision_id(),
            record=self._context.decisions.noting(tx, hosted),
        )
        return refusal_of(decision)

    # --- transfer and access ---------------------------------------------------------------------

    def transfer(
        self, tx: Transaction, hosted: Hosted, agreement: AgreementRow, *, now: datetime
    ) -> Refusal | None:
        """Decide whether a transfer may start under an agreement."""
        try:
            rules = agreement_rules(agreement)
        except PolicyError as error:
            return unsupported(error)
        known = Knowing(self._context.facts, tx, hosted, now).agreed(
            agreement, rules, point="transfer"
        )
        decision = evaluate(
            self._context.engine,
            "transfer",
            rules,
            action=main_action(rules),
            subject=known.subject,
            resource=dataset(agreement.dataset_id),
            agreement=known_agreement(agreement),
            facts=known.facts,
            duties=fulfilment(tx, hosted, agreement, rules, now=now),
            now=now,
            id=decision_id(),
            record=self._context.decisions.noting(tx, hosted),
        )
        return refusal_of(decision)

    def access(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        order: Order,
        *,
        columns: tuple[str, ...],
        now: datetime,
    ) -> Decision:
        """Decide one governed open.

        Args:
            tx: The transaction.
            hosted: The provider.
            agreement: Under which agreement.
            order: What is asked for; units that its session holds already are not counted
                against it.
            columns: Columns of the table, empty for a file.
            now: Current time.
        """
        rules = agreement_rules(agreement)
        known = Knowing(self._context.facts, tx, hosted, now).agreed(
            agreement, rules, point="access"
        )
        limits = [limit for rule in rules.permissions for limit in rule.limits]
        whose = (hosted.name, agreement.id)
        facts = known.facts | counted(tx, whose, limits, order.session, now=now)
        facts["odrl:elapsedTime"] = elapsed_fact(agreement.first_used_at, rules, now=now)
        return evaluate(
            self._context.engine,
            "access",
            rules,
            capabilities=TABLES if order.as_table else FILES,
            action=known_action(order.action) if order.action else main_action(rules),
            subject=known.subject,
            resource=dataset(agreement.dataset_id, columns=columns),
            agreement=known_agreement(agreement),
            facts=facts,
            duties=fulfilment(tx, hosted, agreement, rules, now=now),
            now=now,
            id=decision_id(),
            record=self._context.decisions.noting(tx, hosted),
        )

    def limits(self, agreement: AgreementRow) -> tuple[Limit, ...]:
        """Return what an agreement counts; nothing when its rules cannot be read."""
        return limits_of(agreement)
