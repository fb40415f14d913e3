"""The service as a process: ready when it says so, ended when told, careful with what it has."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.connector.party import party, stored

from trustspace.connector.app import running
from trustspace.connector.home import Home, init_home, open_home
from trustspace.connector.listener import bind
from trustspace.errors import ConfigurationError, StoreError
from trustspace.identity.identity_provider import UnsafeIdentityWarning


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return init_home(tmp_path / "garden", name="garden")


@pytest.fixture
def process(home: Home) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "trustspace", "serve", "--home", str(home.path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        yield started
        started.kill()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_service_starts_and_ends_as_told(
    home: Home, process: subprocess.Popen[str], how: signal.Signals
) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(f"{home.id} ready at {home.address} (development, loopback only)")
    said = json.loads(home.running_file.read_text())
    assert said == {
        "management_url": home.management_url,
        "address": home.address,
        "pid": process.pid,
    }
    assert httpx.get(f"{home.management_url}/health", trust_env=False).status_code == 200
    process.send_signal(how)
    assert process.wait(20) == 0
    assert process.stdout.read() == ""
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert not home.running_file.exists()


@pytest.mark.anyio
async def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "garden"
    async with party(path, "garden"):
        pass
    database = path / "trustspace.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'r9999'")
    connection.close()
    before = database.read_bytes()
    with pytest.raises(StoreError, match="has schema revision 'r9999'"):
        async with party(path, "garden"):
            pass
    assert database.read_bytes() == before


@pytest.mark.anyio
async def test_what_is_no_database_is_refused_untouched(home: Home) -> None:
    database = home.path / "trustspace.db"
    database.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError):
        async with running(home):
            pass
    assert database.read_bytes() == b"something else entirely" * 100


@pytest.mark.anyio
async def test_a_port_that_is_taken_is_told(home: Home) -> None:
    for taken in (home.settings.listen.port, home.settings.management.port):
        with bind("127.0.0.1", taken) as bound:
            bound.listen()
            with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{taken}"):
                async with running(home):
                    pass
    assert not home.running_file.exists()
    async with running(home) as connector:
        assert connector.management_url == home.management_url


@pytest.mark.anyio
async def test_another_public_url_is_another_identity(home: Home) -> None:
    async with running(home):
        pass
    before = stored(home.path / "trustspace.db")
    file = home.path / "trustspace.toml"
    file.write_text(file.read_text().replace("localhost", "127.0.0.1"))
    with pytest.raises(ConfigurationError, match="but the settings make it") as told:
        async with running(open_home(home.path)):
            pass
    assert told.value.setting == "public_url"
    assert stored(home.path / "trustspace.db") == before


@pytest.mark.anyio
async def test_a_lost_key_is_not_replaced(home: Home) -> None:
    async with running(home):
        pass
    home.key_file("garden").unlink()
    with pytest.raises(ConfigurationError, match="the key of participant 'garden' is missing"):
        async with running(home):
            pass


@pytest.mark.anyio
async def test_without_a_token_file_the_stored_hash_holds(home: Home) -> None:
    token = home.management_token()
    async with running(home):
        pass
    home.token_file.unlink()
    async with (
        running(home) as connector,
        httpx.AsyncClient(base_url=connector.management_url, trust_env=False) as client,
    ):
        for given, status in ((token, 200), (f"{token}x", 401)):
            headers = {"Authorization": f"Bearer {given}"}
            answer = await client.get("/v1/participants", headers=headers)
            assert answer.status_code == status


# --- unsafe identity -------------------------------------------------------------------------


def _unsafe(home: Home, *, development: bool) -> Home:
    file = home.path / "trustspace.toml"
    text = file.read_text().replace("development = true", f"development = {development}".lower())
    file.write_text('identity = "UnsafeClientId"\n' + text)
    return open_home(home.path)


@pytest.mark.anyio
async def test_belief_without_proof_is_for_development_only(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="believes everybody") as told:
        async with running(_unsafe(home, development=False)):
            pass
    assert told.value.setting == "identity"


@pytest.mark.anyio
async def test_belief_without_proof_warns(home: Home) -> None:
    async with (
        running(_unsafe(home, development=True)) as connector,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        hosted = connector.plane.context.hosted["garden"]
        url = f"{hosted.dsp_url}/negotiations/urn:uuid:none"
        headers = {"Authorization": '{"clientId": "did:web:anybody"}'}
        with pytest.warns(UnsafeIdentityWarning, match="believes every counterparty"):
            answer = await client.get(url, headers=headers)
        assert answer.status_code == 404


@pytest.mark.anyio
async def test_an_id_of_another_form_needs_that_belief(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="nobody can prove an id"):
        async with running(home, ids={"garden": "urn:garden"}):
            pass
