"""Who speaks for whom: our tokens out, theirs in, each used once.

A token is checked against its sender's DID document and its id is remembered in the same
transaction that its message changes, so that a copy can never act twice and no extra commit is
paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trustspace.errors import InvalidTokenError, RemoteProtocolError
from trustspace.identity.did import DidDocument, service_endpoints
from trustspace.identity.identity_provider import (
    Sender,
    bearer_header,
    read_header,
    verify_header,
)
from trustspace.identity.token import issue

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.store import Transaction
    from trustspace.transport.resolver import DidResolver


@dataclass(frozen=True)
class Authenticated:
    """A sender with the document that proved it."""

    sender: Sender
    document: DidDocument

    @property
    def id(self) -> str:
        """The sender's DID."""
        return self.sender.id

    def check_callback(self, address: str) -> None:
        """Accept a callback address only on an origin that the sender's DID document announces.

        Raises:
            RemoteProtocolError: It points elsewhere; we would be made to call a stranger.
        """
        origins = {_origin(url) for url in service_endpoints(self.document)}
        if _origin(address) not in origins:
            raise RemoteProtocolError(
                "the callbackAddress is not on a service endpoint of the sender's DID document",
                code="callback.foreign",
                hint="announce the connector's address as a service in the DID document",
            )


class Authentication:
    """Tokens of every hosted participant."""

    def __init__(self, context: ConnectorContext, resolver: DidResolver) -> None:
        self._context = context
        self._resolver = resolver

    def issue(self, hosted: Hosted, audience: str) -> str:
        """Return the ``Authorization`` header for a request to a counterparty."""
        now = self._context.now()
        return bearer_header(issue(hosted.key, issuer=hosted.id, audience=audience, now=now))

    async def verify(self, hosted: Hosted, header: str | None) -> Authenticated:
        """Find out who sends.

        Raises:
            IdentityError: It cannot be said; outside every case looks the same.
        """
        unverified = read_header(header)
        document = await self._resolver.resolve(unverified.issuer, kid=unverified.kid)
        now = self._context.now()
        sender = verify_header(header, document=document, audience=hosted.id, now=now)
        return Authenticated(sender, document)

    def use(self, tx: Transaction, hosted: Hosted, who: Authenticated) -> None:
        """Use a token up, in the transaction of what it authorises.

        Raises:
            InvalidTokenError: It was used before.
        """
        sender = who.sender
        if sender.token_id is None or sender.remember_until is None:
            return
        first = tx.tokens.use_once(
            hosted.name,
            sender.id,
            sender.token_id,
            expires_at=sender.remember_until,
            now=self._context.now(),
        )
        if not first:
            raise InvalidTokenError("a token was used before")


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", url, None
    return parts.scheme, (parts.hostname or "").lower(), port
