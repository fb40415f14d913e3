"""Which running transfers end by themselves when nobody asks for their data.

A pull stays started until somebody ends it, and consumers forget to. A provider completes it after
`exchange.idle_seconds` without a data request: nothing is lost, because a new one costs a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.connector.transferring.transfer_format import PULL
from trustspace.dataplane.source import API
from trustspace.dsp.messages import TransferState
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import Transaction

IDLE = "transfer.idle"
"""Code of a pull that was completed because nobody asked for its data."""


def is_kept_while_used(tx: Transaction, hosted: Hosted, transfer: TransferProcess) -> bool:
    """Whether a transfer ends by itself when nobody asks for its data.

    So does a running pull at its provider. A suspended one may rest as long as its owners like, and
    an interface that is called now and then stays open until somebody ends it.
    """
    is_running = transfer.state is TransferState.STARTED and transfer.format == PULL
    if not is_running or transfer.role is not Role.PROVIDER:
        return False
    agreement = tx.agreements.get(hosted.name, transfer.agreement_id)
    if agreement is None:
        return False
    dataset = tx.datasets.get(hosted.name, agreement.dataset_id)
    return dataset is not None and API not in dataset.forms
