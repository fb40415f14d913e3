"""Where a home keeps what was delivered, and where it finds the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import ConfigurationError
from trustspace.usage.agent_keys import AgentKeys
from trustspace.usage.environment_keys import EnvironmentKeys
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_folder import KEY_NAME
from trustspace.usage.sealed_home import VARIABLE, SealedHome


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SealedHome:
    monkeypatch.delenv(VARIABLE, raising=False)
    return SealedHome(tmp_path)


def sealed(home: SealedHome, setting: str) -> None:
    (home.path / "trustspace.toml").write_text(f'[sealing]\nkeys = "{setting}"\n')


def test_what_lies_there_knows_whose_it_is(home: SealedHome) -> None:
    assert home.names() == ()
    with home.store("main") as store:
        assert store.participant == ""
    with home.store("main", participant=BANK) as store:
        store.keys.of(AGREEMENT, is_lent=False)
        other = store.folder.of("urn:uuid:a2")
        other.mkdir()
        third = store.folder.of("urn:uuid:a3")
        third.mkdir()
        (third / KEY_NAME).touch(mode=0o600)
    (home.path / "keys" / "branch.sealing").touch(mode=0o600)
    assert home.names() == ("branch", "main")
    with home.store("main") as store:
        assert store.participant == BANK
        assert store.keys.of(AGREEMENT).agreement == AGREEMENT


def test_where_the_key_is(home: SealedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home.keys("main")
    assert isinstance(file, FileKeys)
    assert file.path == home.path / "keys" / "main.sealing"
    (home.path / "trustspace.toml").write_text('participant = "main"\n')
    assert isinstance(home.keys("main"), FileKeys)
    sealed(home, "agent:/run/keys.sock")
    agent = home.keys("main")
    assert isinstance(agent, AgentKeys)
    assert agent.path == Path("/run/keys.sock")
    sealed(home, "environment")
    with pytest.raises(ConfigurationError, match="TRUSTSPACE_WRAPPING_KEYS"):
        home.keys("main")
    monkeypatch.setenv("TRUSTSPACE_WRAPPING_KEYS", "A" * 43 + "=")
    assert isinstance(home.keys("main"), EnvironmentKeys)
    monkeypatch.setenv(VARIABLE, "file")
    assert isinstance(home.keys("main"), FileKeys)


@pytest.mark.parametrize(
    "text", ['[sealing]\nkeys = "agent:"', '[sealing]\nkeys = "x"', "sealing=1", "="]
)
def test_a_wrong_setting_is_named(home: SealedHome, text: str) -> None:
    (home.path / "trustspace.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        home.keys("main")
    assert caught.value.setting in ("sealing.keys", "trustspace.toml")
