"""What is kept of the messages of the last moments: everything but secrets, and not too much."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trustspace.connector.context import Hosted
from trustspace.connector.messaging import trace as tracing
from trustspace.connector.messaging.trace import REDACTED, Trace, redacted, shown
from trustspace.errors import ConnectError

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SIGNED = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJkaWQifQ.c2lnbmF0dXJl"
GARDEN = cast("Hosted", SimpleNamespace(name="garden", id="did:web:garden"))


def say(trace: Trace, message: Any, *, answer: bytes = b"", status: int = 200) -> None:
    with trace.sending(
        GARDEN, "POST", "https://b/x", audience="did:web:b", message=message, at=NOW
    ) as said:
        said.answered(status, answer)


@pytest.mark.anyio
async def test_both_sides_of_an_exchange_are_kept_without_the_token(garden, bank):
    before = {one.name: (await one.get("messages"))["next"] for one in (garden, bank)}
    agreement = await bank.agree(garden)
    transfer = await bank.transfer(agreement)
    edr = await bank.get(f"transfers/{transfer['id']}/edr", fresh=True)
    for party, other in ((garden, bank), (bank, garden)):
        page = await party.get("messages", after=before[party.name])
        told = {
            (said["direction"], (said["message"] or {}).get("@type")): said
            for said in page["items"]
        }
        mine, theirs = ("out", "in") if party is bank else ("in", "out")
        request = told[mine, "ContractRequestMessage"]
        assert (request["status"], request["answer"]["state"]) == (201, "REQUESTED")
        assert (request["participant"], request["counterparty"]) == (party.id, other.id)
        start = told[theirs, "TransferStartMessage"]["message"]
        properties = {
            each["name"]: each["value"] for each in start["dataAddress"]["endpointProperties"]
        }
        assert set(properties.values()) == {REDACTED}
        assert start["dataAddress"]["endpoint"] == edr["endpoint"]
        text = json.dumps(page)
        assert edr["authorization"].removeprefix("Bearer ") not in text
        assert page["missed"] == 0
    numbers = [said["seq"] for said in page["items"]]
    assert numbers == sorted(numbers)
    assert page["next"] >= numbers[-1]


@pytest.mark.anyio
async def test_a_stranger_is_kept_without_a_name(garden, bank):
    position = (await garden.get("messages"))["next"]
    url = f"{garden.hosted.dsp_url}/catalog/request?secret=1"
    await bank.voice.post(url, json={}, headers={"Authorization": "Bearer nonsense"})
    (said,) = (await garden.get("messages", after=position))["items"]
    assert (said["direction"], said["status"], said.get("counterparty")) == ("in", 401, None)
    assert said["url"] == "/garden/dsp/2025-1/catalog/request"
    await bank.voice.post(url, json={})
    limited = await garden.get("messages", after=position, limit=1)
    assert limited["next"] == said["seq"]


def test_a_request_without_an_answer_is_kept():
    trace = Trace()
    with (
        pytest.raises(ConnectError),
        trace.sending(GARDEN, "GET", "https://b", audience="b", message=None, at=NOW),
    ):
        raise ConnectError("No connection to https://b")
    (said,) = trace.after("garden", 0)
    assert shown(said)["error"] == "No connection to https://b"
    assert trace.after("bank", 0) == []


def test_a_request_to_nobody_here_is_not_kept():
    trace = Trace()
    with trace.receiving("GET", "https://garden/x", at=NOW) as said:
        said.answered(404, b"")
    assert trace.position == 0


def test_the_number_of_messages_is_bounded():
    trace = Trace()
    for number in range(tracing.MAX_MESSAGES + 5):
        say(trace, {"@id": str(number)})
    kept = trace.after("garden", 0)
    assert len(kept) == tracing.MAX_MESSAGES
    assert kept[-1].message == {"@id": str(tracing.MAX_MESSAGES + 4)}
    assert trace.missed(0) == 5
    assert trace.missed(trace.position) == 0


def test_the_weight_of_messages_is_bounded():
    trace = Trace()
    for number in range(40):
        say(trace, {"@id": str(number), "x": ["y" * 1000] * 500})
    assert 1 < len(trace.after("garden", 0)) < 40
    assert sum(said.weight for said in trace.after("garden", 0)) <= tracing.MAX_WEIGHT


def test_of_what_is_too_large_only_its_name_is_kept():
    trace = Trace()
    say(trace, {"@type": "Large", "@id": 1, "x": ["y"] * 100_000}, answer=b"x" * 100_000)
    say(trace, ["y" * 2_000_000], answer=b"<html>")
    large, listed = map(shown, trace.after("garden", 0))
    assert large["message"] == {"@type": "Large", "@id": None, "omitted": True}
    assert (large["answer"], large["error"]) == (None, "an answer of 100000 bytes is not kept")
    assert listed["message"] is None
    assert listed["answer"] == "no JSON: <html>"


def test_secrets_are_gone_whatever_they_are_called():
    document = {
        "dataAddress": {
            "@type": "DataAddress",
            "endpointType": "HTTP",
            "endpoint": "https://user:pw@sink.example/x?signature=5ecret",
            "authCode": "5ecret",
            "endpointProperties": [
                {"@type": "EndpointProperty", "name": "anything", "value": "5ecret"},
                {"dspace:name": "x", "dspace:value": {"@value": "5ecret"}},
            ],
        },
        "https://w3id.org/dspace/2025/1/dataAddress": {"value": "5ecret"},
        "authorization": "5ecret",
        "accessToken": {"deep": ["5ecret"]},
        "text": f"Bearer {SIGNED} was refused",
        "state": "REQUESTED",
        "number": 1,
    }
    clean = redacted(document)
    text = json.dumps(clean)
    assert "5ecret" not in text
    assert "pw@" not in text
    assert "eyJ" not in text
    assert clean["dataAddress"]["endpoint"] == f"https://sink.example/x?{REDACTED}"
    assert clean["dataAddress"]["endpointProperties"][0]["name"] == "anything"
    assert (clean["state"], clean["number"]) == ("REQUESTED", 1)
    assert document["authorization"] == "5ecret"


def test_keeping_a_message_costs_little():
    trace = Trace()
    message = {"@type": "X", "offer": {"permission": [{"action": "use", "constraint": [{}] * 5}]}}
    start = time.process_time()
    for _ in range(2_000):
        say(trace, message, answer=b"{}")
    # Some 10 µs each; a negotiation, which has ten such requests, takes several milliseconds.
    assert (time.process_time() - start) / 2_000 < 0.0005
