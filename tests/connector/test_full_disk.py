"""A disk without room: what cannot be kept is refused, and goes on where it stopped."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
from tests.connector.serving import served

SETTLE_SECONDS = 30.0


@pytest.mark.timeout(120)
def test_what_cannot_be_kept_is_refused_and_goes_on_later(tmp_path: Path) -> None:
    file = tmp_path / "roses.csv"
    file.write_text("a\n1\n")
    with served(tmp_path / "garden", "garden") as garden, served(tmp_path / "bank", "bank") as bank:
        garden.publish(file, "roses", {"count": 3})
        size = (bank.home.path / "trustspace.db-wal").stat().st_size
        bank.stop()
        # No file of the process may grow beyond this: to it the disk is full.
        bank.start(limit=(resource.RLIMIT_FSIZE, size + 150_000))
        order = {"address": garden.home.address, "dataset": "roses", "fresh": True}
        for _ in range(400):
            answer = bank.client.post("negotiations", json=order)
            if answer.status_code != 201:
                break
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert bank.get("negotiations", limit=1)["items"]
        assert bank.client.get(f"{bank.home.management_url}/health").status_code == 200
        bank.check_log()
        bank.kill()
        bank.start()
        end = time.monotonic() + SETTLE_SECONDS
        while set(bank.states("negotiations", role="consumer").values()) != {"FINALIZED"}:
            assert time.monotonic() < end, bank.states("negotiations", role="consumer")
            time.sleep(0.05)
        assert bank.states("negotiations", role="consumer") == garden.states(
            "negotiations", role="provider"
        )
        for party in (garden, bank):
            party.check_log()
