"""A new participant's key: everything is wrapped anew, and stays readable all the while.

The data is not touched; only the records of data keys are, one after the other, each replaced in
one step. The old key goes when nothing is wrapped by it any more. A rotation that was interrupted
is finished by the next one, which makes no further key then.

Example::

    Rotation(store, keys).run()
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from trustspace.usage.key_provider import KeyProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustspace.usage.sealed_store import SealedStore


@runtime_checkable
class RotatingKeys(KeyProvider, Protocol):
    """A provider of keys that can make a new key and let go of an old one."""

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the current one first."""
        ...

    def rotate(self) -> str:
        """Make a new current key, keep the others, and return its id."""
        ...

    def retire(self, key_id: str) -> bool:
        """Remove a key that is not current; tell whether it was there."""
        ...


def key_ids(keys: KeyProvider) -> tuple[str, ...]:
    """Return the ids of all keys that a provider tells of, the current one first."""
    found = getattr(keys, "key_ids", None)
    return found if isinstance(found, tuple) else (keys.current,)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes:
        current: Id of the key that wraps now.
        wrapped_anew: How many data keys were wrapped anew.
        retired: Ids of the keys that are gone.
        is_new: Whether the key was made now; it was not where an earlier rotation was finished, or
            where the owner of the keys makes them elsewhere.
    """

    current: str
    wrapped_anew: int
    retired: tuple[str, ...]
    is_new: bool


class Rotation:
    """Rotates the key of one participant.

    Args:
        stores: Every store whose records are wrapped by the participant's keys.
        keys: The keys; one that cannot make keys itself is asked which one is current.
    """

    def __init__(self, stores: Iterable[SealedStore], keys: KeyProvider) -> None:
        self._stores = tuple(stores)
        self._keys = keys

    def run(self) -> Rotated:
        """Make a new key, or go on with an earlier rotation, and wrap everything by it.

        Raises:
            ConfigurationError: A key is not there, cannot be reached, or nothing can be written;
                everything is still readable, and the next run goes on.
            IntegrityError: A record is not as it was written; the same holds for the others.
        """
        keys = self._keys if isinstance(self._keys, RotatingKeys) else None
        is_new = keys is not None and len(keys.key_ids) == 1
        if keys is not None and is_new:
            keys.rotate()
        count = sum(
            store.keys.wrap_anew(record.agreement)
            for store in self._stores
            for record in store.keys.records()
        )
        retired = self._retire(keys) if keys is not None else ()
        return Rotated(self._keys.current, count, retired, is_new)

    def users(self) -> Counter[str]:
        """Return how many data keys are wrapped by each of the participant's keys."""
        return Counter(
            record.wrapped_by
            for store in self._stores
            for record in store.keys.records()
            if not record.is_lent
        )

    def _retire(self, keys: RotatingKeys) -> tuple[str, ...]:
        """Remove the keys that wrap nothing, while nobody can make a record."""
        with contextlib.ExitStack() as locks:
            for store in self._stores:
                locks.enter_context(store.folder.locked())
            used = self.users()
            _, *others = keys.key_ids
            return tuple(one for one in others if not used[one] and keys.retire(one))
