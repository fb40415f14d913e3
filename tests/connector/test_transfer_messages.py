"""Transfers: what is answered to the messages of a counterparty, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from tests.connector.party import Json, Party
from tests.connector.processes import keep_agreement, urn
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.dsp.messages import (
    TransferCompletionMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferState,
    TransferSuspensionMessage,
)
from trustspace.model.participant import Role
from trustspace.store import AgreementState

pytestmark = pytest.mark.anyio

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    """A consumer that takes everything and keeps it."""
    async with scripted_peer() as running:
        for endpoint in ("start", "termination", "suspension", "completion"):
            running.answers[f"transfers/{{pid}}/{endpoint}"] = lambda _: Response()
        yield running


async def _held(garden: Party, peer: ScriptedPeer, **changed: Any) -> str:
    row = await keep_agreement(garden, peer, Role.PROVIDER, **changed)
    return row.id


def _request(peer: ScriptedPeer, agreement: str, **changed: Any) -> Json:
    message = TransferRequestMessage(
        id=urn(),
        consumer_pid=peer.pid,
        agreement_id=agreement,
        format="HttpData-PULL",
        callback_address=peer.base,
    )
    return message.to_wire() | {"@context": CONTEXT} | changed


async def test_a_start_carries_an_address_and_a_token(garden: Party, peer: ScriptedPeer) -> None:
    agreement = await _held(garden, peer)
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement))
    assert answer.status_code == 201
    theirs = answer.json()["providerPid"]
    assert answer.json()["consumerPid"] == peer.pid
    await garden.settled()
    (said,) = peer.bodies("transfers/{pid}/start")
    address = said["dataAddress"]
    assert address["endpoint"] == garden.hosted.data_url(theirs)
    properties = {one["name"]: one["value"] for one in address["endpointProperties"]}
    assert properties["authType"] == "bearer"
    assert properties["refreshEndpoint"] == garden.hosted.refresh_url(theirs)
    token = properties["authorization"]
    # At rest the token is nowhere.
    assert token.rpartition(".")[2] not in repr(garden.stored())


async def test_a_repeated_request_is_started_again(garden: Party, peer: ScriptedPeer) -> None:
    agreement = await _held(garden, peer)
    request = _request(peer, agreement)
    first = await peer.say(garden, "transfers/request", request)
    await garden.settled()
    before = len(await garden.events())
    # A repeat needs no equal id: the specification makes the request idempotent by its pid.
    again = await peer.say(garden, "transfers/request", request | {"@id": urn()})
    assert (again.status_code, again.json()["state"]) == (201, "STARTED")
    assert again.json()["providerPid"] == first.json()["providerPid"]
    await garden.settled()
    assert len(peer.bodies("transfers/{pid}/start")) == 2
    assert len(await garden.events()) == before


FOREIGN: Json = {
    "@type": "DataAddress",
    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
    "endpoint": "http://127.0.0.1:9/sink",
}
VAULT: Json = FOREIGN | {
    "endpointProperties": [
        {"@type": "EndpointProperty", "name": "secretName", "value": "provider-key"}
    ]
}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"format": "Other"}, "transfer.format"),
        ({"format": "HttpData-PUSH"}, "sink.malformed"),
        (
            {
                "dataAddress": {
                    "@type": "DataAddress",
                    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                    "endpoint": "https://sink.example",
                }
            },
            "transfer.format",
        ),
        ({"format": "HttpData-PUSH", "dataAddress": FOREIGN}, "sink.foreign"),
        ({"format": "HttpData-PUSH", "dataAddress": VAULT}, "sink.secret"),
    ],
    ids=["format", "no sink", "pull to a sink", "foreign", "secret"],
)
async def test_another_way_of_delivery_is_refused(
    garden: Party, peer: ScriptedPeer, changed: Json, code: str
) -> None:
    agreement = await _held(garden, peer)
    before = garden.stored()
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement, **changed))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["@type"] == "TransferError"
    assert garden.stored() == before


async def test_an_agreement_with_others_is_unknown(
    garden: Party, bank: Party, peer: ScriptedPeer
) -> None:
    agreement = await bank.agree(garden)
    consumed = (await keep_agreement(garden, bank, Role.CONSUMER)).id
    before = garden.stored()
    for name in (agreement, consumed, "urn:uuid:none"):
        answer = await peer.say(garden, "transfers/request", _request(peer, name))
        assert (answer.status_code, answer.content) == (404, b"")
    assert garden.stored() == before


async def test_an_agreement_that_is_over_starts_nothing(garden: Party, peer: ScriptedPeer) -> None:
    """Time is judged when the transfer is asked for (N8)."""
    over = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    constraint = {
        "leftOperand": "dateTime",
        "operator": "lt",
        "rightOperand": {"@value": over, "@type": "xsd:dateTime"},
    }
    permission = [{"action": "use", "constraint": [constraint]}]
    agreement = await _held(garden, peer, permission=permission)
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement))
    assert answer.status_code == 201
    await garden.settled()
    (said,) = peer.bodies("transfers/{pid}/termination")
    assert said["reason"][0]["left"] == "odrl:dateTime"
    assert peer.bodies("transfers/{pid}/start") == []


async def test_a_place_must_be_attested_before_data_is_given(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "for-shanghai", {"spatial": "CN-SH"})
    agreement = await bank.agree(garden, "for-shanghai", purpose=None)
    refused = await bank.transfer(agreement)
    assert refused["state"] == "TERMINATED"
    assert refused["reasons"][0]["left"] == "odrl:spatial"
    did = bank.id.replace("%", "%25")
    for place, state in (("CN-BJ", "TERMINATED"), ("CN-SH", "STARTED")):
        answer = await garden.ask("PUT", f"counterparties/{did}", {"facts": {"spatial": place}})
        assert answer.status_code == 200
        assert (await bank.transfer(agreement))["state"] == state


async def test_a_consumer_resumes_only_what_is_paused(garden: Party, peer: ScriptedPeer) -> None:
    agreement = await _held(garden, peer)
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement))
    theirs = answer.json()["providerPid"]
    await garden.settled()
    before = garden.stored()
    start = TransferStartMessage(id=urn(), consumer_pid=peer.pid, provider_pid=theirs)
    refused = await peer.say(garden, f"transfers/{theirs}/start", start)
    assert (refused.status_code, refused.json()["code"]) == (400, "transfer.state")
    assert garden.stored() == before
    pause = TransferSuspensionMessage(id=urn(), consumer_pid=peer.pid, provider_pid=theirs)
    assert (await peer.say(garden, f"transfers/{theirs}/suspension", pause)).status_code == 200
    await garden.store.write(
        lambda tx: garden.connector.plane.agreed.end(
            tx,
            garden.connector.plane.agreed.get(tx, garden.hosted, agreement),
            AgreementState.REVOKED,
            reason="over",
            ended_by="us",
            now=datetime.now(UTC),
        )
    )
    refused = await peer.say(garden, f"transfers/{theirs}/start", start)
    assert (refused.status_code, refused.json()["code"]) == (400, "agreement.revoked")
    kept = await garden.store.read(lambda tx: tx.transfers.get("garden", theirs))
    assert kept is not None
    assert kept.state is TransferState.SUSPENDED


async def test_a_completion_is_accepted_once(garden: Party, peer: ScriptedPeer) -> None:
    agreement = await _held(garden, peer)
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement))
    theirs = answer.json()["providerPid"]
    await garden.settled()
    message = TransferCompletionMessage(id=urn(), consumer_pid=peer.pid, provider_pid=theirs)
    for _ in range(2):
        said = await peer.say(garden, f"transfers/{theirs}/completion", message)
        assert (said.status_code, said.json()["state"]) == (200, "COMPLETED")
    other = TransferCompletionMessage(id=urn(), consumer_pid=peer.pid, provider_pid=theirs)
    said = await peer.say(garden, f"transfers/{theirs}/completion", other)
    assert (said.status_code, said.json()["code"]) == (400, "transfer.state")


async def test_a_start_sent_again_resumes_nothing(bank: Party, peer: ScriptedPeer) -> None:
    """A restarted provider sends its start once more, with another token, after our suspension."""
    agreement = (await keep_agreement(bank, peer, Role.CONSUMER)).id
    peer.acknowledge("transfers/request", TransferState.REQUESTED)
    ours = (await bank.post("transfers", agreement=agreement))["id"]
    await bank.settled()

    def start(token: str) -> Json:
        entry = {"@type": "EndpointProperty", "name": "authorization", "value": token}
        address = {
            "@type": "DataAddress",
            "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "endpoint": f"{peer.url}/data",
            "endpointProperties": [entry],
        }
        message = TransferStartMessage(
            id="urn:uuid:start", consumer_pid=ours, provider_pid=peer.pid
        )
        return message.to_wire() | {"@context": CONTEXT, "dataAddress": address}

    answer = await peer.say(bank, f"transfers/{ours}/start", start("first"))
    assert (answer.status_code, answer.json()["state"]) == (200, "STARTED")
    assert (await bank.get(f"transfers/{ours}/edr"))["authorization"] == "Bearer first"
    assert "first" not in repr(bank.stored())
    peer.answers["transfers/{pid}/suspension"] = lambda _: Response(status_code=503)
    await bank.post(f"transfers/{ours}/suspend")
    answer = await peer.say(bank, f"transfers/{ours}/start", start("second"))
    assert (answer.status_code, answer.json()["state"]) == (200, "SUSPENDED")
    peer.answers["transfers/{pid}/suspension"] = lambda _: Response()
    await bank.settled()
    assert (await bank.get(f"transfers/{ours}"))["state"] == "SUSPENDED"
    # Another start is one.
    again = start("third") | {"@id": urn()}
    answer = await peer.say(bank, f"transfers/{ours}/start", again)
    assert (answer.status_code, answer.json()["state"]) == (200, "STARTED")
    assert (await bank.get(f"transfers/{ours}/edr"))["authorization"] == "Bearer third"
