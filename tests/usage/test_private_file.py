"""Files for one pair of eyes, whole or not at all."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConfigurationError, NotFoundError
from trustspace.usage import private_file
from trustspace.usage.private_file import (
    FolderLock,
    make_folder,
    overwrite_and_remove,
    read_private,
    write_durably,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_durably(path, b"one")
    write_durably(path, b"two")
    assert read_private(path, setting="keys") == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_what_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    write_durably(path, b"secret")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="may be read by others") as caught:
        read_private(path, setting="keys")
    assert "chmod 600" in caught.value.hint
    assert caught.value.setting == "keys"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    write_durably(path, b"secret")
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigurationError, match="another user"):
        read_private(path, setting="keys")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert read_private(path, setting="keys") == b"secret"


def test_links_folders_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    with pytest.raises(NotFoundError):
        read_private(path, setting="keys")
    write_durably(path, b"secret")
    link = tmp_path / "link"
    link.symlink_to(path)
    for wrong in (link, tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_private(wrong, setting="keys")
    monkeypatch.setattr(private_file, "_LONGEST", 3)
    with pytest.raises(ConfigurationError, match="larger"):
        read_private(path, setting="keys")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_durably(path, b"old")
    (tmp_path / "key.new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()
    # What stood in the way is gone, so that the next attempt succeeds.
    write_durably(path, b"new")
    with pytest.raises(ConfigurationError):
        write_durably(tmp_path / "none" / "key", b"")


def test_what_is_replaced_is_overwritten(tmp_path: Path) -> None:
    path, same = tmp_path / "key", tmp_path / "same"
    write_durably(path, b"secret")
    same.hardlink_to(path)
    write_durably(path, b"other!", overwrite_old=True)
    assert (same.read_bytes(), path.read_bytes()) == (bytes(6), b"other!")
    write_durably(tmp_path / "first", b"1", overwrite_old=True)


def test_what_is_removed_is_overwritten(tmp_path: Path) -> None:
    path, same = tmp_path / "key", tmp_path / "same"
    for first, left in ((None, bytes(6)), (2, b"\0\0cret"), (99, bytes(6)), (0, b"secret")):
        write_durably(path, b"secret")
        same.unlink(missing_ok=True)
        same.hardlink_to(path)
        assert overwrite_and_remove(path, first=first)
        assert not path.exists()
        assert same.read_bytes() == left
    assert not overwrite_and_remove(path)


def test_a_link_is_removed_and_its_target_left(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    assert overwrite_and_remove(link)
    assert target.read_bytes() == b"mine"
    with pytest.raises(ConfigurationError):
        overwrite_and_remove(tmp_path)


def test_what_may_not_be_opened_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    write_durably(path, b"secret")

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(private_file, "open_safely", denied)
    with pytest.raises(ConfigurationError):
        overwrite_and_remove(path)
    assert path.exists()


def test_a_folder_is_for_its_owner(tmp_path: Path) -> None:
    make_folder(tmp_path / "one" / "two")
    make_folder(tmp_path / "one" / "two")
    assert (tmp_path / "one" / "two").stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "one")
    with pytest.raises(ConfigurationError, match="link"):
        make_folder(tmp_path / "link")


def test_a_lock_keeps_others_out_and_lets_its_owner_in_again(tmp_path: Path) -> None:
    mine, theirs = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    inside = threading.Event()

    def enter() -> None:
        with theirs:
            inside.set()

    thread = threading.Thread(target=enter)
    with mine:
        thread.start()
        with mine:
            pass
        assert not inside.wait(0.1)
    assert inside.wait(10)
    thread.join()
    with pytest.raises(ConfigurationError), FolderLock(tmp_path / "none" / "lock"):
        pass
