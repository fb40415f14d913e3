"""What becomes of a negotiation when the counterparty refuses, babbles or is silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
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

PATIENT = "\n[exchange]\nsweep_seconds = 0.1\n"
HASTY = "\n[exchange]\ndeadline_seconds = 1\nsweep_seconds = 0.1\n"

REQUEST, AGREEMENT = "negotiations/request", "negotiations/{pid}/agreement"
VERIFICATION = "negotiations/{pid}/agreement/verification"
TERMINATION, STATE = "negotiations/{pid}/termination", "negotiations/{pid}"


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    async with scripted_peer() as running:
        yield running


@pytest.fixture(scope="module")
async def bank(folder: Path) -> AsyncIterator[Party]:
    async with party(folder / "bank", "bank", settings=PATIENT) as running:
        yield running


@pytest.fixture(scope="module")
async def hasty(folder: Path) -> AsyncIterator[Party]:
    """A consumer that gives its counterparties one second."""
    async with party(folder / "hasty", "hasty", settings=HASTY) as running:
        yield running


async def _ask(consumer: Party, peer: ScriptedPeer) -> str:
    order = {"address": peer.url, "dataset": "roses", "purpose": "research"}
    return str((await consumer.post("negotiations", **order))["id"])


async def _requested(consumer: Party, peer: ScriptedPeer) -> tuple[str, Json]:
    """Let the peer accept a request; return our pid and the request."""
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    pid = await _ask(consumer, peer)
    await consumer.settled()
    return pid, peer.bodies(REQUEST)[-1]


async def _agreed(consumer: Party, peer: ScriptedPeer) -> tuple[str, Json]:
    pid, request = await _requested(consumer, peer)
    agreement = peer.agreement(request, consumer.id)
    answer = await peer.say(consumer, f"negotiations/{pid}/agreement", agreement)
    assert answer.status_code == 200
    return pid, request


async def _ended(consumer: Party, pid: str) -> tuple[str, Any, Any, Any]:
    shown = await consumer.negotiation(pid)
    return shown["state"], shown["code"], shown["reasons"], shown["ended_by"]


# --- answers to a request --------------------------------------------------------------------


async def test_a_refusal_ends_it_with_the_reasons_given(bank: Party, peer: ScriptedPeer) -> None:
    reason = {"id": "constraint.unmet", "src": "/permission/0", "expected": ["teaching"]}
    peer.answers[REQUEST] = lambda _: JSONResponse(
        {"code": "constraint.unmet", "reason": [reason]}, status_code=400
    )
    pid = await _ask(bank, peer)
    assert await _ended(bank, pid) == ("TERMINATED", "constraint.unmet", [reason], "us")
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
    pid = await _ask(bank, peer)
    said = f"the counterparty answered {answer.status_code}"
    assert await _ended(bank, pid) == ("TERMINATED", "counterparty.refused", [said], "us")


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
    await _ask(bank, peer)
    await bank.settled()
    # The same message each time.
    first, *again = peer.bodies(REQUEST)
    assert again == [first, first]


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
    pid = await _ask(hasty, peer)
    reasons = ["no answer within the deadline"]
    assert await _ended(hasty, pid) == ("TERMINATED", "deadline", reasons, "us")
    assert len(peer.bodies(REQUEST)) == 1


async def test_a_counterparty_that_is_gone_is_given_up_at_the_deadline(hasty: Party) -> None:
    async with scripted_peer() as peer:
        peer.answers[REQUEST] = lambda _: Response(status_code=503)
        pid = await _ask(hasty, peer)
    state, code, reasons, ended_by = await _ended(hasty, pid)
    assert (state, code, ended_by) == ("TERMINATED", "deadline", "us")
    assert len(reasons) == 1
    explained = await hasty.get(f"explain/{pid}")
    assert explained["sentences"]
    await hasty.settled()


async def test_a_pid_that_names_another_negotiation_is_refused(
    bank: Party, peer: ScriptedPeer
) -> None:
    await _requested(bank, peer)
    pid = await _ask(bank, peer)
    reasons = ["the counterparty's pid names another process already"]
    assert await _ended(bank, pid) == ("TERMINATED", "negotiation.pid", reasons, "us")


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
    pid = await _ask(hasty, peer)
    await asked.wait()
    shown = await hasty.post(f"negotiations/{pid}/terminate", reason="no longer")
    assert (shown["state"], shown["code"]) == ("TERMINATED", "owner")
    told.set()
    await asyncio.sleep(1.5)
    assert (await hasty.negotiation(pid))["state"] == "TERMINATED"
    # The worker goes on: another one is ended at its deadline.
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    peer.pid = urn()
    again = await _ask(hasty, peer)
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
    pid, request = await _requested(bank, peer)
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
    pid, request = await _requested(bank, peer)
    before = bank.stored()
    wrong = peer.agreement(request, bank.id, target="tulips")
    answer = await peer.say(bank, f"negotiations/{pid}/agreement", wrong)
    assert (answer.status_code, bank.stored()) == (400, before)


async def test_a_verification_by_the_provider_is_refused(bank: Party, peer: ScriptedPeer) -> None:
    pid, _ = await _requested(bank, peer)
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
        pid, request = await _requested(hasty, peer)
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


# --- reconciling -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"), [("FINALIZED", "FINALIZED"), ("VERIFIED", "TERMINATED")]
)
async def test_a_consumer_whose_last_message_never_comes_asks(
    hasty: Party, peer: ScriptedPeer, theirs: str, ours: str
) -> None:
    peer.answers[VERIFICATION] = lambda _: Response(status_code=200)
    peer.acknowledge(STATE, NegotiationState(theirs))
    pid, _ = await _agreed(hasty, peer)
    shown = await hasty.negotiation(pid)
    assert shown["state"] == ours
    assert (shown["agreement"] is not None) == (ours == "FINALIZED")
    assert shown["code"] == (None if ours == "FINALIZED" else "deadline")


async def test_a_verification_that_arrived_unseen_is_not_a_failure(
    bank: Party, peer: ScriptedPeer
) -> None:
    """The provider has it, lost the answer, and refuses the second copy as out of order."""
    attempts = iter([503, 400])
    peer.answers[VERIFICATION] = lambda _: Response(status_code=next(attempts))
    peer.acknowledge(STATE, NegotiationState.FINALIZED)
    pid, _ = await _agreed(bank, peer)
    shown = await bank.negotiation(pid)
    assert (shown["state"], shown["code"]) == ("FINALIZED", None)
    assert shown["agreement"] is not None
    assert peer.bodies(TERMINATION) == []


@pytest.mark.parametrize("theirs", ["AGREED", "TERMINATED", None])
async def test_a_verification_that_did_not_arrive_ends_it(
    bank: Party, peer: ScriptedPeer, theirs: str | None
) -> None:
    peer.answers[VERIFICATION] = lambda _: JSONResponse(
        {"code": "agreement.wrong", "reason": ["no"]}, status_code=400
    )
    if theirs is not None:
        peer.acknowledge(STATE, NegotiationState(theirs))
    peer.answers[TERMINATION] = lambda _: Response(status_code=200)
    pid, _ = await _agreed(bank, peer)
    assert await _ended(bank, pid) == ("TERMINATED", "agreement.wrong", ["no"], "us")
    await bank.settled()
    told = peer.bodies(TERMINATION)
    assert [(one["code"], one["reason"]) for one in told] == [("agreement.wrong", ["no"])]


async def test_a_counterparty_that_listens_only_after_a_moment_is_told_again(
    bank: Party, peer: ScriptedPeer
) -> None:
    attempts = iter([404, 404, 200])
    peer.answers[VERIFICATION] = lambda _: Response(status_code=next(attempts))
    pid, _ = await _agreed(bank, peer)
    await bank.settled()
    heard = peer.bodies(VERIFICATION)
    assert len(heard) == 3
    assert heard[0] == heard[1] == heard[2]
    assert (await bank.get(f"negotiations/{pid}"))["state"] == "VERIFIED"


async def test_a_counterparty_without_the_negotiation_is_given_up_soon(
    bank: Party, peer: ScriptedPeer
) -> None:
    peer.answers[TERMINATION] = lambda _: Response(status_code=200)
    pid, _ = await _agreed(bank, peer)
    said = "the counterparty answered 404"
    assert await _ended(bank, pid) == ("TERMINATED", "counterparty.refused", [said], "us")
    assert len(peer.bodies(VERIFICATION)) == 4
    await bank.settled()


async def test_a_message_may_be_given_up_before_its_process(
    tmp_path: Path, peer: ScriptedPeer
) -> None:
    settings = "\n[exchange]\nmessage_seconds = 1\nsweep_seconds = 0.1\n"
    async with party(tmp_path / "brief", "brief", settings=settings) as consumer:
        pid, _ = await _requested(consumer, peer)
        peer.answers[TERMINATION] = lambda _: Response(status_code=503)
        await consumer.post(f"negotiations/{pid}/terminate", reason="no longer")
        await consumer.settled()
        assert len(peer.bodies(TERMINATION)) >= 2
        assert "message.undelivered" in await consumer.kinds()


async def test_an_answer_to_a_message_counts_although_the_message_is_refused(
    bank: Party, garden: Party, peer: ScriptedPeer
) -> None:
    """A consumer that verifies first and then refuses the agreement has verified it."""
    shown = await garden.get("datasets/roses")
    pid = urn()
    request = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@id": urn(),
        "@type": "ContractRequestMessage",
        "consumerPid": pid,
        "offer": shown["policy"] | {"target": "roses"},
        "callbackAddress": peer.base,
    }

    async def answer(body: Json) -> Response:
        message = ContractAgreementVerificationMessage(
            id=urn(), consumer_pid=pid, provider_pid=body["providerPid"]
        )
        path = f"negotiations/{body['providerPid']}/agreement/verification"
        assert (await peer.say(garden, path, message)).status_code == 200
        return Response(status_code=400)

    peer.answers[AGREEMENT] = answer
    peer.answers["negotiations/{pid}/events"] = lambda _: Response(status_code=200)
    begun = await peer.say(garden, "negotiations/request", request)
    assert begun.status_code == 201
    theirs = begun.json()["providerPid"]
    assert (await garden.negotiation(theirs))["state"] == "FINALIZED"
    await garden.settled()
    assert peer.bodies(TERMINATION) == []
    kinds = [e.kind for e in await garden.events() if e.body.get("negotiation") == theirs]
    assert kinds[-1] == "agreement.concluded"
    assert bank.id != garden.id
