"""With whom which dialect is spoken: the owner's word, the settings, then what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.connector.party import party

from trustspace.connector.messaging import dialects as module
from trustspace.connector.messaging.dialects import PeerDialects
from trustspace.dsp.dialects import EDC, STRICT

URL = "http://localhost:8282/protocol/2025-1"


def test_strict_is_spoken_with_strangers() -> None:
    assert PeerDialects().of("garden", "edc", URL) is STRICT
    assert PeerDialects().of("garden", "edc", "http://[") is STRICT


@pytest.mark.parametrize("key", ["http://localhost:8282", "http://localhost:8282/", "edc"])
def test_settings_name_a_counterparty_by_origin_or_id(key: str) -> None:
    dialects = PeerDialects({key: "edc"})
    assert dialects.of("garden", "edc", URL) is EDC
    assert dialects.of("garden", "other", "http://localhost:8283/protocol") is STRICT


def test_what_is_seen_is_remembered() -> None:
    dialects = PeerDialects()
    dialects.note("edc", None)
    assert dialects.of("garden", "edc") is STRICT
    assert dialects.of("garden", "edc", shown=EDC) is EDC
    dialects.note("edc", EDC)
    assert dialects.of("garden", "edc") is EDC
    assert dialects.of("garden", "other") is STRICT


def test_the_owners_word_stands_above_all() -> None:
    dialects = PeerDialects({"edc": "edc"})
    dialects.note("edc", EDC)
    dialects.choose("garden", "edc", "strict")
    assert dialects.of("garden", "edc", shown=EDC) is STRICT
    assert dialects.of("bank", "edc") is EDC
    dialects.choose("garden", "edc", None)
    assert dialects.of("garden", "edc") is EDC


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    dialects = PeerDialects()
    for name in ("a", "b", "a", "c"):
        dialects.note(name, EDC)
    found = [dialects.of("garden", name) for name in ("a", "b", "c")]
    assert found == [EDC, STRICT, EDC]


@pytest.mark.anyio
async def test_the_owners_word_outlives_a_restart(tmp_path: Path) -> None:
    async with party(tmp_path / "garden", "garden") as garden:
        for id_, name in (("edc", "edc"), ("other", "edc"), ("other", None)):
            await garden.ask("PUT", f"counterparties/{id_}/dialect", {"dialect": name})
    async with party(tmp_path / "garden", "garden") as garden:
        for id_, name in (("edc", "edc"), ("other", "strict")):
            assert await garden.get(f"counterparties/{id_}/dialect") == {"id": id_, "dialect": name}
