"""A provider that dies in the middle of a push goes on with it when it starts again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.connector.serving import served

pytestmark = pytest.mark.timeout(120)


def test_a_push_outlives_its_provider(tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    file.write_bytes(bytes(range(256)) * 4 * 1024 * 96)
    with served(tmp_path / "garden", "garden") as garden, served(tmp_path / "bank", "bank") as bank:
        garden.publish(file, "big", {"count": 1})
        begun = bank.post("negotiations", address=garden.home.address, dataset="big")
        ended = bank.get(f"negotiations/{begun['id']}", wait=20)
        assert ended["state"] == "FINALIZED"
        order = {"agreement": ended["agreement"], "format": "HttpData-PUSH"}
        pid = bank.post("transfers", **order)["id"]
        sealed = tmp_path / "bank" / "sealed"
        end = time.monotonic() + 30
        while not any(part.stat().st_size for part in sealed.rglob("*.part")):
            if garden.rows("SELECT sha256 FROM pushes WHERE sha256 IS NOT NULL"):
                break  # The machine was faster than we looked.
            assert time.monotonic() < end, "nothing arrived"
            time.sleep(0.005)
        garden.kill()
        garden.start()
        shown = bank.get(f"transfers/{pid}", wait=40, ended="true")
        assert shown["state"] == "COMPLETED", shown
        (used,) = garden.rows("SELECT sum(taken) FROM counters")
        assert used == (1,)
        got = bank.client.get(f"transfers/{pid}/content")
        assert got.content == file.read_bytes()
