"""Every message in every state by every sender, and what comes of it.

The cases are generated: each endpoint of a process, each state of both roles, each kind of sender.
What is expected is read from `tests.connector.matrix.protocol`, never from the connector.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from enum import Enum
from itertools import product
from typing import Any, NamedTuple

import httpx
import pytest
from tests.connector.matrix.protocol import (
    LOOK,
    SAID,
    STATES,
    TRANSFER_STATES,
    Kind,
    Said,
    state_after,
)
from tests.connector.matrix.stage import Stage, stage
from tests.connector.processes import urn

from trustspace.connector.messaging.outgoing import AnyProcess
from trustspace.dsp.binding import ROUTES
from trustspace.dsp.negotiation import TRANSITIONS as NEGOTIATION_TRANSITIONS
from trustspace.dsp.transfer import TRANSITIONS as TRANSFER_TRANSITIONS
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.token import issue
from trustspace.model.participant import Role

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


class Sender(Enum):
    """Who sends to a process of ours with somebody."""

    COUNTERPARTY = "the counterparty"
    NEIGHBOUR = "another participant of this connector"
    STRANGER = "a participant elsewhere"
    ASTRAY = "the counterparty at the neighbour's endpoint"
    NOBODY = "nobody"
    FORGER = "the counterparty's name under another key"
    MISADDRESSED = "the counterparty with a token for somebody else"
    REPEATER = "the counterparty with a token used before"


FOREIGN = [sender for sender in Sender if sender is not Sender.COUNTERPARTY]


class Case(NamedTuple):
    """One case of the matrix."""

    kind: Kind
    role: Role
    state: str
    sender: Sender
    said: Said


CASES = [
    Case(kind, role, state, sender, said)
    for kind in STATES
    for role, state, sender, said in product(Role, STATES[kind], Sender, SAID[kind])
]
GROUPS = [(kind, role, state) for kind in STATES for role in Role for state in STATES[kind]]


def of(kind: Kind, role: Role, state: str, *senders: Sender) -> list[Case]:
    """Return the cases of one process by some senders."""
    found = [case for case in CASES if case[:3] == (kind, role, state) and case.sender in senders]
    assert found
    return found


@pytest.fixture(scope="module")
async def set_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The stage of this module."""
    async with stage(tmp_path_factory.mktemp("matrix")) as made:
        yield made


# --- the matrix is whole -------------------------------------------------------------------------


def test_the_matrix_has_every_endpoint_state_and_sender() -> None:
    assert len(CASES) == 8 * (2 * 7 * 8 + 2 * 5 * 5)
    assert len(CASES) >= 500
    said = {
        f"{kind}/{{pid}}" + (f"/{one.endpoint}" if one.endpoint else "")
        for kind in SAID
        for one in SAID[kind]
    }
    assert said == {route.path for route in ROUTES if "{pid}" in route.path}


@pytest.mark.parametrize(
    ("kind", "transitions"),
    [("negotiations", NEGOTIATION_TRANSITIONS), ("transfers", TRANSFER_TRANSITIONS)],
)
def test_the_state_machines_are_the_protocols(kind: Kind, transitions: Any) -> None:
    """Both were written from the specification; where they differ one of them is wrong."""

    def name(key: Any) -> str:
        return key.__name__ if isinstance(key, type) else str(key)

    theirs = {
        (str(before), sender, name(key), str(after))
        for (before, sender, key), after in transitions.items()
        if before is not None
    }
    ours = {
        (state, sender, said.event or said.type, after)
        for state, sender, said in product(STATES[kind], Role, SAID[kind])
        if said is not LOOK and (after := state_after(kind, sender, state, said)) is not None
    }
    assert ours == theirs


# --- by the counterparty -------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "role", "state"), GROUPS)
async def test_the_counterparty_may_what_the_protocol_allows(
    set_stage: Stage, kind: Kind, role: Role, state: str
) -> None:
    legal = 0
    for case in of(kind, role, state, Sender.COUNTERPARTY):
        after = state_after(kind, role.other, state, case.said)
        if after is None:
            continue
        legal += 1
        process = await set_stage.brought(kind, role, state)
        before = await set_stage.us.events()
        answer = await _told(set_stage, process, case, set_stage.peer.token(set_stage.us.id))
        assert answer.status_code == 200, case
        assert answer.json()["state"] == after, case
        assert _pids(answer) == (process.consumer_pid, process.provider_pid), case
        found = await set_stage.find(kind, process.id)
        assert found.state == after, case
        events = (await set_stage.us.events())[len(before) :]
        if case.said is LOOK:
            assert found == process, case
            assert not events, case
        else:
            assert [event.body["state"] for event in events if "state" in event.body] == [after]
    assert legal


@pytest.mark.parametrize(("kind", "role", "state"), GROUPS)
async def test_the_counterparty_may_nothing_else(
    set_stage: Stage, kind: Kind, role: Role, state: str
) -> None:
    process = await set_stage.at_rest(kind, role, state)
    error = "ContractNegotiationError" if kind == "negotiations" else "TransferError"
    before = set_stage.us.stored()
    for case in of(kind, role, state, Sender.COUNTERPARTY):
        if state_after(kind, role.other, state, case.said) is not None:
            continue
        answer = await _told(set_stage, process, case, set_stage.peer.token(set_stage.us.id))
        assert answer.status_code == 400, case
        body = answer.json()
        assert body["@type"] == error, case
        assert body["code"] == f"{process.kind}.state", case
        assert body["reason"], case
        assert _pids(answer) == (process.consumer_pid, process.provider_pid), case
        # Under an id that is not there it hears what a stranger hears.
        absent = await _told(
            set_stage, process, case, set_stage.peer.token(set_stage.us.id), pid=urn()
        )
        assert (absent.status_code, absent.content) == (404, b""), case
    assert set_stage.us.stored() == before


# --- by everybody else ---------------------------------------------------------------------------


@pytest.mark.parametrize("sender", FOREIGN, ids=lambda sender: sender.name)
@pytest.mark.parametrize(("kind", "role", "state"), GROUPS)
async def test_nobody_else_learns_or_moves_anything(
    set_stage: Stage, kind: Kind, role: Role, state: str, sender: Sender
) -> None:
    process = await set_stage.at_rest(kind, role, state)
    before = set_stage.us.stored()
    for case in of(kind, role, state, sender):
        found = []
        for pid in (process.id, urn()):
            token = await TOKENS[sender](set_stage)
            answer = await _told(set_stage, process, case, token, pid=pid)
            found.append(_outside(answer))
        assert found[0] == found[1], case
        assert found[0][:2] == (404, b""), case
    assert set_stage.us.stored() == before


# --- endpoints without a process -----------------------------------------------------------------

OPENINGS = ("negotiations/request", "negotiations/offers", "transfers/request")
IDENTIFIED = (Sender.COUNTERPARTY, Sender.NEIGHBOUR, Sender.STRANGER)


@pytest.mark.parametrize("sender", Sender, ids=lambda sender: sender.name)
async def test_the_catalogue_is_for_whoever_is_identified(set_stage: Stage, sender: Sender) -> None:
    before = set_stage.us.stored()
    asked = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}
    request = asked | {"@type": "CatalogRequestMessage"}
    to = set_stage.neighbour if sender is Sender.ASTRAY else None
    for path, body in (
        ("catalog/request", request),
        ("catalog/datasets/roses", None),
        ("catalog/datasets/no-roses", None),
    ):
        answer = await set_stage.say(path, body, await TOKENS[sender](set_stage), to=to)
        if sender is Sender.ASTRAY:
            assert answer.status_code == (200 if body else 404)
            assert b"roses" not in answer.content.replace(b"no-roses", b"").replace(b"'roses'", b"")
        elif sender in IDENTIFIED:
            assert answer.status_code == (404 if "no-" in path else 200)
        else:
            assert (answer.status_code, answer.json()["@type"]) == (401, "CatalogError")
    assert set_stage.us.stored() == before


@pytest.mark.parametrize(
    ("path", "sender"),
    [
        pair
        for pair in product(OPENINGS, [one for one in FOREIGN if one not in IDENTIFIED])
        if pair != ("negotiations/offers", Sender.ASTRAY)  # An offer may be made to anybody.
    ],
)
async def test_nobody_opens_what_has_no_counterparty(
    set_stage: Stage, path: str, sender: Sender
) -> None:
    bodies = {
        "negotiations/request": await set_stage.request(),
        "negotiations/offers": set_stage.offer(),
        "transfers/request": set_stage.transfer_request(await set_stage.agreement(Role.PROVIDER)),
    }
    before = set_stage.us.stored()
    to = set_stage.neighbour if sender is Sender.ASTRAY else None
    token = await TOKENS[sender](set_stage)
    answer = await set_stage.say(path, bodies[path], token, to=to)
    assert (answer.status_code, answer.content) == (404, b"")
    assert set_stage.us.stored() == before


@pytest.mark.parametrize(
    ("role", "sender"),
    [
        pair
        for pair in product(Role, [*IDENTIFIED, Sender.ASTRAY])
        if pair != (Role.PROVIDER, Sender.COUNTERPARTY)  # It is the consumer.
    ],
)
async def test_data_is_given_to_the_consumer_of_the_agreement_alone(
    set_stage: Stage, role: Role, sender: Sender
) -> None:
    """Nobody else can tell its agreement from none; nor can the provider ask its consumer."""
    agreement = await set_stage.agreement(role)
    before = set_stage.us.stored()
    to = set_stage.neighbour if sender is Sender.ASTRAY else None
    callback = {
        Sender.STRANGER: set_stage.stranger.base,
        Sender.NEIGHBOUR: set_stage.neighbour.dsp_url,
    }.get(sender, set_stage.peer.base)
    found = []
    for named in (agreement, urn()):
        body = set_stage.transfer_request(named, consumerPid=urn(), callbackAddress=callback)
        token = await TOKENS[sender](set_stage)
        found.append(_outside(await set_stage.say("transfers/request", body, token, to=to)))
    assert found[0] == found[1]
    assert found[0][:2] == (404, b"")
    assert set_stage.us.stored() == before


@pytest.mark.parametrize(
    ("kind", "role", "state"),
    # A provider opens no transfer.
    [group for group in GROUPS if group[:2] != ("transfers", Role.CONSUMER)],
)
async def test_what_is_open_is_not_opened_again(
    set_stage: Stage, kind: Kind, role: Role, state: str
) -> None:
    """The same pid in another opening message: refused, and no second process."""
    process: Any = await set_stage.at_rest(kind, role, state)
    if kind == "transfers":
        path, body = "transfers/request", set_stage.transfer_request(urn())
    elif role is Role.PROVIDER:
        path, body = "negotiations/request", await set_stage.request()
    else:
        path, body = "negotiations/offers", set_stage.offer()
    body["consumerPid" if role is Role.PROVIDER else "providerPid"] = process.peer_pid
    before = set_stage.us.stored()
    answer = await set_stage.say(path, body, set_stage.peer.token(set_stage.us.id))
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in (f"{process.kind}.pid", f"{process.kind}.state")
    assert set_stage.us.stored() == before


@pytest.mark.parametrize("state", TRANSFER_STATES)
async def test_a_transfer_asked_for_again_is_the_one_that_is_there(
    set_stage: Stage, state: str
) -> None:
    """DSP 2025-1, "Transfer Request Message": idempotent on the consumer's pid."""
    process: Any = await set_stage.brought("transfers", Role.PROVIDER, state)
    events = await set_stage.us.events()
    again = set_stage.transfer_request(process.agreement_id, consumerPid=process.consumer_pid)
    answer = await set_stage.say("transfers/request", again, set_stage.peer.token(set_stage.us.id))
    assert answer.status_code == 201
    assert (answer.json()["state"], _pids(answer)[1]) == (state, process.id)
    await set_stage.us.settled()
    assert await set_stage.find("transfers", process.id) == process
    assert await set_stage.us.events() == events


# --- who sends -----------------------------------------------------------------------------------


async def _counterparty(made: Stage) -> str | None:
    return made.peer.token(made.us.id)


async def _neighbour(made: Stage) -> str | None:
    return made.neighbours_token(made.us.id)


async def _stranger(made: Stage) -> str | None:
    return made.stranger.token(made.us.id)


async def _to_the_neighbour(made: Stage) -> str | None:
    return made.peer.token(made.neighbour.id)


async def _nobody(_: Stage) -> str | None:
    return None


async def _forger(made: Stage) -> str | None:
    now = datetime.now(UTC)
    key = made.stranger.key
    return bearer_header(issue(key, issuer=made.peer.id, audience=made.us.id, now=now))


async def _used(made: Stage) -> str | None:
    token = made.peer.token(made.us.id)
    answer = await made.say("catalog/datasets/roses", None, token)
    assert answer.status_code == 200
    return token


TOKENS: dict[Sender, Callable[[Stage], Awaitable[str | None]]] = {
    Sender.COUNTERPARTY: _counterparty,
    Sender.NEIGHBOUR: _neighbour,
    Sender.STRANGER: _stranger,
    Sender.ASTRAY: _to_the_neighbour,
    Sender.NOBODY: _nobody,
    Sender.FORGER: _forger,
    Sender.MISADDRESSED: _to_the_neighbour,
    Sender.REPEATER: _used,
}


async def _told(
    made: Stage, process: AnyProcess, case: Case, token: str | None, *, pid: str = ""
) -> httpx.Response:
    to = made.neighbour if case.sender is Sender.ASTRAY else None
    path = made.path(case.kind, pid or process.id, case.said)
    return await made.say(path, made.body(case.kind, process, case.said), token, to=to)


def _pids(answer: httpx.Response) -> tuple[Any, Any]:
    return answer.json()["consumerPid"], answer.json()["providerPid"]


def _outside(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What the sender sees, but the time."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    return answer.status_code, answer.content, headers
