"""Which connector a command speaks to: a flag before the environment, a URL before a home."""

from __future__ import annotations

import json
import os

import pytest

from trustspace.cli.connection import Connection
from trustspace.errors import ConfigurationError


@pytest.fixture
def home(tmp_path):
    (tmp_path / "management.token").write_text("from-home", encoding="ascii")
    told = {"management_url": "http://127.0.0.1:1", "pid": os.getpid()}
    (tmp_path / "running.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path


def spoken_to(connection: Connection) -> tuple[str, str]:
    with connection.client() as client:
        return client._management.url, client._management.token


def test_a_home_is_found(home):
    assert spoken_to(Connection(home=home)) == ("http://127.0.0.1:1", "from-home")


def test_a_url_comes_with_its_token(monkeypatch):
    here = Connection(None, "http://127.0.0.1:2", "given")
    assert spoken_to(here) == ("http://127.0.0.1:2", "given")
    monkeypatch.setenv("TRUSTSPACE_TOKEN", "from-environment")
    assert spoken_to(Connection(url="http://127.0.0.1:2"))[1] == "from-environment"


def test_a_home_given_wins_over_a_url_of_the_environment(home, monkeypatch):
    monkeypatch.setenv("TRUSTSPACE_URL", "http://127.0.0.1:3")
    assert spoken_to(Connection(home=home))[0] == "http://127.0.0.1:1"


def test_the_environment_names_a_url_before_a_home(home, monkeypatch):
    monkeypatch.setenv("TRUSTSPACE_HOME", str(home))
    assert spoken_to(Connection()) == ("http://127.0.0.1:1", "from-home")
    monkeypatch.setenv("TRUSTSPACE_URL", "http://127.0.0.1:3")
    monkeypatch.setenv("TRUSTSPACE_TOKEN", "t")
    assert spoken_to(Connection()) == ("http://127.0.0.1:3", "t")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no connector is named"),
        ({"url": "http://127.0.0.1:1"}, "no management token"),
        ({"url": "http://127.0.0.1:1", "home": "x"}, "both name a connector"),
    ],
)
def test_what_is_missing_or_too_much_is_said(given, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        Connection(**given).client()
    assert caught.value.hint
