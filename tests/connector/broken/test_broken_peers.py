"""Counterparties that break while we call them: an end in order, with a reason, and nothing told.

Whatever is answered instead of the proper answer, our owner hears what was expected and found, no
process is left behind in the middle, nothing is followed, and nothing of it is read without bound.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.connector.broken.breakages import BREAKAGES, MARKER, says
from tests.connector.broken.raw_peer import (
    CATALOG,
    DATASET,
    DOCUMENT,
    RENEWAL,
    REQUEST,
    TRANSFER,
    VERSIONS,
    RawPeer,
    answer,
    raw_peer,
)
from tests.connector.party import Json, Party, party
from tests.connector.processes import keep, keep_agreement, transfer, urn

from trustspace.dsp.messages import TransferState
from trustspace.identity.did import Service, build_document
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue
from trustspace.model.data_address import DataAddress
from trustspace.model.participant import Role

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

SHORT = """
[exchange]
answer_seconds = 1
deadline_seconds = 1
sweep_seconds = 0.1
"""
MAX_SECONDS = 15.0
"""Many times what an end takes, for machines that have other things to do."""

SAID_OF_JSON = {"HTML", "HTML called JSON", "members twice", "deep JSON", "not UTF-8"}
"""Breakages of which the owner hears that JSON was expected, where, and what was found."""

CODES = {"counterparty.refused", "counterparty.malformed", "counterparty.identity", "unreachable"}


@pytest.fixture(scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Party]:
    """A connector that has little patience."""
    folder: Path = tmp_path_factory.mktemp("broken")
    async with party(folder / "bank", "bank", settings=SHORT) as running:
        yield running


@pytest.fixture
async def peer() -> AsyncIterator[RawPeer]:
    async with raw_peer() as running:
        yield running


# --- what we ask ---------------------------------------------------------------------------------

Ask = Callable[[Party, RawPeer], Awaitable[httpx.Response]]


async def _catalog(us: Party, peer: RawPeer) -> httpx.Response:
    return await us.ask("POST", "catalog", {"address": peer.url})


async def _catalog_by_did(us: Party, peer: RawPeer) -> httpx.Response:
    return await us.ask("POST", "catalog", {"address": peer.id})


async def _negotiate(us: Party, peer: RawPeer) -> httpx.Response:
    order = {"address": peer.url, "dataset": "roses", "purpose": "research"}
    return await us.ask("POST", "negotiations", order)


async def _renew(us: Party, peer: RawPeer) -> httpx.Response:
    agreement = await keep_agreement(us, peer, Role.CONSUMER)  # type: ignore[arg-type]
    address = DataAddress.read(
        {
            "@type": "DataAddress",
            "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "endpoint": f"{peer.url}/data",
            "endpointProperties": [
                {
                    "@type": "EndpointProperty",
                    "name": "refreshEndpoint",
                    "value": f"{peer.url}/{RENEWAL}",
                }
            ],
        }
    )
    begun = transfer(peer, Role.CONSUMER, TransferState.STARTED, agreement.id)  # type: ignore[arg-type]
    begun = begun.model_copy(update={"data_address": address})
    await keep(us, begun)
    return await us.ask("GET", f"transfers/{begun.id}/edr?fresh=true")


ASKED: dict[str, tuple[str, Ask]] = {
    "version document": (VERSIONS, _catalog),
    "DID document": (DOCUMENT, _catalog),
    "DID document of a DID": (DOCUMENT, _catalog_by_did),
    "catalogue": (CATALOG, _catalog),
    "dataset": (DATASET, _negotiate),
    "token": (RENEWAL, _renew),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_a_peer_in_order_is_understood(bank: Party, peer: RawPeer, asked: str) -> None:
    _, ask = ASKED[asked]
    found = await ask(bank, peer)
    assert found.status_code in (200, 201), found.text


@pytest.mark.parametrize("how", BREAKAGES)
@pytest.mark.parametrize("asked", ASKED)
async def test_a_broken_answer_is_the_counterpartys_fault(
    bank: Party, peer: RawPeer, asked: str, how: str
) -> None:
    endpoint, ask = ASKED[asked]
    peer.broken[endpoint] = BREAKAGES[how]
    before = _processes(bank)
    begun = time.monotonic()
    found = await ask(bank, peer)
    assert time.monotonic() - begun < MAX_SECONDS
    assert found.status_code in (502, 504), found.text
    body = found.json()
    assert body["code"] in CODES
    assert len(body["detail"]) > 15
    if how in SAID_OF_JSON:
        assert "expected JSON" in body["detail"]
        assert peer.url in body["detail"]
    if "redirect" in how:
        assert "answered 30" in body["detail"]
    _tells_nothing(found.text)
    assert peer.asked(endpoint) == 1
    negotiations, transfers = before
    kept = 1 if asked == "token" else 0  # What the token is of.
    assert _processes(bank) == (negotiations + kept, transfers + kept)


def _processes(us: Party) -> tuple[int, int]:
    """Return how many there are; those of earlier cases may still be ending."""
    stored = us.stored()
    return len(stored["negotiations"]), len(stored["transfers"])


def _tells_nothing(text: str) -> None:
    for private in (MARKER, "Traceback", "site-packages", "Bearer ", "<script", 'File "'):
        assert private not in text, text


# --- what we tell --------------------------------------------------------------------------------


async def _ended(us: Party, kind: str, pid: str) -> Json:
    shown: Json = await us.get(f"{kind}/{pid}", wait=MAX_SECONDS)
    if shown["state"] == "REQUESTED":
        shown = await us.get(f"{kind}/{pid}", wait=MAX_SECONDS)
    return shown


@pytest.mark.parametrize("how", BREAKAGES)
async def test_a_broken_acknowledgement_ends_a_negotiation_in_order(
    bank: Party, peer: RawPeer, how: str
) -> None:
    peer.broken[REQUEST] = BREAKAGES[how]
    begun = await _negotiate(bank, peer)
    assert begun.status_code == 201, begun.text
    await _is_ended_in_order(bank, "negotiations", begun.json()["id"])


@pytest.mark.parametrize("how", BREAKAGES)
async def test_a_broken_acknowledgement_ends_a_transfer_in_order(
    bank: Party, peer: RawPeer, how: str
) -> None:
    agreement = await keep_agreement(bank, peer, Role.CONSUMER)  # type: ignore[arg-type]
    peer.broken[TRANSFER] = BREAKAGES[how]
    begun = await bank.post("transfers", agreement=agreement.id)
    await _is_ended_in_order(bank, "transfers", begun["id"])


async def _is_ended_in_order(us: Party, kind: str, pid: str) -> None:
    shown = await _ended(us, kind, pid)
    assert shown["state"] == "TERMINATED", shown
    assert shown["code"] in {"deadline", "unreachable", "counterparty.refused"}, shown
    assert shown["reasons"]
    assert shown.get("ended_by", "us") == "us"
    explained = await us.get(f"explain/{pid}")
    assert explained["sentences"]
    _tells_nothing(json.dumps([shown, explained]))
    await us.settled()


# --- acknowledgements of something else ----------------------------------------------------------

WRONG_PIDS: dict[str, Json] = {
    "another process of ours": {"consumerPid": "urn:uuid:00000000-0000-4000-8000-000000000000"},
    "controls": {"providerPid": "urn:uuid:\x00\n"},
    "a list": {"providerPid": ["a", "b"]},
    "an endless one": {"providerPid": "x" * 100_000},
}


@pytest.mark.parametrize("kind", ["negotiations", "transfers"])
@pytest.mark.parametrize("which", WRONG_PIDS)
async def test_a_wrong_pid_is_not_believed(
    bank: Party, peer: RawPeer, which: str, kind: str
) -> None:
    async def say(own: RawPeer, writer: Any) -> None:
        told = json.loads(own.heard[-1][2])
        endpoint = own.heard[-1][0]
        body = own.acknowledgement(endpoint, told) | WRONG_PIDS[which]
        await says(answer(body, status=201))(own, writer)

    if kind == "negotiations":
        peer.broken[REQUEST] = say
        pid = (await _negotiate(bank, peer)).json()["id"]
    else:
        peer.broken[TRANSFER] = say
        agreement = await keep_agreement(bank, peer, Role.CONSUMER)  # type: ignore[arg-type]
        pid = (await bank.post("transfers", agreement=agreement.id))["id"]
    shown = await _ended(bank, kind, pid)
    assert shown["state"] == "TERMINATED"
    assert shown["code"] in ("deadline", f"{kind.removesuffix('s')}.pid")
    process: Any = await bank.store.read(lambda tx: getattr(tx, kind).get(bank.name, pid))
    assert process.peer_pid is None


# --- whose document ------------------------------------------------------------------------------


def _document(peer: RawPeer, **changed: Any) -> Json:
    services = [Service.of(peer.id, "DataService", f"{peer.url}/{VERSIONS}")]
    return build_document(peer.id, peer.key, services).to_wire() | changed


DOCUMENTS: dict[str, Callable[[RawPeer], Json]] = {
    "somebody else's": lambda _: build_document(
        "did:web:attacker.example", SigningKey.generate(), []
    ).to_wire(),
    "under another id": lambda peer: _document(peer, id="did:web:attacker.example"),
    "another key": lambda peer: build_document(peer.id, SigningKey.generate(), []).to_wire(),
    "no key": lambda peer: _document(peer, verificationMethod=[], authentication=[]),
    "keys that are none": lambda peer: _document(peer, verificationMethod=[{"id": "x"}, 1]),
    "nothing": lambda _: {},
}


async def _message(us: Party, peer: RawPeer) -> tuple[httpx.Response, httpx.Response]:
    """Have the peer speak to us, whose document we look up."""
    answers = []
    for path in (f"negotiations/{urn()}", "catalog/datasets/roses"):
        token = issue(peer.key, issuer=peer.id, audience=us.id, now=datetime.now(UTC))
        headers = {"Authorization": bearer_header(token)}
        answers.append(await us.voice.get(f"{us.hosted.dsp_url}/{path}", headers=headers))
    return answers[0], answers[1]


@pytest.mark.parametrize("which", DOCUMENTS)
async def test_a_document_that_is_not_the_senders_identifies_nobody(
    bank: Party, peer: RawPeer, which: str
) -> None:
    peer.broken[DOCUMENT] = says(answer(DOCUMENTS[which](peer)))
    before = bank.stored()
    private, catalogue = await _message(bank, peer)
    assert (private.status_code, private.content) == (404, b"")
    assert catalogue.status_code == 401
    assert catalogue.json()["reason"] == ["the sender could not be identified"]
    assert bank.stored() == before
    if which not in ("another key", "no key"):  # To call it we need no key.
        found = await _catalog_by_did(bank, peer)
        assert found.json()["code"] in CODES


@pytest.mark.parametrize("how", BREAKAGES)
async def test_a_document_that_cannot_be_read_identifies_nobody(
    bank: Party, peer: RawPeer, how: str
) -> None:
    peer.broken[DOCUMENT] = BREAKAGES[how]
    begun = time.monotonic()
    private, catalogue = await _message(bank, peer)
    assert time.monotonic() - begun < MAX_SECONDS
    assert (private.status_code, private.content) == (404, b"")
    assert catalogue.status_code == 401
    assert catalogue.json()["reason"] == ["the sender could not be identified"]
    # A failure is remembered for a moment: whoever names a slow host makes us call it once.
    assert peer.asked(DOCUMENT) == 1
