"""The contract negotiation: the table, both sides of a run, repeats, storage."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import count, product
from typing import Any

import pytest

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
from trustspace.dsp.negotiation import ROWS, TERMINAL, TRANSITIONS, ContractNegotiation
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.participant import Role

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
C, P = Role.CONSUMER, Role.PROVIDER
PIDS = {C: "urn:uuid:consumer", P: "urn:uuid:provider"}
DIDS = {C: "did:web:consumer.example", P: "did:web:provider.example"}
BASES = {C: "https://consumer.example/dsp", P: "https://provider.example/dsp"}

# The specification's table, written down a second time: it is the judge of the code's.
# state: {(sender, message): state after}
LEGAL: dict[str, dict[tuple[Role, str], str]] = {
    "REQUESTED": {(P, "offer"): "OFFERED", (P, "agreement"): "AGREED"},
    "OFFERED": {(C, "request"): "REQUESTED", (C, "ACCEPTED"): "ACCEPTED"},
    "ACCEPTED": {(P, "agreement"): "AGREED"},
    "AGREED": {(C, "verification"): "VERIFIED"},
    "VERIFIED": {(P, "FINALIZED"): "FINALIZED"},
    "FINALIZED": {},
    "TERMINATED": {},
}
for _state, _moves in LEGAL.items():
    if _state not in ("FINALIZED", "TERMINATED"):
        _moves.update({(C, "termination"): "TERMINATED", (P, "termination"): "TERMINATED"})
KINDS = ["request", "offer", "agreement", "verification", "ACCEPTED", "FINALIZED", "termination"]

_ids = count(1)


def policy(kind: type[Any], **members: Any) -> Any:
    document = {"@id": "urn:uuid:o1", "target": "d1", "permission": [{"action": "use"}]}
    return kind.read(document | members)


def agreement(**members: Any) -> Agreement:
    parties = {"assigner": DIDS[P], "assignee": DIDS[C], "timestamp": "2026-11-24T10:00:00Z"}
    document: Agreement = policy(Agreement, **(parties | members))
    return document


def message(kind: str, *, target: str = "d1", **members: Any) -> NegotiationMessage:
    """Build a message of an established negotiation; each has an id of its own."""
    common: dict[str, Any] = {
        "id": f"urn:uuid:m{next(_ids)}",
        "consumer_pid": PIDS[C],
        "provider_pid": PIDS[P],
    } | members
    built: NegotiationMessage
    match kind:
        case "request":
            built = ContractRequestMessage(offer=policy(Offer, target=target), **common)
        case "offer":
            built = ContractOfferMessage(offer=policy(Offer, target=target), **common)
        case "agreement":
            built = ContractAgreementMessage(agreement=agreement(target=target), **common)
        case "verification":
            built = ContractAgreementVerificationMessage(**common)
        case "termination":
            built = ContractNegotiationTerminationMessage(code="9", reasons=("enough",), **common)
        case _:
            built = ContractNegotiationEventMessage(event_type=NegotiationEvent(kind), **common)
    return built


def initial(opener: Role) -> ContractRequestMessage | ContractOfferMessage:
    common: dict[str, Any] = {"id": f"urn:uuid:m{next(_ids)}", "callback_address": BASES[opener]}
    if opener is C:
        return ContractRequestMessage(consumer_pid=PIDS[C], offer=policy(Offer), **common)
    return ContractOfferMessage(provider_pid=PIDS[P], offer=policy(Offer), **common)


def opened(
    role: Role, opening: ContractRequestMessage | ContractOfferMessage
) -> ContractNegotiation:
    return ContractNegotiation.create(
        opening,
        role=role,
        own_pid=PIDS[role],
        counterparty=DIDS[role.other],
        callback_address=BASES[role.other],
        now=NOW,
    )


def in_state(state: str, role: Role) -> ContractNegotiation:
    """One side's negotiation that has come to a state by a shortest way."""
    ways = {
        "REQUESTED": [],
        "OFFERED": ["offer"],
        "ACCEPTED": ["offer", "ACCEPTED"],
        "AGREED": ["agreement"],
        "VERIFIED": ["agreement", "verification"],
        "FINALIZED": ["agreement", "verification", "FINALIZED"],
        "TERMINATED": ["termination"],
    }
    senders = {"ACCEPTED": C, "verification": C, "termination": C}
    negotiation = opened(role, initial(C))
    if role is C:
        negotiation = negotiation.learn_peer_pid(PIDS[P], now=NOW)
    for kind in ways[state]:
        negotiation = negotiation.receive(message(kind), sender=senders.get(kind, P), now=NOW)
    assert negotiation.state == state
    return negotiation


def test_the_table_is_that_of_the_specification():
    names = {
        ContractRequestMessage: "request",
        ContractOfferMessage: "offer",
        ContractAgreementMessage: "agreement",
        ContractAgreementVerificationMessage: "verification",
        ContractNegotiationTerminationMessage: "termination",
    }
    expected: dict[tuple[str | None, Role, str], str] = {
        (state, *move): after for state, moves in LEGAL.items() for move, after in moves.items()
    }
    expected |= {(None, C, "request"): "REQUESTED", (None, P, "offer"): "OFFERED"}
    found = {
        (
            source and str(source),
            sender,
            names[key] if isinstance(key, type) else str(key),
        ): str(after)
        for (source, sender, key), after in TRANSITIONS.items()
    }
    assert found == expected


def test_every_row_is_unique_and_cites_its_section():
    assert len(ROWS) == len(TRANSITIONS)
    assert all(row.section.startswith("Contract ") for row in ROWS)


def test_terminal_states_have_no_way_out():
    assert {row.source for row in ROWS}.isdisjoint(TERMINAL)
    assert {NegotiationState.FINALIZED, NegotiationState.TERMINATED} == TERMINAL


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("state", "sender", "kind"), list(product(LEGAL, Role, KINDS)))
def test_every_cell_of_the_matrix(role: Role, state: str, sender: Role, kind: str):
    negotiation = in_state(state, role)
    expected = LEGAL[state].get((sender, kind))
    said = message(kind)
    before = negotiation.model_dump_json()
    if expected is not None:
        after = negotiation.receive(said, sender=sender, now=LATER)
        assert after.state == expected
        assert after.updated_at == LATER
        assert after.is_terminal is (expected in ("FINALIZED", "TERMINATED"))
        return
    error = LocalProtocolError if sender is role else RemoteProtocolError
    with pytest.raises(error) as caught:
        negotiation.receive(said, sender=sender, now=LATER)
    assert caught.value.code == "negotiation.state"
    assert state in str(caught.value)
    assert negotiation.model_dump_json() == before


def test_an_error_says_what_would_be_allowed():
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("OFFERED", P).receive(message("verification"), sender=C, now=NOW)
    assert str(caught.value) == (
        "the consumer cannot send ContractAgreementVerificationMessage in state OFFERED"
    )
    assert caught.value.hint == (
        "allowed now: ContractRequestMessage, event ACCEPTED, ContractNegotiationTerminationMessage"
    )
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("FINALIZED", P).receive(message("FINALIZED"), sender=C, now=NOW)
    assert "ContractNegotiationEventMessage FINALIZED" in str(caught.value)
    assert caught.value.hint == "allowed now: nothing"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("opener", Role)
def test_either_side_opens(role: Role, opener: Role):
    opening = initial(opener)
    negotiation = opened(role, opening)
    assert negotiation.id == PIDS[role]
    assert negotiation.state == ("REQUESTED" if opener is C else "OFFERED")
    assert negotiation.dataset_id == "d1"
    assert negotiation.offer == opening.offer
    assert negotiation.callback_address == BASES[role.other]
    assert negotiation.peer_pid == (None if role is opener else PIDS[opener])
    assert negotiation.last_message_id == (None if role is opener else opening.id)
    assert (negotiation.created_at, negotiation.updated_at) == (NOW, NOW)
    assert not negotiation.is_terminal


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", ["request", "offer"])
def test_only_an_initial_message_opens(role: Role, kind: str):
    said: Any = message(kind)
    ours = (role is C) is (kind == "request")
    with pytest.raises(LocalProtocolError if ours else RemoteProtocolError) as caught:
        opened(role, said)
    assert caught.value.code == "negotiation.pid"


@pytest.mark.parametrize("role", Role)
def test_our_own_opening_message_carries_our_pid(role: Role):
    with pytest.raises(LocalProtocolError) as caught:
        ContractNegotiation.create(
            initial(role),
            role=role,
            own_pid="urn:uuid:other",
            counterparty=DIDS[role.other],
            callback_address=BASES[role.other],
            now=NOW,
        )
    assert caught.value.code == "negotiation.pid"


def test_an_offer_without_a_dataset_opens_nothing():
    untargeted = initial(C).offer.model_copy(update={"target": None})
    with pytest.raises(LocalProtocolError) as caught:
        opened(C, initial(C).model_copy(update={"offer": untargeted}))
    assert caught.value.code == "negotiation.target"


def test_times_are_kept_in_utc_and_never_guessed():
    shanghai = timezone(timedelta(hours=8))
    negotiation = in_state("REQUESTED", P).receive(
        message("offer"), sender=P, now=LATER.astimezone(shanghai)
    )
    assert negotiation.updated_at.tzinfo is UTC
    with pytest.raises(ValueError, match="without a zone"):
        negotiation.receive(message("termination"), sender=C, now=LATER.replace(tzinfo=None))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("sender", Role)
@pytest.mark.parametrize(
    "members",
    [
        {"consumer_pid": "urn:uuid:other"},
        {"provider_pid": "urn:uuid:other"},
        {"consumer_pid": PIDS[P], "provider_pid": PIDS[C]},
    ],
)
def test_both_pids_must_be_those_of_the_negotiation(
    role: Role, sender: Role, members: dict[str, str]
):
    negotiation = in_state("REQUESTED", role)
    with pytest.raises(LocalProtocolError if sender is role else RemoteProtocolError) as caught:
        negotiation.receive(message("termination", **members), sender=sender, now=NOW)
    assert caught.value.code == "negotiation.pid"


def test_the_counterpartys_pid_is_learnt_from_its_first_message():
    negotiation = opened(C, initial(C))
    assert negotiation.provider_pid is None
    negotiation = negotiation.receive(message("offer"), sender=P, now=NOW)
    assert negotiation.provider_pid == PIDS[P]


def test_the_counterpartys_pid_is_learnt_from_its_answer():
    negotiation = opened(C, initial(C)).learn_peer_pid(PIDS[P], now=LATER)
    assert negotiation.peer_pid == negotiation.provider_pid == PIDS[P]
    assert negotiation.learn_peer_pid(PIDS[P], now=LATER) is negotiation
    with pytest.raises(RemoteProtocolError) as caught:
        negotiation.learn_peer_pid("urn:uuid:other", now=LATER)
    assert caught.value.code == "negotiation.pid"
    negotiation = opened(P, initial(P)).learn_peer_pid(PIDS[C], now=LATER)
    assert negotiation.peer_pid == negotiation.consumer_pid == PIDS[C]


def test_we_cannot_invent_the_counterpartys_pid():
    with pytest.raises(LocalProtocolError) as caught:
        opened(C, initial(C)).receive(message("termination"), sender=C, now=NOW)
    assert caught.value.code == "negotiation.pid"


def test_an_initial_message_does_not_fit_an_existing_negotiation():
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("OFFERED", P).receive(initial(C), sender=C, now=NOW)
    assert caught.value.code == "negotiation.pid"
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("REQUESTED", C).receive(initial(P), sender=P, now=NOW)
    assert caught.value.code == "negotiation.pid"


def test_the_acknowledgement_has_both_pids_and_the_state():
    assert in_state("AGREED", P).acknowledgement() == messages.ContractNegotiation(
        consumer_pid=PIDS[C], provider_pid=PIDS[P], state=NegotiationState.AGREED
    )
    with pytest.raises(LocalProtocolError) as caught:
        opened(C, initial(C)).acknowledgement()
    assert caught.value.code == "negotiation.pid"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("state", "sender", "kind"),
    [("REQUESTED", P, "offer"), ("OFFERED", C, "request"), ("REQUESTED", P, "agreement")],
)
def test_the_dataset_cannot_change(role: Role, state: str, sender: Role, kind: str):
    negotiation = in_state(state, role)
    with pytest.raises(LocalProtocolError if sender is role else RemoteProtocolError) as caught:
        negotiation.receive(message(kind, target="d2"), sender=sender, now=NOW)
    assert caught.value.code == "negotiation.target"


def test_what_messages_carry_is_kept():
    negotiation = in_state("REQUESTED", C)
    counter = ContractOfferMessage(
        consumer_pid=PIDS[C],
        provider_pid=PIDS[P],
        offer=policy(Offer, **{"@id": "urn:uuid:o2"}),
        callback_address="https://elsewhere.example",
    )
    negotiation = negotiation.receive(counter, sender=P, now=NOW)
    assert negotiation.offer == counter.offer
    assert negotiation.callback_address == BASES[P]  # fixed when the negotiation was opened
    negotiation = negotiation.receive(message("ACCEPTED"), sender=C, now=NOW)
    negotiation = negotiation.receive(message("agreement"), sender=P, now=NOW)
    assert negotiation.agreement == agreement()
    negotiation = negotiation.receive(message("termination"), sender=C, now=NOW)
    assert (negotiation.code, negotiation.reasons) == ("9", ("enough",))
    assert (negotiation.ended_by, negotiation.ended_by_counterparty) == (C, False)
    assert in_state("TERMINATED", P).ended_by_counterparty


def test_a_repeat_changes_nothing():
    opening = initial(C)
    negotiation = opened(P, opening)
    assert negotiation.receive(opening, sender=C, now=LATER) is negotiation
    negotiation = negotiation.receive(message("agreement"), sender=P, now=NOW)
    assert negotiation.receive(opening, sender=C, now=LATER) is negotiation
    verification = message("verification")
    negotiation = negotiation.receive(verification, sender=C, now=NOW)
    assert negotiation.receive(verification, sender=C, now=LATER) is negotiation
    negotiation = negotiation.receive(message("FINALIZED"), sender=P, now=NOW)
    assert negotiation.receive(verification, sender=C, now=LATER) is negotiation
    # No longer the last one, so the table decides.
    with pytest.raises(RemoteProtocolError):
        negotiation.receive(opening, sender=C, now=LATER)


@pytest.mark.parametrize("change", [{"id": None}, {"id": "urn:uuid:other"}, {"extra": 1}])
def test_a_message_that_differs_is_no_repeat(change: dict[str, Any]):
    verification = message("verification")
    negotiation = in_state("AGREED", P).receive(verification, sender=C, now=NOW)
    document = verification.to_wire() | {"@id": verification.id} | change
    if "id" in change:
        document["@id"] = document.pop("id")
    other = ContractAgreementVerificationMessage.read(document)
    with pytest.raises(RemoteProtocolError) as caught:
        negotiation.receive(other, sender=C, now=LATER)
    assert caught.value.code == "negotiation.state"


def test_messages_without_an_id_are_never_repeats():
    termination = message("termination", id=None)
    negotiation = in_state("AGREED", P).receive(termination, sender=C, now=NOW)
    with pytest.raises(RemoteProtocolError):
        negotiation.receive(termination, sender=C, now=LATER)


def test_our_own_message_is_not_sent_twice():
    said = message("agreement")
    negotiation = in_state("REQUESTED", P).receive(said, sender=P, now=NOW)
    with pytest.raises(LocalProtocolError):
        negotiation.receive(said, sender=P, now=LATER)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", LEGAL)
def test_a_negotiation_comes_back_from_json(role: Role, state: str):
    negotiation = in_state(state, role)
    restored = ContractNegotiation.model_validate_json(negotiation.model_dump_json())
    assert restored == negotiation
