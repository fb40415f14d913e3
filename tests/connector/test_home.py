"""A home: made once, never overwritten, readable to its owner alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from trustspace.connector.home import (
    free_ports,
    init_home,
    open_home,
    participant_did,
    write_running,
)
from trustspace.errors import ConfigurationError
from trustspace.identity.keys import SigningKey


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_development_home_says_so(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden", port=41234)
    assert home.development
    assert home.name == "garden"
    assert home.address == "http://localhost:41234"
    assert home.id == "did:web:localhost%3A41234:garden"
    assert home.management_url == f"http://127.0.0.1:{home.settings.management.port}"
    assert home.database_url == f"sqlite:///{home.path / 'trustspace.db'}"


def test_a_home_with_a_public_url_is_for_production(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", public_url="https://garden.example/space/")
    assert not home.development
    assert home.name == "main"
    assert home.address == "https://garden.example/space"
    assert home.id == "did:web:garden.example:space:main"


def test_ports_are_chosen_once(tmp_path: Path) -> None:
    first = init_home(tmp_path / "garden", name="garden")
    assert first.settings.listen.port > 0
    assert first.settings.listen.port != first.settings.management.port
    assert open_home(tmp_path / "garden").settings == first.settings


def test_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = init_home(tmp_path / "garden", name="garden")
    finally:
        os.umask(before)
    assert _mode(home.token_file) == 0o600
    assert _mode(home.key_file("garden")) == 0o600
    assert _mode(home.path / "keys") == 0o700


def test_a_token_is_long_and_never_the_same(tmp_path: Path) -> None:
    tokens = {init_home(tmp_path / str(index)).management_token() for index in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "garden"
    init_home(path, name="garden", port=41234)
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    again = init_home(path)
    assert init_home(path, name="garden", public_url="http://localhost:41234/", port=41234) == again
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_a_second_init_completes_what_is_missing(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    key = home.key_file("garden").read_bytes()
    home.token_file.unlink()
    init_home(tmp_path / "garden")
    assert home.management_token()
    assert home.key_file("garden").read_bytes() == key


@pytest.mark.parametrize(
    ("changed", "setting"),
    [
        ({"name": "orchard"}, "name"),
        ({"public_url": "https://garden.example"}, "public_url"),
        ({"port": 41235}, "port"),
    ],
)
def test_a_second_init_that_contradicts_is_refused(
    tmp_path: Path, changed: dict[str, str], setting: str
) -> None:
    path = tmp_path / "garden"
    init_home(path, name="garden", port=41234)
    before = (path / "trustspace.toml").read_bytes()
    with pytest.raises(ConfigurationError, match=f"exists with {setting}") as told:
        init_home(path, **changed)  # type: ignore[arg-type]
    assert told.value.setting == setting
    assert (path / "trustspace.toml").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["", "Garden", "a b", "../x", "-a", "a-", "a" * 64, "a/b", "a%2f", "ä", "a\n"]
)
def test_a_name_that_does_not_fit_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a participant name") as told:
        init_home(tmp_path / "garden", name=name)
    assert told.value.setting == "name"
    assert not (tmp_path / "garden").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://garden.example",
        "garden.example",
        "ftp://garden.example",
        "https://",
        "https://garden.example?x=1",
        "https://garden.example#x",
    ],
)
def test_a_public_url_is_https(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a public URL") as told:
        init_home(tmp_path / "garden", public_url=url)
    assert told.value.setting == "public_url"
    assert not (tmp_path / "garden" / "trustspace.toml").exists()


def test_a_folder_without_settings_is_no_home(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no settings file"):
        open_home(tmp_path)


def test_settings_without_an_address_are_refused(tmp_path: Path) -> None:
    (tmp_path / "trustspace.toml").write_text('participant = "garden"\n')
    with pytest.raises(ConfigurationError, match="public_url is not set") as told:
        open_home(tmp_path)
    assert told.value.setting == "public_url"


def test_a_missing_token_means_that_nobody_manages(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden")
    home.token_file.unlink()
    with pytest.raises(ConfigurationError, match="is missing, so nobody could manage") as told:
        home.management_token()
    assert told.value.hint == f"create it anew with: trustspace init {home.path}"


def test_a_missing_key_is_not_replaced(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    home.key_file("garden").unlink()
    with pytest.raises(ConfigurationError, match="the key of participant 'garden' is missing"):
        home.signing_key("garden")


def test_each_participant_has_a_key_of_its_own(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    home.create_key("orchard")
    kept = home.signing_key("orchard")
    home.create_key("orchard")
    assert home.signing_key("orchard").jwk() == kept.jwk()
    assert kept.jwk() != home.signing_key("garden").jwk()
    assert isinstance(kept, SigningKey)


def test_a_database_elsewhere_is_used(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden")
    file = home.path / "trustspace.toml"
    file.write_text('database = "sqlite:////data/x.db"\n' + file.read_text())
    assert open_home(home.path).database_url == "sqlite:////data/x.db"


def test_a_running_server_says_where(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden")
    write_running(home, management_url="http://127.0.0.1:9")
    assert json.loads(home.running_file.read_text()) == {
        "management_url": "http://127.0.0.1:9",
        "address": home.address,
        "pid": os.getpid(),
    }
    assert not home.running_file.with_suffix(".tmp").exists()


def test_free_ports_are_distinct() -> None:
    assert len(set(free_ports(5))) == 5


@pytest.mark.parametrize(
    ("address", "did"),
    [
        ("http://localhost:8080", "did:web:localhost%3A8080:garden"),
        ("https://garden.example", "did:web:garden.example:garden"),
        ("https://garden.example/a/b/", "did:web:garden.example:a:b:garden"),
    ],
)
def test_an_identity_follows_from_the_address(address: str, did: str) -> None:
    assert participant_did(address, "garden") == did
