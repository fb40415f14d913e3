"""``kill -9`` between due and done: what was owed is done once, by the date it always had.

Ten kills in every run, a hundred with ``-m soak``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.connector.serving import Served, served

SEED = int(os.environ.get("KILL_SEED", "20250101"))
SETTLE_SECONDS = 90.0
LONGEST_LIFE = 2.5
"""Seconds after a use until the kill at the latest; what it brings is due after two."""

POLICY = {"delete_after": "PT2S", "inform": "PT1H", "notify": True, "log": True}
KILLS = [
    pytest.param(10, marks=pytest.mark.timeout(300)),
    pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(2_400)]),
]
OWED = "SELECT duty_id, occurrence, state, due FROM duties ORDER BY 1, 2"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    file = tmp_path / "roses.csv"
    file.write_text("grade,price\nA,10\n")
    with served(tmp_path / "garden", "garden") as garden, served(tmp_path / "bank", "bank") as bank:
        garden.publish(file, "roses", POLICY)
        yield garden, bank


def _use(garden: Served, bank: Served) -> None:
    """Agree, fetch the data once, and tell the own connector of it."""
    order = {"address": garden.home.address, "dataset": "roses", "fresh": True}
    begun = bank.post("negotiations", **order)
    ended = bank.get(f"negotiations/{begun['id']}", wait=30)
    assert ended["state"] == "FINALIZED", ended
    transfer = bank.post("transfers", agreement=ended["agreement"])
    shown = bank.get(f"transfers/{transfer['id']}", wait=30)
    assert shown["state"] == "STARTED", shown
    edr = bank.get(f"transfers/{transfer['id']}/edr")
    session = uuid4().hex
    headers = {"Authorization": edr["authorization"], "Trustspace-Session": session}
    answer = httpx.get(edr["endpoint"], headers=headers, timeout=30, trust_env=False)
    assert answer.status_code == 200
    receipt = {"session": session, "outcome": "delivered", "bytes": len(answer.content)}
    told = bank.client.post(f"transfers/{transfer['id']}/receipts", json=receipt)
    assert told.status_code == 204


@pytest.mark.parametrize("kills", KILLS)
def test_duties_survive(pair: tuple[Served, Served], kills: int) -> None:
    garden, bank = pair
    chance = random.Random(SEED)  # noqa: S311 - the same moments in each run
    for _ in range(kills):
        _use(garden, bank)
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        victim = chance.choice(pair)
        before = {row[:2]: row[3] for row in victim.rows(OWED)}
        victim.kill()
        assert {row[:2]: row[3] for row in victim.rows(OWED)}.items() >= before.items()
        victim.start()
        after = {row[:2]: row[3] for row in victim.rows(OWED)}
        assert after.items() >= before.items()
    end = time.monotonic() + SETTLE_SECONDS
    while any(row[2] != "fulfilled" for party in pair for row in party.rows(OWED)):
        assert time.monotonic() < end, [party.rows(OWED) for party in pair]
        time.sleep(0.1)
    assert len(garden.rows(OWED)) == kills * 4
    assert len(bank.rows(OWED)) == kills * 3
    for party in pair:
        party.check_log()
        done = party.rows(
            "SELECT json_extract(body, '$.agreement'), json_extract(body, '$.duty'), count(*) "
            "FROM events WHERE kind = 'duty.fulfilled' GROUP BY 1, 2"
        )
        assert {count for _, _, count in done} == {1}
    assert not garden.rows("SELECT 1 FROM events WHERE kind = 'duty.failed'")
