"""Settings: a file, the environment above it, and errors that name what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustspace.connector.settings import Settings
from trustspace.errors import ConfigurationError

FULL = """
participant = "garden"
public_url = "https://garden.example"

[listen]
host = "192.0.2.1"
port = 8080

[management]
host = "::1"
port = 8081

[delivery]
token_seconds = 60
lease_seconds = 5

[exchange]
deadline_seconds = 30
sweep_seconds = 0.5

[limits]
body_bytes = 2048
body_seconds = 1.5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "trustspace.toml"
    path.write_text(FULL)
    return path


def test_a_file_is_read_whole(file: Path) -> None:
    settings = Settings.load(file)
    assert settings.participant == "garden"
    assert (settings.listen.host, settings.listen.port) == ("192.0.2.1", 8080)
    assert (settings.management.host, settings.management.port) == ("::1", 8081)
    assert (settings.delivery.token_seconds, settings.delivery.lease_seconds) == (60, 5)
    assert (settings.exchange.deadline_seconds, settings.exchange.sweep_seconds) == (30, 0.5)
    assert (settings.limits.body_bytes, settings.limits.body_seconds) == (2048, 1.5)


def test_nothing_weak_is_a_default() -> None:
    settings = Settings.of({})
    assert settings.development is False
    assert settings.synchronous == "FULL"
    assert settings.listen.host == settings.management.host == "127.0.0.1"
    assert settings.limits.body_bytes == 1024 * 1024
    assert settings.delivery.token_seconds <= 300


def test_the_environment_wins(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSPACE_PARTICIPANT", "orchard")
    monkeypatch.setenv("TRUSTSPACE_LISTEN__PORT", "9090")
    settings = Settings.load(file)
    assert settings.participant == "orchard"
    assert (settings.listen.host, settings.listen.port) == ("192.0.2.1", 9090)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"colour": "blue"}, "colour"),
        ({"listen": {"port": -1}}, "listen.port"),
        ({"listen": {"port": 65_536}}, "listen.port"),
        ({"listen": {"address": "::1"}}, "listen.address"),
        ({"management": {"host": "192.0.2.1"}}, "management.host"),
        ({"management": {"host": "garden.example"}}, "management.host"),
        ({"delivery": {"token_seconds": 301}}, "delivery.token_seconds"),
        ({"delivery": {"token_seconds": 1}}, "delivery.token_seconds"),
        ({"delivery": {"lease_seconds": 61}}, "delivery.lease_seconds"),
        ({"exchange": {"deadline_seconds": 0}}, "exchange.deadline_seconds"),
        ({"exchange": {"sweep_seconds": 0}}, "exchange.sweep_seconds"),
        ({"limits": {"body_bytes": 10}}, "limits.body_bytes"),
        ({"limits": {"body_seconds": 0}}, "limits.body_seconds"),
        ({"synchronous": "OFF"}, "synchronous"),
        ({"log_level": "loud"}, "log_level"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"setting {name}: ") as told:
        Settings.of(values)
    assert told.value.setting == name
    assert told.value.hint


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    path = tmp_path / "home" / "trustspace.toml"
    with pytest.raises(ConfigurationError, match="there is no settings file") as told:
        Settings.load(path)
    assert told.value.hint == f"create the home with: trustspace init {path.parent}"


@pytest.mark.parametrize("content", [b"participant = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trustspace.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not valid TOML") as told:
        Settings.load(path)
    assert told.value.setting == str(path)
