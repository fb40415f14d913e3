"""The doctor at home, beside a running connector and without one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.to_thread
import pytest
from starlette.responses import Response
from tests.connector.asking import requested

from trustspace.connector.doctor import own_files, own_store
from trustspace.connector.doctor.findings import Finding, Severity
from trustspace.connector.doctor.home import examine_home
from trustspace.connector.home import init_home
from trustspace.dsp.messages import NegotiationState
from trustspace.dsp.process import Process
from trustspace.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

Found = dict[str, dict[str, str]]


def look(path: Path) -> Found:
    """Examine a home; return the findings in words, by id."""
    found: list[Finding] = []
    examine_home(path, listener=found.append)
    return {finding.id: finding.shown("en") for finding in found}


async def look_beside(path: Path) -> Found:
    return await anyio.to_thread.run_sync(look, path)


def errors(found: Found) -> list[str]:
    return [name for name, shown in found.items() if shown["severity"] == Severity.ERROR]


@pytest.fixture
def home(tmp_path):
    return init_home(tmp_path / "home", name="garden")


@pytest.fixture
def stored(home):
    """A home with a database that a connector has left."""
    with Store.open(home.database_url) as store:
        now = datetime.now(UTC)
        store.write_sync(
            lambda tx: tx.participants.add("garden", did=home.id, address=home.address, now=now)
        )
    return home


# --- beside a running connector ------------------------------------------------------------------


async def test_a_running_home_is_well(garden):
    found = await look_beside(garden.connector.home.path)
    assert errors(found) == [], found
    assert {
        "settings.ok", "settings.development", "running.yes", "disk.ok", "database.ok", "key.ok",
        "token.ok", "public.ok", "process.ok", "time.ok",
    } <= found.keys()  # fmt: skip


async def test_a_home_whose_key_another_one_serves_is_told(start):
    party = await start("garden")
    home = party.connector.home
    home.key_file("garden").unlink()
    home.create_key("garden")
    assert errors(await look_beside(home.path)) == ["public.wrong_key"]


async def test_an_address_where_somebody_else_answers_is_told(start, garden, peer):
    party = await start("lonely")
    settings = party.connector.home.path / "trustspace.toml"
    text = settings.read_text()
    settings.write_text(text.replace(party.address, garden.address))
    assert errors(await look_beside(party.connector.home.path)) == ["public.other"]
    settings.write_text(text.replace(party.address, peer.url))
    assert errors(await look_beside(party.connector.home.path)) == ["public.other"]
    settings.write_text(text.replace(party.address, "http://localhost:1"))
    found = await look_beside(party.connector.home.path)
    assert errors(found) == ["public.unreachable"]
    assert "no connection to localhost:1" in found["public.unreachable"]["found"]


async def test_what_waits_for_the_counterparty_is_told_with_its_command(start, peer, monkeypatch):
    bank = await start("bank")
    pid, _ = await requested(bank, peer)
    monkeypatch.setattr(own_store, "STUCK", timedelta(milliseconds=1))
    await anyio.sleep(0.01)
    found = await look_beside(bank.connector.home.path)
    shown = found["process.waits_for_them"]
    assert pid in shown["found"]
    assert "REQUESTED and waits for did:web:" in shown["found"]
    assert f"trustspace doctor {peer.id} --home" in shown["advice"]
    assert f"trustspace terminate {pid} --home" in shown["advice"]
    assert "process.ok" not in found


async def test_a_message_that_does_not_arrive_is_told_with_its_reason(start, peer):
    bank = await start("bank")
    peer.answers["negotiations/request"] = lambda _: Response(status_code=503)
    order = {"address": peer.url, "dataset": "roses", "purpose": "research"}
    await bank.post("negotiations", **order)
    end = time.monotonic() + 20
    while not (rows := await bank.store.read(lambda tx: tx.outbox.pending("bank", limit=9))) or (
        not rows[0].attempts
    ):
        assert time.monotonic() < end
        await anyio.sleep(0.05)
    shown = (await look_beside(bank.connector.home.path))["process.undelivered"]
    assert "ContractRequestMessage" in shown["found"]
    assert rows[0].last_error in shown["found"]
    assert f"trustspace doctor {peer.id}" in shown["advice"]


async def test_a_silent_connector_is_told(home):
    told = {"management_url": "http://127.0.0.1:1", "pid": os.getpid()}
    home.running_file.write_text(json.dumps(told))
    assert "running.silent" in await look_beside(home.path)


# --- without one ---------------------------------------------------------------------------------


def test_a_new_home_that_does_not_run_is_well(home):
    found = look(home.path)
    assert errors(found) == []
    assert {"running.no", "database.none", "public.not_checked"} <= found.keys()
    assert "trustspace serve --home" in found["running.no"]["advice"]


def test_no_home_is_told(tmp_path):
    (shown,) = look(tmp_path).values()
    assert shown["id"] == "settings.invalid"
    assert "trustspace init" in shown["advice"]


def test_a_wrong_setting_is_named(home):
    with (home.path / "trustspace.toml").open("a") as file:
        file.write("\n[delivery]\ntoken_seconds = 1\n")
    assert "delivery.token_seconds" in look(home.path)["settings.invalid"]["found"]


def test_files_that_others_can_read_are_told(stored):
    for file in (stored.token_file, stored.key_file("garden"), stored.path / "trustspace.db"):
        file.chmod(0o644)
    found = look(stored.path)
    assert {"token.permissions", "key.permissions", "database.permissions"} <= found.keys()
    assert f"chmod 600 {stored.key_file('garden')}" in found["key.permissions"]["advice"]


def test_what_is_missing_is_told(stored):
    stored.token_file.unlink()
    stored.key_file("garden").unlink()
    assert errors(look(stored.path)) == ["key.missing", "token.missing"]


def test_a_key_that_cannot_be_used_is_told_without_its_content(stored):
    stored.key_file("garden").write_text("-----BEGIN PRIVATE KEY-----\n5ecret\n")
    found = look(stored.path)
    assert errors(found) == ["key.unusable"]
    assert "5ecret" not in json.dumps(found)


def test_a_key_of_another_user_is_told(stored, monkeypatch):
    monkeypatch.setattr(own_files, "_user", lambda: os.getuid() + 1)
    assert "key.owner" in look(stored.path)


def test_a_damaged_database_is_told_and_left_alone(stored):
    file = stored.path / "trustspace.db"
    data = bytearray(file.read_bytes())
    for start in range(8192, len(data) - 4096, 4096):
        data[start : start + 64] = b"\xff" * 64
    file.write_bytes(data)
    assert errors(look(stored.path)) == ["database.corrupt"]
    assert file.read_bytes() == data
    file.write_bytes(b"no database at all" * 100)
    assert errors(look(stored.path)) == ["database.corrupt"]


def test_a_database_of_somebody_else_is_told(stored):
    with sqlite3.connect(stored.path / "trustspace.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    found = look(stored.path)
    assert errors(found) == ["database.foreign"]
    assert "9999" in found["database.foreign"]["found"]
    (stored.path / "trustspace.db").unlink()
    with sqlite3.connect(stored.path / "trustspace.db") as connection:
        connection.execute("CREATE TABLE x (y)")
    connection.close()
    assert errors(look(stored.path)) == ["database.foreign"]


def test_a_database_between_revisions_is_told(stored, monkeypatch):
    monkeypatch.setattr(own_store, "HEAD", "9999")
    assert "database.older" in look(stored.path)


@pytest.mark.parametrize(("mebibytes", "finding"), [(500, "disk.low"), (50, "disk.full")])
def test_a_full_disk_is_told(home, monkeypatch, mebibytes, finding):
    usage = SimpleNamespace(free=mebibytes * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert finding in look(home.path)


def test_a_clock_away_from_the_file_system_s_is_told(home, monkeypatch):
    now = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: now)
    found = look(home.path)
    assert "time.file_system" in found
    assert "time.ok" not in found


async def test_a_clock_that_was_set_back_is_told(start, peer):
    bank = await start("bank")
    peer.acknowledge("negotiations/request", NegotiationState.REQUESTED)
    await requested(bank, peer)

    def look_earlier() -> list[str]:
        found: list[Any] = []
        earlier = datetime.now(UTC) - timedelta(hours=1)
        own_store.look_at_store(
            bank.connector.home,
            lambda finding, **_: found.append(finding),
            runs=True,
            now=earlier,
        )
        return found

    found = await anyio.to_thread.run_sync(look_earlier)
    assert "time.backwards" in found


class Resting:
    """Lets every process wait for its owner."""

    def goes_on(self, process: Process) -> bool:
        del process
        return False


async def test_what_waits_for_us_or_was_suspended_is_told(start, roses, monkeypatch):
    monkeypatch.setattr(own_store, "STUCK", timedelta(milliseconds=1))
    garden = await start("garden", reaction=Resting())
    bank = await start("bank")
    await garden.publish(roses)
    order = {"address": garden.address, "dataset": "roses", "purpose": "research"}
    await bank.post("negotiations", **order)
    await bank.settled()
    (waiting,) = (await garden.get("negotiations"))["items"]
    found = await look_beside(garden.connector.home.path)
    shown = found["process.waits_for_us"]
    assert f"trustspace explain {waiting['id']} --home" in shown["advice"]
    monkeypatch.setattr(own_store, "MAX_TOLD", 0)
    assert "process.more" in await look_beside(garden.connector.home.path)


async def test_a_suspended_transfer_and_an_open_decision_are_told(start, roses, monkeypatch):
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses)
    agreement = await bank.agree(garden)
    transfer = await bank.transfer(agreement)
    await bank.post(f"transfers/{transfer['id']}/suspend", reason="lunch")
    await garden.publish(roses, "asked", {}, negotiation="approval")
    order = {"address": garden.address, "dataset": "asked"}
    await bank.post("negotiations", **order)
    await bank.settled()
    monkeypatch.setattr(own_store, "STUCK", timedelta(milliseconds=1))
    ours = await look_beside(bank.connector.home.path)
    assert "suspended by us" in ours["process.suspended"]["found"]
    assert f"trustspace resume {transfer['id']} --home" in ours["process.suspended"]["advice"]
    theirs = await look_beside(garden.connector.home.path)
    assert bank.id in theirs["process.suspended"]["found"]
    assert "trustspace approvals" in theirs["process.awaits_decision"]["advice"]
