"""Payment before use: nothing leaves before the provider has confirmed the right amount."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connector.duties.owing import agreed, duties, until
from tests.connector.party import Json, Party
from tests.connector.processes import urn

from trustspace.connector.duties.message import DutyStep, url_of

pytestmark = pytest.mark.anyio

PRICE = {"pay": "500 CNY"}


@pytest.fixture
async def agreement(garden: Party, bank: Party, roses: Path) -> str:
    return await agreed(garden, bank, roses, PRICE)


async def confirm(garden: Party, agreement: str, amount: str, unit: str, name: str) -> Json:
    facts = {"payAmount": {"value": amount, "unit": unit}}
    path = f"agreements/{agreement}/duties/p1d1/fulfil"
    (shown,) = (await garden.post(path, evidence=name, facts=facts))["items"]
    found: Json = shown
    return found


async def refused(bank: Party, agreement: str) -> tuple[str, Json]:
    transfer = await bank.transfer(agreement)
    assert transfer["state"] == "TERMINATED", transfer
    return transfer["code"], transfer["reasons"][0]


async def test_nothing_leaves_before_the_amount_is_there(
    garden: Party, bank: Party, agreement: str
) -> None:
    code, reason = await refused(bank, agreement)
    assert code == "odrl.duty.unfulfilled"
    assert reason["left"] == "odrl:payAmount"
    (again,) = [
        each for each in (await bank.get("transfers"))["items"] if each["agreement"] == agreement
    ]
    (sentence,) = (await bank.get(f"explain/{again['id']}"))["sentences"]
    assert "500" in sentence

    for amount, unit, expected in (
        ("500", "USD", "odrl.constraint.unknown"),
        ("499", "CNY", "odrl.constraint.unsatisfied"),
    ):
        shown = await confirm(garden, agreement, amount, unit, f"receipt-{amount}-{unit}")
        assert shown["state"] == "open"
        assert (await refused(bank, agreement))[0] == expected

    shown = await confirm(garden, agreement, "500", "CNY", "receipt-7")
    assert shown["state"] == "fulfilled"
    assert shown["evidence"]["by"] == garden.id
    assert (await bank.transfer(agreement))["state"] == "STARTED"
    (mine,) = await until(bank, agreement, "fulfilled")
    assert mine["evidence"]["id"] == "receipt-7"


async def test_a_consumer_claims_and_the_provider_confirms(
    garden: Party, bank: Party, agreement: str
) -> None:
    path = f"agreements/{agreement}/duties/p1d1/fulfil"
    facts = {"payAmount": {"value": "500", "unit": "CNY"}}
    (claimed,) = (await bank.post(path, evidence="transfer-1", facts=facts))["items"]
    assert (claimed["state"], claimed["evidence"]["claimed"]) == ("open", True)
    await bank.settled()
    (seen,) = await duties(garden, agreement)
    assert (seen["state"], seen["evidence"]["by"], seen["evidence"]["claimed"]) == (
        "open",
        bank.id,
        True,
    )
    assert "transfer-1" in seen["words"]
    assert (await refused(bank, agreement))[0] == "odrl.duty.unfulfilled"
    await confirm(garden, agreement, "500", "CNY", "receipt-8")
    assert (await bank.transfer(agreement))["state"] == "STARTED"
    await until(bank, agreement, "fulfilled")


async def test_a_consumers_word_is_no_receipt(garden: Party, bank: Party, agreement: str) -> None:
    url = url_of(garden.hosted.dsp_url, agreement, DutyStep.FULFILMENT)
    assert url is not None
    body: dict[str, Any] = {
        "@id": urn(),
        "@type": "DutyMessage",
        "agreementId": agreement,
        "dutyId": "p1d1",
        "action": "odrl:compensate",
        "covers": [""],
        "at": "2026-01-01T00:00:00Z",
        "evidence": "receipt-9",
        "facts": {"odrl:payAmount": {"value": "500", "unit": "CNY"}},
    }
    for step in ("fulfilment", "confirmation"):
        to = url.replace("fulfilment", step)
        answer = await bank.voice.post(
            to, json=body, headers={"Authorization": bank.token(garden.id)}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "duty.proof")
    (row,) = await duties(garden, agreement)
    assert (row["state"], row["evidence"]) == ("open", None)


async def test_the_same_receipt_once_more_changes_nothing(garden: Party, agreement: str) -> None:
    first = await confirm(garden, agreement, "500", "CNY", "receipt-10")
    assert await confirm(garden, agreement, "500", "CNY", "receipt-10") == first
    await garden.settled()
    kinds = [e.kind for e in await garden.events() if e.body.get("agreement") == agreement]
    assert kinds.count("duty.fulfilled") == 1
