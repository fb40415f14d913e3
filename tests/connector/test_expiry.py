"""Agreements end when their time is over, on both sides, with everything that runs under them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party, party
from tests.connector.processes import keep_agreement

from trustspace.model.participant import Role

pytestmark = pytest.mark.anyio


def soon(seconds: float) -> datetime:
    """Return a full second, at least so far ahead."""
    return (datetime.now(UTC) + timedelta(seconds=seconds + 1)).replace(microsecond=0)


async def agreed_until(garden: Party, bank: Party, roses: Path, end: datetime, name: str) -> str:
    await garden.publish(roses, name, {"until": end.isoformat()})
    return await bank.agree(garden, name, purpose=None)


async def test_it_expires_on_both_sides(garden: Party, bank: Party, roses: Path) -> None:
    end = soon(3)
    agreement = await agreed_until(garden, bank, roses, end, "summer")
    transfer = await bank.transfer(agreement)
    assert transfer["state"] == "STARTED"
    for side in (garden, bank):
        shown = await side.get(f"agreements/{agreement}")
        assert (shown["state"], shown["ended_by"]) == ("FINALIZED", None)
        assert datetime.fromisoformat(shown["ends_at"]) == end
    for side in (garden, bank):
        shown = await side.until(f"agreements/{agreement}", "EXPIRED", seconds=20)
        assert shown["ended_by"] == "time"
        assert end.strftime("%H:%M:%S") in shown["reason"]
        event: Any = next(
            e
            for e in await side.events()
            if e.kind == "agreement.expired" and e.body["agreement"] == agreement
        )
        assert end <= event.at < end + timedelta(seconds=10)
        kinds = [e.kind for e in await side.events() if e.body.get("agreement") == agreement]
        assert kinds.count("agreement.expired") == 1
    over = await bank.until(f"transfers/{transfer['id']}", "TERMINATED")
    assert over["code"] == "agreement.expired"
    denied = await bank.ask("POST", "transfers", {"agreement": agreement})
    assert (denied.status_code, denied.json()["code"]) == (403, "agreement.expired")
    told = await bank.get(f"explain/{agreement}")
    assert "ended at" in told["sentences"][0]
    await garden.settled()
    await bank.settled()


async def test_what_ended_while_the_connector_was_down_is_expired_at_its_start(
    garden: Party, roses: Path, tmp_path: Path
) -> None:
    end = soon(1)
    async with party(tmp_path / "away", "away") as away:
        agreement = await agreed_until(garden, away, roses, end, "spring")
    await asyncio.sleep(max((end - datetime.now(UTC)).total_seconds(), 0) + 1)
    async with party(tmp_path / "away", "away") as away:
        await away.until(f"agreements/{agreement}", "EXPIRED")


async def test_a_revocation_at_the_end_of_time_comes_to_one_state(
    garden: Party, bank: Party, roses: Path
) -> None:
    end = soon(2)
    agreement = await agreed_until(garden, bank, roses, end, "autumn")
    await asyncio.sleep(max((end - datetime.now(UTC)).total_seconds(), 0))
    await garden.ask("POST", f"agreements/{agreement}/revoke", {"reason": "late"})
    theirs = await garden.get(f"agreements/{agreement}")
    assert theirs["state"] in ("REVOKED", "EXPIRED")
    await bank.until(f"agreements/{agreement}", theirs["state"])
    await bank.settled()


async def test_what_has_no_end_stays(start: Start, garden: Party) -> None:
    ours = await start("ours")
    row = await keep_agreement(ours, garden, Role.CONSUMER)
    await asyncio.sleep(0.2)
    assert (await ours.get(f"agreements/{row.id}"))["state"] == "FINALIZED"
