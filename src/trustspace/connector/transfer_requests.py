"""What the owner of a consumer starts: a request for the data of an agreement.

Example::

    transfer = requests.request(tx, hosted, agreement_id, format_=PULL, now=now)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.connector.context import ConnectorContext, Hosted, new_pid
from trustspace.connector.outgoing import post, record
from trustspace.connector.transfer_format import PULL
from trustspace.dsp.messages import TransferRequestMessage, TransferState
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import LocalProtocolError, NotFoundError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.agreements import Agreements
    from trustspace.store import Transaction


class TransferRequests:
    """Requests of a consumer."""

    def __init__(self, context: ConnectorContext, agreed: Agreements) -> None:
        self._context = context
        self._agreed = agreed

    def request(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement_id: str,
        *,
        format_: str,
        now: datetime,
        another: bool = False,
    ) -> TransferProcess:
        """Ask the provider for the data of an agreement; a running pull is found again.

        Args:
            tx: The transaction.
            hosted: The consumer.
            agreement_id: Which agreement.
            format_: The transfer format.
            now: Current time.
            another: Ask for one more even if a pull is running.

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
        if format_ != PULL:
            raise LocalProtocolError(
                f"transfer format {format_!r} is not supported",
                code="transfer.format",
                hint=f"use {PULL}",
            )
        for running in () if another else tx.transfers.about(hosted.name, agreement_id):
            if running.state in (TransferState.REQUESTED, TransferState.STARTED):
                return running
        negotiation = tx.negotiations.get(hosted.name, agreement.negotiation_pid)
        if negotiation is None:
            raise NotFoundError("the negotiation of the agreement is gone")
        message = TransferRequestMessage(
            id=new_pid(),
            consumer_pid=new_pid(),
            agreement_id=agreement_id,
            format=format_,
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
