"""An exchange decided by an OPA server that fetches its rules from the connector itself."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connector.deciding import rule_modules
from tests.policy.opa_server import find_opa, free_port
from typer.testing import CliRunner

from trustspace import terms
from trustspace.cli.app import app
from trustspace.connector.home import init_home
from trustspace.errors import PolicyDeniedError, TrustspaceError
from trustspace.local import Connector

pytestmark = [pytest.mark.external, pytest.mark.timeout(90)]


@pytest.fixture
def opa() -> Path:
    return find_opa()


@contextlib.contextmanager
def serving_opa(opa: Path, config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    address = f"127.0.0.1:{port}"
    command = [opa, "run", "--server", "--addr", address, "--config-file", config]
    quiet = ["--log-level", "error", "--disable-telemetry"]
    with subprocess.Popen([*map(str, command), *quiet], stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with (
                    contextlib.suppress(OSError),
                    urllib.request.urlopen(f"http://{address}/health?bundles", timeout=2),
                ):
                    break
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()


def test_an_opa_server_decides_an_exchange(opa: Path, tmp_path: Path):
    port = free_port()
    home = init_home(tmp_path / "garden", name="garden")
    settings = home.path / "trustspace.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f'{text}\n[policy]\nengine = "opa"\nurl = "http://127.0.0.1:{port}"\n')
    roses = tmp_path / "roses.csv"
    roses.write_text("grade,price\nA,10\n")
    with Connector(home.path) as garden, Connector.local("bank") as bank:
        garden.publish(roses, id="roses", terms=terms(purpose="research", count=500))
        # Without rules there is no decision, hence no offer.
        with pytest.raises(TrustspaceError):
            bank.negotiate(garden.address, "roses", purpose="research")
        told = CliRunner().invoke(app, ["policy", "server-config", "--home", str(home.path)])
        assert told.exit_code == 0, told.output
        config = tmp_path / "opa.json"
        config.write_text(told.stdout)
        with serving_opa(opa, config, port) as process:
            time.sleep(1.5)  # A server that failed is left alone for a moment.
            agreement = bank.negotiate(garden.address, "roses", purpose="research")
            with agreement.open() as data:
                assert data.to_polars().height == 1
            # Other rules: the old ones answer until the server has fetched them.
            rules = rule_modules.module("served")
            garden.load_rules(rules.archive())
            ends = time.monotonic() + 30
            while garden.rules().state != "in_force" and time.monotonic() < ends:
                with agreement.open() as data:
                    assert data.to_polars().height == 1
                time.sleep(0.5)
            assert garden.rules().revision == rules.revision
            with agreement.open() as data:
                assert data.to_polars().height == 1
            decided = [one for one in garden.decisions() if one.point == "access"]
            assert decided[0].revision == rules.revision
            process.terminate()
            process.wait(10)
            with pytest.raises(PolicyDeniedError) as caught, agreement.open() as data:
                data.to_polars()
        assert caught.value.code == "engine.unavailable"


def test_the_rules_are_for_those_who_may_read_them(tmp_path: Path):
    with Connector.local("garden", home=tmp_path / "garden") as garden:
        url = f"{garden.home.management_url}/v1/policy/bundle.tar.gz"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=5)  # noqa: S310 - our own listener
        token = garden.home.management_token()
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310
            assert answer.read(2) == b"\x1f\x8b"
            tag = answer.headers["ETag"]
        asked.add_header("If-None-Match", tag)
        with pytest.raises(urllib.error.HTTPError, match="304"):
            urllib.request.urlopen(asked, timeout=5)  # noqa: S310
