"""What becomes of a negotiation when a last message or its answer is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response
from tests.connector.asking import (
    AGREEMENT,
    PATIENT,
    STATE,
    TERMINATION,
    VERIFICATION,
    agreed,
    ended,
    requested,
)
from tests.connector.party import Json, Party, party
from tests.connector.processes import urn
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.dsp.messages import ContractAgreementVerificationMessage, NegotiationState

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def bank(folder: Path) -> AsyncIterator[Party]:
    async with party(folder / "bank", "bank", settings=PATIENT) as running:
        yield running


@pytest.mark.parametrize(
    ("theirs", "ours"), [("FINALIZED", "FINALIZED"), ("VERIFIED", "TERMINATED")]
)
async def test_a_consumer_whose_last_message_never_comes_asks(
    hasty: Party, peer: ScriptedPeer, theirs: str, ours: str
) -> None:
    peer.answers[VERIFICATION] = lambda _: Response(status_code=200)
    peer.acknowledge(STATE, NegotiationState(theirs))
    pid, _ = await agreed(hasty, peer)
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
    pid, _ = await agreed(bank, peer)
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
    pid, _ = await agreed(bank, peer)
    assert await ended(bank, pid) == ("TERMINATED", "agreement.wrong", ["no"], "us")
    await bank.settled()
    told = peer.bodies(TERMINATION)
    assert [(one["code"], one["reason"]) for one in told] == [("agreement.wrong", ["no"])]


async def test_a_counterparty_that_listens_only_after_a_moment_is_told_again(
    bank: Party, peer: ScriptedPeer
) -> None:
    attempts = iter([404, 404, 200])
    peer.answers[VERIFICATION] = lambda _: Response(status_code=next(attempts))
    pid, _ = await agreed(bank, peer)
    await bank.settled()
    heard = peer.bodies(VERIFICATION)
    assert len(heard) == 3
    assert heard[0] == heard[1] == heard[2]
    assert (await bank.get(f"negotiations/{pid}"))["state"] == "VERIFIED"


async def test_a_counterparty_without_the_negotiation_is_given_up_soon(
    bank: Party, peer: ScriptedPeer
) -> None:
    peer.answers[TERMINATION] = lambda _: Response(status_code=200)
    pid, _ = await agreed(bank, peer)
    said = "the counterparty answered 404"
    assert await ended(bank, pid) == ("TERMINATED", "counterparty.refused", [said], "us")
    assert len(peer.bodies(VERIFICATION)) == 4
    await bank.settled()


async def test_a_message_may_be_given_up_before_its_process(
    tmp_path: Path, peer: ScriptedPeer
) -> None:
    settings = "\n[exchange]\nmessage_seconds = 1\nsweep_seconds = 0.1\n"
    async with party(tmp_path / "brief", "brief", settings=settings) as consumer:
        pid, _ = await requested(consumer, peer)
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
