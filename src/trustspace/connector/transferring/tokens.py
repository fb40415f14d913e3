"""EDR tokens: made when a start message leaves, renewed on request, stored nowhere.

The provider adds endpoint and token to a start message at the moment it is sent. The consumer keeps
endpoint and renewal address with the transfer, and the token in memory only; when less than a
minute is left, or after a restart, it asks the provider for a fresh one with its own identity. Many
callers at once ask once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.pushing import address as addresses
from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.dataplane.edr import EdrClaims, issue_edr, verify_edr_token
from trustspace.dataplane.push_target import without_secrets
from trustspace.dsp.dialects import recognise_address
from trustspace.dsp.messages import TransferState
from trustspace.errors import LocalProtocolError, NotFoundError, RemoteProtocolError
from trustspace.model.participant import ParticipantId, Role
from trustspace.store import AgreementState, OutboxRow, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.messaging.peers import Peers
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.model.data_address import DataAddress

RENEW_BEFORE = timedelta(seconds=60)
"""A token is renewed when it has less life than this, or less than half of what it was given."""

KEPT_TOKENS = 10_000


@dataclass(frozen=True)
class _Token:
    value: str
    renew_at: datetime
    expires_at: datetime | None


class TokenDesk:
    """Tokens of both sides."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context
        self._tokens: dict[str, _Token] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    # --- provider ----------------------------------------------------------------------------

    def complete(self, hosted: Hosted, row: OutboxRow) -> Mapping[str, Any]:
        """Return a stored message as it is sent: with the data address and its secrets."""
        if row.body.get("@type") == "TransferRequestMessage" and row.body.get("format") == PUSH:
            push = self._context.store.read_sync(
                lambda tx: tx.pushes.get(hosted.name, row.process_pid)
            )
            if push is None or not push.address:
                return row.body
            return dict(row.body) | {"dataAddress": addresses.read(hosted, push).to_wire()}
        if row.body.get("@type") != "TransferStartMessage":
            return row.body
        if row.body.get("providerPid") != row.process_pid:
            return row.body  # Ours as a consumer: a resume, which has no address to tell.
        agreement = self._context.store.read_sync(
            lambda tx: tx.transfers.get(hosted.name, row.process_pid)
        )
        if agreement is None or agreement.format == PUSH:
            return row.body
        edr = self.issue(hosted, agreement)
        return dict(row.body) | {"dataAddress": edr.to_wire()}

    def issue(self, hosted: Hosted, transfer: TransferProcess) -> DataAddress:
        """Return endpoint and fresh token of a transfer that we provide."""
        return issue_edr(
            hosted.key,
            issuer=hosted.id,
            consumer=transfer.counterparty,
            agreement_id=transfer.agreement_id,
            transfer_pid=transfer.id,
            endpoint=hosted.data_url(transfer.id),
            refresh_endpoint=hosted.refresh_url(transfer.id),
            now=self._context.now(),
            lifetime=timedelta(seconds=self._context.settings.delivery.token_seconds),
        )

    def check(self, hosted: Hosted, transfer_pid: str, header: str | None) -> EdrClaims:
        """Verify the token of a data request.

        Raises:
            IdentityError: It is not one of ours for this transfer, or its time is over.
        """
        return verify_edr_token(
            header,
            keys={hosted.key.key_id(hosted.id): hosted.key.verification_key()},
            endpoint=hosted.data_url(transfer_pid),
            now=self._context.now(),
        )

    def renew(
        self, tx: Transaction, hosted: Hosted, transfer_pid: str, *, sender: ParticipantId
    ) -> DataAddress:
        """Give the consumer of a running transfer a fresh token.

        Raises:
            NotFoundError: There is no such running transfer with the sender; one answer for all.
        """
        transfer = tx.transfers.get(hosted.name, transfer_pid, role=Role.PROVIDER)
        absent = NotFoundError("there is no such running transfer")
        if (
            transfer is None
            or transfer.counterparty != sender
            or transfer.state is not TransferState.STARTED
        ):
            raise absent
        agreement = tx.agreements.get(hosted.name, transfer.agreement_id)
        if agreement is None or agreement.state is not AgreementState.FINALIZED:
            raise absent
        return self.issue(hosted, transfer)

    # --- consumer ----------------------------------------------------------------------------

    def remember(self, transfer: TransferProcess) -> None:
        """Keep the token that a start message brought, in memory."""
        address = transfer.data_address
        token = None if address is None else address.property("authorization")
        if token is not None and address is not None:
            self._keep(transfer.id, token, address.property("expiresIn"))

    def is_lost(self, transfer: TransferProcess) -> bool:
        """Whether the token of a consumer's running pull is gone and cannot be asked for again.

        Tokens are in memory only, and some providers renew none.
        """
        address = transfer.data_address
        return (
            transfer.role is Role.CONSUMER
            and transfer.state is TransferState.STARTED
            and transfer.id not in self._tokens
            and (address is None or address.property("refreshEndpoint") is None)
        )

    async def current(
        self, hosted: Hosted, transfer: TransferProcess, peers: Peers, *, fresh: bool
    ) -> dict[str, Any]:
        """Return endpoint and token for the consumer's data requests.

        Args:
            hosted: The consumer.
            transfer: Its running transfer.
            peers: Who asks the provider.
            fresh: Ask for a new token even if the present one has life left.

        Raises:
            LocalProtocolError: We are the provider, or the provider gave no endpoint.
            StatusError: The provider gives no token any more.
            TransportError: It does not answer.
        """
        address = transfer.data_address
        if transfer.role is not Role.CONSUMER or address is None or address.url is None:
            raise LocalProtocolError(
                "only the consumer of a pull has a data address", code="transfer.role"
            )
        stale = self._tokens.get(transfer.id)
        async with self._asking.setdefault(transfer.id, asyncio.Lock()):
            token = self._tokens.get(transfer.id)
            is_new = token is not None and token is not stale
            if token is None or self._context.now() >= token.renew_at or (fresh and not is_new):
                token = await self._ask(hosted, transfer, address, peers)
        self._asking.pop(transfer.id, None)
        dialect = self._context.dialects.of(
            hosted.name, transfer.counterparty, address.url, shown=recognise_address(address)
        )
        return {
            "endpoint": address.url,
            "authorization": token.value if dialect.bare_token else f"Bearer {token.value}",
            "expires_at": views.time(token.expires_at),
        }

    async def _ask(
        self, hosted: Hosted, transfer: TransferProcess, address: DataAddress, peers: Peers
    ) -> _Token:
        url = address.property("refreshEndpoint")
        known = self._tokens.get(transfer.id)
        if url is None:
            if known is not None:
                return known  # A foreign provider whose tokens do not expire.
            raise LocalProtocolError(
                "the provider gave no address to renew the token at",
                code="transfer.token",
                hint="ask for a new transfer",
            )
        answer = await peers.fresh_token(hosted, url, audience=transfer.counterparty)
        token = answer.get("authorization")
        if not isinstance(token, str) or not token:
            raise RemoteProtocolError("the answer has no token", code="token.malformed")
        return self._keep(transfer.id, token, str(answer.get("expiresIn", "")))

    def _keep(self, pid: str, token: str, expires_in: str | None) -> _Token:
        now = self._context.now()
        value = token.removeprefix("Bearer ")
        if expires_in is not None and expires_in.isdecimal():
            life = timedelta(seconds=min(int(expires_in), 86_400))
            kept = _Token(value, now + life - min(RENEW_BEFORE, life / 2), now + life)
        else:
            kept = _Token(value, datetime.max.replace(tzinfo=now.tzinfo), None)
        self._tokens.pop(pid, None)
        self._tokens[pid] = kept
        while len(self._tokens) > KEPT_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))
        return kept


def without_token(transfer: TransferProcess) -> TransferProcess:
    """Return a transfer as it is stored: the endpoint without its token."""
    address = transfer.data_address
    if address is None:
        return transfer
    return transfer.model_copy(update={"data_address": without_secrets(address)})
