"""The consumer's tokens: kept in memory, renewed before they end, asked for once by many."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tests.connector.conftest import Start
from tests.connector.party import Json, Party, party
from tests.connector.processes import keep, keep_agreement, transfer
from tests.connector.pulling import Pull, started
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.connector.transferring import tokens
from trustspace.dsp.messages import TransferState
from trustspace.model.data_address import DataAddress
from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


@pytest.fixture
async def pull(garden: Party, bank: Party, roses: Path) -> Pull:
    return await started(garden, bank, roses, {"count": 9})


async def _edr(pull: Pull, **query: Any) -> Json:
    shown: Json = await pull.consumer.get(f"transfers/{pull.transfer}/edr", **query)
    return shown


async def _works(pull: Pull, edr: Json) -> bool:
    headers = {"Authorization": edr["authorization"]}
    answer = await pull.consumer.voice.get(edr["endpoint"], headers=headers)
    return answer.status_code == 200


async def test_a_token_with_life_left_is_kept(pull: Pull) -> None:
    first, again = await _edr(pull), await _edr(pull)
    assert first == again
    assert first["agreement"] == pull.agreement
    assert first["transfer"] == pull.transfer
    assert first["expires_at"].endswith("Z")


async def test_a_fresh_one_is_had_for_the_asking(pull: Pull) -> None:
    first = await _edr(pull)
    fresh = await _edr(pull, fresh=True)
    assert fresh["authorization"] != first["authorization"]
    assert await _edr(pull) == fresh
    # The earlier one has its time as well.
    assert await _works(pull, first)
    assert await _works(pull, fresh)


async def test_a_token_is_renewed_before_it_ends(start: Start, bank: Party, roses: Path) -> None:
    garden = await start("garden", settings="\n[delivery]\ntoken_seconds = 5\n")
    pull = await started(garden, bank, roses, {"count": 9})
    end = datetime.fromisoformat((await _edr(pull))["expires_at"])
    assert end <= datetime.now(UTC) + timedelta(seconds=5)
    await asyncio.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds() - 2.3))
    renewed = await _edr(pull)
    assert datetime.fromisoformat(renewed["expires_at"]) > end
    assert await _works(pull, renewed)


async def test_after_a_restart_the_provider_is_asked(
    tmp_path: Path, garden: Party, roses: Path
) -> None:
    async with party(tmp_path / "bank", "bank") as bank:
        pull = await started(garden, bank, roses, {"count": 9})
        before = await _edr(pull)
        assert before["authorization"].rpartition(".")[2] not in repr(bank.stored())
    async with party(tmp_path / "bank", "bank") as bank:
        again = await bank.get(f"transfers/{pull.transfer}/edr")
        assert again["authorization"] != before["authorization"]
        assert again["endpoint"] == before["endpoint"]


async def test_a_provider_that_gives_none_any_more_is_told(garden: Party, pull: Pull) -> None:
    """It has revoked, and its message has not arrived yet."""
    known = await garden.store.read(lambda tx: tx.transfers.get("garden", pull.theirs))
    assert known is not None
    ended = known.model_copy(update={"state": TransferState.TERMINATED})
    await garden.store.write(lambda tx: tx.transfers.update("garden", ended))
    answer = await pull.consumer.ask(
        "GET", f"transfers/{pull.transfer}/edr", params={"fresh": True}
    )
    assert (answer.status_code, answer.json()["code"]) == (502, "counterparty.refused")


async def test_memory_holds_so_many_tokens(
    pull: Pull, monkeypatch: pytest.MonkeyPatch, roses: Path
) -> None:
    monkeypatch.setattr(tokens, "KEPT_TOKENS", 1)
    first = await _edr(pull)
    other = await started(pull.provider, pull.consumer, roses, {"count": 9})
    assert await _works(other, await _edr(other))
    # The forgotten one is asked for again.
    again = await _edr(pull)
    assert again["authorization"] != first["authorization"]
    assert await _works(pull, again)


# --- other providers -------------------------------------------------------------------------


@pytest.fixture
async def silent(bank: Party, peer: ScriptedPeer) -> tuple[str, ScriptedPeer]:
    """A started transfer with a provider that gave an endpoint and an address to renew at."""
    return await _started(bank, peer, renew=True), peer


async def _started(bank: Party, peer: ScriptedPeer, *, renew: bool) -> str:
    row = await keep_agreement(bank, peer, Role.CONSUMER)
    known = transfer(peer, Role.CONSUMER, TransferState.STARTED, row.id)
    entry = {
        "@type": "EndpointProperty",
        "name": "refreshEndpoint",
        "value": f"{peer.base}/token",
    }
    address = {
        "@type": "DataAddress",
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpoint": f"{peer.url}/data",
    } | ({"endpointProperties": [entry]} if renew else {})
    known = known.model_copy(update={"data_address": DataAddress.read(address)})
    await keep(bank, known)
    return known.id


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status_code=404), "counterparty.refused"),
        (PlainTextResponse("x"), "counterparty.malformed"),
        (JSONResponse([]), "counterparty.malformed"),
        (JSONResponse({}), "counterparty.malformed"),
        (JSONResponse({"authorization": 1}), "counterparty.malformed"),
        (JSONResponse({"authorization": ""}), "counterparty.malformed"),
    ],
    ids=["404", "text", "array", "nothing", "a number", "empty"],
)
async def test_an_answer_without_a_token_is_the_providers_fault(
    bank: Party, silent: tuple[str, ScriptedPeer], answer: Response, code: str
) -> None:
    pid, peer = silent
    peer.answers["token"] = lambda _: answer
    found = await bank.ask("GET", f"transfers/{pid}/edr")
    assert (found.status_code, found.json()["code"]) == (502, code)


async def test_many_that_ask_at_once_ask_once(
    bank: Party, silent: tuple[str, ScriptedPeer]
) -> None:
    pid, peer = silent
    may_answer = asyncio.Event()

    async def answer(_: Json) -> Response:
        await may_answer.wait()
        return JSONResponse({"authorization": f"t{len(peer.heard)}"})

    peer.answers["token"] = answer
    asked = [
        asyncio.create_task(bank.get(f"transfers/{pid}/edr", fresh=fresh)) for fresh in (0, 1) * 5
    ]
    await peer.until_heard("token")
    await asyncio.sleep(0.3)
    may_answer.set()
    assert {one["authorization"] for one in await asyncio.gather(*asked)} == {"Bearer t1"}
    assert len(peer.heard) == 1


@pytest.mark.parametrize("expires", [None, "60", 60, "soon"])
async def test_a_token_comes_in_several_spellings(
    bank: Party, silent: tuple[str, ScriptedPeer], expires: Any
) -> None:
    pid, peer = silent
    body = {"authorization": "Bearer abc"} | ({} if expires is None else {"expiresIn": expires})
    peer.answers["token"] = lambda _: JSONResponse(body)
    found = await bank.get(f"transfers/{pid}/edr")
    assert found["authorization"] == "Bearer abc"
    assert found["endpoint"] == f"{peer.url}/data"
    assert (found["expires_at"] is not None) == (str(expires) == "60")


async def test_a_provider_without_renewal_gives_what_it_gave(
    bank: Party, peer: ScriptedPeer
) -> None:
    pid = await _started(bank, peer, renew=False)
    found = await bank.ask("GET", f"transfers/{pid}/edr")
    assert (found.status_code, found.json()["code"]) == (409, "transfer.token")
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", pid))
    assert known is not None
    desk = bank.connector.plane.tokens
    entry = {"@type": "EndpointProperty", "name": "authorization", "value": "given"}
    address = known.data_address
    assert address is not None
    told = address.to_wire() | {"endpointProperties": [entry]}
    desk.remember(known.model_copy(update={"data_address": DataAddress.read(told)}))
    for fresh in (False, True):
        found = await bank.ask("GET", f"transfers/{pid}/edr", params={"fresh": fresh})
        assert found.json()["authorization"] == "Bearer given"
