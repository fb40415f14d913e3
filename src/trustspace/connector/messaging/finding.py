"""How counterparties are found: by documents that name each other, or by their word alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trustspace.connector.settings import UNSAFE
from trustspace.transport.discovery import Discovery
from trustspace.transport.unsafe_discovery import UnsafeDiscovery

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.messaging.peers import Peers
    from trustspace.dsp.dialects import Dialect
    from trustspace.model.participant import ParticipantId
    from trustspace.transport.message_client import MessageClient
    from trustspace.transport.resolver import DidResolver


def finding(
    context: ConnectorContext, client: MessageClient, resolver: DidResolver, peers: Peers
) -> Discovery:
    """Return how counterparties are found, as the settings say."""
    patience = timedelta(seconds=context.settings.exchange.answer_seconds)
    if context.settings.identity != UNSAFE:
        return Discovery(client, resolver, deadline=patience)

    async def ask(base: str) -> tuple[ParticipantId, Dialect]:
        anyone = next(iter(context.hosted.values()))
        return await peers.participant_at(anyone, base)

    return UnsafeDiscovery(client, resolver, ask=ask, deadline=patience)
