"""A counterparty that asks for our process before we have read its answer to our request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse, Response
from tests.connector.party import Json, Party, party
from tests.connector.processes import keep, negotiation
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.dsp.messages import NegotiationState
from trustspace.model.participant import Role
from trustspace.store import AgreementRow

pytestmark = pytest.mark.anyio


@pytest.fixture
async def peer(anyio_backend: str) -> AsyncIterator[ScriptedPeer]:  # noqa: ARG001 - names the loop
    async with scripted_peer() as running:
        yield running


@pytest.fixture(scope="module")
async def bank(folder: Path) -> AsyncIterator[Party]:
    async with party(folder / "bank", "bank") as running:
        yield running


async def _asked(peer: ScriptedPeer, bank: Party, path: str) -> httpx.Response:
    headers = {"Authorization": peer.token(bank.id)}
    return await peer.voice.get(f"{bank.hosted.dsp_url}/{path}", headers=headers)


async def _request(bank: Party, peer: ScriptedPeer) -> str:
    order = {"address": peer.url, "dataset": "roses"}
    return str((await bank.post("negotiations", **order))["id"])


async def _agreed(bank: Party, peer: ScriptedPeer) -> str:
    """Store an agreement with the peer, as if it had been negotiated."""
    concluded = negotiation(bank, bank, Role.CONSUMER, NegotiationState.FINALIZED).model_copy(
        update={"counterparty": peer.id, "callback_address": peer.base}
    )
    assert concluded.agreement is not None
    row = AgreementRow(
        participant=bank.name,
        id=concluded.agreement.id,
        role=Role.CONSUMER,
        counterparty=peer.id,
        dataset_id="roses",
        negotiation_pid=concluded.id,
        body=concluded.agreement.to_wire(),
        digest="sha256:" + 64 * "0",
        signed_at=datetime.now(UTC),
    )
    await keep(bank, concluded)
    await bank.store.write(lambda tx: tx.agreements.insert(bank.name, row))
    return row.id


async def test_the_question_waits_for_the_answer(bank: Party, peer: ScriptedPeer) -> None:
    questions: list[asyncio.Task[httpx.Response]] = []

    async def answer(body: Json) -> Response:
        path = f"negotiations/{body['consumerPid']}"
        questions.append(asyncio.create_task(_asked(peer, bank, path)))
        await asyncio.sleep(0.3)
        assert not questions[0].done()
        return JSONResponse({"providerPid": peer.pid}, status_code=201)

    peer.answers["negotiations/request"] = answer
    pid = await _request(bank, peer)
    await bank.settled()
    found = await questions[0]
    assert found.status_code == 200
    body = found.json()
    assert (body["state"], body["consumerPid"], body["providerPid"]) == ("REQUESTED", pid, peer.pid)


async def test_a_transfer_is_asked_for_alike(bank: Party, peer: ScriptedPeer) -> None:
    questions: list[asyncio.Task[httpx.Response]] = []

    async def answer(body: Json) -> Response:
        path = f"transfers/{body['consumerPid']}"
        questions.append(asyncio.create_task(_asked(peer, bank, path)))
        await asyncio.sleep(0.3)
        return JSONResponse({"providerPid": peer.pid}, status_code=201)

    peer.answers["transfers/request"] = answer
    agreement = await _agreed(bank, peer)
    await bank.post("transfers", agreement=agreement)
    await bank.settled()
    assert (await questions[0]).json()["state"] == "REQUESTED"


async def test_who_never_answers_is_asked_to_come_again(bank: Party, peer: ScriptedPeer) -> None:
    answered: list[httpx.Response] = []

    async def answer(body: Json) -> Response:
        answered.append(await _asked(peer, bank, f"negotiations/{body['consumerPid']}"))
        return JSONResponse({"providerPid": peer.pid}, status_code=201)

    peer.answers["negotiations/request"] = answer
    begun = datetime.now(UTC)
    await _request(bank, peer)
    await bank.settled()
    assert answered[0].status_code == 503
    assert answered[0].headers["retry-after"]
    assert (datetime.now(UTC) - begun).total_seconds() < 8
