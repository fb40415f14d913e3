"""The participants of one home: loaded at start, added while it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.connector.context import Hosted
from trustspace.connector.home import NAME, Home, participant_did
from trustspace.errors import ConfigurationError
from trustspace.store import EVERY_PARTICIPANT, Store, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping


class Hosting:
    """Participant contexts of a home.

    Args:
        home: The home.
        store: Its store.
        ids: Ids of participants, by name, that are not the DIDs of their addresses.

    Attributes:
        hosted: Participants by name; grows when one is added.
    """

    def __init__(self, home: Home, store: Store, *, ids: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._store = store
        self._ids = dict(ids or {})
        self.hosted: dict[str, Hosted] = {}

    async def load(self) -> None:
        """Load the participants, entering the home's first one when the database is new.

        Raises:
            ConfigurationError: A key is missing, or public_url no longer fits an identity.
        """
        for name, did in await self._store.write(self._stored):
            expected = self._id(name)
            if did != expected:
                raise ConfigurationError(
                    f"participant {name} is {did}, but the settings make it {expected}",
                    setting="public_url",
                    hint="set it back; agreements name the identity under which they were made",
                )
            self.hosted[name] = self._host(name)

    async def add(self, name: str) -> Hosted:
        """Host one more participant, with a key of its own; the same again changes nothing.

        Raises:
            ConfigurationError: The name cannot be used.
        """
        if not NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is not a participant name",
                setting="name",
                hint="use lower-case letters, digits and hyphens, at most 63",
            )
        if name not in self.hosted:
            self._home.create_key(name)
            await self._store.write(lambda tx: self._enter(tx, name))
            self.hosted[name] = self._host(name)
        return self.hosted[name]

    def _host(self, name: str) -> Hosted:
        key = self._home.signing_key(name)
        return Hosted(name, self._id(name), self._home.address, key)

    def _id(self, name: str) -> str:
        return self._ids.get(name) or participant_did(self._home.address, name)

    def _stored(self, tx: Transaction) -> list[tuple[str, str]]:
        self._enter(tx, self._home.name)
        return [(row.participant, row.did) for row in tx.participants.list(EVERY_PARTICIPANT)]

    def _enter(self, tx: Transaction, name: str) -> None:
        if tx.participants.get(name) is None:
            address, now = self._home.address, datetime.now(UTC)
            tx.participants.add(name, did=self._id(name), address=address, now=now)
