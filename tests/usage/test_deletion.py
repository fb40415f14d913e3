"""Deleted is deleted, whenever it is interrupted; and there is no record before."""

from __future__ import annotations

import json
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.usage.conftest import AGREEMENT, BANK
from tests.usage.killing import Killer

from trustspace.errors import ConfigurationError, IntegrityError, TrustspaceError
from trustspace.usage import deletion
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import DeletionRecord, OutOfReach, Trigger
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_folder import BEGUN_NAME, DELETION_NAME, KEY_NAME, AgreementState
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from tests.usage.conftest import Clock, Sealing

CHANCE = random.Random(os.environ.get("SEED", "1"))  # noqa: S311 - a sample, not a secret
MARKER = b"canary-of-the-plain-text"


def fill(store: SealedStore, sealing: Sealing) -> None:
    for number in range(4):
        sealing(MARKER + bytes([number]), f"object-{number}")
    with store.writer(AGREEMENT, "half") as sink:
        sink.write(MARKER)
    inner = store.spill(AGREEMENT) / "sort" / "inner"
    inner.mkdir(parents=True)
    (inner / "spilled").write_bytes(MARKER)
    (store.spill(AGREEMENT) / "link").symlink_to("/etc/hostname")


def test_says_what_there_was(store: SealedStore, sealing: Sealing, clock: Clock) -> None:
    fill(store, sealing)
    key = store.keys.record(AGREEMENT)
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.EXPIRY)
    assert (record.participant, record.agreement) == (BANK, AGREEMENT)
    assert (record.trigger, record.verified) == (Trigger.EXPIRY, "reopened")
    assert record.began == record.finished == clock().timestamp()
    (destroyed,) = record.keys
    assert (destroyed.id, destroyed.method) == (key.id, "overwritten")
    assert destroyed.wrapped_by == key.wrapped_by
    assert [one.object for one in record.objects] == [f"object-{n}" for n in range(4)]
    assert {one.size_bytes for one in record.objects} == {len(MARKER) + 1}
    assert record.files.model_dump() == {"sealed": 4, "partial": 1, "spilled": 2, "other": 0}
    assert OutOfReach.BACKUPS in record.out_of_reach
    assert OutOfReach.PROVIDER_KEY not in record.out_of_reach
    assert Path("/etc/hostname").exists()


def test_leaves_nothing_but_its_record(store: SealedStore, sealing: Sealing) -> None:
    fill(store, sealing)
    sealing(b"others", agreement="urn:uuid:a2")
    folder = store.folder.of(AGREEMENT)
    spilled = folder / "copy-of-spilled"
    spilled.hardlink_to(folder / "spill" / "sort" / "inner" / "spilled")
    outside = folder.parent / "kept"
    outside.hardlink_to(spilled)
    key = folder.parent / "key"
    key.hardlink_to(folder / KEY_NAME)
    Deletion(store).delete(AGREEMENT, trigger=Trigger.EXPIRY)
    assert [path.name for path in folder.iterdir()] == [DELETION_NAME]
    assert store.folder.state(AGREEMENT) is AgreementState.DELETED
    assert set(outside.read_bytes()) == set(key.read_bytes()) == {0}
    with store.reader("urn:uuid:a2", "roses") as file:
        assert file.read() == b"others"


def test_again_is_the_same_record(store: SealedStore, sealing: Sealing, clock: Clock) -> None:
    fill(store, sealing)
    deleting = Deletion(store)
    assert deleting.record(AGREEMENT) is None
    first = deleting.delete(AGREEMENT, trigger=Trigger.EXPIRY)
    clock.sleep(timedelta(seconds=100))
    assert deleting.delete(AGREEMENT, trigger=Trigger.REQUEST) == first
    found = deleting.record(AGREEMENT)
    assert found is not None
    assert (found, found.digest) == (first, first.digest)
    assert deleting.resume() == []


def test_a_deletion_while_the_agreement_lives(
    store: SealedStore, sealing: Sealing, clock: Clock
) -> None:
    deleting = Deletion(store)
    ids = []
    for _ in range(2):
        sealing(b"roses")
        ids.append(store.keys.record(AGREEMENT).id)
        first = deleting.delete(AGREEMENT, trigger=Trigger.AFTER_USE, is_final=False)
        assert store.folder.state(AGREEMENT) is AgreementState.ABSENT
        clock.sleep(timedelta(seconds=5))
        assert deleting.delete(AGREEMENT, trigger=Trigger.AFTER_USE, is_final=False) == first
        assert not first.is_final
    assert ids[0] != ids[1]
    sealing(b"roses")
    last = deleting.delete(AGREEMENT, trigger=Trigger.EXPIRY)
    assert deleting.delete(AGREEMENT, trigger=Trigger.AFTER_USE, is_final=False) == last
    assert [one.trigger for one in deleting.records(AGREEMENT)] == [
        Trigger.AFTER_USE,
        Trigger.AFTER_USE,
        Trigger.EXPIRY,
    ]
    assert deleting.records(AGREEMENT)[-1] == deleting.record(AGREEMENT) == last


def test_what_was_begun_is_finished_first(
    store: SealedStore, sealing: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting = Deletion(store)
    sealing(b"roses")
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "_remove", lambda *_, **__: None)
        with pytest.raises(ConfigurationError):
            deleting.delete(AGREEMENT, trigger=Trigger.AFTER_USE, is_final=False)
    last = deleting.delete(AGREEMENT, trigger=Trigger.EXPIRY)
    first, found = deleting.records(AGREEMENT)
    assert (first.trigger, len(first.objects)) == (Trigger.AFTER_USE, 1)
    assert found == last
    # As a crash before its last step leaves it.
    begun = store.folder.of(AGREEMENT) / BEGUN_NAME
    begun.write_bytes(last.encoded)
    begun.chmod(0o600)
    assert deleting.resume() == [last]
    assert not begun.exists()


def test_where_there_was_nothing(store: SealedStore) -> None:
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.REQUEST)
    assert (record.keys, record.objects, record.verified) == ((), (), "reopened")


def test_under_a_damaged_record(store: SealedStore, sealing: Sealing) -> None:
    sealing(b"roses")
    (store.folder.of(AGREEMENT) / KEY_NAME).write_bytes(b"{")
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.REQUEST)
    assert record.keys == ()
    assert [one.object for one in record.objects] == ["roses"]


def test_copies_of_the_key_that_a_crash_left_go_too(store: SealedStore, sealing: Sealing) -> None:
    sealing(b"roses")
    folder = store.folder.of(AGREEMENT)
    shutil.copy(folder / KEY_NAME, folder / f"{KEY_NAME}.new")
    (folder / "stray").write_bytes(b"")
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.REQUEST)
    assert record.files.other == 1
    assert [path.name for path in folder.iterdir()] == [DELETION_NAME]


def test_no_record_while_something_is_left(
    store: SealedStore, sealing: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, sealing)
    deleting = Deletion(store)
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "_remove", lambda *_, **__: None)
        with pytest.raises(ConfigurationError, match="still there"):
            deleting.delete(AGREEMENT, trigger=Trigger.EXPIRY)
    assert deleting.record(AGREEMENT) is None
    assert store.folder.state(AGREEMENT) is AgreementState.DELETING
    assert not (store.folder.of(AGREEMENT) / KEY_NAME).exists()
    (record,) = deleting.resume()
    assert record.trigger is Trigger.EXPIRY
    assert len(record.objects) == 4


def test_something_that_cannot_be_opened_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").write_bytes(b"")
    assert deletion._is_there(tmp_path / "link")
    assert deletion._is_there(tmp_path / "file")
    assert not deletion._is_there(tmp_path / "none")


def test_a_changed_record_is_refused(store: SealedStore) -> None:
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.REQUEST)
    assert DeletionRecord.decode(record.encoded) == record
    for wrong in (b"", b"{}", json.dumps({"more": 1, **json.loads(record.encoded)}).encode()):
        with pytest.raises(IntegrityError):
            DeletionRecord.decode(wrong)


PROGRAM = """
from pathlib import Path
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_store import SealedStore

def work(root):
    keys = FileKeys(Path(root, "keys"))
    store = SealedStore(Path(root, "sealed"), participant="did:web:bank", keys=keys)
    return Deletion(store).delete("urn:uuid:a1", trigger=Trigger.EXPIRY).digest
"""
POINTS = 60
"""A deletion of what `check_kill` makes has fewer steps than this."""


def check_kill(killer: Killer, root: Path, point: int, after: float | None = None) -> bool:
    """Kill a deletion and go on with it; return whether the first attempt came to its end."""
    keys = FileKeys(root / "keys")
    store = SealedStore(root / "sealed", participant=BANK, keys=keys)
    for number in range(4):
        with store.writer(AGREEMENT, f"object-{number}") as sink:
            sink.write(MARKER)
            sink.commit()
    (store.spill(AGREEMENT) / "spilled").write_bytes(MARKER)
    store.close()
    told = killer.at(point, root, after=after)
    folder = store.folder.of(AGREEMENT)
    if told or (folder / DELETION_NAME).exists():
        left = {path.name for path in folder.iterdir()}
        assert left <= {DELETION_NAME, BEGUN_NAME}
    if not (folder / KEY_NAME).exists():
        assert not _readable(root)
    record = Deletion(store).delete(AGREEMENT, trigger=Trigger.REVOCATION)
    if told:
        assert told == record.digest
    assert len(record.objects) == 4
    assert record.finished is not None
    assert [path.name for path in folder.iterdir()] == [DELETION_NAME]
    assert not any(MARKER in path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert not _readable(root)
    return bool(told)


def _readable(root: Path) -> bool:
    store = SealedStore(root / "sealed", participant=BANK, keys=FileKeys(root / "keys"))
    for number in range(4):
        try:
            with store.reader(AGREEMENT, f"object-{number}") as file:
                file.read()
        except TrustspaceError:
            continue
        return True
    return False


def test_killed_at_ten_points(tmp_path: Path) -> None:
    points = [1, *CHANCE.sample(range(2, POINTS), 9)]
    with Killer(PROGRAM) as killer:
        ended = [check_kill(killer, tmp_path / str(point), point) for point in points]
    assert not ended[0]


@pytest.mark.soak
def test_killed_at_two_hundred_points(tmp_path: Path) -> None:
    with Killer(PROGRAM) as killer:
        ended = [check_kill(killer, tmp_path / str(one), one) for one in range(1, POINTS)]
        assert ended[-1], "there are more steps than points"
        # The rest at any instant, between two of these calls and within them.
        for number in range(200 - len(ended)):
            check_kill(killer, tmp_path / f"at-{number}", 10_000, CHANCE.uniform(0, 0.03))
