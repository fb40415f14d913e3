"""Hostile policies through the management API, the SDK and the wire: refused, and no byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.connector.party import Party
from tests.policy import hostile

from trustspace.client import AsyncClient
from trustspace.errors import NotFoundError, TrustspaceError

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

OFFERED = [name for name in hostile.REFUSED if name != "lone surrogate as an id"]
"""An offer of ours gets an id of ours."""
REFUSALS = (400, 404, 413, 422)
CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


def members(name: str) -> dict[str, Any]:
    found, _ = hostile.REFUSED[name]
    return {key: value for key, value in found.items() if key != "uid"}


@pytest.mark.parametrize("name", OFFERED)
async def test_an_owner_cannot_offer_it(garden: Party, roses: Path, name: str) -> None:
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": members(name)}
    answer = await garden.ask(
        "PUT",
        "datasets/hostile",
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in REFUSALS, answer.text
    assert answer.json()["detail"]
    assert (await garden.ask("GET", "datasets/hostile")).status_code == 404


@pytest.mark.parametrize("name", OFFERED)
async def test_a_program_cannot_offer_it(garden: Party, roses: Path, name: str) -> None:
    running = garden.connector
    token = running.home.management_token()
    async with AsyncClient(running.management_url, token) as client:
        with pytest.raises(TrustspaceError) as raised:
            await client.publish(roses, id="hostile-sdk", terms=members(name))
        assert str(raised.value)
        with pytest.raises(NotFoundError):
            await client.dataset("hostile-sdk")


@pytest.mark.parametrize("name", [*hostile.REFUSED, *hostile.STRINGS])
async def test_a_counterparty_gets_nothing_for_it(garden: Party, mallory: Party, name: str) -> None:
    offer = (await garden.get("datasets/roses"))["policy"]
    if name in hostile.STRINGS:
        purpose = hostile.STRINGS[name].removeprefix("urn:")
        asked = hostile.of(hostile.permission(hostile.constraint("purpose", "eq", purpose)))
    else:
        asked = members(name)
    message = {
        "@context": CONTEXT,
        "@type": "ContractRequestMessage",
        "consumerPid": f"urn:uuid:{uuid4()}",
        "callbackAddress": mallory.hosted.dsp_url,
        "offer": {"@id": offer["@id"], "@type": "Offer", "target": "roses"} | asked,
    }
    before = garden.stored()["agreements"]
    answer = await mallory.say(
        garden,
        "negotiations/request",
        content=json.dumps(message).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (201, *REFUSALS), answer.text
    if answer.status_code == 201:
        ended = await garden.negotiation(answer.json()["providerPid"])
        assert ended["state"] in ("TERMINATED", "OFFERED")
    assert garden.stored()["agreements"] == before
