"""The key of one agreement, while it is held in memory.

Python gives no promise about memory: bytes are copied when they are passed on, and the library
that encrypts keeps a copy of its own until it is collected. What is done here is what can be done:
the key lies in one `bytearray`, which is overwritten when it is cleared, everything derived from it
is let go, and whoever holds it asks before each use whether it may still be used. A process that
is stopped and inspected meanwhile, its swap and its core dumps are out of reach.

Example::

    key = DataKey.generate("urn:uuid:a1")
    cipher = key.cipher(header)
    key.clear()
    key.check()  # PolicyDeniedError, code key.cleared
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from trustspace.errors import PolicyDeniedError
from trustspace.usage.file_cipher import FileCipher

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.usage.sealed_format import Header

KEY_BYTES: Final = 32
"""AES-256."""


def _always() -> None:
    """Let a key be used as long as it is held."""


class DataKey:
    """A data key in memory.

    Args:
        key_id: Its id, as headers and records name it.
        agreement: Whose it is.
        secret: The key; taken over, and overwritten in the end.
        may_use: Raises when the key may not be used any more; asked before each use.
    """

    def __init__(
        self,
        key_id: str,
        agreement: str,
        secret: bytearray,
        *,
        may_use: Callable[[], None] = _always,
    ) -> None:
        self.id = key_id
        self.agreement = agreement
        self._secret: bytearray | None = secret
        self._may_use = may_use

    @classmethod
    def generate(cls, agreement: str) -> DataKey:
        """Make a new key with a new id."""
        return cls(new_key_id(), agreement, bytearray(secrets.token_bytes(KEY_BYTES)))

    @property
    def is_cleared(self) -> bool:
        """Whether the key is gone from here."""
        return self._secret is None

    @property
    def secret(self) -> bytes:
        """The key itself, to be wrapped and for nothing else.

        Raises:
            PolicyDeniedError: It is gone from here.
        """
        self.check()
        return bytes(self._held())

    def cipher(self, header: Header) -> FileCipher:
        """Return what seals and opens one file.

        Raises:
            PolicyDeniedError: The key may not be used any more.
        """
        self.check()
        return FileCipher.of(header, self._held())

    def check(self) -> None:
        """Pass when the key may be used now.

        Raises:
            PolicyDeniedError: It may not: it was cleared, its lease or its agreement ended.
        """
        self._held()
        self._may_use()

    def clear(self) -> None:
        """Overwrite the key; clearing twice is no error."""
        secret, self._secret = self._secret, None
        if secret is not None:
            secret[:] = bytes(len(secret))

    def _held(self) -> bytearray:
        if self._secret is None:
            raise no_key(
                "key.cleared", f"the data key of agreement {self.agreement} is not held any more"
            )
        return self._secret

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self.agreement!r})"


def new_key_id() -> str:
    """Return the id of a new data key."""
    return "d" + secrets.token_hex(8)


def no_key(code: str, message: str, *, hint: str = "open the agreement again") -> PolicyDeniedError:
    """Return the error of whoever asks for a key that there is none of any more."""
    return PolicyDeniedError(message, code=code, reasons=({"id": code, "src": ""},), hint=hint)
