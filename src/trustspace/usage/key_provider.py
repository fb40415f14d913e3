"""Where the participant's key is, and how it wraps the data keys of agreements.

Each agreement has a data key of its own, which lies on the disk only *wrapped*: encrypted with a
key of the participant. A provider of keys wraps and unwraps; whether its key lies in a file, in the
environment or in a device that never gives it out, nobody else needs to know. It has one *current*
key, which wraps, and may have earlier ones, which only unwrap, until everything is wrapped anew
(`trustspace.usage.rotation`).

What is wrapped is bound to a *context*, which says whose key it is for which agreement; unwrapping
with another context fails. A provider of your own has the three members of `KeyProvider`.

Example::

    wrapped = keys.wrap(data_key, context=b"bank, urn:uuid:a1")
    keys.unwrap(wrapped, context=b"bank, urn:uuid:a1") == data_key
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trustspace.errors import ConfigurationError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET_BYTES: Final = 32
"""AES-256."""
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it may lie anywhere.

    Attributes:
        key_id: Id of the participant's key that wrapped it.
        data: What the provider made of it; only the provider reads it.
    """

    key_id: str
    data: bytes = field(repr=False)


class KeyProvider(Protocol):
    """Holds the participant's keys, or knows who does; may be asked from several threads."""

    @property
    def current(self) -> str:
        """Id of the key that wraps now.

        Raises:
            ConfigurationError: There is no key, or it cannot be reached.
        """
        ...

    def wrap(self, secret: bytes, *, context: bytes) -> WrappedKey:
        """Wrap a data key with the current key.

        Args:
            secret: The data key, 32 bytes.
            context: What it is for; needed again to unwrap it.

        Raises:
            ConfigurationError: There is no key, or it cannot be reached.
        """
        ...

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """Return the data key.

        Raises:
            IntegrityError: It was changed, was wrapped by somebody else or for something else.
            ConfigurationError: The key that wrapped it is not there, or cannot be reached.
        """
        ...


class Secrets:
    """Keys of a participant in memory, and what wraps with them; providers build on it.

    Args:
        keys: Secrets of 32 bytes by their id.
        current: Id of the one that wraps.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        self.keys: dict[str, bytes] = dict(keys)
        self.current = current

    def wrap(self, secret: bytes, *, context: bytes) -> WrappedKey:
        """Wrap a data key with the current key."""
        nonce = os.urandom(_NONCE_BYTES)
        encrypted = AESGCM(self.keys[self.current]).encrypt(nonce, secret, context)
        return WrappedKey(self.current, nonce + encrypted)

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """Return the data key.

        Raises:
            IntegrityError: It was changed, was wrapped by somebody else or for something else.
            ConfigurationError: The key that wrapped it is not there.
        """
        key = self.keys.get(wrapped.key_id)
        if key is None:
            raise missing(wrapped.key_id)
        nonce, encrypted = wrapped.data[:_NONCE_BYTES], wrapped.data[_NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, encrypted, context)
        except (InvalidTag, ValueError):
            raise unwrappable(wrapped.key_id) from None


def key_id_of(secret: bytes) -> str:
    """Return the id of a participant's key: it tells nothing, and two keys never share one."""
    return "k" + hashlib.sha256(b"trustspace key id 1" + secret).hexdigest()[:16]


def read_secret(text: str) -> bytes | None:
    """Return a key written in base64, or None when it is none of 32 bytes."""
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == SECRET_BYTES else None


def write_secret(secret: bytes) -> str:
    """Return a key in base64."""
    return base64.b64encode(secret).decode()


def missing(key_id: str) -> ConfigurationError:
    """Return the error about a key that wrapped something and is not there."""
    return ConfigurationError(
        f"the participant's key {key_id!r} is not there",
        setting="keys",
        hint="restore it from your backup; without it nothing that it wrapped can be opened",
    )


def unwrappable(key_id: str) -> IntegrityError:
    """Return the error about something wrapped that is not as it was."""
    return IntegrityError(
        "a wrapped data key is not as it was written",
        expected=f"wrapped by {key_id} for this agreement",
        found="something else",
        hint="restore the record from your backup, or remove the agreement's data and fetch again",
    )
