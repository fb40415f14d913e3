"""Deletion: planned with the use, done by the consumer's connector, proven to the provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.connector.duties.owing import duties, obliging, received, until, within
from tests.connector.party import Party
from tests.connector.pulling import started

pytestmark = pytest.mark.anyio

SOON = obliging({"action": "delete", "constraint": within("delayPeriod", "PT2S")})


async def test_it_is_done_in_time_and_proven(garden: Party, bank: Party, roses: Path) -> None:
    pull = await started(garden, bank, roses, SOON)
    answer = await pull.get(session="s" * 16)
    assert answer.status_code == 200
    await received(bank, pull.agreement, "s" * 16)
    (owed,) = await duties(garden, pull.agreement)
    assert (owed["action"], owed["bearer"], owed["occurrence"]) == (
        "odrl:delete",
        "consumer",
        "s" * 16,
    )
    (mine,) = await until(bank, pull.agreement, "fulfilled")
    (theirs,) = await until(garden, pull.agreement, "fulfilled")
    assert mine["fulfilled_at"] <= owed["due"]
    assert mine["evidence"]["removed"] == {"sealed": 0}
    assert theirs["evidence"]["id"] == mine["evidence"]["id"]
    assert theirs["evidence"]["by"] == bank.id
    assert theirs["evidence"]["report"]["removed"] == {"sealed": 0}
    kinds = [
        event.kind
        for event in await garden.events()
        if event.body.get("agreement") == pull.agreement
    ]
    assert kinds.count("duty.owed") == kinds.count("duty.fulfilled") == 1
    assert (await pull.get()).status_code == 200
