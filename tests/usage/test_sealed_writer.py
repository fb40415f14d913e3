"""Sealing what arrives: whole or not at all, and on behind what is there."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.usage.conftest import AGREEMENT

from trustspace.errors import ConfigurationError, IntegrityError, PolicyDeniedError
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from trustspace.usage.sealed_writer import SealedWriter

DATA = bytes(range(256)) * 2


def part_of(store: SealedStore) -> Path:
    path = store.folder.file_of(AGREEMENT, "roses")
    return path.with_name(path.name + ".part")


def opened(store: SealedStore, **options: bool) -> SealedWriter:
    return store.writer(AGREEMENT, "roses", chunk_bytes=100, **options)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=700), max_size=6), st.integers(1, 130))
def test_any_pieces_come_back(store: SealedStore, pieces: list[bytes], chunk_bytes: int) -> None:
    whole = b"".join(pieces)
    with store.writer(AGREEMENT, "any", resume=False, chunk_bytes=chunk_bytes) as sink:
        for piece in pieces:
            assert sink.write(piece) == len(piece)
        assert sink.offset == len(whole)
        sealed = sink.commit(sha256=hashlib.sha256(whole).hexdigest(), size_bytes=len(whole))
    assert (sealed.size_bytes, sealed.chunks) == (len(whole), -(-len(whole) // chunk_bytes))
    with store.reader(AGREEMENT, "any") as file:
        assert file.read() == whole
        assert file.sha256 == hashlib.sha256(whole).hexdigest()


def test_goes_on_behind_whole_chunks(store: SealedStore) -> None:
    with opened(store) as sink:
        sink.restart(version='"1"')
        sink.write(DATA[:350])
        assert (sink.offset, sink.version) == (350, '"1"')
    with opened(store) as sink:
        assert (sink.offset, sink.version) == (300, '"1"')
        sink.write(DATA[300:])
        sink.commit(sha256=hashlib.sha256(DATA).hexdigest())
    with store.reader(AGREEMENT, "roses") as file:
        assert (file.read(), file.version) == (DATA, '"1"')
    assert not part_of(store).exists()


def test_a_full_chunk_waits_for_the_byte_behind_it(store: SealedStore) -> None:
    with opened(store) as sink:
        sink.write(DATA[:300])
    with opened(store) as sink:
        assert sink.offset == 200


@pytest.mark.parametrize("cut", [0, 5, 11, 40, 300, 427, 428, 500])
def test_a_torn_part_is_taken_as_far_as_it_is_whole(store: SealedStore, cut: int) -> None:
    with opened(store) as sink:
        sink.write(DATA)
    part = part_of(store)
    os.truncate(part, min(cut, part.stat().st_size))
    with opened(store) as sink:
        sink.write(DATA[sink.offset :])
        sink.commit(sha256=hashlib.sha256(DATA).hexdigest())


def test_a_changed_part_is_taken_up_to_the_change(store: SealedStore) -> None:
    with opened(store) as sink:
        sink.write(DATA)
    stored = bytearray(part_of(store).read_bytes())
    stored[-150] ^= 1
    part_of(store).write_bytes(stored)
    with opened(store) as sink:
        assert sink.offset == 300


def test_a_part_of_something_else_is_dropped(store: SealedStore) -> None:
    with store.writer(AGREEMENT, "tulips", chunk_bytes=100) as sink:
        sink.write(DATA)
    other = store.folder.file_of(AGREEMENT, "tulips")
    other.with_name(other.name + ".part").rename(part_of(store))
    with opened(store) as sink:
        assert sink.offset == 0


def test_starts_anew_when_asked_to(store: SealedStore) -> None:
    with opened(store) as sink:
        sink.write(DATA)
    with opened(store, resume=False) as sink:
        assert (sink.offset, sink.version) == (0, None)


@pytest.mark.parametrize("announced", [{"sha256": "0" * 64}, {"size_bytes": 3}])
def test_what_was_not_announced_leaves_nothing(
    store: SealedStore, announced: dict[str, str | int]
) -> None:
    with opened(store) as sink:
        sink.write(DATA)
        with pytest.raises(IntegrityError):
            sink.commit(**announced)  # type: ignore[arg-type]
    assert not part_of(store).exists()
    assert not list(store.objects(AGREEMENT))


def test_one_writer_at_a_time(store: SealedStore) -> None:
    with opened(store), pytest.raises(ConfigurationError, match="by somebody else"):
        opened(store)


def test_replaces_what_has_the_id(store: SealedStore) -> None:
    for data in (b"old", b"new"):
        with opened(store) as sink:
            sink.write(data)
            sink.commit()
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read() == b"new"


def test_closed_is_closed(store: SealedStore) -> None:
    with opened(store) as sink:
        pass
    for use in (lambda: sink.write(b"x"), sink.commit):
        with pytest.raises(ConfigurationError, match="closed"):
            use()
    sink.close()


def test_nothing_takes_its_name_once_it_is_deleted(store: SealedStore) -> None:
    with opened(store) as sink:
        sink.write(DATA)
        # As another process would, which has not this one's key in its memory.
        other = SealedStore(
            store.folder.path, participant=store.participant, keys=store.keys.provider
        )
        Deletion(other).delete(AGREEMENT, trigger=Trigger.REVOCATION)
        with pytest.raises(PolicyDeniedError, match="has been deleted"):
            sink.commit()
    assert [path.name for path in store.folder.of(AGREEMENT).iterdir()] == ["deletion.json"]


def test_a_link_in_the_place_of_the_part_is_not_followed(
    store: SealedStore, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"mine")
    with opened(store) as sink:
        sink.discard()
    part_of(store).symlink_to(target)
    with pytest.raises(ConfigurationError):
        opened(store)
    assert target.read_bytes() == b"mine"


FULL = """
import resource, signal, sys
from pathlib import Path
from trustspace.errors import ConfigurationError
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_store import SealedStore

store = SealedStore(Path(sys.argv[1]), participant="did:web:bank", keys=FileKeys(Path(sys.argv[2])))
with store.writer("urn:uuid:a1", "roses", chunk_bytes=100) as sink:
    # No file may grow beyond this: to the process the disk is full.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
    for attempt in ("write", "again"):
        try:
            sink.write(bytes(10_000))
        except ConfigurationError as error:
            print(attempt, "make room" in error.hint)
    try:
        sink.commit()
    except ConfigurationError:
        print("commit")
"""


def test_a_full_disk_leaves_nothing_under_the_name(store: SealedStore, tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE
    assert signal.SIGXFSZ
    with opened(store) as sink:
        sink.discard()
    run = subprocess.run(
        [sys.executable, "-c", FULL, store.folder.path, tmp_path / "keys" / "bank.sealing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.split() == ["write", "True", "again", "True", "commit"], run.stderr
    assert not store.folder.file_of(AGREEMENT, "roses").exists()
    # What is whole stays, sealed, and is gone on with.
    with opened(store) as sink:
        assert 0 < sink.offset <= 3000
        assert sink.offset % 100 == 0
        sink.write(bytes(10_000 - sink.offset))
        sink.commit(sha256=hashlib.sha256(bytes(10_000)).hexdigest())
