"""Walking a record: what was legal, what was refused and by whom, what cannot be told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.replay import Outcome, Recorded, Step, walk
from trustspace.dsp.wire import emit
from trustspace.model.participant import Role

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
OFFER = {"@id": "o1", "@type": "Offer", "target": "roses", "permission": [{"action": "use"}]}
PIDS = {"consumerPid": "c1", "providerPid": "p1"}


def said(kind: str, **members: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "@type": kind} | members


REQUEST = said("ContractRequestMessage", consumerPid="c1", offer=OFFER, callbackAddress="https://c")
AGREEMENT = said(
    "ContractAgreementMessage",
    **PIDS,
    agreement={
        "@id": "a1",
        "@type": "Agreement",
        "target": "roses",
        "assigner": "p",
        "assignee": "c",
        "timestamp": "2026-11-25T10:00:00Z",
        "permission": [{"action": "use"}],
    },
)
VERIFICATION = said("ContractAgreementVerificationMessage", **PIDS)
FINALIZED = said("ContractNegotiationEventMessage", **PIDS, eventType="FINALIZED")
TERMINATION = said("ContractNegotiationTerminationMessage", **PIDS)
ACK = said("ContractNegotiation", **PIDS, state="REQUESTED")
TRANSFER = said(
    "TransferRequestMessage",
    consumerPid="c1",
    agreementId="a1",
    format="HttpData-PULL",
    callbackAddress="https://c",
)
START = said("TransferStartMessage", **PIDS)


class Script:
    """Records, one second after another."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []

    def out(self, message: Any, status: int | None = 200, answer: Any = None) -> "Script":
        return self._add(message, status, answer, outgoing=True)

    def into(self, message: Any, status: int | None = 200, answer: Any = None) -> "Script":
        return self._add(message, status, answer, outgoing=False)

    def _add(self, message: Any, status: int | None, answer: Any, *, outgoing: bool) -> "Script":
        at = NOW + timedelta(seconds=len(self.records))
        self.records.append(Recorded(at, outgoing, message, status, answer))
        return self

    def walk(self) -> tuple[Step, ...]:
        return walk(reversed(self.records))


def told(steps: tuple[Step, ...]) -> list[tuple[str, str | None]]:
    return [(step.outcome.value, step.state) for step in steps]


def test_a_consumer_s_record_is_walked_to_its_end() -> None:
    steps = (
        Script()
        .out(REQUEST, 201, ACK)
        .into(AGREEMENT)
        .out(VERIFICATION)
        .into(FINALIZED)
        .out(TRANSFER, 201, said("TransferProcess", **PIDS, state="REQUESTED"))
        .into(START)
        .walk()
    )
    assert told(steps) == [
        ("accepted", state)
        for state in ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED", "REQUESTED", "STARTED")
    ]
    assert {step.pid for step in steps} == {"c1"}
    assert [step.sender for step in steps[:3]] == [Role.CONSUMER, Role.PROVIDER, Role.CONSUMER]
    assert steps[3].message == "ContractNegotiationEventMessage FINALIZED"
    assert not any(step.why for step in steps)


def test_a_provider_s_record_takes_its_pid_from_its_answer() -> None:
    steps = Script().into(REQUEST, 201, ACK).out(AGREEMENT).into(VERIFICATION).walk()
    assert told(steps) == [("accepted", s) for s in ("REQUESTED", "AGREED", "VERIFIED")]
    assert {step.pid for step in steps} == {"p1"}


def test_an_offer_opens_a_negotiation_too() -> None:
    offer = said("ContractOfferMessage", providerPid="p1", offer=OFFER, callbackAddress="https://p")
    (step,) = Script().into(offer, 201, said("ContractNegotiation", **PIDS, state="OFFERED")).walk()
    assert (step.outcome, step.state, step.pid) == (Outcome.ACCEPTED, "OFFERED", "c1")


def test_an_answer_without_a_pid_leaves_our_own_request_walkable() -> None:
    steps = Script().out(REQUEST, 200).into(AGREEMENT).walk()
    assert told(steps) == [("accepted", "REQUESTED"), ("accepted", "AGREED")]
    (unknown,) = Script().into(REQUEST, 201).walk()
    assert unknown.outcome is Outcome.UNKNOWN
    assert "receiver's pid" in unknown.why


def test_a_message_sent_again_is_a_repeat() -> None:
    steps = Script().out(REQUEST, None).out(REQUEST, 503).out(REQUEST, 201, ACK).walk()
    assert told(steps) == [("accepted", "REQUESTED"), *[("repeated", "REQUESTED")] * 2]
    assert steps[0].why == "the answer was none"
    retried = Script().into(TRANSFER, 201, ACK).into(TRANSFER | {"@id": "m2"}, 201, ACK).walk()
    assert told(retried) == [("accepted", "REQUESTED"), ("repeated", "REQUESTED")]


def test_an_illegal_message_that_was_taken_is_illegal_and_says_what_was_allowed() -> None:
    steps = Script().out(REQUEST, 201, ACK).into(FINALIZED).into(AGREEMENT).walk()
    assert told(steps) == [
        ("accepted", "REQUESTED"),
        ("illegal", "REQUESTED"),
        ("accepted", "AGREED"),
    ]
    assert "cannot send ContractNegotiationEventMessage FINALIZED in state REQUESTED" in (
        steps[1].why
    )
    assert "allowed now: ContractOfferMessage" in steps[1].why


def test_an_illegal_message_that_was_refused_is_as_it_should_be() -> None:
    steps = Script().out(REQUEST, 201, ACK).into(FINALIZED, 400).walk()
    assert told(steps)[1] == ("refused", "REQUESTED")


def test_a_refusal_of_a_legal_message_carries_the_receiver_s_reasons() -> None:
    error = said("ContractNegotiationError", **PIDS, code="policy", reason=["purpose", {"a": 1}])
    steps = Script().out(REQUEST, 400, error).out(REQUEST, 400).out(REQUEST, 201, ACK).walk()
    assert told(steps) == [("refused", None), ("refused", None), ("accepted", "REQUESTED")]
    assert "400 policy; purpose; {'a': 1}" in steps[0].why
    worded = Script().out(REQUEST, 201, ACK).into(TERMINATION, 404, {"reason": "no"}).walk()
    assert told(worded)[1] == ("refused", "REQUESTED")
    assert worded[1].why.endswith("404 no")


@pytest.mark.parametrize(("status", "outcome"), [(200, "illegal"), (400, "refused")])
def test_what_is_no_message_is_judged_by_its_answer(status: int, outcome: str) -> None:
    broken = said("ContractRequestMessage", consumerPid="c1")
    (step,) = Script().into(broken, status).walk()
    assert step.outcome == outcome
    assert step.message == "ContractRequestMessage"


def test_what_moves_no_process_is_aside() -> None:
    catalogue = emit(CatalogRequestMessage())
    steps = Script().out(None).out(catalogue).out(["x"]).walk()
    assert [step.outcome for step in steps] == [Outcome.ASIDE] * 3


def test_what_began_earlier_or_is_not_kept_is_unknown() -> None:
    large = {"@type": "ContractAgreementMessage", "omitted": True}
    steps = Script().into(VERIFICATION).into(START).into(large).walk()
    assert [step.outcome for step in steps] == [Outcome.UNKNOWN] * 3
    assert steps[1].message == "TransferStartMessage"


def test_a_dialect_is_forgiven_what_an_exchange_forgives_it() -> None:
    contexts = {"@context": [*CONTEXT, "https://w3id.org/edc/dspace/v0.0.1"]}
    first = AGREEMENT | contexts
    second = first | {"agreement": AGREEMENT["agreement"] | {"@id": "a2"}}
    script = Script().out(REQUEST, 201, ACK).into(first | {"@id": "m1"}).into(first | {"@id": "m2"})
    steps = script.into(second).out(VERIFICATION).walk()
    assert told(steps) == [
        ("accepted", "REQUESTED"),
        ("accepted", "AGREED"),
        ("repeated", "AGREED"),
        ("accepted", "AGREED"),
        ("accepted", "VERIFIED"),
    ]
    strict = Script().out(REQUEST, 201, ACK).into(AGREEMENT).into(second | {"@context": CONTEXT})
    assert told(strict.walk())[2] == ("illegal", "AGREED")
    start = START | contexts
    resumed = Script().out(TRANSFER, 201, ACK).into(start | {"@id": "m1"}).into(start).walk()
    assert told(resumed)[2] == ("repeated", "STARTED")
