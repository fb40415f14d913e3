"""Nobody but the counterparty of a process learns that it exists, let alone moves it.

The matrix is generated: every endpoint of the protocol, every state, both roles.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from tests.connector.party import Party
from tests.connector.processes import (
    NEGOTIATIONS,
    RULES,
    TRANSFERS,
    AnyProcess,
    keep,
    messages_to,
    negotiation,
    transfer,
    urn,
)

from trustspace.dsp.binding import ROUTES
from trustspace.dsp.messages import (
    ContractNegotiationTerminationMessage,
    ContractRequestMessage,
    NegotiationState,
    TransferState,
)
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio


def _outside(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What the sender sees, but the time."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, answer.content, headers


def _at(path: str, pid: str) -> str:
    return path.replace("{pid}", quote(pid, safe=""))


async def _refused_like_an_unknown_id(us: Party, stranger: Party, process: AnyProcess) -> int:
    await keep(us, process)
    before = us.stored()
    count = 0
    for path, message in messages_to(process):
        found = _outside(await stranger.say(us, _at(path, process.id), message))
        unknown = _outside(await stranger.say(us, _at(path, urn()), message))
        assert found == unknown, path
        assert found[:2] == (404, b""), path
        count += 1
    assert us.stored() == before
    return count


@pytest.mark.parametrize(("role", "state"), NEGOTIATIONS)
async def test_a_stranger_cannot_tell_a_negotiation_from_none(
    garden: Party, bank: Party, mallory: Party, role: Role, state: NegotiationState
) -> None:
    process = negotiation(garden, bank, role, state)
    assert await _refused_like_an_unknown_id(garden, mallory, process) == 8


@pytest.mark.parametrize(("role", "state"), TRANSFERS)
async def test_a_stranger_cannot_tell_a_transfer_from_none(
    garden: Party, bank: Party, mallory: Party, role: Role, state: TransferState
) -> None:
    process = transfer(bank, role, state)
    assert await _refused_like_an_unknown_id(garden, mallory, process) == 5


def test_the_matrix_has_every_endpoint_of_a_process() -> None:
    with_pid = {route.path for route in ROUTES if "{pid}" in route.path}
    assert len(with_pid) == 12


@pytest.mark.parametrize(("role", "state"), NEGOTIATIONS)
async def test_the_counterparty_of_a_negotiation_must_name_both_pids(
    garden: Party, bank: Party, role: Role, state: NegotiationState
) -> None:
    await _refuses_other_pids(garden, bank, negotiation(garden, bank, role, state))


@pytest.mark.parametrize(("role", "state"), TRANSFERS)
async def test_the_counterparty_of_a_transfer_must_name_both_pids(
    garden: Party, bank: Party, role: Role, state: TransferState
) -> None:
    await _refuses_other_pids(garden, bank, transfer(bank, role, state))


async def _refuses_other_pids(us: Party, them: Party, process: AnyProcess) -> None:
    """Swapped pids, one pid twice, a foreign pid in the path: 400 or 404, and nothing moves."""
    await keep(us, process)
    before = us.stored()
    consumer, provider = process.consumer_pid, process.provider_pid
    wrong = [(provider, consumer), (process.id, process.id), (process.peer_pid, process.peer_pid)]
    for consumer_pid, provider_pid in wrong:
        for path, message in messages_to(
            process, consumer_pid=consumer_pid, provider_pid=provider_pid
        ):
            if message is None:
                continue
            answer = await them.say(us, _at(path, process.id), message)
            assert answer.status_code == 400, path
            assert answer.json()["code"] in (f"{process.kind}.pid", f"{process.kind}.state")
    for path, message in messages_to(process):
        # Under their own pid we know nothing.
        answer = await them.say(us, _at(path, process.peer_pid or ""), message)
        assert (answer.status_code, answer.content) == (404, b""), path
    assert us.stored() == before


async def test_ids_of_one_kind_are_none_of_the_other(garden: Party, bank: Party) -> None:
    process = negotiation(garden, bank, Role.PROVIDER, NegotiationState.AGREED)
    await keep(garden, process)
    answer = await bank.say(garden, _at("transfers/{pid}", process.id))
    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_consumer_pid_of_somebody_else_names_a_new_negotiation(
    garden: Party, bank: Party, mallory: Party
) -> None:
    known = negotiation(garden, bank, Role.PROVIDER, NegotiationState.AGREED)
    await keep(garden, known)
    offer = (await garden.get("datasets/roses"))["policy"] | {"target": "roses"}
    message = ContractRequestMessage(
        id=urn(),
        consumer_pid=known.consumer_pid or "",
        offer=Offer.read(offer),
        callback_address=mallory.hosted.dsp_url,
    )
    answer = await mallory.say(garden, "negotiations/request", message)
    assert answer.status_code == 201
    assert answer.json()["providerPid"] != known.id
    found = await garden.store.read(lambda tx: tx.negotiations.get("garden", known.id))
    assert found == known
    await garden.settled()


async def test_an_initial_message_cannot_name_a_process(garden: Party, bank: Party) -> None:
    known = negotiation(garden, bank, Role.PROVIDER, NegotiationState.OFFERED)
    await keep(garden, known)
    before = garden.stored()
    message = ContractRequestMessage(
        id=urn(),
        consumer_pid=known.consumer_pid or "",
        provider_pid=known.id,
        offer=Offer.read(RULES | {"@id": "urn:uuid:o", "@type": "Offer"}),
    )
    answer = await bank.say(garden, "negotiations/request", message)
    assert answer.status_code == 400
    assert garden.stored() == before


async def test_a_participant_beside_ours_is_a_stranger_too(garden: Party, bank: Party) -> None:
    """Two participants of one connector share nothing but the process (N12)."""
    known = negotiation(garden, bank, Role.PROVIDER, NegotiationState.AGREED)
    await keep(garden, known)
    answer = await garden.owner.post("/v1/participants", json={"name": "orchard"})
    assert answer.status_code == 201
    orchard = answer.json()
    message = ContractNegotiationTerminationMessage(
        id=urn(), consumer_pid=known.consumer_pid or "", provider_pid=known.id
    )
    said = await bank.voice.post(
        f"{orchard['dsp']}/{_at('negotiations/{pid}/termination', known.id)}",
        json=message.to_wire() | {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]},
        headers={"Authorization": bank.token(orchard["id"])},
    )
    assert (said.status_code, said.content) == (404, b"")
    shown = await garden.owner.get(f"/v1/participants/orchard/negotiations/{known.id}")
    assert shown.status_code == 404
    assert await garden.store.read(lambda tx: tx.negotiations.get("garden", known.id)) == known
