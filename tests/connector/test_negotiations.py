"""Negotiations: agreed or refused with reasons, narrowed but never widened, once for repeats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response
from tests.connector.party import Json, Party
from tests.connector.processes import urn
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.dsp.messages import (
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    NegotiationEvent,
)

pytestmark = pytest.mark.anyio

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
SPATIAL = {"leftOperand": "spatial", "operator": "eq", "rightOperand": "CN"}
REQUEST = "negotiations/request"
UNSATISFIED = "odrl.constraint.unsatisfied"
PURPOSE = {
    "leftOperand": "purpose",
    "operator": "isAnyOf",
    "rightOperand": ["research", "teaching"],
}
ONE = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    """A consumer that takes everything and keeps it."""
    async with scripted_peer() as running:
        for endpoint in ("agreement", "termination", "events", "offers"):
            running.answers[f"negotiations/{{pid}}/{endpoint}"] = lambda _: Response()
        yield running


async def _request(garden: Party, peer: ScriptedPeer, **offer: Any) -> Json:
    """Return a request for the roses, with some members of the offer changed."""
    shown = await garden.get("datasets/roses")
    return {
        "@context": CONTEXT,
        "@id": urn(),
        "@type": "ContractRequestMessage",
        "consumerPid": peer.pid,
        "offer": shown["policy"] | {"target": "roses"} | offer,
        "callbackAddress": peer.base,
    }


async def test_both_sides_hold_the_same_agreement(garden: Party, bank: Party) -> None:
    agreement = await bank.agree(garden, purpose="research")
    ours = await bank.get(f"agreements/{agreement}")
    theirs = await garden.get(f"agreements/{agreement}")
    assert (ours["role"], theirs["role"]) == ("consumer", "provider")
    assert (ours["counterparty"], theirs["counterparty"]) == (garden.id, bank.id)
    for name in ("id", "dataset", "state", "policy", "digest", "purpose"):
        assert ours[name] == theirs[name]
    assert ours["state"] == "FINALIZED"
    assert ours["purpose"] == "research"
    assert ours["policy"]["assigner"] == garden.id
    assert ours["policy"]["assignee"] == bank.id
    assert ours["policy"]["permission"][0]["constraint"] == [
        {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}
    ]


async def test_each_step_is_an_event_on_both_sides(garden: Party, bank: Party) -> None:
    negotiation = await bank.negotiate(garden)
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", negotiation["id"]))
    assert known is not None
    for party, pid, role in (
        (bank, known.id, "consumer"),
        (garden, known.provider_pid, "provider"),
    ):
        events = [e for e in await party.events() if e.body.get("negotiation") == pid]
        assert [event.kind for event in events] == [
            "negotiation.requested",
            "negotiation.agreed",
            "negotiation.verified",
            "negotiation.finalized",
            "agreement.concluded",
        ]
        assert {event.body["role"] for event in events} == {role}
        numbers = [event.seq for event in await party.events()]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_another_purpose_is_refused_with_reasons(garden: Party, bank: Party) -> None:
    ended = await bank.negotiate(garden, purpose="marketing")
    assert (ended["state"], ended["agreement"]) == ("TERMINATED", None)
    assert (ended["code"], ended["ended_by"]) == (UNSATISFIED, "counterparty")
    reason = ended["reasons"][0]
    assert reason["left"] == "odrl:purpose"
    assert reason["src"] == "/permission/0/constraint/0"
    assert reason["expected"] == ["research", "teaching"]
    # What the provider found is its own business.
    assert "actual" not in reason

    theirs = await _theirs(garden, bank, ended)
    assert theirs["ended_by"] == "us"
    assert (theirs["code"], theirs["reasons"]) == (ended["code"], ended["reasons"])
    for party, pid in ((bank, ended["id"]), (garden, theirs["id"])):
        english = await party.get(f"explain/{pid}", language="en")
        chinese = await party.get(f"explain/{pid}", language="zh")
        assert english["kind"] == "negotiation"
        assert english["outcome"] == "TERMINATED"
        assert "research" in english["sentences"][0]
        assert "用途" in chinese["sentences"][0]
        assert english["reasons"] == chinese["reasons"] == ended["reasons"]


async def _theirs(garden: Party, bank: Party, shown: Json) -> Json:
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", shown["id"]))
    assert known is not None
    return await garden.negotiation(known.provider_pid or "")


async def test_an_offer_taken_as_it_is_keeps_its_purposes(garden: Party, bank: Party) -> None:
    agreement = await bank.get(f"agreements/{await bank.agree(garden, purpose=None)}")
    assert agreement["purpose"] is None
    (constraint,) = agreement["policy"]["permission"][0]["constraint"]
    assert constraint["rightOperand"] == ["research", "teaching"]


async def test_a_request_is_answered_before_it_is_refused(
    garden: Party, peer: ScriptedPeer
) -> None:
    """201 first, then a termination that carries code and reasons."""
    sale = [{"action": "use", "constraint": [ONE | {"rightOperand": "sale"}]}]
    request = await _request(garden, peer, permission=sale)
    answer = await peer.say(garden, REQUEST, request)
    assert answer.status_code == 201
    pid = answer.json()["providerPid"]
    assert answer.json()["@type"] == "ContractNegotiation"
    assert answer.json()["consumerPid"] == peer.pid
    assert (await garden.negotiation(pid))["state"] == "TERMINATED"
    await garden.settled()
    (said,) = peer.bodies("negotiations/{pid}/termination")
    assert said["code"] == UNSATISFIED
    assert set(said["reason"][0]) >= {"id", "src", "left", "op", "expected"}
    assert "actual" not in said["reason"][0]


SUBSTITUTED: dict[str, tuple[Json, str]] = {
    "a constraint left out": ({"permission": [{"action": "use"}]}, "fact.unavailable"),
    "a constraint widened": (
        {
            "permission": [
                {"action": "use", "constraint": [PURPOSE | {"rightOperand": ["research", "sale"]}]}
            ]
        },
        "offer.wider",
    ),
    "one permission more": (
        {
            "permission": [
                {"action": "use", "constraint": [ONE]},
                {"action": "distribute", "constraint": [ONE]},
            ]
        },
        "offer.wider",
    ),
    "another action": (
        {"permission": [{"action": "distribute", "constraint": [ONE]}]},
        "offer.wider",
    ),
    "an unknown operand": (
        {
            "permission": [
                {
                    "action": "use",
                    "constraint": [ONE, {**ONE, "leftOperand": "https://a.example/moonPhase"}],
                }
            ]
        },
        "policy.unsupported",
    ),
    "an unknown action": (
        {"permission": [{"action": "https://a.example/levitate", "constraint": [ONE]}]},
        "policy.unsupported",
    ),
    "an unknown member": (
        {"permission": [{"action": "use", "constraint": [ONE], "loophole": True}]},
        "policy.unsupported",
    ),
}


@pytest.mark.parametrize("name", SUBSTITUTED)
async def test_a_substituted_offer_is_refused(garden: Party, peer: ScriptedPeer, name: str) -> None:
    changed, code = SUBSTITUTED[name]
    answer = await peer.say(garden, REQUEST, await _request(garden, peer, **changed))
    assert answer.status_code == 201
    pid = answer.json()["providerPid"]
    shown = await garden.negotiation(pid)
    assert (shown["state"], shown["code"]) == ("TERMINATED", code)
    assert shown["reasons"][0]["src"]
    await garden.settled()
    (said,) = peer.bodies("negotiations/{pid}/termination")
    assert (said["code"], said["reason"]) == (code, shown["reasons"])
    assert peer.bodies("negotiations/{pid}/agreement") == []
    explained = await garden.get(f"explain/{pid}", language="zh")
    assert explained["sentences"]


@pytest.mark.parametrize(
    "changed", [{"@id": "urn:uuid:unknown"}, {"target": "tulips"}], ids=["offer", "target"]
)
async def test_an_offer_that_is_not_on_the_table_is_unknown(
    garden: Party, peer: ScriptedPeer, changed: Json
) -> None:
    before = garden.stored()
    answer = await peer.say(garden, REQUEST, await _request(garden, peer, **changed))
    assert (answer.status_code, answer.content) == (404, b"")
    assert garden.stored() == before


@pytest.mark.parametrize(
    "constraints",
    [[ONE], [PURPOSE | {"rightOperand": ["research"]}, ONE], [ONE, SPATIAL]],
    ids=["one of the list", "a shorter list", "one more constraint"],
)
async def test_a_narrower_offer_is_agreed(
    garden: Party, peer: ScriptedPeer, constraints: list[Json]
) -> None:
    permission = [{"action": "use", "constraint": constraints}]
    request = await _request(garden, peer, permission=permission)
    answer = await peer.say(garden, REQUEST, request)
    assert answer.status_code == 201
    await garden.settled()
    (said,) = peer.bodies("negotiations/{pid}/agreement")
    assert said["agreement"]["permission"] == permission
    assert said["agreement"]["target"] == "roses"
    assert said["agreement"]["timestamp"].endswith("Z")
    assert said["@context"] == CONTEXT


# --- repeats ---------------------------------------------------------------------------------


async def _agreed(garden: Party, peer: ScriptedPeer) -> tuple[Json, str]:
    request = await _request(garden, peer, permission=[{"action": "use", "constraint": [ONE]}])
    answer = await peer.say(garden, REQUEST, request)
    assert answer.status_code == 201
    await garden.settled()
    return request, answer.json()["providerPid"]


async def test_a_repeated_request_finds_its_negotiation(garden: Party, peer: ScriptedPeer) -> None:
    request, pid = await _agreed(garden, peer)
    before = garden.stored()
    for _ in range(2):
        again = await peer.say(garden, REQUEST, request)
        assert again.status_code == 201
        assert again.json()["providerPid"] == pid
        assert again.json()["state"] == "AGREED"
    assert garden.stored() == before
    assert len(peer.bodies("negotiations/{pid}/agreement")) == 1


@pytest.mark.parametrize("changed", [{"@id": "urn:uuid:other"}, {"extra": 1}])
async def test_a_changed_repeat_of_a_request_is_refused(
    garden: Party, peer: ScriptedPeer, changed: Json
) -> None:
    request, _ = await _agreed(garden, peer)
    before = garden.stored()
    answer = await peer.say(garden, REQUEST, request | changed)
    assert answer.status_code == 400
    assert answer.json()["@type"] == "ContractNegotiationError"
    assert garden.stored() == before


async def test_a_repeated_verification_has_no_effect(garden: Party, peer: ScriptedPeer) -> None:
    _, pid = await _agreed(garden, peer)
    message = ContractAgreementVerificationMessage(
        id=urn(), consumer_pid=peer.pid, provider_pid=pid
    )
    path = f"negotiations/{pid}/agreement/verification"
    first = await peer.say(garden, path, message)
    assert (first.status_code, first.json()["state"]) == (200, "VERIFIED")
    await garden.settled()
    assert (await garden.negotiation(pid))["state"] == "FINALIZED"
    before = garden.stored()
    again = await peer.say(garden, path, message)
    assert (again.status_code, again.json()["state"]) == (200, "FINALIZED")
    assert len(peer.bodies("negotiations/{pid}/events")) == 1
    # The same id over another body, or another id over the same one, is no repeat.
    wire = message.to_wire() | {"@context": CONTEXT}
    for changed in ({"note": "x"}, {"@id": urn()}):
        other = await peer.say(garden, path, wire | changed)
        assert other.status_code == 400
        assert other.json()["code"] == "negotiation.state"
    assert garden.stored() == before


@pytest.mark.parametrize("event", NegotiationEvent)
async def test_an_event_out_of_order_is_refused(
    garden: Party, peer: ScriptedPeer, event: NegotiationEvent
) -> None:
    _, pid = await _agreed(garden, peer)
    before = garden.stored()
    message = ContractNegotiationEventMessage(
        id=urn(), consumer_pid=peer.pid, provider_pid=pid, event_type=event
    )
    answer = await peer.say(garden, f"negotiations/{pid}/events", message)
    assert (answer.status_code, answer.json()["code"]) == (400, "negotiation.state")
    assert answer.json()["reason"]
    assert garden.stored() == before


async def test_the_counterparty_may_look(garden: Party, peer: ScriptedPeer) -> None:
    _, pid = await _agreed(garden, peer)
    answer = await peer.voice.get(
        f"{garden.hosted.dsp_url}/negotiations/{pid}",
        headers={"Authorization": peer.token(garden.id)},
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "@context": CONTEXT,
        "@type": "ContractNegotiation",
        "consumerPid": peer.pid,
        "providerPid": pid,
        "state": "AGREED",
    }


async def test_a_consumer_that_does_not_announce_our_profile_gets_the_offer_as_it_is(
    bank: Party,
) -> None:
    """Its offer goes back unchanged, because it could not read what we make of it."""
    async with scripted_peer() as peer:
        peer.profiles.clear()
        peer.answers[REQUEST] = lambda _: Response(status_code=201)
        order = {"address": peer.url, "dataset": "roses", "purpose": "research"}
        await bank.post("negotiations", **order)
        await bank.settled()
        (said,) = peer.bodies(REQUEST)
        right = said["offer"]["permission"][0]["constraint"][0]
        assert (right["operator"], right["rightOperand"]) == ("isAnyOf", ["research"])
