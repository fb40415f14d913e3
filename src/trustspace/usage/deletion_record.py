"""What is written down of a deletion: the document that is signed and sent as its proof.

It has one spelling (RFC 8785), so that two parties that hold it hold the same bytes. It says what
there was, what became of it, how that was checked, and what no program on this machine can reach.

Example::

    record = deletion.delete("urn:uuid:a1", trigger=Trigger.EXPIRY)
    record.digest  # 'sha256:…'
    DeletionRecord.decode(record.encoded) == record
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from trustspace.errors import IntegrityError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.model.value import canonical

MOST_MEMBERS: Final = 10_000_000
"""A record names every object, and there may be many."""


class Trigger(StrEnum):
    """Why it was deleted."""

    AFTER_USE = "after-use"
    AFTER_DELAY = "after-delay"
    EXPIRY = "expiry"
    REVOCATION = "revocation"
    REQUEST = "request"


class OutOfReach(StrEnum):
    """What a deletion cannot reach from where it runs."""

    BACKUPS = "backups"
    """Copies of the folder and of the participant's key that were made elsewhere."""
    STORAGE = "storage"
    """Blocks that a file system or a disk keeps although they were overwritten."""
    MEMORY = "memory"
    """Memory, swap and core dumps of programs that had it open."""
    EXPORTS = "exports"
    """Copies that left through the gate, which are recorded there."""
    PROVIDER_KEY = "provider-key"
    """A key that was lent is still with the provider that lent it."""


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class DestroyedKey(_Part):
    """A key that is gone.

    Attributes:
        id: Id of the data key.
        method: ``overwritten``, or ``dropped`` for a key that was lent.
        wrapped_by: Id of the participant's key that had wrapped it, or empty.
    """

    id: str
    method: Literal["overwritten", "dropped"]
    wrapped_by: str = ""


class DeletedObject(_Part):
    """An object that is gone.

    Attributes:
        object: Its id within the agreement.
        key: Id of the data key that it was sealed by.
        size_bytes: Size of the content.
        sha256: Digest of the content, lower-case hex.
    """

    object: str
    key: str
    size_bytes: int
    sha256: str


class RemovedFiles(_Part):
    """Files that are gone, by what they were.

    Attributes:
        sealed: Whole objects.
        partial: Objects that had not arrived in full, sealed too.
        spilled: Temporary files of programs, overwritten first.
        other: Anything else that was in the folder.
    """

    sealed: int = 0
    partial: int = 0
    spilled: int = 0
    other: int = 0


class DeletionRecord(_Part):
    """A deletion.

    Attributes:
        type: What kind of document this is.
        version: Of its form.
        participant: Id of the participant that held the data.
        agreement: Agreement id.
        trigger: Why it was deleted.
        is_final: Whether nothing may be kept under the agreement any more; otherwise a later
            delivery is sealed under a new key.
        began: When, seconds since 1970 in UTC.
        finished: When nothing was left; None while it is not finished.
        keys: The keys that are gone.
        objects: The objects that are gone.
        files: How many files are gone.
        verified: How it was checked: every name was opened again and was not there.
        out_of_reach: What could not be reached.
    """

    type: Literal["ts:DeletionRecord"] = "ts:DeletionRecord"
    version: Literal[1] = 1
    participant: str
    agreement: str
    trigger: Trigger
    is_final: bool
    began: int
    finished: int | None = None
    keys: tuple[DestroyedKey, ...]
    objects: tuple[DeletedObject, ...]
    files: RemovedFiles
    verified: Literal["reopened"] | None = None
    out_of_reach: tuple[OutOfReach, ...]

    @property
    def encoded(self) -> bytes:
        """The record as it is stored and signed."""
        return canonical(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of the record."""
        return "sha256:" + hashlib.sha256(self.encoded).hexdigest()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encoded` gave.

        Raises:
            IntegrityError: It is something else.
        """
        try:
            document: Any = loads(data, max_keys=MOST_MEMBERS, max_items=MOST_MEMBERS)
            return cls.model_validate(document)
        except (RemoteProtocolError, ValidationError):
            raise IntegrityError(
                "the record of a deletion is not as it was written",
                expected="a record",
                found="something else",
                hint="remove it and delete again",
            ) from None
