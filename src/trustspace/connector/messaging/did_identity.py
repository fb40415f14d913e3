"""The identity of a hosted participant: signed tokens under its ``did:web`` document.

One implementation of `trustspace.identity.identity_provider.IdentityProvider`; another protocol of
identity takes its place by implementing the same port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.identity.identity_provider import Sender, bearer_header, read_header, verify_header
from trustspace.identity.token import issue

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.transport.resolver import DidResolver


class DidIdentity:
    """Proves who one hosted participant is, and finds out who others are by their DID documents.

    Args:
        hosted: The participant.
        resolver: Fetches DID documents.
    """

    def __init__(self, hosted: Hosted, resolver: DidResolver) -> None:
        self._hosted = hosted
        self._resolver = resolver

    def issue(self, audience: str, now: datetime) -> str:
        """Return the ``Authorization`` header for a request to a counterparty."""
        token = issue(self._hosted.key, issuer=self._hosted.id, audience=audience, now=now)
        return bearer_header(token)

    async def verify(self, header: str | None, *, audience: str, now: datetime) -> Sender:
        """Find out who sends.

        Raises:
            IdentityError: It cannot be said; outside every case looks the same.
        """
        unverified = read_header(header)
        document = await self._resolver.resolve(unverified.issuer, kid=unverified.kid)
        return verify_header(header, document=document, audience=audience, now=now)
