"""What was delivered to one participant: one key per agreement, nothing of it in the clear."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import ConfigurationError, IntegrityError, NotFoundError, PolicyDeniedError
from trustspace.usage import sealed_store
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger
from trustspace.usage.sealed_folder import KEY_NAME, AgreementState
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.usage.conftest import Sealing

    from trustspace.usage.file_keys import FileKeys

OTHER = "urn:uuid:a2"


def again(store: SealedStore) -> SealedStore:
    """Open the folder as another process would."""
    return SealedStore(store.folder.path, participant=store.participant, keys=store.keys.provider)


def test_what_is_here(sealing: Sealing, store: SealedStore) -> None:
    assert store.folder.state(AGREEMENT) is AgreementState.ABSENT
    assert list(store.objects(AGREEMENT)) == []
    assert list(store.keys.records()) == []
    sealing(b"roses" * 20)
    sealing(b"tulips", "tulips")
    sealing(b"others", agreement=OTHER)
    with store.writer(AGREEMENT, "half") as sink:
        sink.write(bytes(99))
    assert store.folder.state(AGREEMENT) is AgreementState.HELD
    found = {one.object: one for one in again(store).objects(AGREEMENT)}
    assert found.keys() == {"roses", "tulips"}
    key = store.keys.record(AGREEMENT).id
    assert (found["roses"].size_bytes, found["roses"].key) == (100, key)
    assert {record.agreement for record in store.keys.records()} == {AGREEMENT, OTHER}
    assert store.keys.record(OTHER).id != key


def test_another_process_reads_it(sealing: Sealing, store: SealedStore) -> None:
    sealing(b"roses")
    with again(store) as other, other.reader(AGREEMENT, "roses") as file:
        assert file.read() == b"roses"


def test_the_first_of_many_makes_the_key(store: SealedStore) -> None:
    ids: list[str] = []

    def make() -> None:
        with again(store) as one:
            ids.append(one.keys.of(AGREEMENT, is_lent=False).id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_without_its_record_nothing_opens(sealing: Sealing, store: SealedStore) -> None:
    sealing(b"roses")
    (store.folder.of(AGREEMENT) / KEY_NAME).unlink()
    with pytest.raises(IntegrityError, match="record of a data key is missing"):
        again(store).reader(AGREEMENT, "roses")


def test_a_record_in_anothers_place_is_refused(sealing: Sealing, store: SealedStore) -> None:
    sealing(b"roses")
    sealing(b"others", agreement=OTHER)
    mine, theirs = (store.folder.of(one) / KEY_NAME for one in (AGREEMENT, OTHER))
    mine.write_bytes(theirs.read_bytes())
    with pytest.raises(IntegrityError, match="another's place"):
        again(store).reader(AGREEMENT, "roses")


def test_a_replaced_key_does_not_open(
    sealing: Sealing, store: SealedStore, tmp_path: Path, keys: FileKeys
) -> None:
    sealing(b"roses")
    # The same agreement elsewhere has another key.
    with SealedStore(tmp_path / "b", participant=BANK, keys=keys) as other:
        other.keys.of(AGREEMENT, is_lent=False)
        path = other.folder.of(AGREEMENT) / KEY_NAME
    (store.folder.of(AGREEMENT) / KEY_NAME).write_bytes(path.read_bytes())
    with pytest.raises(IntegrityError):
        again(store).reader(AGREEMENT, "roses")


def test_a_key_that_another_process_destroyed_stops_a_reader(
    sealing: Sealing, store: SealedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing(b"roses" * 20)
    monkeypatch.setattr(sealed_store, "LOOKED_FOR", 0.0)
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read(5) == b"roses"
        Deletion(again(store)).delete(AGREEMENT, trigger=Trigger.EXPIRY)
        with pytest.raises(PolicyDeniedError) as caught:
            file.read(5)
        assert caught.value.code == "sealed.deleted"
    for use in (store.reader, store.writer):
        with pytest.raises(PolicyDeniedError):
            use(AGREEMENT, "roses")
    with pytest.raises(PolicyDeniedError):
        store.spill(AGREEMENT)


def test_a_new_key_of_another_process_is_noticed(
    sealing: Sealing, store: SealedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing(b"roses" * 20)
    monkeypatch.setattr(sealed_store, "LOOKED_FOR", 0.0)
    held = store.keys.of(AGREEMENT)
    other = again(store)
    with store.reader(AGREEMENT, "roses") as file, store.writer(AGREEMENT, "late") as late:
        late.write(b"late")
        Deletion(other).delete(AGREEMENT, trigger=Trigger.AFTER_USE, is_final=False)
        other.keys.of(AGREEMENT, is_lent=False)
        with pytest.raises(PolicyDeniedError):
            file.read(5)
        with pytest.raises(PolicyDeniedError):
            late.commit()
    assert held.is_cleared
    # What comes now is sealed under the new key, which the other process can open.
    sealing(b"tulips")
    with again(store).reader(AGREEMENT, "roses") as file:
        assert file.read() == b"tulips"


def test_nobody_gives_a_name_to_the_part_of_another(store: SealedStore) -> None:
    with store.writer(AGREEMENT, "roses") as sink:
        sink.write(b"mine")
        path = store.folder.file_of(AGREEMENT, "roses")
        path.with_name(path.name + ".part").unlink()
        with store.writer(AGREEMENT, "roses") as second:
            second.write(b"theirs")
            with pytest.raises(ConfigurationError):
                sink.commit()
            second.commit()
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read() == b"theirs"


def test_closing_overwrites_the_keys(sealing: Sealing, store: SealedStore) -> None:
    sealing(b"roses")
    file = store.reader(AGREEMENT, "roses")
    store.close()
    with pytest.raises(PolicyDeniedError):
        file.read()
    file.close()
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read() == b"roses"


def test_one_object_goes_alone(sealing: Sealing, store: SealedStore, tmp_path: Path) -> None:
    path = sealing(b"roses")
    sealing(b"tulips", "tulips")
    copy = tmp_path / "copy"
    copy.hardlink_to(path)
    assert store.remove(AGREEMENT, "roses")
    assert not store.remove(AGREEMENT, "roses")
    assert set(copy.read_bytes()) == {0}
    with pytest.raises(NotFoundError):
        store.reader(AGREEMENT, "roses")
    with store.reader(AGREEMENT, "tulips") as file:
        assert file.read() == b"tulips"


def test_a_half_object_goes_too(store: SealedStore) -> None:
    with store.writer(AGREEMENT, "half") as sink:
        sink.write(b"x")
    assert store.remove(AGREEMENT, "half")
    assert {path.name for path in store.folder.of(AGREEMENT).iterdir()} == {KEY_NAME}


def test_a_key_that_would_be_lent_needs_somebody_to_ask(store: SealedStore) -> None:
    with pytest.raises(ConfigurationError, match="lent by its provider"):
        store.writer(AGREEMENT, "roses", is_lent=True)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs", "a\0b", "..", "C:\\x", "\\\\host\\share", "x" * 5000, ""]
)
def test_a_name_never_chooses_where_it_is_written(
    sealing: Sealing, store: SealedStore, name: str
) -> None:
    path = sealing(b"roses", name)
    assert path.parent == store.folder.of(AGREEMENT)
    assert path.is_file()
    with store.reader(AGREEMENT, name) as file:
        assert file.read() == b"roses"


def test_folders_are_for_their_owner(sealing: Sealing, store: SealedStore) -> None:
    path = sealing(b"roses")
    (store.folder.path / "link").symlink_to(path.parent)
    assert list(store.folder.each()) == [path.parent]
    spill = store.spill(AGREEMENT)
    for folder in (store.folder.path, path.parent, spill):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in path.parent.glob("*.*"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_the_content_is_nowhere_in_the_clear(
    store: SealedStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    marker = b"canary-" + os.urandom(8).hex().encode()
    seen: list[bytes] = []

    def look() -> None:
        seen.extend(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    with store.writer(AGREEMENT, "roses", chunk_bytes=50) as sink:
        for _ in range(20):
            sink.write(marker)
            look()
        sink.commit()
    with store.reader(AGREEMENT, "roses") as file:
        assert marker in file.read(100)
        look()
    Deletion(store).delete(AGREEMENT, trigger=Trigger.EXPIRY)
    look()
    assert len(seen) > 20
    assert not any(marker in data for data in seen)
    assert marker.decode() not in caplog.text
