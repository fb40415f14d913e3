"""The protocol's own paths: versions, documents, statuses, and URLs that no header can bend."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.processes import keep, messages_to, negotiation, transfer, urn

from trustspace.dsp.binding import ROUTES
from trustspace.dsp.messages import (
    CatalogRequestMessage,
    NegotiationState,
    TransferState,
)
from trustspace.dsp.wire import emit
from trustspace.identity.did import parse_document, service_endpoints
from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio

VERSIONS = ".well-known/dspace-version"


async def test_versions_are_told_to_everybody(garden: Party) -> None:
    root = await garden.voice.get(f"{garden.address}/{VERSIONS}")
    own = await garden.voice.get(f"{garden.address}/garden/{VERSIONS}")
    assert root.status_code == own.status_code == 200
    (entry,) = root.json()["protocolVersions"]
    assert entry == {
        "version": "2025-1",
        "path": "/garden/dsp/2025-1",
        "binding": "HTTPS",
        "serviceId": garden.id,
        "identifierType": "did:web",
        "auth": {"protocol": "did:web", "version": "1"},
        "profile": ["https://w3id.org/trustspace/ns#"],
    }
    (entry,) = own.json()["protocolVersions"]
    assert f"{garden.address}/garden{entry['path']}" == garden.hosted.dsp_url
    missing = await garden.voice.get(f"{garden.address}/nobody/{VERSIONS}")
    assert missing.status_code == 404


async def test_each_participant_has_an_entry_and_a_document(start: Start) -> None:
    garden = await start("garden")
    orchard = (await garden.owner.post("/v1/participants", json={"name": "orchard"})).json()
    answer = await garden.voice.get(f"{garden.address}/{VERSIONS}")
    assert [one["serviceId"] for one in answer.json()["protocolVersions"]] == [
        garden.id,
        orchard["id"],
    ]
    documents = []
    for name, did in (("garden", garden.id), ("orchard", orchard["id"])):
        found = await garden.voice.get(f"{garden.address}/{name}/did.json")
        document = parse_document(found.json(), did)
        assert f"{garden.address}/{name}/{VERSIONS}" in service_endpoints(document)
        documents.append(found.json()["verificationMethod"][0]["publicKeyJwk"])
    assert documents[0] != documents[1]
    assert "d" not in documents[0]
    assert (await garden.voice.get(f"{garden.address}/nobody/did.json")).status_code == 404
    # Both offer and agree under their own names.
    bank = await start("bank")
    file = garden.connector.home.path / "x.csv"
    await asyncio.to_thread(file.write_text, "a\n1\n")
    source = {"kind": "file", "path": str(file)}
    await garden.owner.put(
        "/v1/participants/orchard/datasets/apples", json={"source": source, "policy": {"count": 1}}
    )
    shown = await bank.post("catalog", address=orchard["id"])
    assert [one["id"] for one in shown["datasets"]] == ["apples"]
    # One's catalogue names the other's as nested in it; the datasets stay its own.
    shown = await bank.post("catalog", address=garden.id)
    assert [(one["id"], one["participant_id"]) for one in shown["datasets"]] == [
        ("apples", orchard["id"])
    ]
    ambiguous = await bank.ask("POST", "catalog", {"address": garden.address})
    assert (ambiguous.status_code, ambiguous.json()["code"]) == (422, "invalid")
    assert garden.id in ambiguous.json()["detail"]


# --- statuses --------------------------------------------------------------------------------


async def test_what_is_not_the_protocol_is_404_or_405(garden: Party, bank: Party) -> None:
    for path in ("nothing", "negotiations", "negotiations/x/y", "catalog", "transfers/x/agreement"):
        answer = await bank.say(garden, path)
        assert answer.status_code in (404, 405), path
    for route in ROUTES:
        path = route.path.format(pid="x", id="x")
        method = "PUT" if route.method == "POST" else "POST"
        answer = await bank.voice.request(method, f"{garden.hosted.dsp_url}/{path}", json={})
        assert answer.status_code == 405 if method == "PUT" else answer.status_code in (404, 405)


async def test_slashes_more_or_less_make_no_difference(garden: Party, bank: Party) -> None:
    for path in ("catalog/request/", "/catalog//request", "//catalog/request//"):
        answer = await bank.say(garden, path, CatalogRequestMessage())
        assert answer.status_code == 200, path


@pytest.mark.parametrize("state", NegotiationState)
async def test_refusals_of_negotiation_messages_have_the_prescribed_body(
    garden: Party, bank: Party, state: NegotiationState
) -> None:
    """Every message that is illegal now: 400, both pids, code and reason, nothing changed."""
    process = negotiation(garden, bank, Role.PROVIDER, state)
    await _illegal_are_refused(garden, bank, process, "ContractNegotiationError")


@pytest.mark.parametrize("state", TransferState)
async def test_refusals_of_transfer_messages_have_the_prescribed_body(
    garden: Party, bank: Party, state: TransferState
) -> None:
    process = transfer(bank, Role.PROVIDER, state)
    await _illegal_are_refused(garden, bank, process, "TransferError")


async def _illegal_are_refused(garden: Party, bank: Party, process: Any, kind: str) -> None:
    await keep(garden, process)
    before = garden.stored()
    for path, message in messages_to(process):
        if message is None or _is_legal(process, message):
            continue
        answer = await bank.say(garden, path.replace("{pid}", process.id), message)
        assert answer.status_code == 400, path
        body = answer.json()
        assert (body["@type"], body["code"]) == (kind, f"{process.kind}.state")
        assert body["reason"]
        assert body["consumerPid"]
        assert body["providerPid"]
    assert garden.stored() == before


def _is_legal(process: Any, message: Any) -> bool:
    try:
        process.receive(message, sender=process.role.other, now=process.updated_at)
    except Exception:  # noqa: BLE001 - whatever it is, it is illegal
        return False
    return True


# --- hosts (P12) -----------------------------------------------------------------------------

GAMES = [
    {"Host": "evil.example"},
    {"Host": "evil.example:80@localhost"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    {"Forwarded": "host=evil.example;proto=https"},
    {"X-Forwarded-Prefix": "/evil"},
]


@pytest.mark.parametrize("headers", GAMES)
async def test_no_header_bends_a_generated_url(
    garden: Party, bank: Party, headers: dict[str, str]
) -> None:
    message = emit(CatalogRequestMessage())
    for method, url, body in (
        ("GET", f"{garden.address}/{VERSIONS}", None),
        ("GET", f"{garden.address}/garden/{VERSIONS}", None),
        ("GET", f"{garden.address}/garden/did.json", None),
        ("POST", f"{garden.hosted.dsp_url}/catalog/request", message),
        ("GET", f"{garden.hosted.dsp_url}/catalog/datasets/roses", None),
    ):
        found = []
        for more in ({}, headers):
            said = more | {"Authorization": bank.token(garden.id)}
            answer = await bank.voice.request(method, url, json=body, headers=said)
            assert answer.status_code == 200
            found.append((answer.content, answer.headers.get("link")))
        assert found[0] == found[1]


async def test_no_path_is_redirected(garden: Party, bank: Party) -> None:
    """A redirect would have to name a host, and only the request names one."""
    for path in ("catalog/datasets", "catalog/datasets/", "catalog/datasets//"):
        answer = await bank.say(garden, path, headers={"Host": "evil.example"})
        assert answer.status_code == 404, path
        assert "location" not in answer.headers
    for path in ("/v1/participants/", "/v1/participants/garden/datasets/"):
        answer = await garden.owner.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/{path}",
        "http://evil.example@localhost/{path}",
        "//evil.example/{path}",
        "/@evil.example/{path}",
        "/{path}@evil.example",
        "/\\evil.example/{path}",
        "/%2e%2e/{path}",
    ],
)
async def test_no_target_bends_a_generated_url(garden: Party, target: str) -> None:
    port = urlsplit(garden.address).port
    path = f"garden/{VERSIONS}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    line = f"GET {target.format(path=path)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    writer.write(line.encode())
    answer = await reader.read()
    writer.close()
    assert b"evil" not in answer
    assert answer.split()[1] in (b"200", b"400", b"404")


# --- pids of refusals ------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_a_party_is_told_both_pids_of_its_process(
    garden: Party, bank: Party, role: Role
) -> None:
    process = negotiation(garden, bank, role, NegotiationState.FINALIZED)
    await keep(garden, process)
    message = next(one for path, one in messages_to(process) if path.endswith("termination"))
    bodies: tuple[Any, ...] = (message, {"@context": []}, {"consumerPid": "urn:other"})
    for said in bodies:
        answer = await bank.say(garden, f"negotiations/{process.id}/termination", said)
        assert answer.status_code == 400
        told = answer.json()["consumerPid"], answer.json()["providerPid"]
        assert told == (process.consumer_pid, process.provider_pid)


async def test_an_unreadable_message_shows_nobody_whether_a_process_is_there(
    garden: Party, bank: Party, mallory: Party
) -> None:
    process = negotiation(garden, bank, Role.PROVIDER, NegotiationState.AGREED)
    await keep(garden, process)
    bodies: tuple[Any, ...] = ({"@context": []}, {"consumerPid": process.consumer_pid})
    for said in bodies:
        found = []
        for pid in (process.id, urn()):
            answer = await mallory.say(garden, f"negotiations/{pid}/termination", said)
            assert answer.status_code == 400
            assert answer.json()["providerPid"] == pid
            found.append(answer.text.replace(pid, "pid"))
        assert found[0] == found[1]


async def test_a_refused_opening_repeats_the_senders_pid_and_makes_the_other(
    garden: Party, bank: Party
) -> None:
    answer = await bank.say(garden, "negotiations/request", {"consumerPid": "urn:mine"})
    assert answer.status_code == 400
    assert answer.json()["consumerPid"] == "urn:mine"
    assert answer.json()["providerPid"].startswith("urn:uuid:")


@pytest.mark.parametrize("pid", ["%00", "%0A", "a%7F", "x" * 3_000, "%ED%A0%80", "%FF"])
@pytest.mark.parametrize("kind", ["negotiations", "transfers"])
async def test_a_pid_that_can_be_none_is_refused_in_order(
    garden: Party, bank: Party, kind: str, pid: str
) -> None:
    for said in ({"consumerPid": "\x00"}, {"providerPid": 1}, {}):
        answer = await bank.say(garden, f"{kind}/{pid}/termination", said)
        assert answer.status_code == 400
        for name in ("consumerPid", "providerPid"):
            assert answer.json()[name].isprintable()
