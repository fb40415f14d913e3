"""Transfers: requested, started, paused and ended by either side, and never after the agreement."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.connector.party import Party

from trustspace.store import AgreementState

pytestmark = pytest.mark.anyio


@pytest.fixture
async def running(garden: Party, bank: Party) -> tuple[str, str, str]:
    """An agreement and a started transfer over it: its id, the bank's pid, the garden's pid."""
    agreement = await bank.agree(garden)
    shown = await bank.transfer(agreement)
    assert shown["state"] == "STARTED"
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", shown["id"]))
    assert known is not None
    await bank.settled()
    await garden.settled()
    return agreement, known.id, known.provider_pid or ""


def _states(events: Any, pid: str) -> list[str]:
    return [event.kind for event in events if event.body.get("transfer") == pid]


async def test_a_request_is_started(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    shown = await bank.get(f"transfers/{ours}")
    assert (shown["role"], shown["counterparty"]) == ("consumer", garden.id)
    assert (shown["agreement"], shown["dataset"]) == (agreement, "roses")
    other = await garden.get(f"transfers/{theirs}")
    assert (other["role"], other["counterparty"], other["state"]) == (
        "provider",
        bank.id,
        "STARTED",
    )
    for party, pid in ((bank, ours), (garden, theirs)):
        assert _states(await party.events(), pid) == ["transfer.requested", "transfer.started"]


async def test_a_running_transfer_is_used_again(bank: Party, running: tuple[str, str, str]) -> None:
    agreement, ours, _ = running
    again = await bank.post("transfers", agreement=agreement)
    assert again["id"] == ours
    await bank.post(f"transfers/{ours}/terminate")
    assert (await bank.post("transfers", agreement=agreement))["id"] != ours


async def test_another_transfer_may_run_beside_a_running_one(
    bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, _ = running
    hosted, now = bank.hosted, datetime.now(UTC)
    steps = bank.connector.plane.requests
    beside = await bank.store.write(
        lambda tx: steps.request(
            tx, hosted, agreement, format_="HttpData-PULL", now=now, another=True
        )
    )
    assert beside.id != ours
    await bank.until(f"transfers/{beside.id}", "STARTED")
    assert (await bank.get(f"transfers/{ours}"))["state"] == "STARTED"


@pytest.mark.parametrize("side", ["consumer", "provider"])
@pytest.mark.parametrize(
    ("step", "state"), [("complete", "COMPLETED"), ("terminate", "TERMINATED")]
)
async def test_either_side_ends_it_for_good(
    garden: Party,
    bank: Party,
    running: tuple[str, str, str],
    side: str,
    step: str,
    state: str,
) -> None:
    _, ours, theirs = running
    party, pid = (bank, ours) if side == "consumer" else (garden, theirs)
    shown = await party.post(f"transfers/{pid}/{step}", reason="enough")
    assert shown["state"] == state
    await bank.until(f"transfers/{ours}", state)
    await garden.until(f"transfers/{theirs}", state)
    await bank.settled()
    await garden.settled()
    before = bank.stored(), garden.stored()
    for again in ("suspend", "resume", "complete", "terminate"):
        for one, own in ((bank, ours), (garden, theirs)):
            answer = await one.ask("POST", f"transfers/{own}/{again}", {})
            assert (answer.status_code, answer.json()["code"]) == (409, "transfer.state")
    assert (bank.stored(), garden.stored()) == before
    refused = await bank.ask("GET", f"transfers/{ours}/edr")
    assert (refused.status_code, refused.json()["code"]) == (409, f"transfer.{state.lower()}")


async def test_a_revocation_ends_everything_on_both_sides(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    shown = await garden.post(f"agreements/{agreement}/revoke", reason="the study has ended")
    assert (shown["state"], shown["reason"]) == ("REVOKED", "the study has ended")
    assert (await garden.get(f"transfers/{theirs}"))["state"] == "TERMINATED"
    ended = await bank.until(f"transfers/{ours}", "TERMINATED")
    assert (ended["code"], ended["reasons"]) == ("agreement.revoked", ["the study has ended"])
    seen = await bank.get(f"agreements/{agreement}")
    assert (seen["state"], seen["reason"]) == ("REVOKED", "the study has ended")
    for party in (bank, garden):
        kinds = [e.kind for e in await party.events() if e.body.get("agreement") == agreement]
        assert kinds.count("agreement.revoked") == 1
        explained = await party.get(f"explain/{agreement}")
        assert explained["outcome"] == "REVOKED"
        assert "the study has ended" in explained["sentences"][0]
    # Revoking again changes nothing, and nothing starts any more.
    before = garden.stored()
    again = await garden.post(f"agreements/{agreement}/revoke", reason="another")
    assert again["reason"] == "the study has ended"
    assert garden.stored() == before
    asked = await bank.ask("POST", "transfers", {"agreement": agreement})
    assert (asked.status_code, asked.json()["code"]) == (403, "agreement.revoked")
    assert asked.json()["reasons"][0]["id"] == "agreement.not_active"


async def test_a_consumer_may_give_its_agreement_up(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, _, theirs = running
    shown = await bank.post(f"agreements/{agreement}/give-up", reason="no need")
    assert shown["state"] == "TERMINATED"
    ended = await garden.until(f"transfers/{theirs}", "TERMINATED")
    assert (ended["code"], ended["reasons"]) == ("agreement.terminated", ["no need"])


async def test_a_revocation_without_a_transfer_is_learnt_when_asking(
    garden: Party, bank: Party
) -> None:
    """The consumer does not know yet; its request is answered and ended with the reason."""
    agreement = await bank.agree(garden)
    now = datetime.now(UTC)
    await garden.store.write(
        lambda tx: tx.agreements.end(
            "garden", agreement, AgreementState.REVOKED, reason="over", now=now
        )
    )
    shown = await bank.transfer(agreement)
    assert (shown["state"], shown["code"]) == ("TERMINATED", "agreement.revoked")
    assert shown["reasons"]
    assert (await bank.get(f"agreements/{agreement}"))["state"] == "REVOKED"
    assert (await bank.get(f"explain/{shown['id']}"))["sentences"]


async def test_a_paused_transfer_is_not_resumed_after_the_agreement(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    await garden.post(f"transfers/{theirs}/suspend")
    await bank.until(f"transfers/{ours}", "SUSPENDED")
    await garden.post(f"agreements/{agreement}/revoke")
    assert (await bank.until(f"transfers/{ours}", "TERMINATED"))["code"] == "agreement.revoked"


async def test_only_the_consumer_asks_for_data(garden: Party, bank: Party) -> None:
    agreement = await bank.agree(garden)
    before = garden.stored()
    asked = await garden.ask("POST", "transfers", {"agreement": agreement})
    assert (asked.status_code, asked.json()["code"]) == (409, "transfer.role")
    asked = await bank.ask("POST", "transfers", {"agreement": agreement, "format": "Other-PUSH"})
    assert (asked.status_code, asked.json()["code"]) == (409, "transfer.format")
    asked = await bank.ask("POST", "transfers", {"agreement": "urn:uuid:none"})
    assert (asked.status_code, asked.json()["code"]) == (404, "not_found")
    assert garden.stored() == before
