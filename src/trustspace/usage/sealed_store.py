"""Everything that was delivered to one participant and is kept, sealed.

The index is the folder itself (`trustspace.usage.sealed_folder`): a sealed file says in the clear,
and under a tag, what it is of, how large it is and what its digest was, so that there is no second
truth that could disagree after a crash.

Example::

    store = SealedStore(folder, participant="did:web:bank", keys=FileKeys(key_file))
    with store.writer("urn:uuid:a1", "roses") as sink:
        sink.write(b"...")
        sink.commit()
    with store.reader("urn:uuid:a1", "roses") as file:
        file.read()
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from trustspace.usage.agreement_keys import AgreementKeys
from trustspace.usage.private_file import make_folder, overwrite_and_remove
from trustspace.usage.sealed_folder import SPILL_NAME, SUFFIX, SealedFolder, deleted
from trustspace.usage.sealed_format import CHUNK_BYTES, Header, Identity, SealedObject
from trustspace.usage.sealed_reader import SealedReader, describe
from trustspace.usage.sealed_writer import PART, SealedWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trustspace.usage.key_provider import KeyProvider
    from trustspace.usage.leased_keys import LeasedKeys

LOOKED_FOR: Final = 0.2
"""Seconds for which it is believed that a key was not destroyed by another process."""
_HEAD_BYTES: Final = 64 * 1024
"""The header with the salt lies within them."""


class SealedStore:
    """What was delivered to one participant; closing it overwrites the keys in memory.

    Args:
        folder: Where it lies; made when something is sealed.
        participant: The participant's id.
        keys: The participant's keys, which wrap those of the agreements.
        lent: Keys that providers lend; needed for agreements that ask for it.
        clock: The time, aware and in UTC.
    """

    def __init__(
        self,
        folder: Path,
        *,
        participant: str,
        keys: KeyProvider,
        lent: LeasedKeys | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.participant = participant
        self.folder: SealedFolder = SealedFolder(folder)
        self.keys: AgreementKeys = AgreementKeys(
            self.folder, participant=participant, provider=keys, lent=lent, clock=clock
        )
        self._clock = clock

    def now(self) -> datetime:
        """Return the time by this store's clock."""
        return self._clock()

    def objects(self, agreement: str) -> Iterator[SealedObject]:
        """Yield the objects of an agreement that can be described, in no particular order."""
        folder = self.folder.of(agreement)
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            found = describe(path) if path.name.endswith(SUFFIX) else None
            if found is not None:
                yield SealedObject.of(found.header, found.footer)

    def writer(
        self,
        agreement: str,
        object_id: str,
        *,
        resume: bool = True,
        is_lent: bool = False,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> SealedWriter:
        """Seal an object that arrives; what has its id is replaced at the end.

        Args:
            agreement: Agreement id.
            object_id: Its id within the agreement.
            resume: Go on behind what an earlier attempt left.
            is_lent: Whether the agreement wants its key to come from the provider; matters for the
                first object of an agreement.
            chunk_bytes: Plain bytes of a chunk.

        Raises:
            PolicyDeniedError: What was delivered under the agreement has been deleted, or its key
                is not lent any more.
            ConfigurationError: It cannot be written, or the participant's key cannot be reached.
            IntegrityError: The record of its key is not as it was written.
        """
        key = self.keys.of(agreement, is_lent=is_lent)
        header = Header(
            participant=self.participant,
            agreement=agreement,
            object=object_id,
            key=key.id,
            chunk_bytes=chunk_bytes,
        )

        def naming(name: Callable[[], None]) -> None:
            with self.folder.locked():
                self._refuse_other_key(agreement, key.id)
                name()

        path = self.folder.file_of(agreement, object_id)
        return SealedWriter(path, header, key, naming=naming, resume=resume)

    def reader(self, agreement: str, object_id: str) -> SealedReader:
        """Open an object.

        Raises:
            NotFoundError: It is not here.
            PolicyDeniedError: It has been deleted, or its key is not lent any more.
            IntegrityError: It was changed, cut or swapped, or the key is another one.
            ConfigurationError: The participant's key cannot be reached.
        """
        self.folder.refuse_deleted(agreement)
        return SealedReader(
            self.folder.file_of(agreement, object_id),
            Identity(self.participant, agreement, object_id),
            lambda _header: self.keys.of(agreement),
            may_read=self._still_there(agreement),
        )

    def spill(self, agreement: str) -> Path:
        """Return the folder for temporary files under an agreement, which go with it; made now.

        Raises:
            PolicyDeniedError: What was delivered under it has been deleted.
            ConfigurationError: It cannot be made.
        """
        self.folder.refuse_deleted(agreement)
        path = self.folder.of(agreement) / SPILL_NAME
        make_folder(path)
        return path

    def remove(self, agreement: str, object_id: str) -> bool:
        """Remove one object, overwriting its salt first; tell whether it was here.

        The agreement's key stays. Without its salt the key of the file cannot be derived.

        Raises:
            ConfigurationError: It cannot be removed.
        """
        path = self.folder.file_of(agreement, object_id)
        with self.folder.locked():
            found = [
                overwrite_and_remove(one, first=_HEAD_BYTES)
                for one in (path, path.with_name(path.name + PART))
            ]
        return any(found)

    def close(self) -> None:
        """Overwrite the keys in memory; those that are lent belong to who gave them."""
        self.keys.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _still_there(self, agreement: str) -> Callable[[str], None]:
        """Return a check that another process has not destroyed the key since."""
        looked = time.monotonic()

        def check(key: str) -> None:
            nonlocal looked
            now = time.monotonic()
            if now - looked >= LOOKED_FOR:
                self._refuse_other_key(agreement, key)
                looked = now

        return check

    def _refuse_other_key(self, agreement: str, key: str) -> None:
        """Pass while an agreement's key is the one of an id.

        Raises:
            PolicyDeniedError: It was deleted; there may be a new one.
        """
        self.folder.refuse_deleted(agreement)
        if not self.keys.is_current(agreement, key):
            raise deleted(agreement)
