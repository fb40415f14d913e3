from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from trustspace.dataplane import published_file
from trustspace.dataplane.published_file import PublishedFile, open_published, open_regular
from trustspace.errors import IntegrityError

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "data.bin"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path.resolve()


def reopen(path: Path) -> PublishedFile:
    status = path.stat()
    return open_published(str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def test_bytes_are_read_where_asked(path: Path) -> None:
    with reopen(path) as file:
        assert file.read_at(0, len(CONTENT)) == CONTENT
        assert file.read_at(100, 7) == CONTENT[100:107]
        assert file.read_at(5, 0) == b""
        assert file.has_more_than(len(CONTENT) - 1)
        assert not file.has_more_than(len(CONTENT))
        assert Path(file.scan_path).read_bytes() == CONTENT
        file.check_unchanged()


def test_closing_twice_is_no_error(path: Path) -> None:
    file = reopen(path)
    file.close()
    file.close()


def test_no_descriptor_is_left_open(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names of descriptors, not files
    for _ in range(20):
        reopen(path).close()
        with pytest.raises(IntegrityError):
            open_published(str(path), size_bytes=1, modified_ns=1)
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(str(path.parent))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_file_written_to_since_is_refused(path: Path) -> None:
    status = path.stat()
    path.write_bytes(CONTENT[:-1] + b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    with pytest.raises(IntegrityError, match="changed since") as caught:
        open_published(str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)
    assert str(path) not in str(caught.value)


def test_a_file_that_grows_or_shrinks_meanwhile_is_noticed(path: Path) -> None:
    with reopen(path) as file:
        os.truncate(path, 10)
        with pytest.raises(IntegrityError, match="cut while it was read"):
            file.read_at(0, 20)
        with pytest.raises(IntegrityError, match="changed since"):
            file.check_unchanged()


def test_reads_are_put_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        published_file, "pread", lambda fd, size, offset: os.pread(fd, min(size, 7), offset)
    )
    with reopen(path) as file:
        assert file.read_at(3, 100) == CONTENT[3:103]


def test_seeking_reads_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_file, "pread", published_file._seek_and_read)
    with reopen(path) as file:
        assert file.read_at(3, 100) == CONTENT[3:103]


# ------------------------------------------------------------------ D1: what is not the file


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _link_to_the_same(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def _linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(path.parent.with_name("moved"))


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _nothing(path: Path) -> None:
    path.unlink()


SWAPS = [_link, _link_to_the_same, _linked_folder, _pipe, _folder, _socket, _nothing]


@pytest.mark.parametrize("swap", SWAPS)
def test_something_else_in_its_place_is_refused(path: Path, swap: object) -> None:
    status = path.stat()
    assert callable(swap)
    swap(path)
    with pytest.raises(IntegrityError) as caught:
        open_published(str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)
    assert str(path.parent) not in str(caught.value)


@pytest.mark.parametrize("swap", SWAPS)
def test_so_it_is_where_folders_cannot_be_walked(
    path: Path, swap: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_PATH")
    status = path.stat()
    reopen(path).close()
    assert callable(swap)
    swap(path)
    with pytest.raises(IntegrityError):
        open_published(str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/self/maps", "/sys/kernel/mm/ksm/run", "/proc", "/sys"]
)
def test_files_of_the_kernel_are_refused(path: str) -> None:
    with pytest.raises(OSError, match="made up by the kernel"):
        open_regular(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty", "/"])
def test_devices_and_the_root_are_refused(path: str) -> None:
    with pytest.raises((OSError, ValueError)):
        open_regular(path)


def test_other_systems_are_given_the_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with reopen(path) as file:
        assert file.scan_path == str(path)


def test_a_link_swapped_in_while_opening_never_gives_its_target(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"T" * len(CONTENT))
    status = path.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    spare = path.with_name("spare")
    stop = threading.Event()

    def swap_without_pause() -> None:
        while not stop.is_set():
            spare.symlink_to(target)
            path.rename(path.with_name("kept"))
            spare.rename(path)
            path.unlink()
            path.with_name("kept").rename(path)
            time.sleep(0)

    swapper = threading.Thread(target=swap_without_pause)
    swapper.start()
    opened = refused = 0
    deadline = time.monotonic() + 10
    try:
        while (opened < 100 or refused < 100) and time.monotonic() < deadline:
            try:
                file = open_published(
                    str(path), size_bytes=status.st_size, modified_ns=status.st_mtime_ns
                )
            except IntegrityError:
                refused += 1
                continue
            with file:
                opened += 1
                assert file.read_at(0, 10) == CONTENT[:10]
    finally:
        stop.set()
        swapper.join()
    assert opened >= 100
    assert refused >= 100
