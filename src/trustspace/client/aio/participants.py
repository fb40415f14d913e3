"""The async client: who this client speaks for, and what is attested about others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.client.values import (
        CounterpartyFacts,
        ParticipantInfo,
    )


class AsyncParticipantMethods(AsyncDriver):
    """Who this client speaks for, and what is attested about others."""

    async def participant(self) -> ParticipantInfo:
        """Return the participant in whose name this client speaks; as `Client.participant`."""
        return await self.drive(self._operations.participant())

    async def participants(self) -> tuple[ParticipantInfo, ...]:
        """Return every participant that the connector hosts; as `Client.participants`."""
        return await self.drive(self._operations.participants())

    async def host(self, name: str) -> ParticipantInfo:
        """Let the connector host another participant; as `Client.host`."""
        return await self.drive(self._operations.host(name))

    async def attest(self, did: str, facts: Mapping[str, Any]) -> CounterpartyFacts:
        """Attest facts about a counterparty; as `Client.attest`."""
        return await self.drive(self._operations.attest(did, facts))

    async def attested(self, did: str) -> CounterpartyFacts:
        """Return what has been attested about a counterparty; as `Client.attested`."""
        return await self.drive(self._operations.attested(did))

    async def speak(self, counterparty: str, dialect: str | None) -> str:
        """Say how a counterparty speaks the protocol; as `Client.speak`."""
        return await self.drive(self._operations.speak(counterparty, dialect))

    async def spoken(self, counterparty: str) -> str:
        """Return the name of the dialect that is spoken; as `Client.spoken`."""
        return await self.drive(self._operations.spoken(counterparty))
