"""Each operation driven by hand: what it asks for, what it makes of the answer, how it fails."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from trustspace.client.exchange import POLL_PAUSE, Response, Wait
from trustspace.client.operations import Operations
from trustspace.client.values import Receipt
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    RemoteProtocolError,
)
from trustspace.policy.terms import terms

REASON = {
    "id": "odrl.constraint.unsatisfied",
    "src": "/permission/0/constraint/0",
    "left": "odrl:purpose",
    "op": "odrl:isAnyOf",
    "expected": ["credit-scoring"],
}
BANK = "participants/bank"


@pytest.fixture
def operations(play, doc):
    """Operations that know their participant already, so that a script holds only the rest."""
    operations = Operations("bank")
    play(operations.participant(), doc.participant)
    return operations


@pytest.fixture(autouse=True)
def _forget(request, script):
    if "operations" in request.fixturenames:
        request.getfixturevalue("operations")
        script.asked.clear()


def test_a_named_participant_is_asked_for_once(script, play, doc):
    operations = Operations("a b")
    info = play(operations.participant(), doc.participant)
    assert play(operations.participant()) is info
    assert script.paths == ["GET participants/a%20b"]
    assert info.development
    assert info.name == "bank"


def test_the_only_participant_needs_no_name(play, doc):
    assert play(Operations().participant(), [doc.participant]).name == "bank"


@pytest.mark.parametrize(("hosted", "words"), [(0, "none"), (2, "bank, bank")])
def test_none_or_several_participants_must_be_named(play, doc, hosted, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        play(Operations().participant(), [doc.participant] * hosted)
    assert caught.value.setting == "participant"


def test_another_participant_is_hosted_by_name(script, play, doc):
    operations = Operations()
    assert play(operations.host("two"), doc.participant).id == doc.participant["id"]
    assert script.asked[0].body == {"name": "two"}
    assert len(play(operations.participants(), [doc.participant] * 2)) == 2


def test_publish_sends_an_absolute_path(script, play, operations, doc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    info = play(
        operations.publish("roses.csv", id="rose/prices", terms={"count": 3}, title="Roses"),
        doc.dataset,
    )
    assert info.changed
    assert info.forms == ("file", "table")
    assert script.paths == [f"PUT {BANK}/datasets/rose%2Fprices"]
    assert script.asked[0].body == {
        "source": {"kind": "file", "path": str(tmp_path / "roses.csv")},
        "policy": terms(count=3),
        "title": "Roses",
    }


def test_publish_takes_dates_and_refuses_what_is_no_term(script, play, operations, doc):
    given = {"until": date(2027, 1, 1)}
    play(operations.publish("/x", id="x", terms=given), doc.dataset)
    assert script.asked[0].body["policy"] == terms(until="2027-01-01")
    with pytest.raises(PolicyError, match="purpos"):
        play(operations.publish("/x", id="x", terms={"purpos": "research"}))


def test_publish_takes_a_path_object_and_the_home_sign(script, play, operations, doc):
    play(operations.publish(Path("~/x.csv"), id="x", terms={}), doc.dataset)
    assert script.asked[0].body["source"]["path"] == str(Path.home() / "x.csv")


@pytest.mark.parametrize("headers", [None, {"X-Key": "s"}])
def test_publish_takes_a_url_with_headers_of_the_provider(script, play, operations, doc, headers):
    url = "https://files.example/x.csv"
    play(operations.publish(url, id="x", terms={}, headers=headers), doc.dataset)
    source = script.asked[0].body["source"]
    assert source == {"kind": "http", "url": url} | ({"headers": headers} if headers else {})


def test_publish_refuses_what_is_neither_path_nor_url(play, operations):
    with pytest.raises(ConfigurationError, match="not a dict") as caught:
        play(operations.publish({"a": [1]}, id="x", terms={}))
    assert "Parquet" in caught.value.hint


def test_unpublish_and_dataset_name_the_dataset(script, play, operations, doc):
    assert play(operations.unpublish("x"), {}) is None
    assert play(operations.dataset("x"), doc.dataset).id == "rose-prices"
    assert script.paths == [f"DELETE {BANK}/datasets/x", f"GET {BANK}/datasets/x"]


def test_datasets_are_collected_page_after_page(script, play, operations, doc):
    found = play(
        operations.datasets(),
        {"items": [doc.dataset], "next": "n1"},
        {"items": [doc.dataset], "next": None},
    )
    assert len(found) == 2
    assert [request.query for request in script.asked] == [{}, {"after": "n1"}]


def test_lists_without_pages_are_taken_as_they_are(play, operations, doc):
    assert play(operations.negotiations(), [doc.negotiation])[0].id == "urn:uuid:n1"
    assert play(operations.agreements(), [doc.agreement])[0].purpose == "credit-scoring"
    assert play(operations.transfers(), {"items": [doc.transfer]})[0].state == "STARTED"


def test_other_lists_have_a_cursor(script, play, operations, doc):
    pages = [{"items": [doc.agreement], "next": 7}, {"items": []}]
    assert len(play(operations.agreements(), *pages)) == 1
    assert script.asked[1].query == {"cursor": "7"}


@pytest.mark.parametrize("garbage", [None, "x", {"page": []}, [7]])
def test_a_list_that_is_none_is_the_other_sides_fault(play, operations, garbage):
    with pytest.raises(RemoteProtocolError, match="ListPage is malformed"):
        play(operations.agreements(), Response(200, garbage))


@pytest.mark.parametrize("limit", [None, 5])
def test_catalog_reads_what_a_counterparty_offers(script, play, operations, limit):
    offer = {"@id": "urn:o1", "@type": "Offer", "permission": [{"action": "use"}]}
    offered = {"id": "rose-prices", "offers": [offer], "formats": ["HttpData-PULL"]}
    answer = {"participant_id": "did:web:g", "address": "https://g", "datasets": [offered]}
    catalog = play(operations.catalog("https://g", limit=limit), answer)
    assert catalog.datasets[0].offers[0].permissions[0].action == "use"
    body = {"address": "https://g"} | ({"limit": limit} if limit else {})
    assert script.asked[0].body == body


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


# Records


def test_explain_takes_a_language(script, play, operations):
    answer = {"id": "x", "kind": "agreement", "outcome": "FINALIZED"}
    assert play(operations.explain("x", language="zh"), answer).sentences == ()
    assert script.asked[0].query == {"language": "zh"}


def test_events_are_read_after_a_number(script, play, operations):
    event = {"seq": 8, "at": "2026-07-01T00:00:00Z", "kind": "agreement.signed", "body": {"a": 1}}
    events = play(operations.events(7), {"items": [event], "next": 8})
    assert [(event.seq, event.kind) for event in events] == [(8, "agreement.signed")]
    play(operations.events(8, wait=timedelta(seconds=2)), {"items": [], "next": 8})
    assert [request.query for request in script.asked] == [
        {"after": "7"},
        {"after": "8", "wait": "2.000"},
    ]
    assert script.asked[1].patience == timedelta(seconds=2)


def test_facts_about_a_counterparty_are_written_and_read(script, play, operations, problem):
    written = play(operations.attest("did:web:g", {"spatial": "CN"}), {"facts": {"spatial": "CN"}})
    assert written.facts == {"spatial": "CN"}
    with pytest.raises(NotFoundError):
        play(operations.attested("did:web:g"), problem(404, "not_found"))
    assert script.asked[0].body == {"facts": {"spatial": "CN"}}
    assert script.paths[1] == f"GET {BANK}/counterparties/did%3Aweb%3Ag"


def test_what_is_over_says_so(play, operations, doc):
    assert play(operations.negotiation("n"), doc.negotiation | {"state": "TERMINATED"}).is_terminal
    assert play(operations.transfer("t"), doc.transfer | {"state": "COMPLETED"}).is_terminal
