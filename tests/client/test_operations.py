"""Each operation driven by hand: what it asks for, what it makes of the answer, how it fails."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from trustspace.client.exchange import Response
from trustspace.client.operations import Operations
from trustspace.errors import ConfigurationError, NotFoundError, PolicyError, RemoteProtocolError
from trustspace.policy.terms import terms

BANK = "participants/bank"


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
    with pytest.raises(ConfigurationError, match="not a list") as caught:
        play(operations.publish([1], id="x", terms={}))
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
