"""Where things lie in the folder of what was delivered to one participant.

::

    FOLDER/                     mode 0700
      lock                      held while an agreement's folder changes
      <agreement>/              first half of the SHA-256 of the agreement's id
        key.json                record of its data key
        <object>.sealed         one per object; <object>.sealed.part while it arrives
        spill/                  what a program under the agreement puts down for a while
        deletion.begun          while it is being deleted: what there was
        deletion.json           once it is deleted: the record
        deletion.at-….json      record of an earlier deletion, after which more was delivered

Names come of digests, so that nothing that was delivered chooses where it is written.

Example::

    folder = SealedFolder(home / "sealed" / "main")
    folder.state("urn:uuid:a1")  # AgreementState.HELD
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from trustspace.usage.data_key import no_key
from trustspace.usage.private_file import FolderLock, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trustspace.errors import PolicyDeniedError

KEY_NAME: Final = "key.json"
RECORDS: Final = "deletion."
"""The names of all files about deletions begin so."""
BEGUN_NAME: Final = f"{RECORDS}begun"
DELETION_NAME: Final = f"{RECORDS}json"
EARLIER: Final = f"{RECORDS}at-"
SPILL_NAME: Final = "spill"
SUFFIX: Final = ".sealed"


class AgreementState(StrEnum):
    """What is here of an agreement."""

    ABSENT = "absent"
    """Nothing."""
    HELD = "held"
    """A key, and what was delivered."""
    DELETING = "deleting"
    """A deletion was begun and is to be finished."""
    DELETED = "deleted"
    """The record of its deletion."""


class SealedFolder:
    """The folder, by what lies in it.

    Args:
        path: Where it is; made when something is put there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FolderLock(path / "lock")

    def locked(self) -> FolderLock:
        """Return the lock of the folder, to be held in a ``with`` block."""
        make_folder(self.path)
        return self._lock

    def of(self, agreement: str) -> Path:
        """Return the folder of an agreement, which need not exist."""
        return self.path / name_of(agreement)

    def file_of(self, agreement: str, object_id: str) -> Path:
        """Return where an object is sealed, which need not exist."""
        return self.of(agreement) / (name_of(object_id) + SUFFIX)

    def each(self) -> Iterator[Path]:
        """Yield the folder of each agreement, deleted ones too."""
        if self.path.is_dir():
            for path in sorted(self.path.iterdir()):
                if path.is_dir() and not path.is_symlink():
                    yield path

    def state(self, agreement: str) -> AgreementState:
        """Tell what is here of an agreement."""
        folder = self.of(agreement)
        for name, state in (
            (DELETION_NAME, AgreementState.DELETED),
            (BEGUN_NAME, AgreementState.DELETING),
            (KEY_NAME, AgreementState.HELD),
        ):
            if (folder / name).exists():
                return state
        return AgreementState.ABSENT

    def refuse_deleted(self, agreement: str) -> None:
        """Pass while what was delivered under an agreement is not being deleted.

        Raises:
            PolicyDeniedError: It has been, or is being deleted.
        """
        if self.state(agreement) in (AgreementState.DELETED, AgreementState.DELETING):
            raise deleted(agreement)


def deleted(agreement: str) -> PolicyDeniedError:
    """Return the error about an agreement whose data is gone."""
    return no_key(
        "sealed.deleted",
        f"what was delivered under agreement {agreement} has been deleted, with its key",
        hint="negotiate again",
    )


def name_of(text: str) -> str:
    """Return the name of what has an id: any text becomes a name that is one."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
