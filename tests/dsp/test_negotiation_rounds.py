"""What a negotiation remembers of offers that went back and forth."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trustspace.dsp.messages import (
    ContractNegotiationEventMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    NegotiationEvent,
)
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PIDS = {"consumer_pid": "urn:c", "provider_pid": "urn:p"}
BASE = "https://peer.example"


def terms(name: str) -> Offer:
    permission = {"action": "use"}
    return Offer.read({"@id": name, "target": "d1", "permission": [permission]})


def opened(opening: ContractRequestMessage | ContractOfferMessage) -> ContractNegotiation:
    """A provider's negotiation, whoever opened it; the consumer's pid is known."""
    negotiation = ContractNegotiation.create(
        opening,
        role=Role.PROVIDER,
        own_pid="urn:p",
        counterparty="did:web:peer.example",
        callback_address=BASE,
        now=NOW,
    )
    return negotiation.learn_peer_pid("urn:c", now=NOW)


def ask(name: str) -> ContractRequestMessage:
    return ContractRequestMessage(offer=terms(name), **PIDS)


def offer(name: str) -> ContractOfferMessage:
    return ContractOfferMessage(offer=terms(name), **PIDS)


def test_offers_that_answer_requests_are_counted() -> None:
    first = ContractRequestMessage(consumer_pid="urn:c", offer=terms("1"), callback_address=BASE)
    negotiation = opened(first)
    assert (negotiation.rounds, negotiation.previous_offer) == (0, None)
    for number in (1, 2):
        negotiation = negotiation.receive(offer(f"o{number}"), sender=Role.PROVIDER, now=NOW)
        assert negotiation.rounds == number
        negotiation = negotiation.receive(ask(f"r{number}"), sender=Role.CONSUMER, now=NOW)
        assert negotiation.rounds == number
        assert negotiation.previous_offer == terms(f"o{number}")
        assert negotiation.offer == terms(f"r{number}")


def test_the_offer_that_opens_answers_nothing() -> None:
    first = ContractOfferMessage(provider_pid="urn:p", offer=terms("1"), callback_address=BASE)
    negotiation = opened(first)
    negotiation = negotiation.receive(ask("r"), sender=Role.CONSUMER, now=NOW)
    assert (negotiation.rounds, negotiation.previous_offer) == (0, terms("1"))


@pytest.mark.parametrize("who", ["approval", "client"])
def test_any_step_ends_the_waiting(who: str) -> None:
    first = ContractOfferMessage(provider_pid="urn:p", offer=terms("1"), callback_address=BASE)
    negotiation = opened(first).model_copy(update={"awaiting": who})
    assert ContractNegotiation.model_validate_json(negotiation.model_dump_json()) == negotiation
    accepted = ContractNegotiationEventMessage(event_type=NegotiationEvent.ACCEPTED, **PIDS)
    moved = negotiation.receive(accepted, sender=Role.CONSUMER, now=NOW)
    assert moved.awaiting is None
    assert moved.rounds == 0
