"""Transfers: requested, started, paused and ended by either side, and never after the agreement."""

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
)
from trustspace.model.participant import Role
from trustspace.store import AgreementState

pytestmark = pytest.mark.anyio

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


@pytest.fixture
async def running(garden: Party, bank: Party) -> tuple[str, str, str]:
    """An agreement and a started transfer over it: its id, the bank's pid, the garden's pid."""
    agreement = await bank.agree(garden)
    shown = await bank.transfer(agreement)
    assert shown["state"] == "STARTED"
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", shown["id"]))
    assert known is not None
    await bank.settled()
    await garden.settled()
    return agreement, known.id, known.provider_pid or ""


def _states(events: Any, pid: str) -> list[str]:
    return [event.kind for event in events if event.body.get("transfer") == pid]


async def test_a_request_is_started(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    shown = await bank.get(f"transfers/{ours}")
    assert (shown["role"], shown["counterparty"]) == ("consumer", garden.id)
    assert (shown["agreement"], shown["dataset"]) == (agreement, "roses")
    other = await garden.get(f"transfers/{theirs}")
    assert (other["role"], other["counterparty"], other["state"]) == (
        "provider",
        bank.id,
        "STARTED",
    )
    for party, pid in ((bank, ours), (garden, theirs)):
        assert _states(await party.events(), pid) == ["transfer.requested", "transfer.started"]


async def test_a_running_transfer_is_used_again(bank: Party, running: tuple[str, str, str]) -> None:
    agreement, ours, _ = running
    again = await bank.post("transfers", agreement=agreement)
    assert again["id"] == ours
    await bank.post(f"transfers/{ours}/terminate")
    assert (await bank.post("transfers", agreement=agreement))["id"] != ours


async def test_another_transfer_may_run_beside_a_running_one(
    bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, _ = running
    hosted, now = bank.hosted, datetime.now(UTC)
    steps = bank.connector.plane.transfers
    beside = await bank.store.write(
        lambda tx: steps.request(
            tx, hosted, agreement, format_="HttpData-PULL", now=now, another=True
        )
    )
    assert beside.id != ours
    await bank.until(f"transfers/{beside.id}", "STARTED")
    assert (await bank.get(f"transfers/{ours}"))["state"] == "STARTED"


@pytest.mark.parametrize("first", ["consumer", "provider"])
@pytest.mark.parametrize("then", ["consumer", "provider"])
async def test_either_side_pauses_and_either_side_resumes(
    garden: Party, bank: Party, running: tuple[str, str, str], first: str, then: str
) -> None:
    _, ours, theirs = running
    sides = {"consumer": (bank, ours), "provider": (garden, theirs)}
    party, pid = sides[first]
    shown = await party.post(f"transfers/{pid}/suspend", reason="lunch")
    assert (shown["state"], shown["code"], shown["reasons"]) == ("SUSPENDED", "owner", ["lunch"])
    for one, own in sides.values():
        paused = await one.until(f"transfers/{own}", "SUSPENDED")
        assert paused["reasons"] == ["lunch"]
    refused = await bank.ask("GET", f"transfers/{ours}/edr")
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer.suspended")

    party, pid = sides[then]
    shown = await party.post(f"transfers/{pid}/resume")
    assert (shown["state"], shown["code"], shown["reasons"]) == ("STARTED", None, [])
    for one, own in sides.values():
        await one.until(f"transfers/{own}", "STARTED")
    assert (await bank.get(f"transfers/{ours}/edr"))["endpoint"].startswith(garden.address)


@pytest.mark.parametrize("side", ["consumer", "provider"])
@pytest.mark.parametrize(
    ("step", "state"), [("complete", "COMPLETED"), ("terminate", "TERMINATED")]
)
async def test_either_side_ends_it_for_good(
    garden: Party,
    bank: Party,
    running: tuple[str, str, str],
    side: str,
    step: str,
    state: str,
) -> None:
    _, ours, theirs = running
    party, pid = (bank, ours) if side == "consumer" else (garden, theirs)
    shown = await party.post(f"transfers/{pid}/{step}", reason="enough")
    assert shown["state"] == state
    await bank.until(f"transfers/{ours}", state)
    await garden.until(f"transfers/{theirs}", state)
    await bank.settled()
    await garden.settled()
    before = bank.stored(), garden.stored()
    for again in ("suspend", "resume", "complete", "terminate"):
        for one, own in ((bank, ours), (garden, theirs)):
            answer = await one.ask("POST", f"transfers/{own}/{again}", {})
            assert (answer.status_code, answer.json()["code"]) == (409, "transfer.state")
    assert (bank.stored(), garden.stored()) == before
    refused = await bank.ask("GET", f"transfers/{ours}/edr")
    assert (refused.status_code, refused.json()["code"]) == (409, f"transfer.{state.lower()}")


async def test_a_revocation_ends_everything_on_both_sides(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    shown = await garden.post(f"agreements/{agreement}/revoke", reason="the study has ended")
    assert (shown["state"], shown["reason"]) == ("REVOKED", "the study has ended")
    assert (await garden.get(f"transfers/{theirs}"))["state"] == "TERMINATED"
    ended = await bank.until(f"transfers/{ours}", "TERMINATED")
    assert (ended["code"], ended["reasons"]) == ("agreement.revoked", ["the study has ended"])
    seen = await bank.get(f"agreements/{agreement}")
    assert (seen["state"], seen["reason"]) == ("REVOKED", "the study has ended")
    for party in (bank, garden):
        kinds = [e.kind for e in await party.events() if e.body.get("agreement") == agreement]
        assert kinds.count("agreement.revoked") == 1
        explained = await party.get(f"explain/{agreement}")
        assert explained["outcome"] == "REVOKED"
        assert "the study has ended" in explained["sentences"][0]
    # Revoking again changes nothing, and nothing starts any more.
    before = garden.stored()
    again = await garden.post(f"agreements/{agreement}/revoke", reason="another")
    assert again["reason"] == "the study has ended"
    assert garden.stored() == before
    asked = await bank.ask("POST", "transfers", {"agreement": agreement})
    assert (asked.status_code, asked.json()["code"]) == (403, "agreement.revoked")
    assert asked.json()["reasons"][0]["id"] == "agreement.not_active"


async def test_a_consumer_may_give_its_agreement_up(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, _, theirs = running
    shown = await bank.post(f"agreements/{agreement}/revoke", reason="no need")
    assert shown["state"] == "REVOKED"
    assert (await garden.until(f"transfers/{theirs}", "TERMINATED"))["code"] == "agreement.revoked"


async def test_a_revocation_without_a_transfer_is_learnt_when_asking(
    garden: Party, bank: Party
) -> None:
    """The consumer does not know yet; its request is answered and ended with the reason."""
    agreement = await bank.agree(garden)
    await garden.post(f"agreements/{agreement}/revoke", reason="over")
    shown = await bank.transfer(agreement)
    assert (shown["state"], shown["code"]) == ("TERMINATED", "agreement.revoked")
    assert shown["reasons"]
    assert (await bank.get(f"agreements/{agreement}"))["state"] == "REVOKED"
    assert (await bank.get(f"explain/{shown['id']}"))["sentences"]


async def test_a_paused_transfer_is_not_resumed_after_the_agreement(
    garden: Party, bank: Party, running: tuple[str, str, str]
) -> None:
    agreement, ours, theirs = running
    await garden.post(f"transfers/{theirs}/suspend")
    await bank.until(f"transfers/{ours}", "SUSPENDED")
    await garden.post(f"agreements/{agreement}/revoke")
    assert (await bank.until(f"transfers/{ours}", "TERMINATED"))["code"] == "agreement.revoked"


async def test_only_the_consumer_asks_for_data(garden: Party, bank: Party) -> None:
    agreement = await bank.agree(garden)
    before = garden.stored()
    asked = await garden.ask("POST", "transfers", {"agreement": agreement})
    assert (asked.status_code, asked.json()["code"]) == (409, "transfer.role")
    asked = await bank.ask("POST", "transfers", {"agreement": agreement, "format": "HttpData-PUSH"})
    assert (asked.status_code, asked.json()["code"]) == (409, "transfer.format")
    asked = await bank.ask("POST", "transfers", {"agreement": "urn:uuid:none"})
    assert (asked.status_code, asked.json()["code"]) == (404, "not_found")
    assert garden.stored() == before


# --- what the provider is asked over the wire ------------------------------------------------


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    """A consumer that takes everything and keeps it."""
    async with scripted_peer() as running:
        for endpoint in ("start", "termination", "suspension", "completion"):
            running.answers[f"transfers/{{pid}}/{endpoint}"] = lambda _: Response()
        yield running


class _As:
    """A scripted peer where a party is expected: only its identity and address are looked at."""

    def __init__(self, peer: ScriptedPeer) -> None:
        self.id = peer.id
        self.hosted = self
        self.dsp_url = peer.base


async def _held(garden: Party, peer: ScriptedPeer, **changed: Any) -> str:
    row = await keep_agreement(garden, _As(peer), Role.PROVIDER, **changed)  # type: ignore[arg-type]
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


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "HttpData-PUSH"},
        {
            "dataAddress": {
                "@type": "DataAddress",
                "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                "endpoint": "https://sink.example",
            }
        },
    ],
    ids=["format", "sink"],
)
async def test_another_way_of_delivery_is_refused(
    garden: Party, peer: ScriptedPeer, changed: Json
) -> None:
    agreement = await _held(garden, peer)
    before = garden.stored()
    answer = await peer.say(garden, "transfers/request", _request(peer, agreement, **changed))
    assert (answer.status_code, answer.json()["code"]) == (400, "transfer.format")
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
    await garden.post(f"transfers/{theirs}/suspend")
    await garden.settled()
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
    agreement = (await keep_agreement(bank, _As(peer), Role.CONSUMER)).id  # type: ignore[arg-type]
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
