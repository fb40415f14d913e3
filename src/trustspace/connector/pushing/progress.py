"""What a transfer's steps mean to its push: when it goes on, when it rests, when it is over.

Called within the transaction of each step, so that no crash comes between a transfer and its push.
Whoever delivers asks `PushProgress.has_moved` after a commit.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from trustspace.connector.pushing.address import keep
from trustspace.connector.transferring.transfer_format import PULL, PUSH
from trustspace.dataplane.push_target import PushTarget
from trustspace.dataplane.source import API
from trustspace.dsp.messages import TransferState
from trustspace.errors import RemoteProtocolError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.dsp.messages import TransferMessage, TransferRequestMessage
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import Transaction

SHA256 = "https://w3id.org/trustspace/ns#sha256"
"""Member of a completion message with the digest of what was pushed, hex."""

TOO_MANY = "push.too_many"
"""Code of a push that a counterparty asks for beside too many others."""

NO_PUSH = "an interface is called, it cannot be pushed"


class PushProgress:
    """Follows the transfers of a connector."""

    def __init__(self) -> None:
        self._moved = False

    def has_moved(self) -> bool:
        """Whether a push may have become due since the last question."""
        moved, self._moved = self._moved, False
        return moved

    def open(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        message: TransferRequestMessage,
        *,
        now: datetime,
    ) -> None:
        """Keep where a requested push goes."""
        if message.format == PUSH and message.data_address is not None:
            keep(tx, hosted, transfer.id, message.data_address, now=now)

    def follow(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> None:
        """Let the push of a transfer go on, rest or end as the transfer's new state says."""
        if transfer.format != PUSH:
            return
        row = tx.pushes.get(hosted.name, transfer.id)
        if row is None:
            return
        if transfer.is_terminal:
            # What opened the sink is of no use any more, and better forgotten.
            tx.pushes.put(hosted.name, replace(row, address="", next_at=None, updated_at=now))
        elif transfer.role is Role.PROVIDER:
            runs = transfer.state is TransferState.STARTED
            tx.pushes.schedule(hosted.name, transfer.id, now if runs else None)
            self._moved = True

    def told(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        message: TransferMessage,
        *,
        now: datetime,
    ) -> None:
        """Note the digest that the provider tells with the completion of a push.

        What arrived here under another digest is not what was sent, and is said to be so.
        """
        digest = (message.model_extra or {}).get(SHA256)
        row = tx.pushes.get(hosted.name, transfer.id) if transfer.format == PUSH else None
        is_digest = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)
        if row is None or transfer.role is not Role.CONSUMER or not is_digest:
            return
        if row.sha256 is None:
            tx.pushes.put(hosted.name, replace(row, sha256=digest, updated_at=now))
        elif row.sha256 != digest:
            words = f"the provider sent {digest}, {row.sha256} arrived"
            tx.pushes.put(hosted.name, replace(row, last_error=words, updated_at=now))
            body = {"transfer": transfer.id, "agreement": transfer.agreement_id}
            body |= {"expected": str(digest), "found": row.sha256}
            tx.events.append(hosted.name, "delivery.corrupt", body, now=now)


def check_format(message: TransferRequestMessage) -> None:
    """Refuse a request whose format and data address do not go together.

    Raises:
        RemoteProtocolError: They do not, or the address is no sink.
    """
    if message.format == PULL and message.data_address is None:
        return
    if message.format != PUSH:
        raise RemoteProtocolError(
            f"expected the format {PULL} without a dataAddress or {PUSH} with one, "
            f"found {message.format}",
            code="transfer.format",
        )
    PushTarget.of(message.data_address)


def is_one_too_many(
    tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, most: int
) -> bool:
    """Whether a counterparty has as many pushes unfinished as it may, without this one."""
    if transfer.format != PUSH:
        return False
    return tx.pushes.unfinished(hosted.name, transfer.counterparty, but=transfer.id) >= most


def can_be_pushed(tx: Transaction, hosted: Hosted, transfer: TransferProcess) -> bool:
    """Whether the data of a transfer can be delivered in the transfer's format."""
    if transfer.format != PUSH:
        return True
    agreement = tx.agreements.get(hosted.name, transfer.agreement_id)
    dataset = None if agreement is None else tx.datasets.get(hosted.name, agreement.dataset_id)
    return dataset is None or API not in dataset.forms
