"""Offers that a provider makes by itself: a person decides, both have an agreement."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.connector.conftest import Start
from tests.connector.haggling import first_waiting, offer_of
from tests.connector.party import Json, Party
from tests.connector.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio

POLICY: Json = {"purpose": ["research", "teaching"], "count": 10}


async def _proposed(
    garden: Party, bank: Party, roses: Path, dataset: str, **more: object
) -> tuple[str, Json]:
    """Offer a dataset; return the garden's pid and the bank's entry."""
    await garden.publish(roses, dataset, POLICY)
    begun = await garden.post("offers", address=bank.address, dataset=dataset, **more)
    assert (begun["state"], begun["role"]) == ("OFFERED", "provider")
    return begun["id"], await first_waiting(bank, dataset)


async def test_an_offer_that_a_person_accepts_is_an_agreement_of_both(
    garden: Party, bank: Party, roses: Path
) -> None:
    theirs, entry = await _proposed(garden, bank, roses, "proposed", purpose="research")
    assert (entry["role"], entry["counterparty"], entry["asked"]) == (
        "consumer",
        garden.id,
        None,
    )
    assert entry["differences"] == []
    assert entry["offered"]["target"] == "proposed"
    assert "negotiation.approval_needed" in await bank.kinds()
    assert (await bank.post(f"approvals/{entry['id']}/approve"))["state"] == "ACCEPTED"
    ended = await bank.negotiation(entry["id"])
    assert ended["state"] == "FINALIZED"
    await garden.settled()
    assert (await garden.negotiation(theirs))["agreement"] == ended["agreement"]
    agreement = await bank.get(f"agreements/{ended['agreement']}")
    assert (agreement["role"], agreement["purpose"]) == ("consumer", "research")
    # Data flows under it as under any other.
    assert (await bank.transfer(ended["agreement"]))["state"] == "STARTED"


async def test_an_offer_may_be_rejected(garden: Party, bank: Party, roses: Path) -> None:
    theirs, entry = await _proposed(garden, bank, roses, "unwanted")
    await bank.post(f"approvals/{entry['id']}/reject", reason="no need")
    ended = await garden.negotiation(theirs)
    assert (ended["state"], ended["code"], ended["reasons"]) == (
        "TERMINATED",
        "owner",
        ["no need"],
    )


@pytest.mark.parametrize(
    ("asked", "state", "code"),
    [
        ({"purpose": "research", "count": 5}, "FINALIZED", None),
        ({"purpose": "research", "count": 50}, "TERMINATED", "offer.wider"),
    ],
)
async def test_an_offer_may_be_countered(
    garden: Party, bank: Party, roses: Path, asked: Json, state: str, code: str | None
) -> None:
    dataset = f"countered-{asked['count']}"
    theirs, entry = await _proposed(garden, bank, roses, dataset)
    await bank.post(f"approvals/{entry['id']}/counter", policy=asked)
    ended = await garden.negotiation(theirs)
    assert (ended["state"], ended["code"]) == (state, code)
    assert (await bank.negotiation(entry["id"]))["state"] == state


async def test_other_terms_than_the_published_ones_are_the_owner_s_to_offer(
    garden: Party, bank: Party, roses: Path
) -> None:
    special = {"purpose": "marketing", "count": 99}
    theirs, entry = await _proposed(garden, bank, roses, "special", policy=special)
    # Asking for less of what was offered is within what the owner offered.
    await bank.post(
        f"approvals/{entry['id']}/counter", policy={"purpose": "marketing", "count": 98}
    )
    assert (await garden.negotiation(theirs))["state"] == "FINALIZED"
    ended = await bank.negotiation(entry["id"])
    agreement = await bank.get(f"agreements/{ended['agreement']}")
    assert list(agreement["limits"].values()) == [98]


async def test_policy_decides_when_the_consumer_accepts(
    garden: Party, bank: Party, roses: Path
) -> None:
    terms = {"recipient": "did:web:somebody.example", "purpose": "research"}
    theirs, entry = await _proposed(garden, bank, roses, "others", policy=terms)
    await bank.post(f"approvals/{entry['id']}/approve")
    ended = await garden.negotiation(theirs)
    assert (ended["state"], ended["ended_by"]) == ("TERMINATED", "us")
    assert ended["code"].startswith("odrl.")
    assert (await bank.negotiation(entry["id"]))["state"] == "TERMINATED"


async def test_what_cannot_be_offered(garden: Party, bank: Party, roses: Path) -> None:
    await garden.publish(roses, "offerable", POLICY)
    before = bank.stored()
    for more, status in (
        ({"dataset": "unknown"}, 404),
        ({"policy": {"cuont": 1}}, 422),
        ({"policy": {"mask": ["nowhere:hash"]}}, 403),
        ({"address": "nothing at all"}, 422),
    ):
        body = {"address": bank.address, "dataset": "offerable"} | more
        answer = await garden.ask("POST", "offers", body)
        assert answer.status_code == status, (more, answer.text)
    await garden.ask("DELETE", "datasets/offerable")
    answer = await garden.ask("POST", "offers", {"address": bank.address, "dataset": "offerable"})
    assert (answer.status_code, answer.json()["hint"]) == (404, "publish it first")
    assert bank.stored() == before


async def test_the_same_key_offers_once(garden: Party, bank: Party, roses: Path) -> None:
    await garden.publish(roses, "once", POLICY)
    body = {"address": bank.address, "dataset": "once"}
    headers = {"Idempotency-Key": str(uuid4())}
    first, again = [
        (await garden.ask("POST", "offers", body, headers=headers)).json()["id"] for _ in range(2)
    ]
    assert first == again
    await first_waiting(bank, "once")
    await garden.settled()
    found = [item for item in (await bank.get("approvals"))["items"] if item["dataset"] == "once"]
    assert len(found) == 1


async def test_terms_beyond_the_protocol_s_profile_go_to_who_knows_them(
    garden: Party, bank: Party, peer: ScriptedPeer, roses: Path
) -> None:
    await garden.publish(roses, "dutiful", {"purpose": "research", "consent": True})
    peer.profiles = []
    answer = await garden.ask("POST", "offers", {"address": peer.url, "dataset": "dutiful"})
    assert (answer.status_code, answer.json()["code"]) == (422, "policy.profile"), answer.text
    assert answer.json()["location"] == "/permission/0/duty"
    begun = await garden.post("offers", address=bank.address, dataset="dutiful")
    assert begun["state"] == "OFFERED"


async def test_a_consumer_that_wants_no_offers(start: Start, garden: Party, roses: Path) -> None:
    shy = await start("shy", settings='\n[negotiation]\non_offer = "reject"\n')
    await garden.publish(roses, "shy", POLICY)
    begun = await garden.post("offers", address=shy.address, dataset="shy")
    ended = await garden.negotiation(begun["id"])
    assert (ended["state"], ended["code"], ended["ended_by"]) == (
        "TERMINATED",
        "offer.unasked",
        "counterparty",
    )
    assert (await shy.get("approvals"))["items"] == []


async def test_a_stranger_s_offers_are_bounded(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("flooded", settings="\n[negotiation]\nwaiting = 2\n")
    answers = []
    for number in range(3):
        offer = offer_of(peer).model_copy(update={"provider_pid": f"urn:x:{number}"})
        answers.append(await peer.say(bank, "negotiations/offers", offer))
    assert [answer.status_code for answer in answers] == [201, 201, 400]
    error = answers[2].json()
    assert error["code"] == "negotiation.waiting"
    assert "2 negotiations" in error["reason"][0]
    assert len((await bank.get("approvals"))["items"]) == 2
    assert len((await bank.get("negotiations"))["items"]) == 2
    # A repeat of one that waits is no further one.
    first = (await bank.get("approvals"))["items"][1]["id"]
    await bank.post(f"approvals/{first}/reject")
    offer = offer_of(peer).model_copy(update={"provider_pid": "urn:x:4"})
    assert (await peer.say(bank, "negotiations/offers", offer)).status_code == 201
    assert (await peer.say(bank, "negotiations/offers", offer)).status_code == 201
