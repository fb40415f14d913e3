"""Duties in both clients: what is owed, claimed, confirmed, and what comes with the data."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import trustspace as ts
from trustspace.client import AsyncClient
from trustspace.errors import NotFoundError, PolicyDeniedError
from trustspace.local import Connector


@pytest.fixture
def roses(tmp_path: Path) -> Path:
    file = tmp_path / "roses.csv"
    file.write_text("name,price\nAda,12\n", encoding="utf-8")
    return file


def test_what_is_owed_is_seen_and_proven(roses: Path) -> None:
    with Connector.local("garden") as garden, Connector.local("bank") as bank:
        terms = ts.terms(pay="500 CNY", attribute="Rose Garden", report=True)
        garden.publish(roses, id="roses", terms=terms)
        agreement = bank.negotiate(garden.address, "roses")
        (owed,) = bank.agreement(agreement.id).owed
        assert (owed.duty, owed.action, owed.state) == ("p1d1", "odrl:compensate", "open")
        with pytest.raises(PolicyDeniedError) as denied, agreement.open() as data:
            data.read()
        assert denied.value.code == "odrl.duty.unfulfilled"
        claimed = bank.fulfil(agreement, "p1d1", "transfer-1", amount=500, unit="CNY")
        assert claimed.is_owed
        assert claimed.evidence is not None
        assert claimed.evidence.claimed
        done = garden.fulfil(
            agreement.id,
            "p1d1",
            "receipt-7",
            facts={"payAmount": {"value": "500", "unit": "CNY"}},
            occurrence="",
            at=datetime.now(UTC),
        )
        assert (done.state, done.is_owed) == ("fulfilled", False)
        with agreement.open() as data:
            assert data.attribution is None
            assert data.read()
            assert data.attribution == "roses, Rose Garden"
        end = time.monotonic() + 30
        while garden.duties(agreement.id, state="owed"):
            assert time.monotonic() < end
            time.sleep(0.05)
        found = {duty.action: duty for duty in garden.duties(state="fulfilled")}
        assert set(found) == {"odrl:compensate", "odrl:attribute", "ts:report"}
        assert {duty.state for duty in agreement.duties()} == {"fulfilled"}
        with pytest.raises(NotFoundError):
            bank.duties("urn:other")


@pytest.mark.anyio
async def test_the_async_client_has_the_same(roses: Path) -> None:
    homes = {name: roses.parent / name for name in ("garden", "bank")}
    with (
        Connector.local("garden", home=homes["garden"]) as garden,
        Connector.local("bank", home=homes["bank"]),
    ):
        garden.publish(roses, id="roses", terms=ts.terms(consent=True))
        async with (
            AsyncClient.of_home(homes["garden"]) as provider,
            AsyncClient.of_home(homes["bank"]) as consumer,
        ):
            agreement = await consumer.negotiate(garden.address, "roses")
            (owed,) = await agreement.duties(state="owed")
            assert owed.action == "odrl:obtainConsent"
            done = await provider.fulfil(agreement.id, "p1d1", "consent-1")
            assert done.state == "fulfilled"
            for _ in range(200):
                if not await consumer.duties(agreement, state="owed"):
                    break
                await asyncio.sleep(0.05)
            assert await consumer.duties(state="owed", language="zh") == ()
            async with agreement.open() as data:
                assert await data.read()
                assert data.attribution is None
