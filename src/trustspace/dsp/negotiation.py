"""The contract negotiation as a pure state machine (DSP 2025-1, "Contract Negotiation Protocol").

One table holds every rule. Its rows are keyed by the *sender*, so it does not know which side we
play; ``docs/reference/state-machines.md`` is drawn from it. The specification draws the
transitions and describes them in prose; where these differ (who may terminate when) the prose
stands, because refusing an end helps nobody.

Example::

    negotiation = ContractNegotiation.create(
        request, role=Role.PROVIDER, own_pid="urn:uuid:p1", counterparty="did:web:bank.example",
        callback_address=request.callback_address, now=now,
    )
    negotiation = negotiation.receive(agreement_message, sender=Role.PROVIDER, now=now)
    negotiation.state  # AGREED
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self

from trustspace.dsp import messages
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
from trustspace.dsp.process import Process, fault, in_utc, receipt
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.participant import ParticipantId, Role

CounterOffers = Literal["policy", "client"]
"""Who answers a provider's offers: the consumer's connector, or the program that asked."""

Awaited = Literal["approval", "client"]
"""Whom a resting negotiation waits for: a person who approves, or the program that asked."""

MessageKey = type[NegotiationMessage] | NegotiationEvent
"""What a row is keyed by: a message's class, or the event that an event message announces."""


class Transition(NamedTuple):
    """One row of the table.

    Attributes:
        source: State before; None when the message opens the negotiation.
        sender: Role of the party that sends.
        message: Class of the message, or the event.
        target: State after.
        section: Where the specification says so.
    """

    source: NegotiationState | None
    sender: Role
    message: MessageKey
    target: NegotiationState
    section: str


_S = NegotiationState
_C, _P = Role.CONSUMER, Role.PROVIDER
_DIAGRAM = "Contract Negotiation Protocol, State Machine"
_TERMINATION = "Contract Negotiation Termination Message"
_TERMINATE = ContractNegotiationTerminationMessage

ROWS: Final[tuple[Transition, ...]] = (
    Transition(None, _C, ContractRequestMessage, _S.REQUESTED, "Contract Request Message"),
    Transition(None, _P, ContractOfferMessage, _S.OFFERED, "Contract Offer Message"),
    Transition(_S.REQUESTED, _P, ContractOfferMessage, _S.OFFERED, "Contract Offer Message"),
    Transition(_S.REQUESTED, _P, ContractAgreementMessage, _S.AGREED, "Contract Agreement Message"),
    Transition(_S.OFFERED, _C, ContractRequestMessage, _S.REQUESTED, "Contract Request Message"),
    Transition(_S.OFFERED, _C, NegotiationEvent.ACCEPTED, _S.ACCEPTED, _DIAGRAM),
    Transition(_S.ACCEPTED, _P, ContractAgreementMessage, _S.AGREED, "Contract Agreement Message"),
    Transition(
        _S.AGREED,
        _C,
        ContractAgreementVerificationMessage,
        _S.VERIFIED,
        "Contract Agreement Verification Message",
    ),
    Transition(_S.VERIFIED, _P, NegotiationEvent.FINALIZED, _S.FINALIZED, _DIAGRAM),
    Transition(_S.REQUESTED, _C, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.REQUESTED, _P, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.OFFERED, _C, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.OFFERED, _P, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.ACCEPTED, _C, _TERMINATE, _S.TERMINATED, _TERMINATION),
    Transition(_S.ACCEPTED, _P, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.AGREED, _C, _TERMINATE, _S.TERMINATED, _DIAGRAM),
    Transition(_S.AGREED, _P, _TERMINATE, _S.TERMINATED, _TERMINATION),
    Transition(_S.VERIFIED, _C, _TERMINATE, _S.TERMINATED, _TERMINATION),
    Transition(_S.VERIFIED, _P, _TERMINATE, _S.TERMINATED, _DIAGRAM),
)
"""Every transition; whatever is not here is an error that leaves the state as it was."""

TRANSITIONS: Final[Mapping[tuple[NegotiationState | None, Role, MessageKey], NegotiationState]] = (
    MappingProxyType({(row.source, row.sender, row.message): row.target for row in ROWS})
)
"""State after, by state before, sender and message."""

TERMINAL: Final = frozenset({_S.FINALIZED, _S.TERMINATED})
"""States that are never left."""


def key_of(message: NegotiationMessage) -> MessageKey:
    """Return what the table calls a message."""
    if isinstance(message, ContractNegotiationEventMessage):
        return message.event_type
    return type(message)


class ContractNegotiation(Process):
    """One side's view of a contract negotiation; see ``Process`` for what it shares.

    Attributes:
        state: The state both sides are in, as far as we know.
        dataset_id: Target of every offer and of the agreement.
        offer: The offer made last, by either side.
        agreement: Set from AGREED on.
        previous_offer: The offer that the one made last answered; None while nobody countered.
        rounds: How often the provider answered a request with an offer.
        counter_offers: Who answers the provider's offers for a consumer: its connector, by policy
            and settings, or the program that asked.
        awaiting: Whom of ours the next step waits for; any message ends it.
    """

    kind: ClassVar[str] = "negotiation"

    state: NegotiationState
    dataset_id: str
    offer: Offer | None = None
    agreement: Agreement | None = None
    previous_offer: Offer | None = None
    rounds: int = 0
    counter_offers: CounterOffers = "policy"
    awaiting: Awaited | None = None

    @classmethod
    def create(
        cls,
        message: ContractRequestMessage | ContractOfferMessage,
        *,
        role: Role,
        own_pid: str,
        counterparty: ParticipantId,
        callback_address: str,
        now: datetime,
    ) -> Self:
        """Open a negotiation with an initial request or offer, ours or the counterparty's.

        Args:
            message: A request comes from the consumer, an offer from the provider.
            role: The side we play; equal to the message's sender when we open.
            own_pid: Our pid: the one in our message, or one minted for the counterparty's.
            counterparty: Participant id of the other side.
            callback_address: Base URL to which we will send.
            now: Current time, aware.

        Raises:
            LocalProtocolError: Our own message is not an initial one or has another pid.
            RemoteProtocolError: The counterparty's message is not an initial one.
        """
        sender = Role.CONSUMER if isinstance(message, ContractRequestMessage) else Role.PROVIDER
        ours = sender is role
        pids = {Role.CONSUMER: message.consumer_pid, Role.PROVIDER: message.provider_pid}
        if not message.is_initial:
            raise fault(
                cls.kind, "pid", "an initial message names the sender's pid alone", local=ours
            )
        if ours and pids[role] != own_pid:
            raise fault(
                cls.kind, "pid", f"our pid is {own_pid}, the message has {pids[role]}", local=True
            )
        if message.offer.target is None:  # only a copy that was changed without validation
            raise fault(cls.kind, "target", "the offer names no dataset", local=ours)
        pids[role] = own_pid
        return cls(
            id=own_pid,
            role=role,
            consumer_pid=pids[Role.CONSUMER],
            provider_pid=pids[Role.PROVIDER],
            counterparty=counterparty,
            callback_address=callback_address,
            state=TRANSITIONS[None, sender, type(message)],
            dataset_id=message.offer.target,
            offer=message.offer,
            created_at=in_utc(now),
            updated_at=in_utc(now),
            **({} if ours else receipt(message)),
        )

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen any more."""
        return self.state in TERMINAL

    def receive(
        self, message: NegotiationMessage, *, sender: Role, now: datetime, forgiving: bool = False
    ) -> Self:
        """Apply a message: the counterparty's, or one that we are about to send.

        Args:
            message: Any message but the one that opened the negotiation.
            sender: Role of the party that sends it.
            now: Current time, aware.
            forgiving: Take the counterparty's last message, said again under another ``@id``, as
                the repeat that it is.

        Returns:
            The negotiation after it; the same value when the counterparty repeats itself.

        Raises:
            LocalProtocolError: We may not send this now.
            RemoteProtocolError: The counterparty may not. In both cases the code is
                ``negotiation.pid``, ``negotiation.state`` or ``negotiation.target``.
        """
        if sender is not self.role and self.is_repeat(message):
            return self
        self._check_pids(message.consumer_pid, message.provider_pid, sender)
        target = TRANSITIONS.get((self.state, sender, key_of(message)))
        if target is None:
            if forgiving and sender is not self.role and self.is_said_again(message):
                return self
            raise self._fault(
                sender,
                "state",
                f"the {sender} cannot send {describe(message)} in state {self.state}",
                hint=f"allowed now: {', '.join(self._allowed(sender)) or 'nothing'}",
            )
        changed = self._seen(message, sender=sender, now=now) | {
            "state": target,
            "consumer_pid": message.consumer_pid,
            "provider_pid": message.provider_pid,
            "awaiting": None,
        }
        return self._with(changed | self._content(message, sender))

    def before(self, message: NegotiationMessage) -> Self:
        """Return the consumer's negotiation as it was before an agreement that another one voids.

        There are providers that agree twice when the answer to their first agreement overtakes its
        own storing; to them only the second one exists. Nothing changes at any other message.
        """
        if (
            self.role is Role.CONSUMER
            and self.state in (NegotiationState.AGREED, NegotiationState.VERIFIED)
            and isinstance(message, ContractAgreementMessage)
            and (self.agreement is None or self.agreement.id != message.agreement.id)
        ):
            return self._with({"state": NegotiationState.REQUESTED, "agreement": None})
        return self

    def acknowledgement(self) -> messages.ContractNegotiation:
        """Return the answer to a message that was accepted, or to a GET.

        Raises:
            LocalProtocolError: The counterparty has not told its pid yet.
        """
        if self.consumer_pid is None or self.provider_pid is None:
            raise self._fault(self.role, "pid", "the counterparty has not told its pid yet")
        return messages.ContractNegotiation(
            consumer_pid=self.consumer_pid, provider_pid=self.provider_pid, state=self.state
        )

    def _allowed(self, sender: Role) -> list[str]:
        return [
            row.message.__name__ if isinstance(row.message, type) else f"event {row.message}"
            for row in ROWS
            if row.source is self.state and row.sender is sender
        ]

    def _content(self, message: NegotiationMessage, sender: Role) -> dict[str, Any]:
        """Return what the message's own members change."""
        if isinstance(message, ContractRequestMessage | ContractOfferMessage):
            self._check_target(message.offer, sender)
            answered = self.rounds + (sender is Role.PROVIDER)
            return {"offer": message.offer, "previous_offer": self.offer, "rounds": answered}
        if isinstance(message, ContractAgreementMessage):
            self._check_target(message.agreement, sender)
            return {"agreement": message.agreement}
        if isinstance(message, ContractNegotiationTerminationMessage):
            return {"code": message.code, "reasons": message.reasons, "ended_by": sender}
        return {}

    def _check_target(self, policy: Offer | Agreement, sender: Role) -> None:
        """Hold every offer and the agreement to the dataset that the negotiation is about."""
        if policy.target != self.dataset_id:
            raise self._fault(
                sender,
                "target",
                f"the negotiation is about {self.dataset_id}, the policy about {policy.target}",
                hint="open another negotiation for another dataset",
            )


def describe(message: NegotiationMessage) -> str:
    """Return a message's name for an error, with the event where it has one."""
    if isinstance(message, ContractNegotiationEventMessage):
        return f"{message.type} {message.event_type}"
    return message.type
