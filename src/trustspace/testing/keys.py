"""Keys for tests: a participant's in memory, and a provider within reach that lends one.

Example::

    lender = MemoryLender(LeaseTerms(timedelta(hours=1)))
    with LeasedKeys(lender) as lent:
        store = SealedStore(folder, participant="did:web:bank", keys=MemoryKeys(), lent=lent)
        lender.fault = ConnectError("the provider is away")
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.usage.data_key import KEY_BYTES, new_key_id
from trustspace.usage.key_lease import LeaseTerms, LentKey
from trustspace.usage.key_provider import SECRET_BYTES, Secrets, key_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.errors import TrustspaceError


class MemoryKeys(Secrets):
    """Keys of a participant that end with the test."""

    def __init__(self) -> None:
        super().__init__({}, "")
        self.rotate()

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the current one first."""
        return (self.current, *sorted(self.keys.keys() - {self.current}))

    def rotate(self) -> str:
        """Make a new current key, keep the others, and return its id."""
        secret = secrets.token_bytes(SECRET_BYTES)
        self.current: str = key_id_of(secret)
        self.keys[self.current] = secret
        return self.current

    def retire(self, key_id: str) -> bool:
        """Remove a key that is not current; tell whether it was there."""
        return key_id != self.current and self.keys.pop(key_id, None) is not None


class MemoryLender:
    """A provider that lends one key per agreement, as long as nothing is wrong.

    Args:
        terms: How long it lends.
        clock: Its time, aware and in UTC.

    Attributes:
        terms: How long it lends; may be changed.
        fault: What happens instead of an answer, None for an answer.
        given: Every copy of a key that was given, as whoever received it left it.
    """

    def __init__(
        self, terms: LeaseTerms, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.terms = terms
        self.fault: TrustspaceError | None = None
        self.given: list[bytearray] = []
        self._clock = clock
        self._keys: dict[str, tuple[str, bytes]] = {}

    def lend(self, agreement: str, key: str | None) -> LentKey:
        """Return the agreement's key with a new lease, whichever one is wanted.

        Raises:
            TrustspaceError: The fault that was set.
        """
        del key
        if self.fault is not None:
            raise self.fault
        fresh = (new_key_id(), secrets.token_bytes(KEY_BYTES))
        name, secret = self._keys.setdefault(agreement, fresh)
        self.given.append(bytearray(secret))
        return LentKey(self.terms.grant(name, agreement, now=self._clock()), self.given[-1])

    def change(self, agreement: str) -> None:
        """Lend another key from now on, as no honest provider does."""
        self._keys.pop(agreement, None)
