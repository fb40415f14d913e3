"""What becomes of a negotiation when the counterparty refuses, babbles or is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tests.connector.asking import PATIENT, REQUEST, STATE, VERIFICATION, ask, ended, requested
from tests.connector.party import Json, Party, party
from tests.connector.processes import urn
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.dsp.messages import (
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    NegotiationEvent,
    NegotiationState,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def bank(folder: Path) -> AsyncIterator[Party]:
    async with party(folder / "bank", "bank", settings=PATIENT) as running:
        yield running


# --- answers to a request --------------------------------------------------------------------


async def test_a_refusal_ends_it_with_the_reasons_given(bank: Party, peer: ScriptedPeer) -> None:
    reason = {"id": "constraint.unmet", "src": "/permission/0", "expected": ["teaching"]}
    peer.answers[REQUEST] = lambda _: JSONResponse(
        {"code": "constraint.unmet", "reason": [reason]}, status_code=400
    )
    pid = await ask(bank, peer)
    assert await ended(bank, pid) == ("TERMINATED", "constraint.unmet", [reason], "us")
    assert len(peer.bodies(REQUEST)) == 1
    assert "message.undelivered" in await bank.kinds()


@pytest.mark.parametrize(
    "answer",
    [
        Response(status_code=404),
        PlainTextResponse("no", status_code=403),
        JSONResponse({"code": 1, "reason": "no"}, status_code=400),
        JSONResponse({"code": "x", "reason": []}, status_code=422),
        Response(status_code=302, headers={"Location": "/elsewhere"}),
    ],
    ids=["404", "text", "no code", "no reason", "redirect"],
)
async def test_a_refusal_without_reasons_ends_it_with_the_status(
    bank: Party, peer: ScriptedPeer, answer: Response
) -> None:
    peer.answers[REQUEST] = lambda _: answer
    pid = await ask(bank, peer)
    said = f"the counterparty answered {answer.status_code}"
    assert await ended(bank, pid) == ("TERMINATED", "counterparty.refused", [said], "us")


@pytest.mark.parametrize("status", [500, 503, 408, 409, 425, 429])
async def test_who_asks_for_patience_is_asked_again(
    bank: Party, peer: ScriptedPeer, status: int
) -> None:
    attempts = 0

    def answer(body: Json) -> Response:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            return Response(status_code=status)
        peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
        return peer.answers[REQUEST](body)  # type: ignore[return-value]

    peer.answers[REQUEST] = answer
    await ask(bank, peer)
    await bank.settled()
    # The same message each time.
    first, *again = peer.bodies(REQUEST)
    assert again == [first, first]


async def test_a_conflict_over_what_is_not_there_yet_is_a_refusal_before_long(
    bank: Party, peer: ScriptedPeer
) -> None:
    peer.answers[REQUEST] = lambda _: JSONResponse(
        {"code": "409", "reason": ["not valid"]}, status_code=409
    )
    pid = await ask(bank, peer)
    await bank.until(f"negotiations/{pid}", "TERMINATED", seconds=15)
    assert await ended(bank, pid) == ("TERMINATED", "409", ["not valid"], "us")
    assert len(peer.bodies(REQUEST)) == 5


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("hello"),
        Response(status_code=204),
        JSONResponse([1]),
        JSONResponse({"providerPid": 1}, status_code=201),
        JSONResponse({"providerPid": ""}, status_code=201),
        JSONResponse({"providerPid": "x" * 3_000}, status_code=201),
        PlainTextResponse('{"providerPid": "a", "providerPid": "b"}'),
    ],
    ids=["text", "nothing", "array", "number", "empty", "long", "twice"],
)
async def test_an_answer_that_says_nothing_is_an_answer(
    hasty: Party, peer: ScriptedPeer, answer: Response
) -> None:
    """The process waits for the provider's message, and ends when none comes."""
    peer.answers[REQUEST] = lambda _: answer
    pid = await ask(hasty, peer)
    reasons = ["no answer within the deadline"]
    assert await ended(hasty, pid) == ("TERMINATED", "deadline", reasons, "us")
    assert len(peer.bodies(REQUEST)) == 1


async def test_a_counterparty_that_is_gone_is_given_up_at_the_deadline(hasty: Party) -> None:
    async with scripted_peer() as peer:
        peer.answers[REQUEST] = lambda _: Response(status_code=503)
        pid = await ask(hasty, peer)
    state, code, reasons, ended_by = await ended(hasty, pid)
    assert (state, code, ended_by) == ("TERMINATED", "deadline", "us")
    assert len(reasons) == 1
    explained = await hasty.get(f"explain/{pid}")
    assert explained["sentences"]
    await hasty.settled()


async def test_a_pid_that_names_another_negotiation_is_refused(
    bank: Party, peer: ScriptedPeer
) -> None:
    await requested(bank, peer)
    pid = await ask(bank, peer)
    reasons = ["the counterparty's pid names another process already"]
    assert await ended(bank, pid) == ("TERMINATED", "negotiation.pid", reasons, "us")


async def test_an_answer_after_the_owner_gave_up_harms_nothing(
    hasty: Party, peer: ScriptedPeer
) -> None:
    """The pid is learnt too late to tell the provider; nothing of it is ever overdue."""
    asked, told = asyncio.Event(), asyncio.Event()

    async def answer(_: Json) -> Response:
        asked.set()
        await told.wait()
        return JSONResponse({"providerPid": peer.pid}, status_code=201)

    peer.answers[REQUEST] = answer
    pid = await ask(hasty, peer)
    await asked.wait()
    shown = await hasty.post(f"negotiations/{pid}/terminate", reason="no longer")
    assert (shown["state"], shown["code"]) == ("TERMINATED", "owner")
    told.set()
    await asyncio.sleep(1.5)
    assert (await hasty.negotiation(pid))["state"] == "TERMINATED"
    # The worker goes on: another one is ended at its deadline.
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    peer.pid = urn()
    again = await ask(hasty, peer)
    assert (await hasty.negotiation(again))["code"] == "deadline"


# --- the provider's messages -----------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"assigner": "did:web:attacker.example"},
        {"assignee": "did:web:attacker.example"},
        {"permission": [{"action": "use"}]},
        {"permission": [{"action": "distribute"}]},
        {"prohibition": [{"action": "use"}]},
        {"obligation": [{"action": "delete"}]},
    ],
    ids=["assigner", "assignee", "wider", "other action", "prohibition", "obligation"],
)
async def test_an_agreement_that_is_not_the_offer_is_refused(
    bank: Party, peer: ScriptedPeer, changed: Json
) -> None:
    pid, request = await requested(bank, peer)
    before = bank.stored()
    wrong = peer.agreement(request, bank.id, **changed)
    answer = await peer.say(bank, f"negotiations/{pid}/agreement", wrong)
    assert answer.status_code == 400
    assert answer.json()["code"] == "negotiation.agreement"
    assert bank.stored() == before
    # The right one is still welcome.
    peer.answers[VERIFICATION] = lambda _: Response(status_code=200)
    right = peer.agreement(request, bank.id)
    answer = await peer.say(bank, f"negotiations/{pid}/agreement", right)
    assert answer.status_code == 200
    assert answer.json()["state"] in ("AGREED", "VERIFIED")


async def test_an_agreement_over_another_dataset_is_refused(
    bank: Party, peer: ScriptedPeer
) -> None:
    pid, request = await requested(bank, peer)
    before = bank.stored()
    wrong = peer.agreement(request, bank.id, target="tulips")
    answer = await peer.say(bank, f"negotiations/{pid}/agreement", wrong)
    assert (answer.status_code, bank.stored()) == (400, before)


async def test_a_verification_by_the_provider_is_refused(bank: Party, peer: ScriptedPeer) -> None:
    pid, _ = await requested(bank, peer)
    before = bank.stored()
    message = ContractAgreementVerificationMessage(
        id=urn(), consumer_pid=pid, provider_pid=peer.pid
    )
    answer = await peer.say(bank, f"negotiations/{pid}/agreement/verification", message)
    assert answer.status_code == 400
    assert answer.json()["code"] == "negotiation.state"
    assert bank.stored() == before


async def _finalize(peer: ScriptedPeer, consumer: Party, pid: str) -> Any:
    event = ContractNegotiationEventMessage(
        id=urn(), consumer_pid=pid, provider_pid=peer.pid, event_type=NegotiationEvent.FINALIZED
    )
    return await peer.say(consumer, f"negotiations/{pid}/events", event)


async def test_an_agreement_under_the_id_of_another_is_refused(
    hasty: Party, peer: ScriptedPeer
) -> None:
    """Neither the other agreement nor anybody else's process is disturbed by it."""
    peer.answers[VERIFICATION] = lambda _: Response(status_code=200)
    agreement_id = urn()
    for expected in (200, 400):
        peer.pid = urn()
        pid, request = await requested(hasty, peer)
        agreement = peer.agreement(request, hasty.id, **{"@id": agreement_id})
        await peer.say(hasty, f"negotiations/{pid}/agreement", agreement)
        await hasty.settled()
        answer = await _finalize(peer, hasty, pid)
        assert answer.status_code == expected, answer.text
    assert answer.json()["code"] == "negotiation.agreement"
    # Nor does the provider's word make an agreement of it when the time is over.
    peer.acknowledge(STATE, NegotiationState.FINALIZED)
    assert (await hasty.negotiation(pid))["code"] == "deadline"
    held = [one["id"] for one in (await hasty.get("agreements"))["items"]]
    assert held.count(agreement_id) == 1
