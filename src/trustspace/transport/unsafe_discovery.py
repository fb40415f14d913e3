"""Addresses where everybody is believed: a root or a protocol base, and whoever says to be there.

Connectors in a development set-up have no DID documents. Their address is a URL of a root
(``http://localhost:8282/protocol``) or of a protocol base (``…/protocol/2025-1``). Where there is a
version document it leads to the base, else the address is the base itself. Whose it is the version
document says by ``serviceId``, or the catalogue by ``participantId``. Nothing of it is proven.

Example::

    found = await UnsafeDiscovery(client, resolver, ask=ask).discover("http://localhost:8282/protocol")
    found.id    # 'edc-provider'
    found.base  # 'http://localhost:8282/protocol/2025-1'
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from trustspace.dsp.dialects import STRICT, Dialect
from trustspace.errors import ConfigurationError, StatusError
from trustspace.transport.discovery import Counterparty, Discovery, root_of
from trustspace.transport.http_client import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trustspace.model.participant import ParticipantId
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.resolver import DidResolver

    Ask = Callable[[str], Awaitable[tuple[ParticipantId, Dialect]]]
    """Asks the catalogue at a base whose it is, and how whoever answers speaks."""

NAME_TTL = timedelta(minutes=5)
"""How long it is kept who is at a base without a name in its version document."""
MAX_NAMES = 64


class UnsafeDiscovery(Discovery):
    """Finds counterparties by URL without proof; a DID is resolved as ever.

    Args:
        client: The guarded client.
        resolver: The resolver of DID documents.
        ask: Asks a catalogue whose it is.
        deadline: How long one document may take.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: GuardedClient,
        resolver: DidResolver,
        *,
        ask: Ask,
        deadline: timedelta = DEADLINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, resolver, deadline=deadline, clock=clock)
        self._ask = ask
        self._names: OrderedDict[str, tuple[ParticipantId, Dialect, float]] = OrderedDict()

    async def discover(self, address: str) -> Counterparty:
        """Find out who is at an address.

        Args:
            address: URL of a connector's root or of a protocol base, or a DID.

        Raises:
            ConfigurationError: Several participants are at the root; names them.
            RemoteProtocolError: It does not speak a version of the protocol that we speak, or its
                catalogue names nobody.
            StatusError: It answers neither with a version document nor with a catalogue.
            TransportError: It cannot be reached, or the guard refuses it.
        """
        if address.startswith("did:"):
            return await super().discover(address)
        root = root_of(address)
        try:
            entries = await self._entries(root)
        except StatusError as error:
            if error.status >= 500:
                raise
            return await self._named(Counterparty("", root))
        names = sorted({entry.service_id for entry in entries if entry.service_id})
        if len(names) > 1:
            raise ConfigurationError(
                f"{len(names)} participants are at {root}: {', '.join(names[:20])}",
                setting="address",
                hint="Give the root of one of them as the address",
            )
        found = self._at(root, entries[0], names[0] if names else "")
        return found if found.id else await self._named(found)

    async def _named(self, found: Counterparty) -> Counterparty:
        """Return a counterparty with the name that its catalogue tells."""
        known = self._names.get(found.base)
        if known is None or known[2] <= self._clock():
            self._client.policy.check_url(found.base)
            known = (*await self._ask(found.base), self._clock() + NAME_TTL.total_seconds())
            self._names[found.base] = known
            while len(self._names) > MAX_NAMES:
                self._names.popitem(last=False)
        name, dialect, _ = known
        return replace(found, id=name, dialect=dialect if dialect is not STRICT else found.dialect)
