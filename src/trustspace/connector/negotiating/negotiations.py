"""Contract negotiations of both roles, each step one function on a transaction.

`receive` applies a counterparty's message; then `_proceed` takes the step that follows by itself:
the provider decides a request and agrees or terminates, the consumer verifies, the provider
finalizes. Where an owner chose so, a provider answers a request for more with its offer, and a
request or an offer waits for a person. Every step can also be called by the owner.

::

    consumer: request ─► [REQUESTED] ─► provider: decide ─► agree ─► [AGREED] ─► consumer: verify
             ─► [VERIFIED] ─► provider: finalize ─► [FINALIZED], an agreement on both sides
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.connector.context import ConnectorContext, Hosted, new_pid
from trustspace.connector.deciding.denial import GONE, UNASKED
from trustspace.connector.messaging.outgoing import post, record
from trustspace.connector.negotiating.haggling import falls_short, too_many_rounds, too_many_waiting
from trustspace.connector.negotiating.negotiation_steps import NegotiationSteps
from trustspace.connector.negotiating.reuse import offered
from trustspace.dsp.messages import (
    ContractAgreementMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    NegotiationMessage,
    NegotiationState,
)
from trustspace.dsp.negotiation import ContractNegotiation, CounterOffers
from trustspace.errors import NotFoundError, RemoteProtocolError
from trustspace.model.participant import ParticipantId, Role
from trustspace.policy.narrow import same_rules

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.connector.deciding.denial import Refusal
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.model.odrl import Offer
    from trustspace.store import Transaction


class Negotiations(NegotiationSteps):
    """Steps of contract negotiations."""

    def __init__(
        self, context: ConnectorContext, decide: DecisionPoint, agreed: Agreements
    ) -> None:
        super().__init__(context, agreed)
        self._decide = decide

    # --- what the owner of the consumer starts -----------------------------------------------

    def request(
        self,
        tx: Transaction,
        hosted: Hosted,
        *,
        counterparty: ParticipantId,
        base_url: str,
        offer: Offer,
        counter_offers: CounterOffers = "policy",
        now: datetime,
    ) -> ContractNegotiation:
        """Ask a provider for an agreement.

        Args:
            tx: The transaction.
            hosted: The consumer.
            counterparty: The provider's DID.
            base_url: The provider's base URL.
            offer: The terms asked for, with the dataset as target.
            counter_offers: Who answers other terms that the provider offers.
            now: Current time.
        """
        message = ContractRequestMessage(
            id=new_pid(),
            consumer_pid=new_pid(),
            offer=offer,
            callback_address=hosted.dsp_url,
        )
        negotiation = ContractNegotiation.create(
            message,
            role=Role.CONSUMER,
            own_pid=message.consumer_pid,
            counterparty=counterparty,
            callback_address=base_url,
            now=now,
        ).model_copy(update={"counter_offers": counter_offers})
        tx.negotiations.insert(hosted.name, negotiation, deadline=now + self._context.deadline)
        post(self._context, tx, hosted, negotiation, message, now=now)
        record(tx, hosted, negotiation, now=now)
        return negotiation

    def propose(
        self,
        tx: Transaction,
        hosted: Hosted,
        *,
        counterparty: ParticipantId,
        base_url: str,
        offer: Offer,
        now: datetime,
    ) -> ContractNegotiation:
        """Offer a consumer an agreement that it did not ask for.

        Args:
            tx: The transaction.
            hosted: The provider.
            counterparty: The consumer's DID.
            base_url: The consumer's base URL.
            offer: The terms, with the dataset as target.
            now: Current time.
        """
        message = ContractOfferMessage(
            id=new_pid(),
            provider_pid=new_pid(),
            offer=offer,
            callback_address=hosted.dsp_url,
        )
        negotiation = ContractNegotiation.create(
            message,
            role=Role.PROVIDER,
            own_pid=message.provider_pid,
            counterparty=counterparty,
            callback_address=base_url,
            now=now,
        )
        tx.negotiations.insert(hosted.name, negotiation, deadline=now + self._context.deadline)
        post(self._context, tx, hosted, negotiation, message, now=now)
        record(tx, hosted, negotiation, now=now)
        return negotiation

    # --- what the counterparty sends -----------------------------------------------------------

    def open(
        self,
        tx: Transaction,
        hosted: Hosted,
        message: ContractRequestMessage | ContractOfferMessage,
        *,
        role: Role,
        sender: ParticipantId,
        now: datetime,
    ) -> ContractNegotiation:
        """Accept a counterparty's initial request or offer; a repeat finds what it opened.

        Returns:
            The negotiation as the message left it, before any step of ours.

        Raises:
            NotFoundError: Its dataset or offer is unknown, withdrawn or not for the sender.
            RemoteProtocolError: The message is not an initial one, or a changed repeat, or too
                many of the sender's wait for a person already.
        """
        if not message.is_initial:
            raise RemoteProtocolError(
                "a message that opens a negotiation names the sender's pid alone",
                code="negotiation.pid",
            )
        theirs = message.consumer_pid if role is Role.PROVIDER else message.provider_pid
        known = tx.negotiations.find_by_peer(hosted.name, role, sender, theirs or "")
        if known is not None:
            return known.receive(
                message, sender=role.other, now=now, forgiving=self._forgives(hosted, known)
            )
        negotiation = ContractNegotiation.create(
            message,
            role=role,
            own_pid=new_pid(),
            counterparty=sender,
            callback_address=message.callback_address or "",
            now=now,
        )
        if role is Role.PROVIDER:
            self._decide.offered(tx, hosted, negotiation.offer, subject=sender, now=now)
        elif (full := self._no_room(tx, hosted, sender)) is not None:
            raise RemoteProtocolError(str(full.reasons[0]["text"]), code=full.code)
        tx.negotiations.insert(hosted.name, negotiation, deadline=now + self._context.deadline)
        record(tx, hosted, negotiation, now=now)
        if role is Role.CONSUMER:
            tx.negotiation_keys.offered(hosted.name, offered(hosted, negotiation, now=now))
        self._proceed(tx, hosted, negotiation, now=now)
        return negotiation

    def receive(
        self,
        tx: Transaction,
        hosted: Hosted,
        pid: str,
        message: NegotiationMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> ContractNegotiation:
        """Apply a counterparty's message to a negotiation of theirs.

        Raises:
            NotFoundError: There is no such negotiation, or it is not the sender's.
            RemoteProtocolError: The message is illegal now or its content is wrong.
        """
        negotiation = self.of_counterparty(tx, hosted, pid, sender=sender)
        forgiving = self._forgives(hosted, negotiation)
        if forgiving:
            negotiation = negotiation.before(message)
        moved = negotiation.receive(
            message, sender=negotiation.role.other, now=now, forgiving=forgiving
        )
        if moved is negotiation:
            return moved
        self._check_content(negotiation, moved, message, hosted)
        # What they answer to has reached them, whether or not their answer reached us.
        tx.outbox.drop_for_process(hosted.name, pid)
        self._save(tx, hosted, moved, now=now)
        self._proceed(tx, hosted, moved, now=now)
        return moved

    def of_counterparty(
        self, tx: Transaction, hosted: Hosted, pid: str, *, sender: ParticipantId
    ) -> ContractNegotiation:
        """Return a negotiation to the counterparty that is a party to it.

        Raises:
            NotFoundError: There is none, or not with this sender; the answer is the same.
        """
        negotiation = tx.negotiations.get(hosted.name, pid)
        if negotiation is None or negotiation.counterparty != sender:
            raise NotFoundError("there is no such negotiation")
        return negotiation

    def _forgives(self, hosted: Hosted, process: ContractNegotiation) -> bool:
        """Say whether the counterparty may agree twice, and repeat itself under other ids."""
        address = process.callback_address
        return self._context.dialects.of(hosted.name, process.counterparty, address).forgiving

    # --- within --------------------------------------------------------------------------------

    def _proceed(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> None:
        """Take the step that follows by itself, unless the process is to rest."""
        if not self._context.reaction.goes_on(negotiation):
            return
        match negotiation.role, negotiation.state:
            case Role.PROVIDER, NegotiationState.REQUESTED:
                self._answer_request(tx, hosted, negotiation, now=now)
            case Role.CONSUMER, NegotiationState.AGREED:
                self.verify(tx, hosted, negotiation, now=now)
            case Role.CONSUMER, NegotiationState.OFFERED:
                self._answer_offer(tx, hosted, negotiation, now=now)
            case Role.PROVIDER, NegotiationState.ACCEPTED:
                self._answer_acceptance(tx, hosted, negotiation, now=now)
            case Role.PROVIDER, NegotiationState.VERIFIED:
                self.finalize(tx, hosted, negotiation, now=now)
            case _:
                pass

    def _answer_request(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> None:
        try:
            verdict = self._decide.requested(tx, hosted, negotiation, now=now)
        except NotFoundError:
            # It was there when the negotiation began.
            self._refuse(tx, hosted, negotiation, GONE, now=now)
            return
        dataset = verdict.dataset
        if verdict.refusal is None and dataset.negotiation == "approval":
            self._wait_for_a_person(tx, hosted, negotiation, now=now)
            return
        if verdict.refusal is None:
            self.agree(tx, hosted, negotiation, now=now)
            return
        instead = None
        if dataset.negotiation == "counter":
            instead = self._decide.counter_offer(tx, hosted, negotiation, verdict.offer, now=now)
        if instead is None:
            self._refuse(tx, hosted, negotiation, verdict.refusal, now=now)
        elif negotiation.rounds >= dataset.rounds:
            refusal = too_many_rounds(negotiation, verdict.refusal.reasons)
            self._refuse(tx, hosted, negotiation, refusal, now=now)
        else:
            self.offer(tx, hosted, negotiation, instead, now=now)

    def _answer_acceptance(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> None:
        refusal = self._decide.accepted(tx, hosted, negotiation, now=now)
        if refusal is None:
            self.agree(tx, hosted, negotiation, now=now)
        else:
            self._refuse(tx, hosted, negotiation, refusal, now=now)

    def _answer_offer(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> None:
        """Answer a provider's offer: as the program that asked says, or as settings say."""
        settings = self._context.settings.negotiation
        asked = negotiation.previous_offer
        if asked is not None and negotiation.rounds > settings.rounds:
            self._refuse(tx, hosted, negotiation, too_many_rounds(negotiation), now=now)
        elif asked is not None and negotiation.counter_offers == "client":
            self.rest(tx, hosted, negotiation, "client", now=now)
        else:
            refusal = UNASKED if asked is None else falls_short(asked, negotiation.offer)
            wanted = settings.on_offer if asked is None else settings.on_counter_offer
            if refusal is None:
                self.accept(tx, hosted, negotiation, now=now)
            elif wanted == "approval":
                self._wait_for_a_person(tx, hosted, negotiation, now=now)
            else:
                self._refuse(tx, hosted, negotiation, refusal, now=now)

    def _wait_for_a_person(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> None:
        full = self._no_room(tx, hosted, negotiation.counterparty)
        if full is None:
            self.rest(tx, hosted, negotiation, "approval", now=now)
        else:
            self._refuse(tx, hosted, negotiation, full, now=now)

    def _no_room(
        self, tx: Transaction, hosted: Hosted, counterparty: ParticipantId
    ) -> Refusal | None:
        """Return the refusal of one more that waits for a person, or None."""
        waiting = tx.negotiations.count_awaiting(hosted.name, "approval", counterparty=counterparty)
        most = self._context.settings.negotiation.waiting
        return None if waiting < most else too_many_waiting(waiting)

    def _refuse(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        refusal: Refusal,
        *,
        now: datetime,
    ) -> None:
        self.terminate(tx, hosted, negotiation, code=refusal.code, reasons=refusal.reasons, now=now)

    def _check_content(
        self,
        before: ContractNegotiation,
        after: ContractNegotiation,
        message: NegotiationMessage,
        hosted: Hosted,
    ) -> None:
        """Hold the provider's agreement to what we asked for, and to the two parties."""
        if not isinstance(message, ContractAgreementMessage) or after.agreement is None:
            return
        agreement = after.agreement
        wrong = ""
        if agreement.assigner != before.counterparty or agreement.assignee != hosted.id:
            wrong = "its parties are not the provider and we"
        elif before.offer is None or not same_rules(before.offer, agreement):
            wrong = "its rules are not those of the offer on the table"
        if wrong:
            raise RemoteProtocolError(
                f"the agreement cannot be accepted: {wrong}", code="negotiation.agreement"
            )
