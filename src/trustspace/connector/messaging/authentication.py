"""Who speaks for whom: our proofs out, theirs in, each used once, callbacks only to their sender.

How identity is proven is the identity provider's (`trustspace.identity.identity_provider`). Here is
what holds whichever it is: a proof's id is remembered in the same transaction that its message
changes, so that a copy can never act twice and no extra commit is paid; and a callback address is
believed only on an origin that the sender announces as its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from trustspace.errors import IdentityError, InvalidTokenError, RemoteProtocolError
from trustspace.identity.did import service_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.identity.identity_provider import IdentityProvider, Sender
    from trustspace.model.participant import ParticipantId
    from trustspace.store import Transaction
    from trustspace.transport.resolver import DidResolver


class CallbackCheck(Protocol):
    """Says whether an address may be called back on a sender's word."""

    async def check(self, sender: ParticipantId, address: str) -> None:
        """Accept the address.

        Raises:
            RemoteProtocolError: It points to somebody else; we would be made to call a stranger.
        """
        ...


class Authentication:
    """Identity of every hosted participant.

    Args:
        context: The connector.
        provider_of: Returns the identity provider of a hosted participant.
        callbacks: Checks callback addresses.
    """

    def __init__(
        self,
        context: ConnectorContext,
        provider_of: Callable[[Hosted], IdentityProvider],
        callbacks: CallbackCheck,
    ) -> None:
        self._context = context
        self._provider_of = provider_of
        self._providers: dict[str, IdentityProvider] = {}
        self._callbacks = callbacks

    def issue(self, hosted: Hosted, audience: str) -> str:
        """Return the ``Authorization`` header for a request to a counterparty."""
        return self._provider(hosted).issue(audience, self._context.now())

    async def verify(self, hosted: Hosted, header: str | None) -> Sender:
        """Find out who sends.

        Raises:
            IdentityError: It cannot be said; outside every case looks the same.
        """
        now = self._context.now()
        return await self._provider(hosted).verify(header, audience=hosted.id, now=now)

    async def check_callback(self, sender: Sender, address: str) -> None:
        """Accept a callback address only from whom it belongs to.

        Raises:
            RemoteProtocolError: It points to somebody else.
        """
        await self._callbacks.check(sender.id, address)

    async def check_sink(self, consumer: ParticipantId, url: str) -> None:
        """Accept the address of a sink only where the consumer is, or where the owner says.

        Raises:
            RemoteProtocolError: It points to somebody else; we would write to a stranger.
        """
        parts = urlsplit(url)
        allowed = self._context.settings.delivery.push_hosts
        if parts.hostname is not None and {parts.hostname, parts.netloc} & set(allowed):
            return
        try:
            await self._callbacks.check(consumer, url)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(
                "the sink is not on a service endpoint of the consumer's DID document",
                code="sink.foreign",
                hint="the provider can allow its host: delivery.push_hosts",
            ) from error

    def use(self, tx: Transaction, hosted: Hosted, sender: Sender) -> None:
        """Use a proof up, in the transaction of what it authorises.

        Raises:
            InvalidTokenError: It was used before.
        """
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

    def _provider(self, hosted: Hosted) -> IdentityProvider:
        if hosted.name not in self._providers:
            self._providers[hosted.name] = self._provider_of(hosted)
        return self._providers[hosted.name]


class AnnouncedCallbacks:
    """Accepts a callback address on an origin that the sender's DID document announces."""

    def __init__(self, resolver: DidResolver) -> None:
        self._resolver = resolver

    async def check(self, sender: ParticipantId, address: str) -> None:
        """Accept the address.

        Raises:
            RemoteProtocolError: It is not on a service endpoint of the sender's document.
        """
        try:
            document = await self._resolver.resolve(sender)
        except IdentityError:
            origins = set()
        else:
            origins = {_origin(url) for url in service_endpoints(document)}
        if _origin(address) not in origins:
            raise RemoteProtocolError(
                "the callbackAddress is not on a service endpoint of the sender's DID document",
                code="callback.foreign",
                hint="announce the connector's address as a service in the DID document",
            )


class UnsafeAnyCallback:
    """Accepts every callback address that the egress guard lets through; for development."""

    async def check(self, sender: ParticipantId, address: str) -> None:
        """Accept the address."""


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", url, None
    return parts.scheme, (parts.hostname or "").lower(), port
