"""A valid agreement is found instead of negotiated again; many that ask at once negotiate once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.connector.asking import agreed, requested
from tests.connector.conftest import Start
from tests.connector.party import Json, Party
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.client import Client
from trustspace.dsp.messages import (
    ContractNegotiationEventMessage,
    NegotiationEvent,
    NegotiationState,
)
from trustspace.errors import DeadlineError

pytestmark = pytest.mark.anyio

AT_ONCE = 50


@pytest.fixture
async def buyer(start: Start) -> Party:
    """A consumer that has no agreement."""
    return await start("buyer")


def order(provider: Party, **changed: Any) -> Json:
    return {"address": provider.address, "dataset": "roses", "purpose": "research"} | changed


async def ask(party: Party, **body: Any) -> Json:
    """Ask as `order` says; return the negotiation once it is over, as the answer told it."""
    begun = await party.post("negotiations", **body)
    return await party.negotiation(begun["id"]) | {"reused": begun["reused"]}


async def begun(party: Party) -> int:
    return (await party.kinds()).count("negotiation.requested")


async def test_a_valid_agreement_is_found(garden: Party, buyer: Party) -> None:
    first = await ask(buyer, **order(garden))
    assert first["reused"] is False
    for whose in (garden.address, garden.id):
        again = await ask(buyer, **order(garden, address=whose))
        assert (again["reused"], again["agreement"]) == (True, first["agreement"])
    assert await begun(buyer) == 1
    for changed in ({"fresh": True}, {"purpose": "teaching"}):
        other = await ask(buyer, **order(garden, **changed))
        assert (other["reused"], other["state"]) == (False, "FINALIZED")
        assert other["agreement"] != first["agreement"]
    assert await begun(buyer) == 3


async def test_many_calls_of_many_clients_negotiate_once(garden: Party, buyer: Party) -> None:
    url, token = buyer.connector.management_url, buyer.connector.home.management_token()

    def negotiate(number: int) -> tuple[str, bool | None]:
        with Client(url, token=token) as client:
            address = (garden.address, garden.id)[number % 2]
            found = client.negotiate(address, "roses", purpose="research")
            return found.id, found.reused

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = await asyncio.gather(
            *(loop.run_in_executor(pool, negotiate, number) for number in range(AT_ONCE))
        )
    assert len({agreement for agreement, _ in found}) == 1
    assert [reused for _, reused in found].count(False) == 1
    assert await begun(buyer) == 1


async def test_what_is_found_needs_no_provider(peer: ScriptedPeer, buyer: Party) -> None:
    pid, request = await agreed(buyer, peer)
    # Under way: the second caller joins.
    joined = await buyer.post("negotiations", address=peer.url, dataset="roses", purpose="research")
    assert (joined["id"], joined["reused"]) == (pid, True)
    event = ContractNegotiationEventMessage(
        consumer_pid=request["consumerPid"],
        provider_pid=peer.pid,
        event_type=NegotiationEvent.FINALIZED,
    )
    peer.acknowledge("negotiations/{pid}/agreement/verification", NegotiationState.VERIFIED)
    await buyer.settled()
    answer = await peer.say(buyer, f"negotiations/{pid}/events", event)
    assert answer.status_code == 200, answer.text
    heard = len(peer.heard)
    found = await ask(buyer, address=peer.url, dataset="roses", purpose="research")
    assert (found["id"], found["reused"], found["state"]) == (pid, True, "FINALIZED")
    assert len(peer.heard) == heard


async def test_an_agreement_out_of_force_is_not_found(garden: Party, buyer: Party) -> None:
    first = await ask(buyer, **order(garden))
    transfer = await buyer.transfer(first["agreement"])
    await garden.post(f"agreements/{first['agreement']}/revoke", reason="over")
    await buyer.until(f"transfers/{transfer['id']}", "TERMINATED")
    again = await ask(buyer, **order(garden))
    assert (again["reused"], again["state"]) == (False, "FINALIZED")


async def test_a_refusal_is_asked_again_and_shadows_no_agreement(
    garden: Party, buyer: Party, roses: Path
) -> None:
    await garden.publish(roses, "tulips", {"purpose": "research"})
    first = await ask(buyer, **order(garden, dataset="tulips"))
    for _ in range(2):
        ended = await ask(buyer, **order(garden, dataset="tulips", purpose="marketing"))
        assert (ended["state"], ended["reused"]) == ("TERMINATED", False)
    await garden.publish(roses, "tulips", {"purpose": "research", "recipient": "did:web:x.example"})
    answer = await buyer.ask("POST", "negotiations", order(garden, dataset="tulips", fresh=True))
    if answer.status_code == 201:
        assert (await buyer.negotiation(answer.json()["id"]))["state"] == "TERMINATED"
    found = await ask(buyer, **order(garden, dataset="tulips"))
    assert (found["reused"], found["agreement"]) == (True, first["agreement"])


async def test_a_named_offer_finds_only_its_own_terms(
    garden: Party, buyer: Party, roses: Path
) -> None:
    before = await garden.publish(roses, "lilies", {"purpose": "research", "count": 9})
    first = await ask(buyer, **order(garden, dataset="lilies", offer=before["offer"]))
    again = await ask(buyer, **order(garden, dataset="lilies", offer=before["offer"]))
    assert (again["reused"], again["agreement"]) == (True, first["agreement"])
    after = await garden.publish(roses, "lilies", {"purpose": "research", "count": 5})
    # Whatever the offer is now, what was agreed holds.
    again = await ask(buyer, **order(garden, dataset="lilies"))
    assert (again["reused"], again["agreement"]) == (True, first["agreement"])
    other = await ask(buyer, **order(garden, dataset="lilies", offer=after["offer"]))
    assert (other["reused"], other["agreement"] != first["agreement"]) == (False, True)


async def test_an_agreement_whose_time_is_over_is_not_found(
    garden: Party, buyer: Party, roses: Path
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    await garden.publish(roses, "asters", {"until": soon.isoformat()})
    first = await ask(buyer, **order(garden, dataset="asters", purpose=None))
    assert (await buyer.get(f"agreements/{first['agreement']}"))["ends_at"] is not None
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds() + 1)
    again = await buyer.post("negotiations", **order(garden, dataset="asters", purpose=None))
    assert again["reused"] is False


@pytest.mark.parametrize("how", ["reported", "refused"])
async def test_an_agreement_that_is_used_up_is_not_found(
    garden: Party, buyer: Party, roses: Path, how: str
) -> None:
    await garden.publish(roses, how, {"count": 2})
    wish = order(garden, dataset=how, purpose=None)
    first = await ask(buyer, **wish)
    transfer = await buyer.transfer(first["agreement"])
    receipts = f"transfers/{transfer['id']}/receipts"
    left = {"session": "s1", "outcome": "delivered", "bytes": 10}
    await buyer.post(receipts, **left)
    await buyer.post(receipts, **left)
    assert (await ask(buyer, **wish))["reused"] is True
    if how == "refused":
        reason = {"id": "odrl.constraint.unsatisfied", "left": "odrl:count", "expected": "2"}
        await buyer.post(receipts, session="s2", outcome="refused", reasons=[reason])
    else:
        await buyer.post(receipts, session="s2", outcome="cut", bytes=1)
        assert (await buyer.get(f"agreements/{first['agreement']}"))["used"] == {"rule:p1": 2}
    again = await ask(buyer, **wish)
    assert (again["reused"], again["agreement"] != first["agreement"]) == (False, True)


async def test_who_joins_does_not_give_up_for_the_others(peer: ScriptedPeer, buyer: Party) -> None:
    pid, _ = await requested(buyer, peer)
    url, token = buyer.connector.management_url, buyer.connector.home.management_token()

    def negotiate() -> str:
        with Client(url, token=token) as client:
            try:
                client.negotiate(
                    peer.url, "roses", purpose="research", deadline=timedelta(seconds=0.3)
                )
            except DeadlineError as error:
                return str(error)
        return ""

    assert pid in await asyncio.to_thread(negotiate)
    assert (await buyer.get(f"negotiations/{pid}"))["state"] == "REQUESTED"
