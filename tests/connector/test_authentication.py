"""Tokens of participants: each proves one sender to one receiver, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.connector.party import Party, party
from tests.connector.processes import urn
from tests.connector.scripted_peer import scripted_peer

from trustspace.dsp.messages import (
    CatalogRequestMessage,
    ContractRequestMessage,
    TransferRequestMessage,
)
from trustspace.dsp.wire import emit
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue
from trustspace.model.odrl import Offer

pytestmark = pytest.mark.anyio

GOOD = 200
COPIES = 50


async def _ask(garden: Party, sender: Party, token: str | None) -> int:
    """Ask for the catalogue with a token, or without; what is wrong with it is never told."""
    headers = {} if token is None else {"Authorization": token}
    url = f"{garden.hosted.dsp_url}/catalog/request"
    answer = await sender.voice.post(url, json=emit(CatalogRequestMessage()), headers=headers)
    if answer.status_code != GOOD:
        assert answer.json() == {
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
            "@type": "CatalogError",
            "code": "unauthorized",
            "reason": ["the sender could not be identified"],
        }
    return answer.status_code


async def _refused(garden: Party, sender: Party, token: str | None) -> None:
    """401 at the catalogue, 404 without a body at a process, nothing stored."""
    before = garden.stored()
    assert await _ask(garden, sender, token) == 401
    headers = {} if token is None else {"Authorization": token}
    for path in ("negotiations/urn:uuid:1", "transfers/urn:uuid:1"):
        answer = await sender.voice.get(f"{garden.hosted.dsp_url}/{path}", headers=headers)
        assert (answer.status_code, answer.content) == (404, b"")
    for path in ("negotiations/request", "transfers/request"):
        answer = await sender.voice.post(
            f"{garden.hosted.dsp_url}/{path}", content=b"{", headers=headers
        )
        assert (answer.status_code, answer.content) == (404, b"")
    assert garden.stored() == before


async def test_a_token_proves_its_sender(garden: Party, bank: Party) -> None:
    assert await _ask(garden, bank, bank.token(garden.id)) == GOOD


@pytest.mark.parametrize(
    "token", [None, "", "Bearer", "Bearer x", "Basic YTpi", '{"clientId": "did:web:a"}']
)
async def test_something_else_than_a_token_proves_nothing(
    garden: Party, bank: Party, token: str | None
) -> None:
    await _refused(garden, bank, token)


@pytest.mark.parametrize(
    ("moved", "lifetime", "is_accepted"),
    [
        (timedelta(seconds=-20), timedelta(minutes=5), True),
        (timedelta(seconds=20), timedelta(minutes=5), True),
        (timedelta(seconds=60), timedelta(minutes=5), False),
        (timedelta(minutes=-6), timedelta(minutes=5), False),
        (timedelta(seconds=-35), timedelta(seconds=1), False),
    ],
    ids=["issued before", "clock ahead", "too far ahead", "expired", "short and expired"],
)
async def test_a_token_has_its_time(
    garden: Party, bank: Party, moved: timedelta, lifetime: timedelta, *, is_accepted: bool
) -> None:
    token = bank.token(garden.id, now=datetime.now(UTC) + moved, lifetime=lifetime)
    if is_accepted:
        assert await _ask(garden, bank, token) == GOOD
    else:
        await _refused(garden, bank, token)


@pytest.mark.parametrize("audience", ["did:web:localhost:garden", "", "*", "self", "address"])
async def test_a_token_for_somebody_else_is_none(garden: Party, bank: Party, audience: str) -> None:
    whom = {"self": bank.id, "address": garden.address}.get(audience, audience)
    await _refused(garden, bank, bank.token(whom))


async def test_a_token_for_one_participant_opens_no_path_of_another(
    mallory: Party, bank: Party
) -> None:
    """Two participants of one connector have one address and two identities (J9)."""
    answer = await mallory.owner.post("/v1/participants", json={"name": "orchard"})
    orchard = answer.json()
    headers = {"Authorization": bank.token(mallory.id)}
    message = emit(CatalogRequestMessage())
    answer = await bank.voice.post(
        f"{orchard['dsp']}/catalog/request", json=message, headers=headers
    )
    assert answer.status_code == 401
    # It has not been used up by that.
    assert await _ask(mallory, bank, headers["Authorization"]) == GOOD


async def test_a_key_that_is_not_in_the_document_proves_nothing(
    garden: Party, bank: Party, mallory: Party
) -> None:
    now = datetime.now(UTC)
    for key in (SigningKey.generate(), mallory.hosted.key):
        forged = issue(key, issuer=bank.id, audience=garden.id, now=now)
        await _refused(garden, mallory, bearer_header(forged))


async def test_a_participant_whose_document_cannot_be_had_is_nobody(
    garden: Party, bank: Party
) -> None:
    async with scripted_peer() as peer:
        token = peer.token(garden.id)
    await _refused(garden, bank, token)


async def test_a_participant_that_is_not_hosted_answers_nobody(garden: Party, bank: Party) -> None:
    url = garden.hosted.dsp_url.replace("/garden/", "/nobody/")
    headers = {"Authorization": bank.token(garden.id)}
    answer = await bank.voice.get(f"{url}/negotiations/urn:uuid:1", headers=headers)
    assert (answer.status_code, answer.content) == (404, b"")


# --- once (J8) -------------------------------------------------------------------------------


async def _open(garden: Party, bank: Party, token: str, pid: str) -> int:
    offer = (await garden.get("datasets/roses"))["policy"] | {"target": "roses"}
    message = ContractRequestMessage(
        id=urn(),
        consumer_pid=pid,
        offer=Offer.read(offer),
        callback_address=bank.hosted.dsp_url,
    )
    return (await bank.say(garden, "negotiations/request", message, token=token)).status_code


async def test_a_token_opens_once(garden: Party, bank: Party) -> None:
    token = bank.token(garden.id)
    assert await _ask(garden, bank, token) == 200
    assert await _ask(garden, bank, token) == 401
    answer = await bank.say(garden, "negotiations/urn:uuid:1", token=token)
    assert (answer.status_code, answer.content) == (404, b"")
    assert await _open(garden, bank, token, urn()) == 404
    token = bank.token(garden.id)
    assert await _open(garden, bank, token, urn()) == 201
    await garden.settled()
    before = garden.stored()
    assert await _open(garden, bank, token, urn()) == 404
    assert garden.stored() == before


async def test_of_fifty_copies_at_once_exactly_one_acts(garden: Party, bank: Party) -> None:
    token = bank.token(garden.id)
    pids = [urn() for _ in range(COPIES)]
    found = await asyncio.gather(*(_open(garden, bank, token, pid) for pid in pids))
    assert sorted(found) == [201] + [404] * (COPIES - 1)
    page = await garden.store.read(lambda tx: tx.negotiations.list("garden", limit=1000))
    assert len([one for one in page.items if one.consumer_pid in pids]) == 1
    await garden.settled()


async def test_of_fifty_copies_at_once_exactly_one_reads(garden: Party, bank: Party) -> None:
    token = bank.token(garden.id)
    found = await asyncio.gather(*(_ask(garden, bank, token) for _ in range(COPIES)))
    assert sorted(found) == [200] + [401] * (COPIES - 1)


async def test_a_used_token_stays_used_over_a_restart(tmp_path: Path, bank: Party) -> None:
    async with party(tmp_path / "orchard", "orchard") as orchard:
        token = bank.token(orchard.id)
        assert await _ask(orchard, bank, token) == 200
    async with party(tmp_path / "orchard", "orchard") as orchard:
        assert await _ask(orchard, bank, token) == 401
        assert await _ask(orchard, bank, bank.token(orchard.id)) == 200


async def test_a_refused_message_does_not_use_its_token_up(garden: Party, bank: Party) -> None:
    token = bank.token(garden.id)
    answer = await bank.say(garden, "negotiations/urn:uuid:1", token=token)
    assert answer.status_code == 404
    assert await _ask(garden, bank, token) == 200


# --- callbacks (S9) --------------------------------------------------------------------------

FOREIGN = {
    "another host": "http://attacker.example/dsp",
    "another port": "http://localhost:1/dsp",
    "another scheme": "https://{host}:{port}/bank/dsp",
    "a look-alike": "http://{host}.attacker.example:{port}/dsp",
    "a user name": "http://{host}:{port}@attacker.example/dsp",
    "the metadata service": "http://169.254.169.254/latest",
    "a file": "file:///etc/passwd",
    "no URL": "nowhere",
    "no port": "http://{host}:port/dsp",
}


def _opening(kind: str, callback: str) -> Any:
    if kind == "transfers/request":
        return TransferRequestMessage(
            consumer_pid=urn(),
            agreement_id=urn(),
            format="HttpData-PULL",
            callback_address=callback,
        )
    offer = {
        "@id": urn(),
        "@type": "Offer",
        "target": "roses",
        "permission": [{"action": "use"}],
    }
    pid = "consumerPid" if kind == "negotiations/request" else "providerPid"
    kind = "ContractRequestMessage" if pid == "consumerPid" else "ContractOfferMessage"
    return {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": kind,
        pid: urn(),
        "offer": offer,
        "callbackAddress": callback,
    }


@pytest.mark.parametrize(
    "endpoint", ["negotiations/request", "negotiations/offers", "transfers/request"]
)
@pytest.mark.parametrize("name", FOREIGN)
async def test_a_foreign_callback_is_refused(
    garden: Party, bank: Party, name: str, endpoint: str
) -> None:
    host, _, port = bank.address.removeprefix("http://").partition(":")
    callback = FOREIGN[name].format(host=host, port=port)
    before = garden.stored()
    answer = await bank.say(garden, endpoint, _opening(endpoint, callback))
    assert answer.status_code == 400
    assert answer.json()["code"] == "callback.foreign"
    assert garden.stored() == before


async def test_a_later_message_cannot_move_the_callback(garden: Party, bank: Party) -> None:
    ended = await bank.negotiate(garden)
    known = await bank.store.read(lambda tx: tx.negotiations.get("bank", ended["id"]))
    assert known is not None
    theirs = known.provider_pid or ""
    message = _opening("negotiations/request", bank.hosted.dsp_url)
    message |= {
        "consumerPid": known.consumer_pid,
        "providerPid": theirs,
        "callbackAddress": "http://localhost:1/dsp",
    }
    answer = await bank.say(garden, f"negotiations/{theirs}/request", message)
    assert answer.status_code == 400
    kept = await garden.store.read(lambda tx: tx.negotiations.get("garden", theirs))
    assert kept is not None
    assert kept.callback_address == bank.hosted.dsp_url
