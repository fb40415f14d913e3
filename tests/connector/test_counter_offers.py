"""Requests for more than is offered, answered with the offer; and what a consumer makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from tests.connector.asking import REQUEST, ended, requested
from tests.connector.conftest import Start
from tests.connector.haggling import UNBOUNDED_USE, kinds, offer_of, request_of, rules, urn, waiting
from tests.connector.party import Json, Party
from tests.connector.scripted_peer import OFFER, ScriptedPeer

from trustspace.dsp.messages import (
    ContractNegotiationEventMessage,
    NegotiationEvent,
    NegotiationState,
)
from trustspace.model.odrl import Offer
from trustspace.store import Transaction

pytestmark = pytest.mark.anyio

OFFERS, EVENTS = "negotiations/{pid}/offers", "negotiations/{pid}/events"
AGREEMENT, TERMINATION = "negotiations/{pid}/agreement", "negotiations/{pid}/termination"
POLICY: Json = {"purpose": ["research", "teaching"], "count": 10}


# --- the provider ------------------------------------------------------------------------------


def _listen(peer: ScriptedPeer) -> None:
    for endpoint in (OFFERS, AGREEMENT, TERMINATION):
        peer.answers[endpoint] = lambda _: Response()


async def _open(garden: Party, peer: ScriptedPeer, dataset: str, offer: str, **asked: Any) -> str:
    """Open a negotiation as a consumer; return the provider's pid."""
    _listen(peer)
    request = request_of(peer, offer, dataset, rules(**asked))
    answer = await peer.say(garden, REQUEST, request)
    assert answer.status_code == 201, answer.text
    await garden.settled()
    return str(answer.json()["providerPid"])


async def _again(
    garden: Party, peer: ScriptedPeer, pid: str, dataset: str, offer: str, **asked: Any
) -> None:
    pids = {"provider_pid": pid}
    request = request_of(peer, offer, dataset, rules(**asked), **pids)
    answer = await peer.say(garden, f"negotiations/{pid}/request", request)
    assert answer.status_code == 200, answer.text
    await garden.settled()


async def _accept(garden: Party, peer: ScriptedPeer, pid: str) -> None:
    message = ContractNegotiationEventMessage(
        id=urn(), consumer_pid=peer.pid, provider_pid=pid, event_type=NegotiationEvent.ACCEPTED
    )
    answer = await peer.say(garden, f"negotiations/{pid}/events", message)
    assert answer.status_code == 200, answer.text
    await garden.settled()


async def test_a_request_for_more_is_answered_with_the_offer(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "more", POLICY, negotiation="counter")
    pid = await _open(garden, peer, "more", shown["offer"], purpose="research", count=100)
    (said,) = peer.bodies(OFFERS)
    assert said["offer"]["@id"] == shown["offer"]
    assert said["offer"]["target"] == "more"
    # The purpose that was asked for is one of the offer's, so it stands.
    assert {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"} in said[
        "offer"
    ]["permission"][0]["constraint"]
    assert (await garden.negotiation(pid, wait=0))["state"] == "OFFERED"
    await _accept(garden, peer, pid)
    (agreement,) = peer.bodies(AGREEMENT)
    assert agreement["agreement"]["permission"] == said["offer"]["permission"]


async def test_a_purpose_that_is_none_of_the_offer_s_is_answered_too(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "purposes", POLICY, negotiation="counter")
    pid = await _open(garden, peer, "purposes", shown["offer"], purpose="marketing", count=10)
    (said,) = peer.bodies(OFFERS)
    stored = shown["policy"]["permission"]
    assert said["offer"]["permission"] == stored
    # Asking for something that the offer allows is agreed to at once, by either of its purposes.
    await _again(garden, peer, pid, "purposes", shown["offer"], purpose="teaching", count=1)
    assert len(peer.bodies(AGREEMENT)) == 1


async def test_haggling_ends_after_so_many_rounds(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "rounds", POLICY, negotiation="counter", rounds=2)
    asked = {"purpose": "research", "count": 100}
    pid = await _open(garden, peer, "rounds", shown["offer"], **asked)
    for _ in range(2):
        assert (await garden.negotiation(pid, wait=0))["state"] == "OFFERED"
        await _again(garden, peer, pid, "rounds", shown["offer"], **asked)
    found = await garden.negotiation(pid)
    assert (found["state"], found["code"], found["rounds"]) == (
        "TERMINATED",
        "negotiation.rounds",
        2,
    )
    (said,) = peer.bodies(TERMINATION)
    assert said["reason"][0]["text"] == "there is no agreement after 2 offers"
    assert said["reason"][1]["id"] == "offer.wider"
    assert len(peer.bodies(OFFERS)) == 2


async def test_no_round_at_all_is_a_refusal(garden: Party, roses: Path, peer: ScriptedPeer) -> None:
    shown = await garden.publish(roses, "none", POLICY, negotiation="counter", rounds=0)
    pid = await _open(garden, peer, "none", shown["offer"], purpose="research", count=100)
    assert (await garden.negotiation(pid))["code"] == "negotiation.rounds"
    explained = await garden.get(f"explain/{pid}", language="zh")
    assert explained["sentences"][0].startswith("已达到允许的要约轮次")


async def test_what_would_be_refused_too_is_not_offered(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "for-others", {"count": 1}, negotiation="counter")
    pid = await _open(garden, peer, "for-others", shown["offer"], count=2)
    plane = garden.connector.plane

    def instead(tx: Transaction, recipient: str) -> Offer | None:
        value = tx.negotiations.get("garden", pid)
        assert value is not None
        members = {"@id": shown["offer"], "@type": "Offer", "target": "for-others"}
        stored = Offer.read(rules(recipient=recipient) | members)
        now = plane.context.now()
        return plane.decide.counter_offer(tx, garden.hosted, value, stored, now=now)

    assert await garden.store.read(lambda tx: instead(tx, peer.id)) is not None
    assert await garden.store.read(lambda tx: instead(tx, "did:web:other.example")) is None


async def test_terms_that_are_not_understood_are_answered_with_the_offer(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "strange", {"count": 1}, negotiation="counter")
    _listen(peer)
    policy = {"permission": [{"action": "levitate"}]}
    request = request_of(peer, shown["offer"], "strange", policy)
    assert (await peer.say(garden, REQUEST, request)).status_code == 201
    await garden.settled()
    (said,) = peer.bodies(OFFERS)
    assert said["offer"]["permission"] == shown["policy"]["permission"]


async def test_a_request_for_more_is_refused_where_the_owner_says_nothing(
    garden: Party, roses: Path, peer: ScriptedPeer
) -> None:
    shown = await garden.publish(roses, "plain", POLICY)
    pid = await _open(garden, peer, "plain", shown["offer"], purpose="research", count=100)
    assert (await garden.negotiation(pid))["code"] == "offer.wider"


@pytest.mark.parametrize("gone", ["withdrawn", "replaced"])
async def test_what_is_gone_meanwhile_is_not_agreed_to(
    garden: Party, roses: Path, peer: ScriptedPeer, gone: str
) -> None:
    shown = await garden.publish(roses, gone, POLICY, negotiation="counter")
    asked = {"purpose": "research", "count": 100}
    pid = await _open(garden, peer, gone, shown["offer"], **asked)
    if gone == "replaced":
        await garden.publish(roses, gone, {"count": 1}, negotiation="counter")
        await _again(garden, peer, pid, gone, shown["offer"], **asked)
    else:
        await garden.ask("DELETE", f"datasets/{gone}")
        await _accept(garden, peer, pid)
    found = await garden.negotiation(pid)
    assert (found["state"], found["code"]) == ("TERMINATED", "offer.gone")
    assert peer.bodies(TERMINATION)[-1]["code"] == "offer.gone"


# --- the consumer ------------------------------------------------------------------------------


async def _offered(bank: Party, peer: ScriptedPeer, policy: Json, **more: Any) -> tuple[str, Json]:
    """Let a scripted provider answer a request with an offer; return our pid and the request."""
    peer.answers[EVENTS] = peer.answers[TERMINATION] = lambda _: Response()
    peer.acknowledge("negotiations/{pid}/request", NegotiationState.REQUESTED)
    pid, request = await requested(bank, peer)
    offer = offer_of(peer, policy, consumer_pid=pid, **more)
    answer = await peer.say(bank, f"negotiations/{pid}/offers", offer)
    assert answer.status_code == 200, answer.text
    await bank.settled()
    return pid, request


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(rules(purpose="research"), id="equal"),
        pytest.param(rules(purpose=["research", "teaching"]), id="more than asked for"),
        pytest.param(UNBOUNDED_USE, id="without conditions"),
    ],
)
async def test_all_that_was_asked_for_is_accepted(
    bank: Party, peer: ScriptedPeer, policy: Json
) -> None:
    pid, _ = await _offered(bank, peer, policy)
    (said,) = peer.bodies(EVENTS)
    assert said["eventType"] == "ACCEPTED"
    assert (await bank.negotiation(pid, wait=0))["state"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (rules(purpose="research", count=1), "offer.short"),
        (rules(purpose="research", log=True), "offer.short"),
        (rules(purpose="teaching"), "offer.short"),
        ({"permission": [{"action": "levitate"}]}, "policy.unsupported"),
    ],
)
async def test_less_than_was_asked_for_is_refused_with_reasons(
    bank: Party, peer: ScriptedPeer, policy: Json, code: str
) -> None:
    pid, _ = await _offered(bank, peer, policy)
    state, found, reasons, by = await ended(bank, pid)
    assert (state, found, by) == ("TERMINATED", code, "us")
    assert reasons
    (said,) = peer.bodies(TERMINATION)
    assert said["code"] == code


async def test_a_person_of_the_consumer_may_be_asked(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("careful", settings='\n[negotiation]\non_counter_offer = "approval"\n')
    pid, request = await _offered(bank, peer, rules(purpose="research", count=1))
    entry = await waiting(bank, pid)
    assert (entry["role"], entry["state"], entry["rounds"]) == ("consumer", "OFFERED", 1)
    assert kinds(entry) == [("added", "odrl:count")]
    assert entry["asked"] == request["offer"]
    # Another request of ours, then an offer that is accepted by a person.
    await bank.post(f"approvals/{pid}/counter", policy={"purpose": "research", "count": 5})
    await bank.settled()
    (said,) = peer.bodies("negotiations/{pid}/request")
    assert said["offer"]["@id"] == OFFER["@id"]
    offer = offer_of(peer, rules(purpose="research", count=3), consumer_pid=pid)
    assert (await peer.say(bank, f"negotiations/{pid}/offers", offer)).status_code == 200
    entry = await waiting(bank, pid)
    assert (kinds(entry), entry["rounds"]) == ([("narrower", "odrl:count")], 2)
    assert (await bank.post(f"approvals/{pid}/approve"))["state"] == "ACCEPTED"


async def test_a_consumer_does_not_haggle_for_ever(start: Start, peer: ScriptedPeer) -> None:
    bank = await start(
        "brief", settings='\n[negotiation]\non_counter_offer = "approval"\nrounds = 1\n'
    )
    pid, _ = await _offered(bank, peer, rules(purpose="research", count=1))
    await bank.post(f"approvals/{pid}/counter", policy={"purpose": "research", "count": 5})
    await bank.settled()
    offer = offer_of(peer, rules(purpose="research", count=3), consumer_pid=pid)
    assert (await peer.say(bank, f"negotiations/{pid}/offers", offer)).status_code == 200
    assert (await ended(bank, pid))[:2] == ("TERMINATED", "negotiation.rounds")


async def test_two_connectors_come_to_terms_by_a_counter_offer(
    start: Start, garden: Party, roses: Path
) -> None:
    bank = await start("asking", settings='\n[negotiation]\non_counter_offer = "approval"\n')
    shown = await garden.publish(roses, "both", POLICY, negotiation="counter")
    offer = Offer.read(
        rules(purpose="research", count=99)
        | {"@id": shown["offer"], "@type": "Offer", "target": "both"}
    )
    plane = bank.connector.plane
    asked = await bank.store.write(
        lambda tx: plane.negotiations.request(
            tx,
            bank.hosted,
            counterparty=garden.id,
            base_url=garden.hosted.dsp_url,
            offer=offer,
            now=plane.context.now(),
        )
    )
    entry = await waiting(bank, asked.id)
    assert kinds(entry) == [("narrower", "odrl:count")]
    await bank.post(f"approvals/{asked.id}/approve")
    found = await bank.negotiation(asked.id)
    assert found["state"] == "FINALIZED"
    agreement = await bank.get(f"agreements/{found['agreement']}")
    assert (list(agreement["limits"].values()), agreement["purpose"]) == ([10], "research")
