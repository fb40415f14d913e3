"""The record of an agreement's data key: wrapped by the participant's key, or lent by the provider.

An *envelope*: the data key encrypts the data, the participant's key encrypts the data key, and the
record names both. The names are part of what is encrypted, so a record that was copied from another
agreement or another participant does not open. Of a key that is lent, the record holds only its id.

Example::

    record = KeyRecord.wrapping(key, participant="did:web:bank", keys=keys, now=now)
    record.open(keys)  # the data key
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from trustspace.errors import IntegrityError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.model.value import canonical
from trustspace.usage.data_key import KEY_BYTES, DataKey
from trustspace.usage.key_provider import WrappedKey, unwrappable

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.usage.key_provider import KeyProvider


class KeyRecord(BaseModel):
    """What is kept of a data key.

    Attributes:
        version: Of the record's form.
        participant: Id of the participant that holds the data.
        agreement: Agreement id.
        id: Id of the data key.
        created: When the record was made, seconds since 1970 in UTC.
        wrapped_by: Id of the participant's key that wrapped it; empty for a key that is lent.
        wrapped: The wrapped key in base64; empty for a key that is lent.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    participant: str
    agreement: str
    id: str
    created: int
    wrapped_by: str = ""
    wrapped: str = ""

    @classmethod
    def wrapping(cls, key: DataKey, *, participant: str, keys: KeyProvider, created: int) -> Self:
        """Return the record of a key that lies here, wrapped by the current key.

        Raises:
            ConfigurationError: The participant's key cannot be reached.
        """
        bare = cls(participant=participant, agreement=key.agreement, id=key.id, created=created)
        wrapped = keys.wrap(key.secret, context=bare.context)
        data = base64.b64encode(wrapped.data).decode()
        return bare.model_copy(update={"wrapped_by": wrapped.key_id, "wrapped": data})

    @classmethod
    def lent(cls, key_id: str, agreement: str, *, participant: str, now: datetime) -> Self:
        """Return the record of a key that the provider lends."""
        created = int(now.timestamp())
        return cls(participant=participant, agreement=agreement, id=key_id, created=created)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encoded` gave.

        Raises:
            IntegrityError: It is something else.
        """
        try:
            document: Any = loads(data, max_depth=1)
            return cls.model_validate(document)
        except (RemoteProtocolError, ValidationError):
            raise IntegrityError(
                "the record of a data key is not as it was written",
                expected="a record",
                found="something else",
                hint="restore it from your backup, or fetch the data again",
            ) from None

    @property
    def encoded(self) -> bytes:
        """The record as it is stored."""
        return canonical(self.model_dump())

    @property
    def is_lent(self) -> bool:
        """Whether the key comes from the provider each time."""
        return not self.wrapped_by

    @property
    def context(self) -> bytes:
        """What the wrapped key is bound to."""
        return canonical(
            {
                "purpose": "trustspace data key 1",
                "participant": self.participant,
                "agreement": self.agreement,
                "id": self.id,
            }
        )

    def open(self, keys: KeyProvider) -> DataKey:
        """Return the data key.

        Raises:
            IntegrityError: The record was changed, or is another participant's or agreement's.
            ConfigurationError: The participant's key is not there, or cannot be reached.
        """
        try:
            data = base64.b64decode(self.wrapped, validate=True)
        except binascii.Error:
            raise unwrappable(self.wrapped_by) from None
        secret = bytearray(keys.unwrap(WrappedKey(self.wrapped_by, data), context=self.context))
        if len(secret) != KEY_BYTES:
            raise unwrappable(self.wrapped_by)
        return DataKey(self.id, self.agreement, secret)

    def wrapped_anew(self, keys: KeyProvider) -> Self:
        """Return the record of the same data key, wrapped by the current key.

        Raises:
            IntegrityError: As `open`.
            ConfigurationError: As `open`.
        """
        key = self.open(keys)
        try:
            return self.wrapping(key, participant=self.participant, keys=keys, created=self.created)
        finally:
            key.clear()
