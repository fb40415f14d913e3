"""The async client: contract negotiations of either role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.operations.negotiation import NEGOTIATION_DEADLINE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from trustspace.client.bound import AsyncBoundAgreement
    from trustspace.client.haggling import AsyncHaggling
    from trustspace.client.values import (
        Negotiation,
    )


class AsyncNegotiationMethods(AsyncDriver):
    """Contract negotiations of either role."""

    async def negotiate(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        deadline: timedelta = NEGOTIATION_DEADLINE,
        **haggling: Unpack[AsyncHaggling],
    ) -> AsyncBoundAgreement:
        """Find a valid agreement, or negotiate until there is one; as `Client.negotiate`."""
        exchange = self._operations.negotiate(
            address,
            dataset,
            purpose=purpose,
            offer=offer,
            fresh=fresh,
            deadline=deadline,
            **haggling,
        )
        return self._bind(await self.drive(exchange))

    async def ask(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Ask for an agreement and do not wait for the outcome; as `Client.ask`."""
        exchange = self._operations.ask(
            address, dataset, purpose=purpose, offer=offer, fresh=fresh, terms=terms
        )
        return await self.drive(exchange)

    async def negotiations(self) -> tuple[Negotiation, ...]:
        """Return every negotiation, either role; as `Client.negotiations`."""
        return await self.drive(self._operations.negotiations())

    async def negotiation(self, negotiation: str) -> Negotiation:
        """Return one negotiation; as `Client.negotiation`."""
        return await self.drive(self._operations.negotiation(negotiation))

    async def terminate_negotiation(
        self, negotiation: str, *, reason: str | None = None
    ) -> Negotiation:
        """Terminate a negotiation that has no outcome yet; as `Client.terminate_negotiation`."""
        return await self.drive(self._operations.terminate_negotiation(negotiation, reason=reason))
