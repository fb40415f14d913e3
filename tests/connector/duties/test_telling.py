"""Uses told of: informed, reported, noticed, attributed; also to a peer that was away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.connector.conftest import Start
from tests.connector.duties.owing import agreed, duties, received, until
from tests.connector.party import Json, Party, party
from tests.connector.pulling import started

from trustspace.connector.listener import Listener, bind
from trustspace.identity.token import verify

pytestmark = pytest.mark.anyio


async def test_the_consumer_informs_and_reports(garden: Party, bank: Party, roses: Path) -> None:
    pull = await started(garden, bank, roses, {"inform": "PT1H", "report": True})
    for session in ("i" * 16, "j" * 16):
        assert (await pull.get(session=session)).status_code == 200
        await received(bank, pull.agreement, session)
    for side in (garden, bank):
        assert len(await until(side, pull.agreement, "fulfilled")) == 4
    told = [each for each in await duties(garden, pull.agreement) if each["action"] == "ts:report"]
    assert sum(each["evidence"]["report"]["bytes"] for each in told) in (10 + 10, 20 + 20)
    assert {each["evidence"]["by"] for each in told} == {bank.id}


async def test_the_provider_logs_meters_attributes_and_gives_notice(
    garden: Party, bank: Party, roses: Path
) -> None:
    policy = {
        "permission": [{"action": "use"}],
        "obligation": [
            {"action": "https://w3id.org/trustspace/ns#log"},
            {"action": "https://w3id.org/trustspace/ns#meter"},
            {"action": "https://w3id.org/trustspace/ns#notify"},
            {"action": "attribute", "odrl:attributedParty": "Rosengärten 2026"},
        ],
    }
    pull = await started(garden, bank, roses, policy)
    answer = await pull.get()
    assert answer.status_code == 200
    named = unquote(answer.headers["trustspace-attribution"])
    assert named.endswith(", Rosengärten 2026")
    found = {each["action"]: each for each in await until(garden, pull.agreement, "fulfilled")}
    assert set(found) == {"ts:log", "ts:meter", "ts:notify", "odrl:attribute"}
    number = int(found["ts:log"]["evidence"]["id"].removeprefix("event:"))
    event = next(each for each in await garden.events() if each.seq == number)
    assert (event.kind, event.body["agreement"]) == ("access.granted", pull.agreement)
    (heard,) = await until(bank, pull.agreement, "fulfilled")
    assert (heard["action"], heard["evidence"]["by"]) == ("ts:notify", garden.id)


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[str, list[tuple[str, bytes]], list[int]]]:
    """An address for notices: its URL, what came, and what it answers next."""
    came: list[tuple[str, bytes]] = []
    answers: list[int] = []

    async def take(request: Request) -> Response:
        came.append((request.headers["authorization"], await request.body()))
        return Response(status_code=answers.pop(0) if answers else 204)

    socket = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}/notices"
    served = Starlette(routes=[Route("/notices", take, methods=["POST"])])
    try:
        async with Listener(served, socket):
            yield url, came, answers
    finally:
        socket.close()


async def test_notices_go_signed_to_the_owners_address(
    start: Start, bank: Party, roses: Path, mailbox: tuple[str, list[tuple[str, bytes]], list[int]]
) -> None:
    url, came, answers = mailbox
    answers.append(503)
    garden = await start("garden", settings=f'\n[duties]\nnotice_url = "{url}"\n')
    pull = await started(garden, bank, roses, {"notify": True})
    assert (await pull.get()).status_code == 200
    (done,) = await until(garden, pull.agreement, "fulfilled")
    assert len(came) == 2
    assert done["attempts"] == 1
    header, body = came[-1]
    claims = verify(
        header.removeprefix("Bearer "),
        keys={garden.hosted.key.key_id(garden.id): garden.hosted.key.verification_key()},
        audience=url,
        now=garden.connector.plane.context.now(),
    )
    assert claims.extra["digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert done["evidence"]["id"] in body.decode()


async def test_a_peer_that_was_away_is_told_when_it_is_back(
    tmp_path: Path, bank: Party, roses: Path
) -> None:
    async with party(tmp_path / "garden", "garden") as garden:
        pull = await started(garden, bank, roses, {"inform": "PT1H", "delete_after": "PT1S"})
        session = "w" * 16
        assert (await pull.get(session=session)).status_code == 200
        await garden.settled()
    await received(bank, pull.agreement, session)
    await until(bank, pull.agreement, "fulfilled", action="delete")
    (waiting,) = [e for e in await duties(bank, pull.agreement) if e["action"] == "odrl:inform"]
    assert waiting["state"] == "open"
    async with party(tmp_path / "garden", "garden") as garden:
        due = [each["due"] for each in await duties(garden, pull.agreement)]
        assert all(due)
        await until(garden, pull.agreement, "fulfilled", seconds=60)
        assert [each["due"] for each in await duties(garden, pull.agreement)] == due
    await until(bank, pull.agreement, "fulfilled")


async def test_evidence_given_in_parallel_settles_once(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement = await agreed(garden, bank, roses, {"consent": True})
    path = f"agreements/{agreement}/duties/p1d1/fulfil"

    async def give(number: int) -> Json:
        shown: Any = await garden.post(path, evidence=f"consent-{number % 2}")
        found: Json = shown["items"][0]
        return found

    answers = await asyncio.gather(*(give(number) for number in range(20)))
    assert {each["state"] for each in answers} == {"fulfilled"}
    assert len(await duties(garden, agreement)) == 1
    assert (await bank.transfer(agreement))["state"] == "STARTED"


async def test_the_owner_is_told_what_is_wrong(garden: Party, bank: Party, roses: Path) -> None:
    agreement = await agreed(garden, bank, roses, {"pay": "5 CNY"})
    path = f"agreements/{agreement}/duties"
    for body, code in (
        ({"evidence": "a\nb"}, 422),
        ({"evidence": "r", "facts": {"payAmount": "five"}}, 422),
        ({"evidence": "r", "facts": {f"f{i}": 1 for i in range(30)}}, 422),
        ({"evidence": "r", "occurrence": "other"}, 404),
    ):
        answer = await garden.ask("POST", f"{path}/p1d1/fulfil", body)
        assert answer.status_code == code, (body, answer.text)
    assert (await garden.ask("POST", f"{path}/d9/fulfil", {"evidence": "r"})).status_code == 404
    assert (await garden.ask("GET", "duties?state=lost")).status_code == 422
    owed = (await garden.get("duties", state="owed", limit=1))["items"]
    assert owed[0]["agreement"] == agreement
    (only,) = (await garden.get(path, state="open", language="zh"))["items"]
    assert only["words"].startswith("使用方")
