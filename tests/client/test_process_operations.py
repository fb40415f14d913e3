"""Operations on negotiations, agreements and transfers: waiting, refusals and what is late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from trustspace.client.exchange import POLL_PAUSE, Wait
from trustspace.client.operations import Operations
from trustspace.client.values import Receipt
from trustspace.errors import (
    ConflictError,
    ConnectError,
    DeadlineError,
    PolicyDeniedError,
    RemoteProtocolError,
)

REASON = {
    "id": "odrl.constraint.unsatisfied",
    "src": "/permission/0/constraint/0",
    "left": "odrl:purpose",
    "op": "odrl:isAnyOf",
    "expected": ["credit-scoring"],
}
BANK = "participants/bank"


# Negotiation


def negotiate(operations: Operations, **options: Any) -> Any:
    return operations.negotiate("https://g", "rose-prices", **options)


def test_negotiate_waits_until_there_is_an_agreement(script, play, operations, doc, late):
    finalized = doc.negotiation | {"state": "FINALIZED", "agreement": "urn:uuid:a1"}
    agreement = play(
        negotiate(operations, purpose="credit-scoring", offer="urn:o1"),
        late(doc.negotiation, 1),
        late(finalized, 0.5),
        doc.agreement,
    )
    assert agreement.id == "urn:uuid:a1"
    assert agreement.is_in_force
    created, waited, _ = script.asked
    assert created.body == {
        "address": "https://g",
        "dataset": "rose-prices",
        "purpose": "credit-scoring",
        "offer": "urn:o1",
    }
    assert created.key
    assert waited.path == f"{BANK}/negotiations/urn%3Auuid%3An1"
    assert waited.query == {"wait": "59.000"}
    assert waited.patience == timedelta(seconds=59)


def test_two_negotiations_have_two_keys(script, play, operations, doc):
    finalized = doc.negotiation | {"state": "FINALIZED", "agreement": "urn:uuid:a1"}
    for _ in range(2):
        play(negotiate(operations), finalized, doc.agreement)
    assert script.asked[0].key != script.asked[2].key


def test_an_early_answer_is_followed_by_a_pause(script, play, operations, doc, late):
    finalized = doc.negotiation | {"state": "FINALIZED", "agreement": "urn:uuid:a1"}
    play(
        negotiate(operations, deadline=timedelta(seconds=100)),
        doc.negotiation,
        late(doc.negotiation, 60),
        late(doc.negotiation, 1),
        late(finalized, 1),
        doc.agreement,
    )
    assert script.waits == [Wait(POLL_PAUSE)]
    assert [request.query.get("wait") for request in script.asked[1:4]] == [
        "60.000",
        "40.000",
        "38.900",
    ]


@pytest.mark.parametrize(
    ("ended_by", "who"), [("us", "this connector"), ("counterparty", "did:web:garden.example")]
)
def test_a_refusal_raises_with_the_reasons_in_words(play, operations, doc, ended_by, who):
    refused = doc.negotiation | {
        "state": "TERMINATED",
        "code": "odrl.constraint.unsatisfied",
        "reasons": [REASON, "not today"],
        "ended_by": ended_by,
    }
    words = rf"{who} .*'rose-prices': the purpose must be .*; not today"
    with pytest.raises(PolicyDeniedError, match=words) as caught:
        play(negotiate(operations), refused)
    assert caught.value.reasons[0] == REASON
    assert caught.value.code == "odrl.constraint.unsatisfied"
    assert caught.value.hint == "ask for purpose credit-scoring"


def test_a_refusal_in_bare_words_tells_whom_to_ask(play, operations, doc):
    refused = doc.negotiation | {"state": "TERMINATED", "reasons": ["not today"]}
    with pytest.raises(PolicyDeniedError, match="not today") as caught:
        play(negotiate(operations), refused)
    assert caught.value.code == "negotiation.terminated"
    assert "explain urn:uuid:n1" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "error"), [("deadline", DeadlineError), ("unreachable", ConnectError)]
)
def test_a_silent_counterparty_is_no_refusal(play, operations, doc, code, error):
    ended = {"state": "TERMINATED", "code": code, "reasons": ["no answer"], "ended_by": "us"}
    with pytest.raises(error, match="'rose-prices'; no answer"):
        play(negotiate(operations), doc.negotiation | ended)
    with pytest.raises(error, match="did not start; no answer"):
        play(operations.start_transfer("a"), doc.transfer | ended)


def test_a_termination_without_reasons_is_the_counterpartys_failure(play, operations, doc):
    ended = doc.negotiation | {"state": "TERMINATED", "code": "broken"}
    with pytest.raises(RemoteProtocolError, match="without a reason") as caught:
        play(negotiate(operations), ended)
    assert caught.value.code == "broken"


def test_a_deadline_terminates_the_negotiation(script, play, operations, doc, late):
    with pytest.raises(DeadlineError, match=r"no outcome within 2\.5 s; it stood at REQUESTED"):
        play(
            negotiate(operations, deadline=timedelta(seconds=2.5)),
            doc.negotiation,
            late(doc.negotiation, 2.5),
            doc.negotiation | {"state": "TERMINATED"},
        )
    assert script.asked[-1].path.endswith("/terminate")
    assert script.asked[-1].body == {"reason": "no outcome within 2.5 s"}


@pytest.mark.parametrize("code", ["conflict", "negotiation.state"])
def test_an_agreement_in_the_last_moment_still_counts(play, operations, doc, late, problem, code):
    agreement = play(
        negotiate(operations, deadline=timedelta(seconds=1)),
        late(doc.negotiation, 1),
        problem(409, code),
        doc.negotiation | {"state": "FINALIZED", "agreement": "urn:uuid:a1"},
        doc.agreement,
    )
    assert agreement.id == "urn:uuid:a1"


def test_a_negotiation_that_cannot_be_terminated_is_still_late(
    play, operations, doc, late, problem
):
    with pytest.raises(DeadlineError):
        play(
            negotiate(operations, deadline=timedelta(seconds=1)),
            late(doc.negotiation, 1),
            problem(409, "conflict"),
            doc.negotiation | {"state": "VERIFIED"},
        )


# Agreements and transfers


@pytest.mark.parametrize(("reason", "body"), [(None, {}), ("enough", {"reason": "enough"})])
def test_revoke_gives_the_reason(script, play, operations, doc, reason, body):
    revoked = play(operations.revoke("a", reason=reason), doc.agreement | {"state": "REVOKED"})
    assert not revoked.is_in_force
    assert script.paths == [f"POST {BANK}/agreements/a/revoke"]
    assert script.asked[0].body == body


@pytest.mark.parametrize("step", ["suspend", "resume", "complete", "terminate"])
def test_each_step_of_a_transfer_has_its_path(script, play, operations, doc, step):
    play(operations.step("t", step, reason="r"), doc.transfer | {"state": "COMPLETED"})
    assert script.paths == [f"POST {BANK}/transfers/t/{step}"]


def test_a_forbidden_step_conflicts(play, operations, problem):
    with pytest.raises(ConflictError):
        play(operations.step("t", "resume"), problem(409, "conflict"))


def test_start_transfer_waits_until_it_is_started(script, play, operations, doc, late):
    requested = doc.transfer | {"state": "REQUESTED"}
    transfer = play(
        operations.start_transfer("urn:uuid:a1"),
        requested,
        late(requested, 30 - 2),
        late(doc.transfer, 0.1),
    )
    assert not transfer.is_terminal
    assert script.asked[0].body == {"agreement": "urn:uuid:a1"}
    assert [request.query.get("wait") for request in script.asked[1:]] == ["30.000", "1.900"]
    assert script.waits == [Wait(POLL_PAUSE)]


def test_a_transfer_that_does_not_start_is_late(play, operations, doc, late):
    requested = doc.transfer | {"state": "REQUESTED"}
    with pytest.raises(DeadlineError, match="did not start in 1 s"):
        play(
            operations.start_transfer("a", deadline=timedelta(seconds=1)),
            requested,
            late(requested, 1),
        )


def test_a_refused_transfer_raises_with_reasons(play, operations, doc):
    refused = doc.transfer | {"state": "TERMINATED", "code": "policy.count", "reasons": [REASON]}
    with pytest.raises(PolicyDeniedError, match="is terminated: the purpose must be") as caught:
        play(operations.start_transfer("a"), refused)
    assert caught.value.code == "policy.count"


def test_edr_is_fresh_when_demanded(script, play, operations):
    answer = {
        "endpoint": "http://x",
        "authorization": "Bearer s",
        "agreement": "a",
        "transfer": "t",
    }
    edr = play(operations.edr("t"), answer)
    play(operations.edr("t", fresh=True), answer)
    assert [request.query for request in script.asked] == [{}, {"fresh": "true"}]
    assert "Bearer s" not in repr(edr)


@pytest.mark.parametrize(
    ("agreement", "transfer", "words", "code"),
    [
        ({"state": "REVOKED", "reason": "sold"}, None, "is revoked: sold", "agreement.revoked"),
        ({"state": "EXPIRED"}, None, "is expired", "agreement.expired"),
        ({}, {"state": "SUSPENDED"}, "is suspended: suspended", "transfer.suspended"),
    ],
)
def test_why_finds_what_is_out_of_order(play, operations, doc, agreement, transfer, words, code):
    answers = [doc.agreement | agreement] + ([doc.transfer | transfer] if transfer else [])
    denied = play(operations.why("a", "t"), *answers)
    assert isinstance(denied, PolicyDeniedError)
    assert words in str(denied)
    assert denied.code == code
    assert denied.reasons[0]["id"] == code


def test_why_finds_nothing_when_all_is_in_order(play, operations, doc):
    assert play(operations.why("a", "t"), doc.agreement, doc.transfer) is None


def test_why_goes_on_asking_for_a_while(script, play, operations, doc, late):
    found = play(
        operations.why("a", "t", patience=timedelta(seconds=1)),
        late(doc.agreement, 0.5),
        doc.transfer,
        doc.agreement,
        doc.transfer | {"state": "TERMINATED", "code": "agreement.revoked", "reasons": ["sold"]},
    )
    assert str(found) == "transfer urn:uuid:t1 is terminated: sold"
    assert found.code == "agreement.revoked"
    assert script.waits == [Wait(POLL_PAUSE)]
    late_and_in_order = (late(doc.agreement, 1), doc.transfer)
    patience = timedelta(seconds=1)
    assert play(operations.why("a", "t", patience=patience), *late_and_in_order) is None


def test_a_receipt_is_told_to_the_own_connector(script, play, operations):
    receipt = Receipt(session="s", outcome="cut", bytes=3, reasons=({"id": "x"},))
    play(operations.receipt("t", receipt), {})
    assert script.asked[0].body == {
        "session": "s",
        "outcome": "cut",
        "bytes": 3,
        "rows": 0,
        "reasons": [{"id": "x"}],
    }
