"""The data keys of agreements: made, wrapped, kept in memory, lent, forgotten.

Example::

    keys = AgreementKeys(folder, participant="did:web:bank", provider=FileKeys(key_file))
    keys.of("urn:uuid:a1", is_lent=False)  # made and wrapped when there is none yet
    keys.of("urn:uuid:a1")                 # must be there
"""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.errors import (
    ConfigurationError,
    IntegrityError,
    NotFoundError,
    PolicyDeniedError,
)
from trustspace.usage.data_key import DataKey
from trustspace.usage.key_record import KeyRecord
from trustspace.usage.private_file import make_folder, read_private, write_durably
from trustspace.usage.sealed_folder import KEY_NAME, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trustspace.usage.key_provider import KeyProvider
    from trustspace.usage.leased_keys import LeasedKeys
    from trustspace.usage.sealed_folder import SealedFolder


class AgreementKeys:
    """The data keys of one participant's agreements.

    Args:
        folder: Where their records lie.
        participant: The participant's id.
        provider: The participant's keys.
        lent: Keys that providers lend, or None where nobody can be asked.
        clock: The time, aware and in UTC.
    """

    def __init__(
        self,
        folder: SealedFolder,
        *,
        participant: str,
        provider: KeyProvider,
        lent: LeasedKeys | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.provider = provider
        self._folder = folder
        self._participant = participant
        self._lent = lent
        self._clock = clock
        self._held: dict[str, DataKey] = {}
        self._lock = threading.Lock()

    def of(self, agreement: str, *, is_lent: bool | None = None) -> DataKey:
        """Return the key of an agreement.

        Args:
            agreement: Agreement id.
            is_lent: Where the first key of an agreement comes from: from its provider, or made
                here. Without it the agreement must have one.

        Raises:
            PolicyDeniedError: What was delivered has been deleted, or the key is not lent any more.
            IntegrityError: There is no record of a key, or it is not as it was written.
            ConfigurationError: The participant's key, or the provider, cannot be reached.
        """
        self._folder.refuse_deleted(agreement)
        with self._lock:
            held = self._held.get(agreement)
        if held is not None and self.is_current(agreement, held.id):
            return held
        try:
            record = self.record(agreement)
        except NotFoundError:
            if is_lent is None:
                raise IntegrityError(
                    "the record of a data key is missing",
                    expected=f"the key of agreement {agreement}",
                    found="none",
                    hint="restore it from your backup, or fetch the data again",
                ) from None
            record = self._first_record(agreement, is_lent=is_lent)
        if record.is_lent:
            return self._lending().key(agreement, record.id)
        with self._lock:
            if agreement not in self._held:
                self._held[agreement] = record.open(self.provider)
            held = self._held[agreement]
        try:
            # Deleted since the record was read: nobody else would overwrite it any more.
            self._folder.refuse_deleted(agreement)
        except PolicyDeniedError:
            self.forget(agreement)
            raise
        return held

    def record(self, agreement: str) -> KeyRecord:
        """Return the record of an agreement's key.

        Raises:
            NotFoundError: There is none.
            IntegrityError: It is not as it was written, or is another one's.
        """
        return self._record_in(self._folder.of(agreement))

    def is_current(self, agreement: str, key: str) -> bool:
        """Tell whether an agreement's key is the one of an id; forget any other one.

        Another process may have deleted what was delivered, and more may have come since.

        Raises:
            IntegrityError: Its record is not as it was written.
        """
        try:
            is_current = self.record(agreement).id == key
        except NotFoundError:
            is_current = False
        if not is_current:
            self.forget(agreement)
        return is_current

    def records(self) -> Iterator[KeyRecord]:
        """Yield the record of each agreement that has a key.

        Raises:
            IntegrityError: A record is not as it was written.
        """
        for folder in self._folder.each():
            with contextlib.suppress(NotFoundError):
                yield self._record_in(folder)

    def wrap_anew(self, agreement: str) -> bool:
        """Wrap an agreement's key by the current key; tell whether it was not so already.

        Raises:
            IntegrityError: The record is not as it was written.
            ConfigurationError: A key of the participant is not there, or cannot be reached.
        """
        with self._folder.locked():
            try:
                record = self.record(agreement)
            except NotFoundError:
                return False
            if record.is_lent or record.wrapped_by == self.provider.current:
                return False
            path = self._folder.of(agreement) / KEY_NAME
            write_durably(path, record.wrapped_anew(self.provider).encoded, overwrite_old=True)
            return True

    def forget(self, agreement: str) -> None:
        """Overwrite an agreement's key in memory; whoever uses it stops."""
        with self._lock:
            key = self._held.pop(agreement, None)
        if key is not None:
            key.clear()
        if self._lent is not None:
            self._lent.drop(agreement)

    def close(self) -> None:
        """Overwrite all keys in memory that are not lent."""
        with self._lock:
            held, self._held = self._held, {}
        for key in held.values():
            key.clear()

    def _first_record(self, agreement: str, *, is_lent: bool) -> KeyRecord:
        now = self._clock()
        # Asked for before the lock is taken: an answer may take its time.
        lent = self._lending().key(agreement) if is_lent else None
        with self._folder.locked():
            self._folder.refuse_deleted(agreement)
            with contextlib.suppress(NotFoundError):
                # Somebody else was first.
                return self.record(agreement)
            if lent is None:
                record = self._wrapped(DataKey.generate(agreement), now)
            else:
                record = KeyRecord.lent(lent.id, agreement, participant=self._participant, now=now)
            make_folder(self._folder.of(agreement))
            write_durably(self._folder.of(agreement) / KEY_NAME, record.encoded)
        return record

    def _wrapped(self, key: DataKey, now: datetime) -> KeyRecord:
        try:
            return KeyRecord.wrapping(
                key,
                participant=self._participant,
                keys=self.provider,
                created=int(now.timestamp()),
            )
        finally:
            key.clear()

    def _lending(self) -> LeasedKeys:
        if self._lent is None:
            raise ConfigurationError(
                "the agreement's key is lent by its provider, who cannot be asked from here",
                setting="lent",
                hint="open the agreement through the connector",
            )
        return self._lent

    def _record_in(self, folder: Path) -> KeyRecord:
        record = KeyRecord.decode(read_private(folder / KEY_NAME, setting="sealed"))
        if record.participant != self._participant or name_of(record.agreement) != folder.name:
            raise IntegrityError(
                "a record of a data key lies in another's place",
                expected=f"one of {self._participant}, in the folder of its agreement",
                found=f"one of {record.participant} for {record.agreement}",
                hint="restore it from your backup, or fetch the data again",
            )
        return record
