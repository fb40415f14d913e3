"""Deleting everything under an agreement, so that it can be proven.

The order is what makes it safe to be interrupted at any point. First what there is is written down;
from then on nothing is opened and nothing is added. Then the key goes, overwritten and removed:
whatever happens afterwards, what is left says nothing. Then the files go, then every name is opened
again, and only when none is there the record of the deletion appears. A later attempt goes on with
what the first one wrote down; one that comes after the end finds the record.

Example::

    record = Deletion(store).delete("urn:uuid:a1", trigger=Trigger.EXPIRY)
    Deletion(store).resume()  # at start: finishes what a crash interrupted
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from trustspace.errors import ConfigurationError, IntegrityError, NotFoundError
from trustspace.usage.deletion_record import (
    DeletedObject,
    DeletionRecord,
    DestroyedKey,
    OutOfReach,
    RemovedFiles,
    Trigger,
)
from trustspace.usage.private_file import (
    make_folder,
    overwrite_and_remove,
    read_private,
    storing,
    sync_folder,
    write_durably,
)
from trustspace.usage.sealed_folder import (
    BEGUN_NAME,
    DELETION_NAME,
    EARLIER,
    KEY_NAME,
    RECORDS,
    SPILL_NAME,
    SUFFIX,
)
from trustspace.usage.sealed_writer import PART

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trustspace.usage.sealed_store import SealedStore

_KEY_FILES: Final = (KEY_NAME, f"{KEY_NAME}.new")
"""A crash may have left the second one, with the same key in it."""
_AT_ONCE: Final = 4
"""Files that are removed at a time: freeing the blocks of each may wait for the disk."""


class Deletion:
    """Deletes what one store holds.

    Args:
        store: The store.
    """

    def __init__(self, store: SealedStore) -> None:
        self._store = store

    def delete(self, agreement: str, *, trigger: Trigger, is_final: bool = True) -> DeletionRecord:
        """Delete everything under an agreement and return the record; blocks.

        Deleting again, with nothing delivered since, returns the same record.

        Args:
            agreement: Agreement id; there need not be anything of it.
            trigger: Why; that of the first attempt stands.
            is_final: Whether nothing may be kept under the agreement any more.

        Raises:
            ConfigurationError: Something cannot be removed; there is no record then, and the next
                attempt goes on.
        """
        folder = self._store.folder.of(agreement)
        with self._store.folder.locked():
            make_folder(folder)
            begun = _read(folder / BEGUN_NAME)
            done = None if begun is None else self._finish(begun, folder)
            if done is not None and (done.is_final or not is_final):
                return done
            done = _read(folder / DELETION_NAME)
            if done is None and not is_final and not any(_entries(folder)):
                done = next(reversed(self.records(agreement)), None)
            if done is not None:
                return done
            return self._finish(self._begin(agreement, trigger, is_final=is_final), folder)

    def resume(self) -> list[DeletionRecord]:
        """Finish what was begun, and return the records; raises as `delete`."""
        begun = (_read(folder / BEGUN_NAME) for folder in self._store.folder.each())
        return [
            self.delete(one.agreement, trigger=one.trigger, is_final=one.is_final)
            for one in begun
            if one is not None
        ]

    def record(self, agreement: str) -> DeletionRecord | None:
        """Return the record of a final deletion that is finished.

        Raises:
            IntegrityError: It is not as it was written.
        """
        return _read(self._store.folder.of(agreement) / DELETION_NAME)

    def records(self, agreement: str) -> list[DeletionRecord]:
        """Return the records of all deletions that are finished, the oldest first.

        Raises:
            IntegrityError: One is not as it was written.
        """
        folder = self._store.folder.of(agreement)
        names = sorted(path.name for path in folder.glob(f"{EARLIER}*.json"))
        found = (_read(folder / name) for name in (*names, DELETION_NAME))
        return [one for one in found if one is not None]

    def unnoted(self) -> list[DeletionRecord]:
        """Return the records of finished deletions that nobody has said to have noted.

        Raises:
            IntegrityError: A record is not as it was written.
        """
        found = []
        for folder in self._store.folder.each():
            names = [*folder.glob(f"{EARLIER}*.json"), folder / DELETION_NAME]
            records = (_read(path) for path in names)
            found += [
                one for one in records if one is not None and not (folder / _noted(one)).exists()
            ]
        return found

    def noted(self, record: DeletionRecord) -> None:
        """Say that the record of a finished deletion stands where it is to stand.

        Raises:
            ConfigurationError: That cannot be written.
        """
        folder = self._store.folder.of(record.agreement)
        if not (folder / _noted(record)).exists():
            write_durably(folder / _noted(record), b"")

    def _begin(self, agreement: str, trigger: Trigger, *, is_final: bool) -> DeletionRecord:
        folder = self._store.folder.of(agreement)
        out_of_reach = list(OutOfReach)
        try:
            key = self._store.keys.record(agreement)
        except (NotFoundError, IntegrityError):
            # Without a readable record there is no key; the record's file goes all the same.
            keys: tuple[DestroyedKey, ...] = ()
        else:
            method = "dropped" if key.is_lent else "overwritten"
            keys = (DestroyedKey(id=key.id, method=method, wrapped_by=key.wrapped_by),)
        if not any(key.method == "dropped" for key in keys):
            out_of_reach.remove(OutOfReach.PROVIDER_KEY)
        begun = DeletionRecord(
            participant=self._store.participant,
            agreement=agreement,
            trigger=trigger,
            is_final=is_final,
            began=int(self._store.now().timestamp()),
            keys=keys,
            objects=tuple(
                DeletedObject(
                    object=one.object, key=one.key, size_bytes=one.size_bytes, sha256=one.sha256
                )
                for one in sorted(self._store.objects(agreement), key=lambda one: one.object)
            ),
            files=_count(folder),
            out_of_reach=tuple(out_of_reach),
        )
        write_durably(folder / BEGUN_NAME, begun.encoded)
        return begun

    def _finish(self, begun: DeletionRecord, folder: Path) -> DeletionRecord:
        path = folder / _name_of(begun)
        done = _read(path)
        if done is None:
            self._destroy(begun, folder)
            self._verify(begun, folder)
            finished = int(self._store.now().timestamp())
            done = begun.model_copy(update={"finished": finished, "verified": "reopened"})
            write_durably(path, done.encoded)
        overwrite_and_remove(folder / BEGUN_NAME, first=0)
        return done

    def _destroy(self, begun: DeletionRecord, folder: Path) -> None:
        self._store.keys.forget(begun.agreement)
        for name in _KEY_FILES:
            overwrite_and_remove(folder / name)
        with storing(folder):
            # What arrived is encrypted; what was spilled may not be.
            names = [entry.name for entry in _entries(folder)]
            with ThreadPoolExecutor(_AT_ONCE) as removing:
                _ = list(removing.map(lambda name: _remove_in(folder, name), names))
        sync_folder(folder)

    def _verify(self, begun: DeletionRecord, folder: Path) -> None:
        """Open every name again; none may be there.

        Raises:
            ConfigurationError: Something is there.
        """
        names = [
            *_KEY_FILES,
            *(
                self._store.folder.file_of(begun.agreement, one.object).name
                for one in begun.objects
            ),
        ]
        left = {name for name in names if _is_there(folder / name)}
        left.update(entry.name for entry in _entries(folder))
        if left:
            raise ConfigurationError(
                f"{len(left)} files of agreement {begun.agreement} are still there after removal",
                setting="sealed",
                hint=f"find out who writes to {folder}, and delete again",
            )


def _read(path: Path) -> DeletionRecord | None:
    try:
        return DeletionRecord.decode(read_private(path, setting="sealed"))
    except NotFoundError:
        return None


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        yield from (entry for entry in found if not entry.name.startswith(RECORDS))


def _name_of(begun: DeletionRecord) -> str:
    """Return the name of a deletion's record, the same for every attempt to finish it."""
    if begun.is_final:
        return DELETION_NAME
    return f"{EARLIER}{begun.began:012}-{begun.digest[7:23]}.json"


def _noted(record: DeletionRecord) -> str:
    return f"{RECORDS}noted-{record.digest[7:23]}"


def _count(folder: Path) -> RemovedFiles:
    counts = {"sealed": 0, "partial": 0, "spilled": 0, "other": 0}
    for entry in _entries(folder):
        if entry.name == SPILL_NAME and entry.is_dir(follow_symlinks=False):
            counts["spilled"] += sum(len(files) for _, _, files in os.walk(entry.path))
        elif entry.name.endswith(SUFFIX):
            counts["sealed"] += 1
        elif entry.name.endswith(SUFFIX + PART):
            counts["partial"] += 1
        elif entry.name not in _KEY_FILES:
            counts["other"] += 1
    return RemovedFiles(**counts)


def _remove_in(folder: Path, name: str) -> None:
    _remove(folder / name, overwrite=name == SPILL_NAME)


def _remove(path: Path, *, overwrite: bool) -> None:
    """Remove a file, or a folder with all that is in it, following no link."""
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            _remove(inner, overwrite=overwrite)
        path.rmdir()
    elif overwrite:
        overwrite_and_remove(path)
    else:
        path.unlink(missing_ok=True)


def _is_there(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)))
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
