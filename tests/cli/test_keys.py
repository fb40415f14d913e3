"""``trustspace keys``: listed, rotated, and everything still opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import CommandLine

from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_home import SealedHome

if TYPE_CHECKING:
    from pathlib import Path

AGREEMENT = "urn:uuid:a1"


@pytest.fixture
def home(tmp_path: Path) -> SealedHome:
    home = SealedHome(tmp_path / "bank-home")
    for name in ("branch", "main"):
        with home.store(name, participant=f"did:web:bank.example:{name}") as store:
            for agreement in (AGREEMENT, "urn:uuid:a2"):
                with store.writer(agreement, "roses") as sink:
                    sink.write(name.encode())
                    sink.commit()
    return home


def test_listed_and_rotated(home: SealedHome) -> None:
    run = CommandLine()
    before = run.json("keys", "list", "--home", home.path)
    assert [(one["participant"], one["current"], one["data_keys"]) for one in before] == [
        ("branch", True, 2),
        ("main", True, 2),
    ]
    (done,) = run.json("keys", "rotate", "--home", home.path, "--participant", "main")
    assert done["is_new"]
    assert (done["wrapped_anew"], done["retired"]) == (2, [before[1]["key"]])
    after = run.json("keys", "list", "--home", home.path)
    assert after[0] == before[0]
    assert after[1]["key"] == done["current"] != before[1]["key"]
    for name in ("branch", "main"):
        with home.store(name) as store, store.reader(AGREEMENT, "roses") as file:
            assert file.read() == name.encode()


def test_in_words(home: SealedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CommandLine()
    monkeypatch.setenv("TRUSTSPACE_HOME", str(home.path))
    keys = home.keys("main")
    assert isinstance(keys, FileKeys)
    old = keys.current
    new = keys.rotate()
    shown = run("keys", "list", "--participant", "main").stdout.splitlines()
    assert shown == [f"main\t{new}\tcurrent\t0", f"main\t{old}\t\t2"]
    done = run("keys", "rotate", "--participant", "main").stdout
    assert done == f"main: {new} wraps now; data keys wrapped anew: 2; keys that are gone: {old}\n"
    assert "keys that are gone: " in run("keys", "rotate").stdout


def test_keys_that_are_made_elsewhere(home: SealedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSPACE_SEALING__KEYS", "environment")
    monkeypatch.setenv("TRUSTSPACE_WRAPPING_KEYS", "A" * 43 + "=")
    refused = CommandLine()("keys", "rotate", "--home", home.path)
    assert refused.exit_code == 2
    assert "not there" in refused.stderr


def test_wrong_usage(home: SealedHome, tmp_path: Path) -> None:
    run = CommandLine()
    for arguments, said in (
        ((), "no home is named"),
        (("--home", tmp_path / "none"), "there is no home"),
        (("--home", tmp_path), "nothing has been sealed"),
        (("--home", home.path, "--participant", "x"), "there are: branch, main"),
    ):
        done = run("keys", "list", *arguments)
        assert done.exit_code == 2
        assert said in done.stderr
