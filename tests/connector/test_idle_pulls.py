"""A pull that nobody uses is completed by its provider; one that is used is not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.pulling import started

pytestmark = pytest.mark.anyio

IDLE = "\n[exchange]\nidle_seconds = 2\nsweep_seconds = 0.1\n"


async def test_an_unused_pull_is_completed(start: Start, bank: Party, roses: Any) -> None:
    garden = await start("quiet", settings=IDLE)
    pull = await started(garden, bank, roses, {})
    for _ in range(6):
        await asyncio.sleep(0.5)
        if (await pull.get()).status_code != 200:
            break
    else:
        assert (await garden.get(f"transfers/{pull.theirs}"))["state"] == "STARTED"
    shown = await garden.until(f"transfers/{pull.theirs}", "COMPLETED", seconds=15)
    assert shown["code"] == "transfer.idle"
    assert shown["reasons"] == ["no data was asked for within 2 s"]
    assert (await bank.until(f"transfers/{pull.transfer}", "COMPLETED"))["code"] is None
    ended = [e for e in await garden.events() if e.kind == "transfer.completed"]
    assert ended[-1].body["code"] == "transfer.idle"
    assert (await pull.get()).status_code == 403
    # It is history, and the next one costs a message.
    assert (await bank.transfer(pull.agreement))["state"] == "STARTED"


async def test_a_paused_pull_rests_as_long_as_its_owners_like(
    start: Start, bank: Party, roses: Any
) -> None:
    garden = await start("quiet", settings=IDLE)
    pull = await started(garden, bank, roses, {})
    await bank.post(f"transfers/{pull.transfer}/suspend")
    await garden.until(f"transfers/{pull.theirs}", "SUSPENDED")
    deadline = await garden.store.read(lambda tx: tx.transfers.deadline("quiet", pull.theirs))
    assert deadline is None
