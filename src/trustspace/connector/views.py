"""What the management API shows of a row: plain JSON, times in ISO 8601 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.quotas import standing
from trustspace.connector.duties.words import open_ones
from trustspace.connector.negotiating.agreements import purpose_of
from trustspace.connector.quotas_shown import quotas_of
from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.model.odrl import Agreement

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.policy.decision import Limit
    from trustspace.store import AgreementRow, EventRow, Transaction

Json = dict[str, Any]

WITHOUT_RULES = (
    "the agreement has no rule: the data may be fetched, what may be done with it is not agreed; "
    "ask the provider in writing before you use it"
)
"""Note on an agreement whose policy is empty, as some peers offer it for lack of conditions."""


def time(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC with ``Z``."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def participant(hosted: Hosted, *, development: bool) -> Json:
    """Show a hosted participant."""
    return {
        "name": hosted.name,
        "id": hosted.id,
        "address": hosted.address,
        "dsp": hosted.dsp_url,
        "development": development,
    }


def negotiation(tx: Transaction, name: str, value: ContractNegotiation) -> Json:
    """Show a negotiation and the agreement it came to."""
    concluded = tx.agreements.of_negotiation(name, value.id)
    return {
        "id": value.id,
        "role": value.role.value,
        "counterparty": value.counterparty,
        "dataset": value.dataset_id,
        "state": value.state.value,
        "awaiting": value.awaiting,
        "rounds": value.rounds,
        "agreement": None if concluded is None else concluded.id,
        "code": value.code,
        "reasons": list(value.reasons),
        "ended_by": ended_by(value),
        "created_at": time(value.created_at),
        "updated_at": time(value.updated_at),
    }


def ended_by(value: ContractNegotiation | TransferProcess) -> str | None:
    """Say who terminated: the counterparty's last message carried the code, or ours did."""
    if value.code is None:
        return None
    return "counterparty" if value.ended_by_counterparty else "us"


def transfer(tx: Transaction, name: str, value: TransferProcess) -> Json:
    """Show a transfer with what was delivered under its agreement."""
    row = tx.agreements.get(name, value.agreement_id)
    meters = tx.meters.list(name, value.agreement_id)
    return {
        "id": value.id,
        "role": value.role.value,
        "counterparty": value.counterparty,
        "agreement": value.agreement_id,
        "dataset": None if row is None else row.dataset_id,
        "format": value.format,
        "state": value.state.value,
        "code": value.code,
        "reasons": list(value.reasons),
        "bytes": sum(meter.size_bytes for meter in meters),
        "rows": sum(meter.rows for meter in meters),
        "created_at": time(value.created_at),
        "updated_at": time(value.updated_at),
    } | _push(tx, name, value)


def _push(tx: Transaction, name: str, value: TransferProcess) -> Json:
    """Show how far a push is, and where it goes."""
    row = tx.pushes.get(name, value.id) if value.format == PUSH else None
    if row is None:
        return {}
    address = value.data_address
    return {
        "sink": None if address is None else address.endpoint or address.property("baseUrl"),
        "media_type": row.media_type or None,
        "pushed": row.size_bytes,
        "sha256": row.sha256,
        "attempts": row.attempts,
        "error": row.last_error or None,
    }


def agreement(
    tx: Transaction,
    row: AgreementRow,
    *,
    limits: tuple[Limit, ...],
    terms: list[dict[str, str]],
    now: datetime,
) -> Json:
    """Show an agreement with its counters, what is owed and how far its terms bind.

    Of a limit per window the counter is that of the window that is now.
    """
    body = Agreement.model_validate(row.body)
    negotiated = tx.negotiations.get(row.participant, row.negotiation_pid)
    meters = tx.meters.list(row.participant, row.id)
    return {
        "id": row.id,
        "role": row.role.value,
        "counterparty": row.counterparty,
        "dataset": row.dataset_id,
        "state": row.state.value,
        "reason": row.reason,
        "policy": row.body,
        "digest": row.digest,
        "signed_at": time(row.signed_at),
        "ends_at": time(row.ends_at),
        "ended_by": row.ended_by,
        "proposal": row.proposal,
        "purpose": purpose_of(body),
        "notes": [WITHOUT_RULES] if body.is_empty else [],
        "address": None if negotiated is None else negotiated.callback_address,
        "used": standing(tx, (row.participant, row.id), limits, now=now),
        "limits": {limit.counter: limit.max for limit in limits},
        "quotas": quotas_of(tx, row, limits, now=now),
        "terms": terms,
        "duties": open_ones(tx.duties.owed(row.participant, row.id)),
        "bytes": sum(meter.size_bytes for meter in meters),
        "rows": sum(meter.rows for meter in meters),
    }


def event(row: EventRow) -> Json:
    """Show a domain event."""
    return {"seq": row.seq, "at": time(row.at), "kind": row.kind, "body": row.body}
