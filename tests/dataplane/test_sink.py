from __future__ import annotations

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.sink import FileSink
from trustspace.errors import ConfigurationError, IntegrityError

DATA = bytes(range(256)) * 5_000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roses.bin"


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def test_a_file_appears_when_it_is_complete(path: Path) -> None:
    with FileSink(path) as sink:
        assert (sink.path, sink.offset, sink.version) == (path, 0, None)
        assert sink.write(DATA[:1000]) == 1000
        sink.write(memoryview(DATA)[1000:])
        assert sink.offset == len(DATA)
        assert not path.exists()
        written = sink.commit(sha256=SHA256.upper(), size_bytes=len(DATA))
    assert path.read_bytes() == DATA
    assert (written.path, written.size_bytes, written.sha256) == (path, len(DATA), SHA256)
    assert written.rows == 0
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - names are compared
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_without_announcement_is_taken_as_it_is(path: Path) -> None:
    with FileSink(str(path)) as sink:
        assert sink.commit().sha256 == hashlib.sha256(b"").hexdigest()
    assert path.read_bytes() == b""


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(0, 6))
def test_attempts_make_up_one_file(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], cut: int
) -> None:
    path = tmp_path_factory.mktemp("sink") / "f"
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        for chunk in chunks[:cut]:
            sink.write(chunk)
    with FileSink(path) as sink:
        assert sink.offset == len(b"".join(chunks[:cut]))
        assert sink.version == '"v1"'
        for chunk in chunks[cut:]:
            sink.write(chunk)
        whole = b"".join(chunks)
        sink.commit(sha256=hashlib.sha256(whole).hexdigest(), size_bytes=len(whole))
    assert path.read_bytes() == whole


def test_another_version_starts_anew(path: Path) -> None:
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        sink.write(b"old")
    with FileSink(path) as sink:
        sink.restart(version='"v2"')
        assert (sink.offset, sink.version) == (0, '"v2"')
        sink.write(DATA)
        sink.commit(sha256=SHA256)
    assert path.read_bytes() == DATA


def test_a_restart_without_a_version_forgets_the_old_one(path: Path) -> None:
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        sink.restart()
        assert sink.version is None


def test_resuming_can_be_declined(path: Path) -> None:
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        sink.write(b"old")
    with FileSink(path, resume=False) as sink:
        assert (sink.offset, sink.version) == (0, None)


@pytest.mark.parametrize("mark", [b"", b"\xff", b"a\r\nb", b"x" * 2_000])
def test_a_version_that_is_none_is_not_used(path: Path, mark: bytes) -> None:
    path.with_name("roses.bin.part.version").write_bytes(mark)
    with FileSink(path) as sink:
        assert sink.version is None


@pytest.mark.parametrize(
    ("sha256", "size_bytes"), [("0" * 64, None), (None, len(DATA) + 1), (SHA256, 0)]
)
def test_what_was_not_announced_is_removed(
    path: Path, sha256: str | None, size_bytes: int | None
) -> None:
    path.write_bytes(b"before")
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        sink.write(DATA)
        with pytest.raises(IntegrityError):
            sink.commit(sha256=sha256, size_bytes=size_bytes)
    assert path.read_bytes() == b"before"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_unfinished_part_stays_and_the_target_too(path: Path) -> None:
    path.write_bytes(b"before")
    with FileSink(path) as sink:
        sink.write(DATA)
    assert path.read_bytes() == b"before"
    assert part_of(path).read_bytes() == DATA


def test_a_damaged_part_is_found_out(path: Path) -> None:
    part_of(path).write_bytes(b"X" + DATA[1:1000])
    with FileSink(path) as sink:
        sink.write(DATA[sink.offset :])
        with pytest.raises(IntegrityError, match="not what was announced"):
            sink.commit(sha256=SHA256)
    with FileSink(path) as sink:
        assert sink.offset == 0


def test_a_discarded_part_is_gone(path: Path) -> None:
    with FileSink(path) as sink:
        sink.write(DATA)
        sink.discard()
        sink.discard()
    assert list(path.parent.iterdir()) == []


# ------------------------------------------------------------------ what stands in the way


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    for place in (tmp_path, Path("/"), Path("missing/folder/x"), tmp_path / ("x" * 300)):
        with pytest.raises(ConfigurationError) as caught:
            FileSink(place)
        assert caught.value.setting == "output"
    with pytest.raises(ConfigurationError):
        FileSink(tmp_path / "a\0b")


def test_links_and_pipes_in_the_place_of_the_part_are_refused(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    part_of(path).symlink_to(victim)
    with pytest.raises(ConfigurationError):
        FileSink(path)
    assert victim.read_bytes() == b"precious"
    part_of(path).unlink()
    os.mkfifo(part_of(path))
    with pytest.raises(ConfigurationError, match="not a regular file"):
        FileSink(path)


def test_a_link_in_the_place_of_the_version_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    path.with_name("roses.bin.part.version").symlink_to(victim)
    with FileSink(path) as sink:
        sink.restart(version='"v1"')
        assert sink.version == '"v1"'
    assert victim.read_bytes() == b"precious"


def test_a_link_in_the_place_of_the_target_is_replaced_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    with FileSink(path) as sink:
        sink.write(b"new")
        sink.commit()
    assert victim.read_bytes() == b"precious"
    assert not path.is_symlink()


def test_two_do_not_write_one_part(path: Path) -> None:
    with FileSink(path) as sink:
        sink.write(b"a")
        with pytest.raises(ConfigurationError, match="written by somebody else"):
            FileSink(path)
        with pytest.raises(ConfigurationError, match="written by somebody else"):
            FileSink(path, resume=False)
        sink.write(b"b")
        sink.commit()
    assert path.read_bytes() == b"ab"


def test_a_part_that_got_its_name_meanwhile_is_not_written_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part_of(path).write_bytes(b"complete")
    take_over = FileSink._take_over

    def committed_first(self: FileSink, *, resume: bool) -> None:
        part_of(path).rename(path)
        part_of(path).touch()
        take_over(self, resume=resume)

    monkeypatch.setattr(FileSink, "_take_over", committed_first)
    with pytest.raises(ConfigurationError, match="written by somebody else"):
        FileSink(path, resume=False)
    assert path.read_bytes() == b"complete"


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files end at 100 kB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_keeps_what_is_there(path: Path) -> None:
    with FileSink(path) as sink:
        with pytest.raises(ConfigurationError, match="File too large"):
            sink.write(DATA)
        assert sink.offset == 100_000
    with FileSink(path) as sink:
        assert sink.offset == 100_000
        assert part_of(path).read_bytes() == DATA[:100_000]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with FileSink(path) as sink:
        sink.write(DATA[sink.offset :])
        sink.commit(sha256=SHA256)


def test_a_folder_that_goes_away_is_named(path: Path) -> None:
    with FileSink(path) as sink:
        part_of(path).unlink()
        with pytest.raises(ConfigurationError, match="No such file"):
            sink.commit()


def test_a_killed_process_leaves_a_part_to_go_on_from(path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from trustspace.dataplane.sink import FileSink\n"
        "sink = FileSink(sys.argv[1])\n"
        "sink.restart(version='\"v1\"')\n"
        "sink.write(bytes(range(256)) * 2_000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    with FileSink(path) as sink:
        assert (sink.offset, sink.version) == (512_000, '"v1"')
        sink.write(DATA[sink.offset :])
        sink.commit(sha256=SHA256)
    assert path.read_bytes() == DATA
