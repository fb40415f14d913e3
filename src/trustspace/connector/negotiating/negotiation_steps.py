"""Our own steps of contract negotiations, each one function on a transaction.

Who decides that a step is taken is not told here:
`trustspace.connector.negotiating.negotiations` takes those that follow by themselves,
`trustspace.connector.owner_steps` those that an owner calls for. Each
puts its message into the outbox in the transaction that brings the state.

Example::

    steps.offer(tx, hosted, negotiation, offer, now=now)  # provider: REQUESTED -> OFFERED
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trustspace.connector.context import ConnectorContext, Hosted, new_pid
from trustspace.connector.messaging.outgoing import about, post, record
from trustspace.dsp.messages import (
    ContractAgreementMessage,
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    NegotiationEvent,
    NegotiationMessage,
    NegotiationState,
)
from trustspace.dsp.wire import timestamp
from trustspace.errors import LocalProtocolError, NotFoundError
from trustspace.model.odrl import Agreement, Offer

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.dsp.negotiation import Awaited, ContractNegotiation
    from trustspace.store import Transaction

Reasons = Sequence[Mapping[str, Any] | str]


class NegotiationSteps:
    """Steps that we take, of both roles."""

    def __init__(self, context: ConnectorContext, agreed: Agreements) -> None:
        self._context = context
        self._agreed = agreed

    def offer(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        offer: Offer,
        *,
        now: datetime,
    ) -> ContractNegotiation:
        """Answer a request with an offer of ours (provider)."""
        message = ContractOfferMessage(id=new_pid(), offer=offer, **_pids(negotiation))
        return self._send(tx, hosted, negotiation, message, now=now)

    def counter(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        offer: Offer,
        *,
        now: datetime,
    ) -> ContractNegotiation:
        """Answer an offer with a request of ours (consumer)."""
        message = ContractRequestMessage(id=new_pid(), offer=offer, **_pids(negotiation))
        return self._send(tx, hosted, negotiation, message, now=now)

    def accept(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Accept the provider's offer (consumer)."""
        message = ContractNegotiationEventMessage(
            id=new_pid(), event_type=NegotiationEvent.ACCEPTED, **_pids(negotiation)
        )
        return self._send(tx, hosted, negotiation, message, now=now)

    def agree(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Agree to the terms on the table (provider)."""
        offer = negotiation.offer
        if offer is None:
            raise NotFoundError("the negotiation has no offer to agree to")
        rules = offer.to_wire()
        for name in ("@id", "@type", "assigner", "assignee", "target", "timestamp"):
            rules.pop(name, None)
        agreement = Agreement.read(
            rules
            | {
                "@id": new_pid(),
                "@type": "Agreement",
                "target": negotiation.dataset_id,
                "assigner": hosted.id,
                "assignee": negotiation.counterparty,
                "timestamp": timestamp(now),
            }
        )
        message = ContractAgreementMessage(id=new_pid(), agreement=agreement, **_pids(negotiation))
        return self._send(tx, hosted, negotiation, message, now=now)

    def verify(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Confirm the agreement (consumer)."""
        message = ContractAgreementVerificationMessage(id=new_pid(), **_pids(negotiation))
        return self._send(tx, hosted, negotiation, message, now=now)

    def finalize(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Conclude (provider): from now on data may be asked for."""
        message = ContractNegotiationEventMessage(
            id=new_pid(), event_type=NegotiationEvent.FINALIZED, **_pids(negotiation)
        )
        return self._send(tx, hosted, negotiation, message, now=now)

    def terminate(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        *,
        code: str,
        reasons: Reasons = (),
        now: datetime,
    ) -> ContractNegotiation:
        """End a negotiation for good, telling the counterparty why where it can be told.

        Raises:
            LocalProtocolError: It has ended already.
        """
        if negotiation.is_terminal:
            raise LocalProtocolError(
                f"the negotiation is {negotiation.state.lower()} already", code="negotiation.state"
            )
        tx.outbox.drop_for_process(hosted.name, negotiation.id)
        if negotiation.peer_pid is None:
            # Nothing on their side has a name that we know; their own deadline ends it.
            ended = negotiation.model_copy(
                update={
                    "state": NegotiationState.TERMINATED,
                    "code": code,
                    "reasons": tuple(reasons),
                    "ended_by": negotiation.role,
                    "updated_at": now,
                }
            )
            self._save(tx, hosted, ended, now=now, ended_by="us")
            return ended
        message = ContractNegotiationTerminationMessage(
            id=new_pid(), code=code, reasons=tuple(reasons), **_pids(negotiation)
        )
        return self._send(tx, hosted, negotiation, message, now=now, ended_by="us")

    def rest(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        who: Awaited,
        *,
        now: datetime,
    ) -> ContractNegotiation:
        """Let a negotiation wait for a person or for the program that asked."""
        resting = negotiation.model_copy(update={"awaiting": who})
        wait = self._context.deadline
        if who == "approval":
            wait = self._context.approval_deadline
        tx.negotiations.update(hosted.name, resting, deadline=now + wait)
        if who == "approval":
            body = about(resting) | {"until": timestamp(now + wait)}
            tx.events.append(hosted.name, "negotiation.approval_needed", body, now=now)
        return resting

    # --- within --------------------------------------------------------------------------------

    def _send(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        message: NegotiationMessage,
        *,
        now: datetime,
        **more: object,
    ) -> ContractNegotiation:
        moved = negotiation.receive(message, sender=negotiation.role, now=now)
        post(self._context, tx, hosted, moved, message, now=now)
        self._save(tx, hosted, moved, now=now, **more)
        return moved

    def _save(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        *,
        now: datetime,
        **more: object,
    ) -> None:
        deadline = None if negotiation.is_terminal else now + self._context.deadline
        tx.negotiations.update(hosted.name, negotiation, deadline=deadline)
        if negotiation.state is NegotiationState.TERMINATED:
            more.setdefault("ended_by", "counterparty")
        record(tx, hosted, negotiation, now=now, **more)
        if negotiation.state is NegotiationState.FINALIZED:
            self._agreed.conclude(tx, hosted, negotiation, now=now)


def _pids(negotiation: ContractNegotiation) -> dict[str, str]:
    return {
        "consumer_pid": negotiation.consumer_pid or "",
        "provider_pid": negotiation.provider_pid or "",
    }
