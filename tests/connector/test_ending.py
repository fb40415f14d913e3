"""How agreements end: by both, by the consumer, by the provider; both sides come to one state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Json, Party, party
from tests.connector.processes import keep_agreement, urn
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.connector.ending.message import EndingStep, url_of
from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio

ENDS = ("agreement.terminated", "agreement.revoked", "agreement.expired")


@pytest.fixture
async def agreement(garden: Party, bank: Party) -> str:
    return await bank.agree(garden)


async def until(at: Party, agreement: str, wanted: str = "TERMINATED") -> Json:
    return await at.until(f"agreements/{agreement}", wanted)


async def until_proposed(at: Party, agreement: str, state: str = "standing") -> Json:
    while True:
        proposal: Json | None = (await at.get(f"agreements/{agreement}"))["proposal"]
        if proposal is not None and proposal["state"] == state:
            return proposal
        await asyncio.sleep(0.02)


async def ends(at: Party, agreement: str) -> list[str]:
    """Return the events by which an agreement ended; the log has no gap."""
    events = await at.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [e.kind for e in events if e.kind in ENDS and e.body["agreement"] == agreement]


async def say(
    sender: Party | ScriptedPeer, to: Party, agreement: str, step: str, **changed: Any
) -> Any:
    """Say something about the end of an agreement at another participant's endpoint."""
    body = {"@id": urn(), "@type": "AgreementEndMessage", "agreementId": agreement} | changed
    url = url_of(to.hosted.dsp_url, agreement, EndingStep.PROPOSAL)
    assert url is not None
    url = url.removesuffix("proposal") + step
    headers = {"Authorization": sender.token(to.id)}
    return await sender.voice.post(url, json=body, headers=headers)


# --- by both -----------------------------------------------------------------------------------


@pytest.mark.parametrize("proposer", ["consumer", "provider"])
async def test_both_end_it(garden: Party, bank: Party, agreement: str, proposer: str) -> None:
    first, second = (bank, garden) if proposer == "consumer" else (garden, bank)
    transfer = await bank.transfer(agreement)
    assert transfer["state"] == "STARTED"
    shown = await first.post(f"agreements/{agreement}/end", reason="the study is done")
    assert (shown["state"], shown["proposal"]["by"]) == ("FINALIZED", "us")
    again = await first.post(f"agreements/{agreement}/end", reason="once more")
    assert again["proposal"] == shown["proposal"]
    heard = await until_proposed(second, agreement)
    assert (heard["by"], heard["reason"]) == ("counterparty", "the study is done")
    assert heard["id"] == shown["proposal"]["id"]
    # Until it is accepted it stays in force.
    assert (await bank.transfer(agreement))["state"] == "STARTED"

    ended = await second.post(f"agreements/{agreement}/end")
    assert ended["state"] == "TERMINATED"
    for side in (garden, bank):
        row = await until(side, agreement)
        assert (row["reason"], row["ended_by"]) == ("the study is done", "both")
        assert await ends(side, agreement) == ["agreement.terminated"]
    over = await bank.until(f"transfers/{transfer['id']}", "TERMINATED")
    assert over["code"] == "agreement.terminated"
    # Accepting once more changes nothing; another end is too late.
    assert (await second.post(f"agreements/{agreement}/end"))["state"] == "TERMINATED"
    late = await garden.ask("POST", f"agreements/{agreement}/revoke", {})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    denied = await bank.ask("POST", "transfers", {"agreement": agreement})
    assert (denied.status_code, denied.json()["code"]) == (403, "agreement.terminated")


async def test_a_rejected_proposal_leaves_it_in_force(
    garden: Party, bank: Party, agreement: str
) -> None:
    await bank.post(f"agreements/{agreement}/end", reason="no need")
    heard = await until_proposed(garden, agreement)
    rejected = await garden.post(f"agreements/{agreement}/end/reject", reason="we need it")
    assert (rejected["state"], rejected["proposal"]["state"]) == ("FINALIZED", "rejected")
    told = await until_proposed(bank, agreement, "rejected")
    assert told["answer"] == "we need it"
    none = await garden.ask("POST", f"agreements/{agreement}/end/reject", {})
    assert (none.status_code, none.json()["code"]) == (409, "agreement.proposal")
    # The rejected proposal, told again, stays rejected; a new one stands.
    answer = await say(bank, garden, agreement, "proposal", **{"@id": heard["id"]})
    assert (answer.status_code, answer.json()["state"]) == (200, "FINALIZED")
    assert (await garden.get(f"agreements/{agreement}"))["proposal"]["state"] == "rejected"
    await bank.post(f"agreements/{agreement}/end", reason="really")
    await until_proposed(garden, agreement)
    kinds = await garden.kinds()
    assert {"agreement.end_proposed", "agreement.end_rejected"} <= set(kinds)


async def test_proposals_that_cross_end_it(garden: Party, bank: Party, agreement: str) -> None:
    await asyncio.gather(
        garden.post(f"agreements/{agreement}/end", reason="ours"),
        bank.post(f"agreements/{agreement}/end", reason="theirs"),
    )
    for side in (garden, bank):
        await until(side, agreement)
        assert await ends(side, agreement) == ["agreement.terminated"]


# --- by one ------------------------------------------------------------------------------------


async def test_the_consumer_hears_of_a_revocation_without_a_transfer(
    garden: Party, bank: Party, agreement: str
) -> None:
    await garden.post(f"agreements/{agreement}/revoke", reason="the licence was withdrawn")
    row = await until(bank, agreement, "REVOKED")
    assert (row["reason"], row["ended_by"]) == ("the licence was withdrawn", "counterparty")
    for side in (garden, bank):
        assert await ends(side, agreement) == ["agreement.revoked"]


async def test_the_consumer_gives_up(garden: Party, bank: Party, agreement: str) -> None:
    transfer = await bank.transfer(agreement)
    shown = await bank.post(f"agreements/{agreement}/give-up", reason="no budget")
    assert (shown["state"], shown["ended_by"]) == ("TERMINATED", "us")
    again = await bank.post(f"agreements/{agreement}/give-up", reason="twice")
    assert again["reason"] == "no budget"
    row = await until(garden, agreement)
    assert (row["reason"], row["ended_by"]) == ("no budget", "counterparty")
    assert (await bank.get(f"transfers/{transfer['id']}"))["code"] == "agreement.terminated"
    for side in (garden, bank):
        assert await ends(side, agreement) == ["agreement.terminated"]


async def test_each_side_has_its_own_way_out(garden: Party, bank: Party, agreement: str) -> None:
    for side, way in ((bank, "revoke"), (garden, "give-up")):
        refused = await side.ask("POST", f"agreements/{agreement}/{way}", {})
        assert (refused.status_code, refused.json()["code"]) == (409, "agreement.role")
        assert "trustspace" in refused.json()["hint"]
    assert (await bank.ask("POST", "agreements/none/end", {})).status_code == 404


# --- at once -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(6))
async def test_ends_at_the_same_moment_come_to_one_state(
    garden: Party, bank: Party, agreement: str, number: int
) -> None:
    await bank.post(f"agreements/{agreement}/end", reason="by both")
    if number % 2:
        await until_proposed(garden, agreement)
    transfers = await bank.transfer(agreement)
    calls = [
        garden.ask("POST", f"agreements/{agreement}/revoke", {"reason": "alone"}),
        garden.ask("POST", f"agreements/{agreement}/end", {}),
        bank.ask("POST", f"agreements/{agreement}/give-up", {"reason": "given up"}),
    ]
    if number >= 3:
        calls.reverse()
    await asyncio.gather(*calls)
    for side in (garden, bank):
        await side.settled()
    theirs = await garden.get(f"agreements/{agreement}")
    assert theirs["state"] in ("REVOKED", "TERMINATED")
    ours = await until(bank, agreement, theirs["state"])
    assert ours["state"] == theirs["state"]
    assert len(await ends(garden, agreement)) == 1
    assert 1 <= len(await ends(bank, agreement)) <= 2
    await bank.until(f"transfers/{transfers['id']}", "TERMINATED")


# --- strangers and foreign peers -----------------------------------------------------------------


@pytest.mark.parametrize("step", [*EndingStep, "nonsense"])
async def test_who_is_no_party_learns_nothing(
    garden: Party, bank: Party, mallory: Party, agreement: str, step: str
) -> None:
    before = bank.stored(), garden.stored()
    for to in (garden, bank):
        for known in (agreement, urn()):
            answer = await say(mallory, to, known, step)
            assert (answer.status_code, answer.content) == (404, b"")
    assert (bank.stored(), garden.stored()) == before


async def test_a_party_says_only_what_is_its_to_say(
    garden: Party, bank: Party, agreement: str
) -> None:
    wrong = [
        (bank, garden, "withdrawal", {}, "agreement.role"),
        (garden, bank, "surrender", {}, "agreement.role"),
        (bank, garden, "acceptance", {"proposalId": urn()}, "agreement.proposal"),
        (bank, garden, "rejection", {"proposalId": urn()}, "agreement.proposal"),
        (bank, garden, "proposal", {"agreementId": urn()}, "agreement.id"),
        (bank, garden, "proposal", {"reason": "x" * 2001}, "message.malformed"),
        (bank, garden, "proposal", {"@id": ""}, "message.malformed"),
    ]
    for sender, to, step, changed, code in wrong:
        answer = await say(sender, to, agreement, step, **changed)
        assert (answer.status_code, answer.json()["code"]) == (400, code), (step, answer.text)
    own = await bank.post(f"agreements/{agreement}/end")
    await until_proposed(garden, agreement)
    proposal = {"proposalId": own["proposal"]["id"]}
    answer = await say(bank, garden, agreement, "acceptance", **proposal)
    assert (answer.status_code, answer.json()["code"]) == (400, "agreement.proposal")
    assert (await garden.get(f"agreements/{agreement}"))["state"] == "FINALIZED"


@pytest.fixture
async def foreign(peer: ScriptedPeer) -> ScriptedPeer:
    """A counterparty that does not know our profile."""
    peer.profiles = []
    return peer


@pytest.mark.parametrize("role", [*Role])
async def test_a_foreign_peer_is_asked_nothing_it_does_not_know(
    start: Start, foreign: ScriptedPeer, role: Role
) -> None:
    ours = await start("ours")
    row = await keep_agreement(ours, foreign, role)
    refused = await ours.ask("POST", f"agreements/{row.id}/end", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "agreement.end_unsupported")
    way = "give-up" if role is Role.CONSUMER else "revoke"
    assert way in refused.json()["hint"]
    shown = await ours.post(f"agreements/{row.id}/{way}", reason="over")
    assert shown["state"] in ("REVOKED", "TERMINATED")
    await ours.settled()
    assert foreign.heard == []


async def test_who_cannot_be_told_is_told_later(garden: Party, tmp_path: Path) -> None:
    """The consumer is away when the provider revokes, and hears of it when it is back."""
    async with party(tmp_path / "away", "away") as consumer:
        agreement = await consumer.agree(garden)
    await garden.post(f"agreements/{agreement}/revoke", reason="while you were away")
    async with party(tmp_path / "away", "away") as consumer:
        row = await until(consumer, agreement, "REVOKED")
        assert row["reason"] == "while you were away"
    await garden.settled()
