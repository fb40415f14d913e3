"""What the owner of a consumer starts: a request for the data of an agreement.

Example::

    transfer = requests.request(tx, hosted, agreement_id, format_=PULL, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.connector.context import ConnectorContext, Hosted, new_pid
from trustspace.connector.messaging.outgoing import post, record
from trustspace.connector.pushing.address import keep, own_address
from trustspace.connector.transferring.transfer_format import PULL, PUSH
from trustspace.dataplane.push_target import without_secrets
from trustspace.dsp.messages import TransferRequestMessage, TransferState
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import LocalProtocolError, NotFoundError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.transferring.tokens import TokenDesk
    from trustspace.model.data_address import DataAddress
    from trustspace.store import Transaction


@dataclass(frozen=True)
class PushOrder:
    """Where a push shall go.

    Attributes:
        sink: Somebody's sink; None for our own.
        form: To our own sink, ``file`` or ``table``; None for what may leave.
        media_type: To our own sink, of a table: an Arrow stream, or Parquet.
    """

    sink: DataAddress | None = None
    form: str | None = None
    media_type: str | None = None

    def address(self, hosted: Hosted, pid: str) -> DataAddress:
        """Return the address of the sink."""
        if self.sink is not None:
            return self.sink
        return own_address(hosted, pid, form=self.form, media_type=self.media_type)


class TransferRequests:
    """Requests of a consumer."""

    def __init__(self, context: ConnectorContext, agreed: Agreements, tokens: TokenDesk) -> None:
        self._context = context
        self._agreed = agreed
        self._tokens = tokens

    def request(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement_id: str,
        *,
        format_: str,
        now: datetime,
        another: bool = False,
        push: PushOrder | None = None,
    ) -> TransferProcess:
        """Ask the provider for the data of an agreement; a running pull is found again.

        Args:
            tx: The transaction.
            hosted: The consumer.
            agreement_id: Which agreement.
            format_: The transfer format.
            now: Current time.
            another: Ask for one more even if a pull is running; a push is always one more.
            push: Of a push: where to and in which form; None for our own sink.

        Raises:
            NotFoundError: There is no such agreement.
            PolicyDeniedError: The agreement has ended.
            LocalProtocolError: We are its provider, or the format is not supported.
        """
        agreement = self._agreed.live(tx, hosted, agreement_id)
        if agreement.role is not Role.CONSUMER:
            raise LocalProtocolError(
                "only the consumer of an agreement asks for its data", code="transfer.role"
            )
        if format_ not in (PULL, PUSH) or (format_ == PULL and push is not None):
            raise LocalProtocolError(
                f"transfer format {format_!r} is not supported, or not with a sink",
                code="transfer.format",
                hint=f"use {PULL}, or {PUSH} with a sink or without",
            )
        running = None if another or format_ == PUSH else self._running(tx, hosted, agreement_id)
        if running is not None:
            return running
        negotiation = tx.negotiations.get(hosted.name, agreement.negotiation_pid)
        if negotiation is None:
            raise NotFoundError("the negotiation of the agreement is gone")
        pid, sink = new_pid(), None
        if format_ == PUSH:
            sink = (push or PushOrder()).address(hosted, pid)
            keep(tx, hosted, pid, sink, now=now)
        message = TransferRequestMessage(
            id=new_pid(),
            consumer_pid=pid,
            agreement_id=agreement_id,
            format=format_,
            # What opens the sink is added when the message is sent.
            data_address=None if sink is None else without_secrets(sink),
            callback_address=hosted.dsp_url,
        )
        transfer = TransferProcess.create(
            message,
            role=Role.CONSUMER,
            own_pid=message.consumer_pid,
            counterparty=agreement.counterparty,
            callback_address=negotiation.callback_address,
            now=now,
        )
        tx.transfers.insert(hosted.name, transfer, deadline=now + self._context.deadline)
        post(self._context, tx, hosted, transfer, message, now=now)
        record(tx, hosted, transfer, now=now)
        return transfer

    def _running(
        self, tx: Transaction, hosted: Hosted, agreement_id: str
    ) -> TransferProcess | None:
        """Return a pull that runs already and whose data can be had."""
        for one in tx.transfers.about(hosted.name, agreement_id):
            is_open = one.state in (TransferState.REQUESTED, TransferState.STARTED)
            if is_open and one.format == PULL and not self._tokens.is_lost(one):
                return one
        return None
