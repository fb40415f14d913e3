"""Intent before I/O: a message is stored with the state it brings, and sent after the commit.

The state moves when the intent is committed, not when the counterparty has answered: the
counterparty's next message may arrive before its answer to this one does. What cannot be delivered
ends the process with a reason (`trustspace.connector.messaging.worker`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.context import LEASE_SECONDS, ConnectorContext, Hosted
from trustspace.dsp.binding import path_of
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.dsp.wire import emit

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.dsp.messages import NegotiationMessage, TransferMessage
    from trustspace.store import Transaction

AnyProcess = ContractNegotiation | TransferProcess


def post(
    context: ConnectorContext,
    tx: Transaction,
    hosted: Hosted,
    process: AnyProcess,
    message: NegotiationMessage | TransferMessage,
    *,
    now: datetime,
) -> None:
    """Store a message for sending, leased to this process so that it goes out at the commit."""
    base = process.callback_address.rstrip("/")
    dialect = context.dialects.of(hosted.name, process.counterparty, base)
    tx.outbox.add(
        hosted.name,
        process_kind=process.kind,
        process_pid=process.id,
        message_id=message.id or "",
        url=f"{base}/{path_of(message, process.peer_pid)}",
        audience=process.counterparty,
        body=emit(message, dialect=dialect),
        deadline=now + context.message_deadline,
        lease_owner=context.owner,
        lease_seconds=LEASE_SECONDS,
        now=now,
    )


def about(process: AnyProcess) -> dict[str, Any]:
    """Return what every domain event of a process says of it."""
    subject = (
        {"negotiation": process.id, "dataset": process.dataset_id}
        if isinstance(process, ContractNegotiation)
        else {"transfer": process.id, "agreement": process.agreement_id}
    )
    return subject | {
        "role": process.role.value,
        "counterparty": process.counterparty,
        "state": process.state.value,
    }


def record(
    tx: Transaction, hosted: Hosted, process: AnyProcess, *, now: datetime, **more: object
) -> None:
    """Write the domain event of a process's new state."""
    body = about(process)
    if process.code is not None:
        body |= {"code": process.code, "reasons": list(process.reasons)}
    tx.events.append(hosted.name, f"{process.kind}.{process.state.lower()}", body | more, now=now)
