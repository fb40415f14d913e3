"""The transfer process: the table, both sides of a run, random walks."""

from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trustspace.dsp import messages
from trustspace.dsp.messages import (
    TransferCompletionMessage,
    TransferMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferState,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from trustspace.dsp.transfer import ROWS, TERMINAL, TRANSITIONS, TransferProcess
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.data_address import HTTP_ENDPOINT_TYPE, DataAddress
from trustspace.model.participant import Role

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
C, P = Role.CONSUMER, Role.PROVIDER
PIDS = {C: "urn:uuid:consumer", P: "urn:uuid:provider"}
DIDS = {C: "did:web:consumer.example", P: "did:web:provider.example"}
BASES = {C: "https://consumer.example/dsp", P: "https://provider.example/dsp"}

# The specification's table, written down a second time: it is the judge of the code's.
LEGAL: dict[str, dict[tuple[Role, str], str]] = {
    "REQUESTED": {(P, "start"): "STARTED"},
    "STARTED": {
        (C, "suspension"): "SUSPENDED",
        (P, "suspension"): "SUSPENDED",
        (C, "completion"): "COMPLETED",
        (P, "completion"): "COMPLETED",
    },
    "SUSPENDED": {(C, "start"): "STARTED", (P, "start"): "STARTED"},
    "COMPLETED": {},
    "TERMINATED": {},
}
for _state, _moves in LEGAL.items():
    if _state not in ("COMPLETED", "TERMINATED"):
        _moves.update({(C, "termination"): "TERMINATED", (P, "termination"): "TERMINATED"})
CLASSES: dict[str, Any] = {
    "start": TransferStartMessage,
    "suspension": TransferSuspensionMessage,
    "completion": TransferCompletionMessage,
    "termination": TransferTerminationMessage,
}

_ids = count(1)


def address(path: str) -> DataAddress:
    return DataAddress(endpoint_type=HTTP_ENDPOINT_TYPE, endpoint=f"https://data.example/{path}")


def message(kind: str, **members: Any) -> TransferMessage:
    """Build a message of an established transfer; each has an id of its own."""
    common: dict[str, Any] = {
        "id": f"urn:uuid:m{next(_ids)}",
        "consumer_pid": PIDS[C],
        "provider_pid": PIDS[P],
    }
    if kind in ("suspension", "termination"):
        common |= {"code": "9", "reasons": ("enough",)}
    built: TransferMessage = CLASSES[kind](**(common | members))
    return built


def request(**members: Any) -> TransferRequestMessage:
    common = {
        "id": f"urn:uuid:m{next(_ids)}",
        "consumer_pid": PIDS[C],
        "agreement_id": "urn:uuid:a1",
        "format": "HttpData-PULL",
        "callback_address": BASES[C],
    }
    return TransferRequestMessage(**(common | members))


def opened(role: Role, opening: TransferRequestMessage) -> TransferProcess:
    return TransferProcess.create(
        opening,
        role=role,
        own_pid=PIDS[role],
        counterparty=DIDS[role.other],
        callback_address=BASES[role.other],
        now=NOW,
    )


def in_state(state: str, role: Role) -> TransferProcess:
    """One side's transfer that has come to a state by a shortest way."""
    ways: dict[str, list[str]] = {
        "REQUESTED": [],
        "STARTED": ["start"],
        "SUSPENDED": ["start", "suspension"],
        "COMPLETED": ["start", "completion"],
        "TERMINATED": ["termination"],
    }
    transfer = opened(role, request())
    if role is C:
        transfer = transfer.learn_peer_pid(PIDS[P], now=NOW)
    for kind in ways[state]:
        transfer = transfer.receive(message(kind), sender=P, now=NOW)
    assert transfer.state == state
    return transfer


# --- the table ---


def test_the_table_is_that_of_the_specification():
    names = {value: name for name, value in CLASSES.items()} | {TransferRequestMessage: "request"}
    expected: dict[tuple[str | None, Role, str], str] = {
        (state, *move): after for state, moves in LEGAL.items() for move, after in moves.items()
    }
    expected |= {(None, C, "request"): "REQUESTED"}
    found = {
        (source and str(source), sender, names[key]): str(after)
        for (source, sender, key), after in TRANSITIONS.items()
    }
    assert found == expected


def test_every_row_is_unique_and_cites_its_section():
    assert len(ROWS) == len(TRANSITIONS)
    assert all(row.section.startswith("Transfer ") for row in ROWS)


def test_terminal_states_have_no_way_out():
    assert {row.source for row in ROWS}.isdisjoint(TERMINAL)
    assert {TransferState.COMPLETED, TransferState.TERMINATED} == TERMINAL


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("state", "sender", "kind"), list(product(LEGAL, Role, CLASSES)))
def test_every_cell_of_the_matrix(role: Role, state: str, sender: Role, kind: str):
    transfer = in_state(state, role)
    expected = LEGAL[state].get((sender, kind))
    before = transfer.model_dump_json()
    if expected is not None:
        after = transfer.receive(message(kind), sender=sender, now=LATER)
        assert after.state == expected
        assert after.updated_at == LATER
        assert after.is_terminal is (expected in ("COMPLETED", "TERMINATED"))
        return
    error = LocalProtocolError if sender is role else RemoteProtocolError
    with pytest.raises(error) as caught:
        transfer.receive(message(kind), sender=sender, now=LATER)
    assert caught.value.code == "transfer.state"
    assert state in str(caught.value)
    assert transfer.model_dump_json() == before


def test_an_error_says_what_would_be_allowed():
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("REQUESTED", P).receive(message("completion"), sender=C, now=NOW)
    assert str(caught.value) == (
        "the consumer cannot send TransferCompletionMessage in state REQUESTED"
    )
    assert caught.value.hint == "allowed now: TransferTerminationMessage"
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("COMPLETED", P).receive(message("completion"), sender=C, now=NOW)
    assert caught.value.hint == "allowed now: nothing"


# --- creation and pids ---


@pytest.mark.parametrize("role", Role)
def test_the_consumer_opens(role: Role):
    opening = request()
    transfer = opened(role, opening)
    assert transfer.id == PIDS[role]
    assert transfer.state == "REQUESTED"
    assert (transfer.agreement_id, transfer.format) == ("urn:uuid:a1", "HttpData-PULL")
    assert transfer.callback_address == BASES[role.other]
    assert transfer.peer_pid == (None if role is C else PIDS[C])
    assert transfer.last_message_id == (None if role is C else opening.id)
    assert not transfer.is_terminal


def test_our_own_request_carries_our_pid():
    with pytest.raises(LocalProtocolError) as caught:
        opened(C, request(consumer_pid="urn:uuid:other"))
    assert caught.value.code == "transfer.pid"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("sender", Role)
@pytest.mark.parametrize("name", ["consumer_pid", "provider_pid"])
def test_both_pids_must_be_those_of_the_transfer(role: Role, sender: Role, name: str):
    with pytest.raises(LocalProtocolError if sender is role else RemoteProtocolError) as caught:
        in_state("STARTED", role).receive(
            message("termination", **{name: "urn:uuid:other"}), sender=sender, now=NOW
        )
    assert caught.value.code == "transfer.pid"


def test_the_providers_pid_is_learnt_from_its_first_message():
    transfer = opened(C, request()).receive(message("start"), sender=P, now=NOW)
    assert transfer.provider_pid == PIDS[P]


def test_the_acknowledgement_has_both_pids_and_the_state():
    assert in_state("STARTED", C).acknowledgement() == messages.TransferProcess(
        consumer_pid=PIDS[C], provider_pid=PIDS[P], state=TransferState.STARTED
    )
    with pytest.raises(LocalProtocolError) as caught:
        opened(C, request()).acknowledgement()
    assert caught.value.code == "transfer.pid"


# --- content ---


def test_a_pull_has_the_address_of_the_providers_last_start():
    transfer = in_state("REQUESTED", C)
    for path in ("1", "2"):
        start = message("start", data_address=address(path))
        transfer = transfer.receive(start, sender=P, now=NOW)
        assert transfer.data_address == address(path)
        transfer = transfer.receive(message("suspension"), sender=C, now=NOW)
        assert (transfer.code, transfer.reasons) == ("9", ("enough",))
        assert (transfer.ended_by, transfer.ended_by_counterparty) == (C, False)
    transfer = transfer.receive(message("start", data_address=address("forged")), sender=C, now=NOW)
    assert transfer.data_address == address("2")
    assert (transfer.code, transfer.reasons, transfer.ended_by) == (None, (), None)


def test_a_push_keeps_the_address_of_the_request():
    transfer = opened(P, request(format="HttpData-PUSH", data_address=address("sink")))
    transfer = transfer.receive(message("start"), sender=P, now=NOW)
    assert transfer.data_address == address("sink")
    transfer = transfer.receive(message("suspension"), sender=P, now=NOW)
    transfer = transfer.receive(message("start", data_address=address("forged")), sender=C, now=NOW)
    assert transfer.data_address == address("sink")


# --- repeats ---


@pytest.mark.parametrize("state", LEGAL)
def test_a_request_is_repeated_whatever_its_id(state: str):
    transfer = in_state(state, P)
    for again in (request(), request(id=None)):
        assert transfer.receive(again, sender=C, now=LATER) is transfer


@pytest.mark.parametrize(
    "change",
    [
        {"agreement_id": "urn:uuid:a2"},
        {"format": "HttpData-PUSH"},
        {"consumer_pid": "urn:uuid:other"},
        {"data_address": address("sink")},
    ],
)
def test_another_request_is_no_repeat(change: dict[str, Any]):
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("REQUESTED", P).receive(request(**change), sender=C, now=LATER)
    assert caught.value.code == "transfer.state"


def test_only_the_consumer_requests():
    with pytest.raises(RemoteProtocolError) as caught:
        in_state("REQUESTED", C).receive(request(), sender=P, now=LATER)
    assert caught.value.code == "transfer.state"
    with pytest.raises(LocalProtocolError):
        in_state("REQUESTED", C).receive(request(), sender=C, now=LATER)


def test_a_repeat_changes_nothing():
    suspension = message("suspension")
    transfer = in_state("STARTED", P).receive(suspension, sender=C, now=NOW)
    assert transfer.receive(suspension, sender=C, now=LATER) is transfer
    with pytest.raises(RemoteProtocolError):
        transfer.receive(message("suspension"), sender=C, now=LATER)


# --- storage ---


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", LEGAL)
def test_a_transfer_comes_back_from_json(role: Role, state: str):
    transfer = in_state(state, role)
    assert TransferProcess.model_validate_json(transfer.model_dump_json()) == transfer


# --- random walks over both sides at once ---


class TransferWalk(RuleBasedStateMachine):
    """Two sides exchange any message at any time; the table above says what may come of it."""

    sides: dict[Role, TransferProcess]
    last: tuple[Role, TransferMessage]

    @initialize(learn=st.booleans())
    def open(self, learn: bool) -> None:
        opening = request()
        self.sides = {role: opened(role, opening) for role in Role}
        self.last = C, opening
        if learn:
            pid = self.sides[P].acknowledgement().provider_pid
            self.sides[C] = self.sides[C].learn_peer_pid(pid, now=NOW)

    @property
    def state(self) -> str:
        return str(self.sides[P].state)

    @rule(sender=st.sampled_from(Role), kind=st.sampled_from(sorted(CLASSES)))
    def say(self, sender: Role, kind: str) -> None:
        state = self.state
        expected = LEGAL[state].get((sender, kind))
        said = message(kind)
        if self.sides[sender].peer_pid is None:  # cannot be sent before the answer is known
            self.sides[sender] = self.sides[sender].learn_peer_pid(PIDS[sender.other], now=NOW)
        for role, error in ((sender, LocalProtocolError), (sender.other, RemoteProtocolError)):
            side = self.sides[role]
            before = side.model_dump_json()
            try:
                self.sides[role] = side.receive(said, sender=sender, now=LATER)
                assert self.sides[role].state == expected
            except error:
                assert expected is None
            assert side.model_dump_json() == before
        if expected is not None:
            assert TRANSITIONS[TransferState(state), sender, type(said)] == expected
            self.last = sender, said

    @rule()
    def repeat(self) -> None:
        sender, said = self.last
        receiver = self.sides[sender.other]
        assert receiver.receive(said, sender=sender, now=LATER) is receiver

    @rule()
    def request_again(self) -> None:
        assert self.sides[P].receive(request(), sender=C, now=LATER) is self.sides[P]

    @rule(sender=st.sampled_from(Role), kind=st.sampled_from(sorted(CLASSES)))
    def confuse(self, sender: Role, kind: str) -> None:
        receiver = self.sides[sender.other]
        said = message(kind, **{f"{sender.other}_pid": "urn:uuid:stranger"})
        with pytest.raises(RemoteProtocolError) as caught:
            receiver.receive(said, sender=sender, now=LATER)
        assert caught.value.code == "transfer.pid"

    @invariant()
    def both_sides_agree(self) -> None:
        assert self.sides[C].state == self.sides[P].state


TransferWalk.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
TestTransferWalk = TransferWalk.TestCase
