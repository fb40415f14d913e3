"""Requests that wait for a person of the provider: who asks for what, until when, and what then."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import Response
from tests.connector.asking import HASTY, NO_ANSWER
from tests.connector.conftest import Start
from tests.connector.haggling import first_waiting, kinds, request_of, rules
from tests.connector.party import Json, Party, party
from tests.connector.scripted_peer import ScriptedPeer

pytestmark = pytest.mark.anyio

POLICY: Json = {"purpose": ["research", "teaching"], "count": 10}


async def _asked(garden: Party, bank: Party, roses: Path, dataset: str) -> tuple[str, Json]:
    """Ask for a dataset that is published for approval; return the bank's pid and the entry."""
    await garden.publish(roses, dataset, POLICY, negotiation="approval")
    order = {"address": garden.address, "dataset": dataset, "purpose": "research"}
    pid = (await bank.post("negotiations", **order))["id"]
    return pid, await first_waiting(garden, dataset)


async def test_a_request_waits_until_a_person_approves(
    garden: Party, bank: Party, roses: Path
) -> None:
    ours, entry = await _asked(garden, bank, roses, "approved")
    assert (entry["counterparty"], entry["role"], entry["state"]) == (
        bank.id,
        "provider",
        "REQUESTED",
    )
    assert kinds(entry) == [("narrower", "odrl:purpose")]
    (difference,) = entry["differences"]
    assert "research" in difference["en"]
    assert difference["zh"].startswith("收紧")
    assert entry["asked"]["@id"] == entry["offered"]["@id"]
    since, until = (datetime.fromisoformat(entry[name]) for name in ("since", "until"))
    assert until - since > timedelta(days=6)
    events = [
        event for event in await garden.events() if event.body.get("negotiation") == entry["id"]
    ]
    assert [event.kind for event in events] == [
        "negotiation.requested",
        "negotiation.approval_needed",
    ]
    assert events[1].body["counterparty"] == bank.id
    assert (await bank.negotiation(ours, wait=0))["state"] == "REQUESTED"
    shown = await garden.get(f"approvals/{entry['id']}")
    assert shown == entry

    assert (await garden.post(f"approvals/{entry['id']}/approve"))["state"] == "AGREED"
    assert (await bank.negotiation(ours))["state"] == "FINALIZED"
    assert all(item["id"] != entry["id"] for item in (await garden.get("approvals"))["items"])


async def test_a_rejection_tells_the_reason(garden: Party, bank: Party, roses: Path) -> None:
    ours, entry = await _asked(garden, bank, roses, "rejected")
    path = f"approvals/{entry['id']}"
    await garden.post(f"{path}/reject", reason="we do not know you yet")
    ended = await bank.negotiation(ours)
    assert (ended["state"], ended["code"], ended["reasons"], ended["ended_by"]) == (
        "TERMINATED",
        "owner",
        ["we do not know you yet"],
        "counterparty",
    )
    for decision in ("approve", "reject"):
        answer = await garden.ask("POST", f"{path}/{decision}", {})
        assert (answer.status_code, answer.json()["code"]) == (409, "negotiation.state")
        assert "approvals list" in answer.json()["hint"]
    assert (await garden.ask("GET", path)).status_code == 404
    assert (await garden.ask("POST", "approvals/urn:uuid:none/approve", {})).status_code == 404
    assert (await garden.ask("POST", f"{path}/dance", {})).status_code == 422


async def test_a_person_may_answer_with_other_terms(
    garden: Party, bank: Party, roses: Path
) -> None:
    ours, entry = await _asked(garden, bank, roses, "countered")
    path = f"approvals/{entry['id']}/counter"
    before = garden.stored()
    for body, status in (
        ({}, 422),
        ({"policy": {"cuont": 1}}, 422),
        ({"policy": {"drop": ["no such column"]}}, 403),
    ):
        answer = await garden.ask("POST", path, body)
        assert answer.status_code == status, answer.text
    assert garden.stored() == before
    # More than was asked for is accepted at once; the agreement has the terms of the person.
    generous = {"purpose": ["research", "teaching"], "count": 50}
    assert (await garden.post(path, policy=generous))["state"] == "OFFERED"
    ended = await bank.negotiation(ours)
    assert ended["state"] == "FINALIZED"
    agreement = await bank.get(f"agreements/{ended['agreement']}")
    assert list(agreement["limits"].values()) == [50]
    assert ended["rounds"] == 1


async def test_what_policy_refuses_never_reaches_a_person(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "strict", POLICY, negotiation="approval")
    ended = await bank.negotiate(garden, "strict", purpose="marketing")
    assert (ended["state"], ended["code"]) == ("TERMINATED", "odrl.constraint.unsatisfied")
    assert "negotiation.approval_needed" not in [
        event.kind for event in await garden.events() if event.body.get("dataset") == "strict"
    ]


async def test_policy_is_asked_again_when_a_person_approves(
    garden: Party, bank: Party, roses: Path
) -> None:
    ours, entry = await _asked(garden, bank, roses, "replaced")
    await garden.publish(roses, "replaced", {"purpose": "teaching"}, negotiation="approval")
    answer = await garden.ask("POST", f"approvals/{entry['id']}/approve", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "offer.gone")
    await garden.ask("DELETE", "datasets/replaced")
    assert (await garden.get(f"approvals/{entry['id']}"))["offered"] is not None
    await garden.post(f"approvals/{entry['id']}/reject")
    assert (await bank.negotiation(ours))["state"] == "TERMINATED"


async def test_nobody_decides_in_time(start: Start, bank: Party, roses: Path) -> None:
    garden = await start("sleepy", settings=HASTY)
    ours, _ = await _asked(garden, bank, roses, "roses")
    ended = await bank.negotiation(ours)
    assert (ended["state"], ended["code"], ended["reasons"]) == (
        "TERMINATED",
        "deadline",
        NO_ANSWER,
    )
    assert (await garden.get("approvals"))["items"] == []


async def test_a_consumer_waits_for_a_person_longer_than_for_a_machine(
    start: Start, garden: Party, roses: Path
) -> None:
    patient = await start(
        "patient",
        settings="\n[exchange]\ndeadline_seconds = 1\nsweep_seconds = 0.1\n",
    )
    ours, entry = await _asked(garden, patient, roses, "slow")
    # The deadline passes several times; each time the provider says that it has the request.
    shown = await patient.get(f"negotiations/{ours}", wait=2.5)
    assert shown["state"] == "REQUESTED"
    await garden.post(f"approvals/{entry['id']}/approve")
    assert (await patient.negotiation(ours))["state"] == "FINALIZED"


async def test_what_waits_outlives_the_connector(tmp_path: Path, bank: Party, roses: Path) -> None:
    async with party(tmp_path / "oak", "oak") as oak:
        ours, entry = await _asked(oak, bank, roses, "lasting")
    async with party(tmp_path / "oak", "oak") as again:
        assert await again.get(f"approvals/{entry['id']}") == entry
        await again.post(f"approvals/{entry['id']}/approve")
        assert (await bank.negotiation(ours))["state"] == "FINALIZED"


async def test_how_requests_are_answered_is_shown_and_changed(garden: Party, roses: Path) -> None:
    shown = await garden.publish(roses, "shown", POLICY)
    assert (shown["negotiation"], shown["rounds"]) == ("automatic", 3)
    again = await garden.publish(roses, "shown", POLICY, negotiation="automatic")
    assert not again["changed"]
    counter = await garden.publish(roses, "shown", POLICY, negotiation="counter", rounds=2)
    assert (counter["changed"], counter["rounds"], counter["offer"]) == (True, 2, shown["offer"])
    found = await garden.get("datasets/shown")
    assert (found["negotiation"], found["rounds"]) == ("counter", 2)
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": POLICY}
    for wrong in ({"negotiation": "haggle"}, {"rounds": -1}, {"rounds": 101}):
        answer = await garden.ask("PUT", "datasets/shown", body | wrong)
        assert answer.status_code == 422, wrong


async def test_one_counterparty_cannot_fill_the_list(
    start: Start, roses: Path, peer: ScriptedPeer
) -> None:
    garden = await start("small", settings="\n[negotiation]\nwaiting = 2\n")
    shown = await garden.publish(roses, "roses", POLICY, negotiation="approval")
    peer.answers["negotiations/{pid}/termination"] = lambda _: Response()
    for number in range(3):
        request = request_of(peer, shown["offer"], "roses", rules(**POLICY))
        request = request.model_copy(update={"consumer_pid": f"urn:x:{number}"})
        answer = await peer.say(garden, "negotiations/request", request)
        assert answer.status_code == 201
    await garden.settled()
    assert len((await garden.get("approvals"))["items"]) == 2
    page = await garden.get("approvals", limit=1)
    rest = await garden.get("approvals", limit=1, cursor=page["next"])
    assert page["items"] != rest["items"]
    (said,) = peer.bodies("negotiations/{pid}/termination") or [{"code": None}]
    assert said["code"] in ("negotiation.waiting", None)
    (ended,) = (await garden.get("negotiations", state="TERMINATED"))["items"]
    assert ended["code"] == "negotiation.waiting"
