"""Sending: once more after a restart and at once, past whoever is slow, and never for nobody."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import Response
from tests.connector.conftest import Start
from tests.connector.party import Json, Party, party
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.connector.context import LEASE_SECONDS
from trustspace.connector.messaging import worker
from trustspace.dsp.messages import NegotiationState
from trustspace.store import IdempotencyRow, Transaction

pytestmark = pytest.mark.anyio

REQUEST = "negotiations/request"


async def _ask(bank: Party, peer: ScriptedPeer) -> str:
    order = {"address": peer.url, "dataset": "roses", "purpose": "research", "fresh": True}
    return str((await bank.post("negotiations", **order))["id"])


async def test_what_was_being_sent_goes_out_at_the_next_start(
    tmp_path: Path, peer: ScriptedPeer
) -> None:
    """Neither its lease nor its back-off holds up a message that the last process had."""
    peer.answers[REQUEST] = peer.silent
    async with party(tmp_path / "bank", "bank") as bank:
        pid = await _ask(bank, peer)
        await peer.until_heard(REQUEST)
    assert len(peer.bodies(REQUEST)) == 1
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    async with party(tmp_path / "bank", "bank") as bank:
        begun = time.monotonic()
        await bank.settled()
        assert time.monotonic() - begun < LEASE_SECONDS / 3
        known = await bank.store.read(lambda tx: tx.negotiations.get("bank", pid))
        assert known is not None
        assert known.provider_pid == peer.pid
    first, again = peer.bodies(REQUEST)
    assert first == again


async def test_messages_of_one_process_keep_their_order(start: Start, garden: Party) -> None:
    """A suspension, a resume and a suspension again arrive one after the other."""
    bank = await start("bank")
    transfer = await bank.transfer(await bank.agree(garden))
    path = f"transfers/{transfer['id']}"
    for step in ("suspend", "resume", "suspend", "resume", "complete"):
        await bank.post(f"{path}/{step}")
    await bank.settled()
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", transfer["id"]))
    assert known is not None
    theirs = [
        event.body["state"]
        for event in await garden.events()
        if event.body.get("transfer") == known.provider_pid
    ]
    assert theirs == [
        "REQUESTED",
        "STARTED",
        "SUSPENDED",
        "STARTED",
        "SUSPENDED",
        "STARTED",
        "COMPLETED",
    ]


async def test_a_counterparty_that_does_not_tell_its_state_delays_nobody_else(
    start: Start, peer: ScriptedPeer
) -> None:
    settings = "\n[exchange]\ndeadline_seconds = 1\nsweep_seconds = 0.1\n"
    bank = await start("bank", settings=settings)
    async with scripted_peer() as tarpit:
        tarpit.acknowledge(REQUEST, NegotiationState.REQUESTED)
        tarpit.answers["negotiations/{pid}"] = tarpit.silent
        stuck = await _ask(bank, tarpit)
        await tarpit.until_heard("negotiations/{pid}")
        # While that is waited for, another one is asked, asked again, and ended in time.
        answers = iter([503, 201])
        peer.answers[REQUEST] = lambda _: Response(status_code=next(answers))
        other = await _ask(bank, peer)
        assert (await bank.negotiation(other))["code"] == "deadline"
        assert len(peer.bodies(REQUEST)) == 2
        assert (await bank.negotiation(stuck, wait=0))["state"] == "REQUESTED"


async def test_a_counterparty_that_takes_no_message_leaves_room(
    start: Start, peer: ScriptedPeer
) -> None:
    bank = await start("bank", settings="\n[exchange]\nsweep_seconds = 0.1\n")
    async with scripted_peer() as tarpit:
        tarpit.answers[REQUEST] = tarpit.silent
        await asyncio.gather(*(_ask(bank, tarpit) for _ in range(worker.CONCURRENCY + 6)))
        peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
        begun = time.monotonic()
        await _ask(bank, peer)
        await peer.until_heard(REQUEST)
        assert time.monotonic() - begun < 5
        assert len(tarpit.bodies(REQUEST)) == worker.CONCURRENCY_OF_ONE


async def test_an_attempt_takes_only_so_long(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("bank", settings="\n[exchange]\nanswer_seconds = 0.2\n")
    attempts = 0

    async def answer(body: Json) -> Response:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            return await peer.silent(body)
        peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
        found = peer.answers[REQUEST](body)
        assert isinstance(found, Response)
        return found

    peer.answers[REQUEST] = answer
    await _ask(bank, peer)
    await bank.settled()
    assert len(peer.bodies(REQUEST)) == 2


async def test_who_is_hosted_no_more_sends_nothing(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("bank", settings="\n[exchange]\nsweep_seconds = 0.1\n")
    peer.answers[REQUEST] = lambda _: Response(status_code=503)
    pid = await _ask(bank, peer)
    hosted = bank.connector.plane.context.hosted
    assert isinstance(hosted, dict)
    hosted.pop("bank")
    for _ in range(200):
        kinds = [e.kind for e in await bank.store.read(lambda tx: tx.events.after("bank", 0, 99))]
        if "message.undelivered" in kinds:
            break
        await asyncio.sleep(0.05)
    assert "message.undelivered" in kinds
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", pid))
    assert known is not None
    assert known.state is NegotiationState.REQUESTED


async def test_what_is_over_is_forgotten(tmp_path: Path) -> None:
    """Used tokens, kept answers and open reservations, when their time has come."""
    now = datetime.now(UTC)
    past = now - timedelta(hours=1)

    def remember(tx: Transaction) -> None:
        for moment, name in ((past, "old"), (now + timedelta(hours=1), "new")):
            tx.tokens.use_once(
                "bank", "did:web:a", name, expires_at=moment, now=moment - timedelta(minutes=1)
            )
            row = IdempotencyRow("bank", name, "sha256:0", 201, {}, moment)
            tx.idempotency.remember("bank", row, now=past - timedelta(hours=1))

    async with party(tmp_path / "bank", "bank") as bank:
        await bank.store.write(remember)
    async with party(tmp_path / "bank", "bank") as bank:
        for _ in range(100):
            kept = bank.stored()["idempotency"]
            if len(kept) == 1:
                break
            await asyncio.sleep(0.02)
        assert [row[1] for row in kept] == ["new"]
        again = await bank.store.write(
            lambda tx: tx.tokens.use_once(
                "bank", "did:web:a", "new", expires_at=now + timedelta(hours=1), now=now
            )
        )
        assert not again


@pytest.mark.timeout(60)
async def test_a_locked_database_is_waited_for(start: Start, garden: Party) -> None:
    """Requests are told to come back; nothing changes, nothing is lost, the sweep goes on."""
    bank = await start("bank")
    order = {"address": garden.address, "dataset": "roses", "purpose": "research"}
    database = bank.connector.home.path / "trustspace.db"
    before = bank.stored()
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer, said = await asyncio.gather(
            bank.ask("POST", "negotiations", order), garden.say(bank, "negotiations/urn:uuid:none")
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.json()["hint"]
        assert said.status_code == 503
        assert said.headers["retry-after"] == "1"
        # Reading goes on.
        assert (await bank.get("negotiations"))["items"] == []
        assert bank.stored() == before
        other.execute("ROLLBACK")
    assert (await bank.negotiate(garden))["state"] == "FINALIZED"
