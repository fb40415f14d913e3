"""Processes that nobody finishes end with a reason, whoever of the two has gone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from tests.connector.asking import NO_ANSWER, REQUEST, STATE, VERIFICATION, ask, ended, requested
from tests.connector.party import Json, Party
from tests.connector.processes import keep_agreement, urn
from tests.connector.scripted_peer import OFFER, ScriptedPeer, scripted_peer

from trustspace.dsp.messages import (
    ContractOfferMessage,
    NegotiationState,
    TransferState,
)
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio


async def test_a_provider_that_vanishes_is_not_waited_for(hasty: Party) -> None:
    async with scripted_peer() as peer:
        pid, _ = await requested(hasty, peer)
    assert await ended(hasty, pid) == ("TERMINATED", "deadline", NO_ANSWER, "us")
    # Neither for its acknowledgement of that.
    await hasty.settled()
    assert "message.undelivered" in await hasty.kinds()


async def test_a_provider_that_is_slow_is_told(hasty: Party, peer: ScriptedPeer) -> None:
    peer.answers["negotiations/{pid}/termination"] = lambda _: Response()
    pid, _ = await requested(hasty, peer)
    assert (await ended(hasty, pid))[1] == "deadline"
    await hasty.settled()
    (said,) = peer.bodies("negotiations/{pid}/termination")
    assert (said["code"], said["reason"]) == ("deadline", NO_ANSWER)


async def test_a_transfer_that_never_starts_ends(hasty: Party, peer: ScriptedPeer) -> None:
    agreement = (await keep_agreement(hasty, peer, Role.CONSUMER)).id
    peer.acknowledge("transfers/request", TransferState.REQUESTED)
    peer.acknowledge("transfers/{pid}", TransferState.REQUESTED)
    peer.answers["transfers/{pid}/termination"] = lambda _: Response()
    begun = await hasty.post("transfers", agreement=agreement)
    shown = await hasty.get(f"transfers/{begun['id']}", wait=10)
    assert (shown["state"], shown["code"], shown["reasons"]) == (
        "TERMINATED",
        "deadline",
        NO_ANSWER,
    )
    await hasty.settled()
    assert len(peer.bodies("transfers/{pid}/termination")) == 1
    explained = await hasty.get(f"explain/{begun['id']}", language="zh")
    assert explained["kind"] == "transfer"
    assert explained["sentences"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status_code=404), "counterparty.refused"),
        (JSONResponse({"code": "agreement.unknown", "reason": ["no"]}, 400), "agreement.unknown"),
    ],
)
async def test_a_transfer_that_is_refused_ends_at_once(
    hasty: Party, peer: ScriptedPeer, answer: Response, code: str
) -> None:
    agreement = (await keep_agreement(hasty, peer, Role.CONSUMER)).id
    peer.answers["transfers/request"] = lambda _: answer
    begun = await hasty.post("transfers", agreement=agreement)
    shown = await hasty.get(f"transfers/{begun['id']}", wait=10)
    assert (shown["state"], shown["code"]) == ("TERMINATED", code)
    # Another one may be asked for.
    assert (await hasty.post("transfers", agreement=agreement))["id"] != begun["id"]


async def test_a_started_transfer_rests_as_long_as_it_likes(
    hasty: Party, peer: ScriptedPeer
) -> None:
    agreement = (await keep_agreement(hasty, peer, Role.PROVIDER)).id
    peer.answers["transfers/{pid}/start"] = lambda _: Response()
    message: Json = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "TransferRequestMessage",
        "consumerPid": peer.pid,
        "agreementId": agreement,
        "format": "HttpData-PULL",
        "callbackAddress": peer.base,
    }
    theirs = (await peer.say(hasty, "transfers/request", message)).json()["providerPid"]
    await hasty.settled()
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5:
        await hasty.get("events", after=1_000_000, wait=0.3)
    assert (await hasty.get(f"transfers/{theirs}"))["state"] == "STARTED"


async def test_a_word_that_cannot_be_kept_is_not_taken(hasty: Party, peer: ScriptedPeer) -> None:
    """The provider refuses our verification, says it is final, under an id that is not free."""
    taken = await keep_agreement(hasty, peer, Role.CONSUMER)
    peer.answers[VERIFICATION] = lambda _: JSONResponse(
        {"code": "too.late", "reason": ["no"]}, status_code=400
    )
    peer.acknowledge(STATE, NegotiationState.FINALIZED)
    pid, request = await requested(hasty, peer)
    agreement = peer.agreement(request, hasty.id, **{"@id": taken.id})
    answer = await peer.say(hasty, f"negotiations/{pid}/agreement", agreement)
    assert answer.status_code == 200
    assert await ended(hasty, pid) == ("TERMINATED", "too.late", ["no"], "us")
    kept = await hasty.get(f"agreements/{taken.id}")
    assert kept["digest"] == taken.digest


# --- a provider that begins ------------------------------------------------------------------


def _offer(peer: ScriptedPeer, **changed: Any) -> Json:
    message = ContractOfferMessage(
        id=urn(),
        provider_pid=peer.pid,
        offer=Offer.read(OFFER | {"target": "roses"}),
        callback_address=peer.base,
    )
    context = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}
    return message.to_wire() | context | changed


async def test_an_offer_waits_for_the_owner(bank: Party, peer: ScriptedPeer) -> None:
    offer = _offer(peer)
    first, again = [await peer.say(bank, "negotiations/offers", offer) for _ in range(2)]
    assert (first.status_code, first.json()["state"]) == (201, "OFFERED")
    assert again.json() == first.json()
    refused = await peer.say(bank, "negotiations/offers", offer | {"note": "changed"})
    assert refused.status_code == 400
    pid = first.json()["consumerPid"]
    shown = await bank.negotiation(pid, wait=0)
    assert (shown["role"], shown["state"], shown["counterparty"]) == (
        "consumer",
        "OFFERED",
        peer.id,
    )
    peer.answers["negotiations/{pid}/events"] = lambda _: Response()
    assert (await bank.post(f"negotiations/{pid}/accept"))["state"] == "ACCEPTED"
    await bank.settled()
    (said,) = peer.bodies("negotiations/{pid}/events")
    assert (said["eventType"], said["consumerPid"]) == ("ACCEPTED", pid)
    peer.answers[VERIFICATION] = lambda _: Response()
    request = {"consumerPid": pid, "offer": offer["offer"]}
    answer = await peer.say(bank, f"negotiations/{pid}/agreement", peer.agreement(request, bank.id))
    assert (answer.status_code, answer.json()["state"]) in ((200, "AGREED"), (200, "VERIFIED"))


async def test_an_offer_that_nobody_takes_ends(hasty: Party, peer: ScriptedPeer) -> None:
    peer.answers["negotiations/{pid}/termination"] = lambda _: Response()
    answer = await peer.say(hasty, "negotiations/offers", _offer(peer))
    pid = answer.json()["consumerPid"]
    assert await ended(hasty, pid) == ("TERMINATED", "deadline", NO_ANSWER, "us")


async def test_an_offer_that_names_a_process_opens_none(bank: Party, peer: ScriptedPeer) -> None:
    before = bank.stored()
    offer = _offer(peer, consumerPid=urn())
    answer = await peer.say(bank, "negotiations/offers", offer)
    assert (answer.status_code, answer.json()["code"]) == (400, "negotiation.pid")
    assert bank.stored() == before


async def test_a_request_is_sent_to_where_the_provider_is(bank: Party, peer: ScriptedPeer) -> None:
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    pid = await ask(bank, peer)
    await bank.settled()
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", pid))
    assert known is not None
    assert (known.callback_address, known.provider_pid) == (peer.base, peer.pid)
