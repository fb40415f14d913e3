"""Owners who look first: every step of both roles by a call, and none that is not allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Json, Party

from trustspace.dsp.process import Process

pytestmark = pytest.mark.anyio


class _Rest:
    """Lets every process wait for its owner."""

    def goes_on(self, process: Process) -> bool:
        del process
        return False


@pytest.fixture
async def garden(start: Start, roses: Path) -> Party:
    running = await start("garden", reaction=_Rest())
    await running.publish(roses)
    return running


@pytest.fixture
async def bank(start: Start) -> Party:
    return await start("bank", reaction=_Rest())


async def _begun(garden: Party, bank: Party, purpose: str = "research") -> tuple[str, str]:
    """Ask; return the bank's pid and the garden's."""
    order = {"address": garden.address, "dataset": "roses", "purpose": purpose, "fresh": True}
    ours = (await bank.post("negotiations", **order))["id"]
    await bank.settled()
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", ours))
    assert known is not None
    return ours, known.provider_pid or ""


async def _step(party: Party, pid: str, step: str, **body: Any) -> Json:
    shown: Json = await party.post(f"negotiations/{pid}/{step}", **body)
    await party.settled()
    return shown


async def _is_refused(party: Party, pid: str, steps: dict[str, tuple[int, str]]) -> None:
    before = party.stored()
    for step, expected in steps.items():
        answer = await party.ask("POST", f"negotiations/{pid}/{step}", {})
        assert (answer.status_code, answer.json()["code"]) == expected, step
    assert party.stored() == before


ILLEGAL = (409, "negotiation.state")


async def test_two_owners_agree_step_by_step(garden: Party, bank: Party) -> None:
    ours, theirs = await _begun(garden, bank)
    await _is_refused(bank, ours, dict.fromkeys(("accept", "agree", "verify", "finalize"), ILLEGAL))
    await _is_refused(garden, theirs, dict.fromkeys(("accept", "verify", "finalize"), ILLEGAL))
    assert (await _step(garden, theirs, "agree"))["state"] == "AGREED"
    assert (await bank.negotiation(ours, wait=0))["state"] == "AGREED"
    await _is_refused(garden, theirs, dict.fromkeys(("agree", "offer", "finalize"), ILLEGAL))
    assert (await _step(bank, ours, "verify"))["state"] == "VERIFIED"
    await _is_refused(bank, ours, dict.fromkeys(("finalize", "verify"), ILLEGAL))
    assert (await _step(garden, theirs, "finalize"))["state"] == "FINALIZED"
    shown = await bank.negotiation(ours)
    assert (shown["state"], shown["agreement"] is not None) == ("FINALIZED", True)
    every = ("offer", "counter", "accept", "agree", "verify", "finalize", "terminate")
    await _is_refused(garden, theirs, dict.fromkeys(every, ILLEGAL))


async def test_offers_go_back_and_forth(garden: Party, bank: Party) -> None:
    ours, theirs = await _begun(garden, bank, purpose="marketing")
    refused = await garden.ask("POST", f"negotiations/{theirs}/agree", {})
    assert refused.status_code == 403
    assert refused.json()["code"] == "odrl.constraint.unsatisfied"
    assert refused.json()["reasons"]
    # The provider makes an offer of its own, the consumer another one, the provider insists.
    assert (await _step(garden, theirs, "offer", policy={"count": 2}))["state"] == "OFFERED"
    assert (await bank.negotiation(ours, wait=0))["state"] == "OFFERED"
    assert (await _step(bank, ours, "counter", policy={"count": 9}))["state"] == "REQUESTED"
    assert (await garden.negotiation(theirs, wait=0))["state"] == "REQUESTED"
    await _step(garden, theirs, "offer", policy={"count": 3})
    assert (await _step(bank, ours, "accept"))["state"] == "ACCEPTED"
    accepted = await garden.store.read(lambda tx: tx.negotiations.get("garden", theirs))
    assert accepted is not None
    assert accepted.state == "ACCEPTED"


@pytest.mark.parametrize("policy", [{"cuont": 2}, {"permission": [{"action": "levitate"}]}])
async def test_terms_that_cannot_be_evaluated_are_not_offered(
    garden: Party, bank: Party, policy: Json
) -> None:
    _, theirs = await _begun(garden, bank)
    before = garden.stored()
    answer = await garden.ask("POST", f"negotiations/{theirs}/offer", {"policy": policy})
    assert answer.status_code == 422
    assert answer.json()["code"].startswith("policy.")
    assert answer.json()["location"]
    assert garden.stored() == before


async def test_terms_that_the_dataset_cannot_keep_are_not_offered(
    garden: Party, bank: Party
) -> None:
    _, theirs = await _begun(garden, bank)
    before = garden.stored()
    body = {"policy": {"drop": ["no such column"]}}
    answer = await garden.ask("POST", f"negotiations/{theirs}/offer", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "pep.unenforceable")
    assert garden.stored() == before


@pytest.mark.parametrize("side", ["garden", "bank"])
async def test_either_owner_ends_it_with_a_reason(garden: Party, bank: Party, side: str) -> None:
    ours, theirs = await _begun(garden, bank)
    party, pid = (garden, theirs) if side == "garden" else (bank, ours)
    shown = await _step(party, pid, "terminate", reason="changed our mind")
    assert (shown["code"], shown["ended_by"]) == ("owner", "us")
    other, own = (bank, ours) if side == "garden" else (garden, theirs)
    seen = await other.negotiation(own)
    assert (seen["state"], seen["code"], seen["reasons"], seen["ended_by"]) == (
        "TERMINATED",
        "owner",
        ["changed our mind"],
        "counterparty",
    )
    await _is_refused(other, own, {"terminate": ILLEGAL})


async def test_a_step_that_is_none_is_named(garden: Party, bank: Party) -> None:
    ours, _ = await _begun(garden, bank)
    answer = await bank.ask("POST", f"negotiations/{ours}/dance", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "terminate" in answer.json()["hint"]
    answer = await bank.ask("POST", "negotiations/urn:uuid:none/agree", {})
    assert answer.status_code == 404


async def test_a_transfer_waits_for_its_provider(garden: Party, bank: Party) -> None:
    ours, theirs = await _begun(garden, bank)
    for party, pid, step in ((garden, theirs, "agree"), (bank, ours, "verify")):
        await _step(party, pid, step)
    await _step(garden, theirs, "finalize")
    agreement = (await bank.negotiation(ours))["agreement"]
    transfer = (await bank.post("transfers", agreement=agreement))["id"]
    await bank.settled()
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", transfer))
    assert known is not None
    assert known.state == "REQUESTED"
    refused = await bank.ask("POST", f"transfers/{transfer}/start", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer.state")
    refused = await bank.ask("GET", f"transfers/{transfer}/edr")
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer.requested")
    assert (await garden.post(f"transfers/{known.provider_pid}/start"))["state"] == "STARTED"
    assert (await bank.get(f"transfers/{transfer}", wait=10))["state"] == "STARTED"
    answer = await garden.ask("POST", f"transfers/{known.provider_pid}/dance", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await garden.ask("POST", "transfers/urn:uuid:none/start", {})).status_code == 404
    refused = await garden.ask("GET", f"transfers/{known.provider_pid}/edr")
    assert refused.status_code == 409
