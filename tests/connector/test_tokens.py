"""Tokens of data: good for one transfer at one endpoint, dead with it, renewed for its consumer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.connector.party import Party
from tests.connector.pulling import Pull, started

from trustspace.dataplane.edr import issue_edr
from trustspace.identity.keys import SigningKey

pytestmark = pytest.mark.anyio

LIMITED = {"count": 3}


@pytest.fixture
async def pull(garden: Party, bank: Party, roses: Path) -> Pull:
    return await started(garden, bank, roses, LIMITED)


async def _with(pull: Pull, authorization: str | None, endpoint: str = "") -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await pull.consumer.voice.get(endpoint or pull.edr["endpoint"], headers=headers)


def _edr(pull: Pull, key: SigningKey | None = None, **changed: Any) -> str:
    """Return a token like the provider's, with something changed."""
    hosted = pull.provider.hosted
    values: dict[str, Any] = {
        "issuer": hosted.id,
        "consumer": pull.consumer.id,
        "agreement_id": pull.agreement,
        "transfer_pid": pull.theirs,
        "endpoint": pull.edr["endpoint"],
        "refresh_endpoint": None,
        "now": datetime.now(UTC),
    }
    address = issue_edr(key or hosted.key, **(values | changed))
    return f"Bearer {address.property('authorization')}"


async def test_only_the_transfers_own_token_opens_it(
    pull: Pull, garden: Party, bank: Party, mallory: Party, roses: Path
) -> None:
    other = await started(garden, bank, roses, LIMITED)
    before = garden.stored()
    past = datetime.now(UTC) - timedelta(minutes=6)
    for name, token in {
        "none": None,
        "empty": "",
        "text": "Bearer x",
        "another transfer's": other.edr["authorization"],
        "an identity token": bank.token(garden.id),
        "one for the endpoint": bank.token(pull.edr["endpoint"]),
        "self-made": _edr(pull, mallory.hosted.key),
        "self-made in its own name": _edr(pull, mallory.hosted.key, issuer=mallory.id),
        "expired": _edr(pull, now=past),
        "of another endpoint": _edr(pull, endpoint=other.edr["endpoint"]),
        "for another consumer": _edr(pull, consumer=mallory.id),
        "for another agreement": _edr(pull, agreement_id=other.agreement),
    }.items():
        answer = await _with(pull, token)
        assert answer.status_code == 401, name
        assert answer.json()["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert garden.stored() == before
    # The provider's own token with or without the word before it.
    assert (await _with(pull, _edr(pull))).status_code == 200
    assert (await _with(pull, _edr(pull).removeprefix("Bearer "))).status_code == 200


async def test_a_token_opens_no_path_of_another_participant(pull: Pull, mallory: Party) -> None:
    path = pull.edr["endpoint"].partition("/data/")[2]
    for endpoint in (
        f"{mallory.address}/mallory/data/{path}",
        f"{pull.provider.address}/nobody/data/{path}",
        f"{pull.provider.address}/garden/data/urn:uuid:none",
    ):
        assert (await _with(pull, pull.edr["authorization"], endpoint)).status_code == 401


STEPS = [
    ("suspend", "transfer.suspended"),
    ("complete", "transfer.completed"),
    ("terminate", "transfer.terminated"),
]


@pytest.mark.parametrize(("step", "code"), STEPS)
@pytest.mark.parametrize("side", ["provider", "consumer"])
async def test_a_token_dies_with_its_transfer(pull: Pull, side: str, step: str, code: str) -> None:
    session = str(uuid4())
    assert (await pull.get(session=session)).status_code == 200
    party, pid = (
        (pull.provider, pull.theirs) if side == "provider" else (pull.consumer, pull.transfer)
    )
    await party.post(f"transfers/{pid}/{step}")
    await party.settled()
    # The lease of a running session is dead as well.
    for one in (session, str(uuid4())):
        answer = await pull.get(session=one)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    if step == "suspend":
        await party.post(f"transfers/{pid}/resume")
        await party.settled()
        assert (await pull.get(session=session)).status_code == 200


async def test_a_token_dies_with_its_agreement(pull: Pull) -> None:
    session = str(uuid4())
    assert (await pull.get(session=session)).status_code == 200
    await pull.provider.post(f"agreements/{pull.agreement}/revoke", reason="over")
    for one in (session, str(uuid4())):
        answer = await pull.get(session=one)
        assert (answer.status_code, answer.json()["code"]) == (403, "agreement.revoked")
        assert answer.json()["reasons"][0]["id"] == "agreement.not_active"


async def test_a_fresh_token_is_for_the_consumer_only(pull: Pull, mallory: Party) -> None:
    url = pull.provider.hosted.refresh_url(pull.theirs)
    for party in (mallory, pull.provider):
        headers = {"Authorization": party.token(pull.provider.id)}
        answer = await party.voice.post(url, json={}, headers=headers)
        assert (answer.status_code, answer.content) == (404, b"")
    for headers in ({}, {"Authorization": pull.edr["authorization"]}):
        answer = await mallory.voice.post(url, json={}, headers=headers)
        assert (answer.status_code, answer.content) == (404, b"")
    token = pull.consumer.token(pull.provider.id)
    answer = await pull.consumer.voice.post(url, json={}, headers={"Authorization": token})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (await _with(pull, answer.json()["authorization"])).status_code == 200
    again = await pull.consumer.voice.post(url, json={}, headers={"Authorization": token})
    assert (again.status_code, again.content) == (404, b"")
    await pull.provider.post(f"transfers/{pull.theirs}/suspend")
    token = pull.consumer.token(pull.provider.id)
    answer = await pull.consumer.voice.post(url, json={}, headers={"Authorization": token})
    assert (answer.status_code, answer.content) == (404, b"")
