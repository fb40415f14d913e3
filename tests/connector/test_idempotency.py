"""Creating calls: once per key, whatever the network loses, and never for another request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.connector.party import Json, Party

pytestmark = pytest.mark.anyio


def _order(garden: Party, **changed: Any) -> Json:
    return {"address": garden.address, "dataset": "roses", "purpose": "research"} | changed


async def test_a_key_creates_once(garden: Party, bank: Party) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await bank.ask("POST", "negotiations", _order(garden), headers=headers)
    assert first.status_code == 201
    await bank.negotiation(first.json()["id"])
    again = await bank.ask("POST", "negotiations", _order(garden), headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = _order(garden, purpose="teaching")
    refused = await bank.ask("POST", "negotiations", other, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    agreement = await bank.agree(garden)
    for _ in range(2):
        asked = await bank.ask(
            "POST", "transfers", {"agreement": agreement}, headers={"Idempotency-Key": "k2"}
        )
        assert asked.status_code == 201
    refused = await bank.ask("POST", "transfers", {"agreement": agreement}, headers=headers)
    assert refused.status_code == 409


async def test_a_key_creates_once_in_parallel(garden: Party, bank: Party) -> None:
    before = (await bank.get("negotiations", limit=1000))["items"]
    headers = {"Idempotency-Key": "parallel"}
    order = _order(garden, fresh=True)
    answers = await asyncio.gather(
        *(bank.ask("POST", "negotiations", order, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    after = (await bank.get("negotiations", limit=1000))["items"]
    assert len(after) == len(before) + 1


async def test_a_failed_creation_keeps_no_answer(garden: Party, bank: Party) -> None:
    headers = {"Idempotency-Key": "k3"}
    order = _order(garden, dataset="soon")
    refused = await bank.ask("POST", "negotiations", order, headers=headers)
    assert refused.status_code == 404
    path = garden.connector.home.path.parent / "roses.csv"
    await garden.publish(path, "soon")
    assert (await bank.ask("POST", "negotiations", order, headers=headers)).status_code == 201


async def test_a_key_is_of_one_participant(garden: Party, bank: Party, mallory: Party) -> None:
    headers = {"Idempotency-Key": "shared"}
    first = await bank.ask("POST", "negotiations", _order(garden), headers=headers)
    other = await mallory.ask("POST", "negotiations", _order(garden), headers=headers)
    assert first.status_code == other.status_code == 201
    assert first.json()["id"] != other.json()["id"]


async def test_without_a_key_each_call_creates(garden: Party, bank: Party) -> None:
    order = _order(garden, fresh=True)
    ids = {(await bank.post("negotiations", **order))["id"] for _ in range(2)}
    assert len(ids) == 2


async def test_a_long_key_is_refused(garden: Party, bank: Party) -> None:
    headers = {"Idempotency-Key": "k" * 201}
    answer = await bank.ask("POST", "negotiations", _order(garden), headers=headers)
    assert answer.status_code == 422
