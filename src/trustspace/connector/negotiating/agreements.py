"""Agreements: concluded when a negotiation is finalized, alive until revoked or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.errors import (
    ConflictError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    RemoteProtocolError,
)
from trustspace.model.odrl import AtomicConstraint
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.policy.end_of_time import ends_at
from trustspace.policy.lower import lower
from trustspace.policy.vocabulary import compact
from trustspace.store import AgreementRow, AgreementState, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.model.odrl import Agreement, Policy

_ENDED = {
    "agreement.revoked": AgreementState.REVOKED,
    "agreement.terminated": AgreementState.TERMINATED,
}


class Agreements:
    """Concluding, finding and ending agreements.

    Args:
        duties: Plans what is owed because of it.
    """

    def __init__(self, duties: DutyPlanner) -> None:
        self._duties = duties
        self._on_end: list[Callable[[datetime], object]] = []
        self._on_ended: list[Callable[[AgreementRow], object]] = []

    def on_end(self, call: Callable[[datetime], object]) -> None:
        """Have a function told, from any thread, of each agreement's end that becomes known."""
        self._on_end.append(call)

    def on_ended(self, call: Callable[[AgreementRow], object]) -> None:
        """Have a function told, from any thread and before the commit, of what has ended."""
        self._on_ended.append(call)

    def conclude(
        self, tx: Transaction, hosted: Hosted, negotiation: ContractNegotiation, *, now: datetime
    ) -> AgreementRow:
        """Keep the agreement of a finalized negotiation.

        Raises:
            RemoteProtocolError: The provider gave it the id of another agreement.
        """
        agreement = negotiation.agreement
        if agreement is None:
            raise NotFoundError("a finalized negotiation has an agreement")
        if tx.agreements.get(hosted.name, agreement.id) is not None:
            raise RemoteProtocolError(
                f"the id {agreement.id} names another agreement already",
                code="negotiation.agreement",
            )
        body = agreement.to_wire()
        end = _end_of(agreement)
        row = AgreementRow(
            participant=hosted.name,
            id=agreement.id,
            role=negotiation.role,
            counterparty=negotiation.counterparty,
            dataset_id=negotiation.dataset_id,
            negotiation_pid=negotiation.id,
            body=body,
            digest=digest(body),
            signed_at=now,
            ends_at=end,
        )
        tx.agreements.insert(hosted.name, row)
        self.record(tx, row, "agreement.concluded", now=now)
        self._duties.concluded(tx, row, now=now)
        if end is not None:
            for tell in self._on_end:
                tell(end)
        return row

    def get(self, tx: Transaction, hosted: Hosted, agreement_id: str) -> AgreementRow:
        """Return an agreement of this participant.

        Raises:
            NotFoundError: There is none.
        """
        row = tx.agreements.get(hosted.name, agreement_id)
        if row is None:
            raise NotFoundError(f"there is no agreement {agreement_id}")
        return row

    def live(self, tx: Transaction, hosted: Hosted, agreement_id: str) -> AgreementRow:
        """Return an agreement that still gives access.

        Raises:
            NotFoundError: There is none.
            PolicyDeniedError: It is revoked, expired or given up.
        """
        row = self.get(tx, hosted, agreement_id)
        if row.state is not AgreementState.FINALIZED:
            code = ended_code(row)
            raise PolicyDeniedError(
                f"the agreement is {row.state.lower()}" + (f": {row.reason}" if row.reason else ""),
                code=code,
                reasons=[ended_reason(row)],
                hint="negotiate a new agreement",
            )
        return row

    def end(
        self,
        tx: Transaction,
        row: AgreementRow,
        state: AgreementState,
        *,
        reason: str,
        ended_by: str,
        now: datetime,
    ) -> AgreementRow:
        """End an agreement for good; ending it again in the same way changes nothing.

        Raises:
            ConflictError: It has ended in another way.
        """
        if row.state is state:
            return row
        if row.state is not AgreementState.FINALIZED:
            raise ConflictError(f"the agreement is {row.state.lower()} already")
        ended = tx.agreements.end(
            row.participant, row.id, state, reason=reason, now=now, ended_by=ended_by
        )
        self.record(
            tx, ended, f"agreement.{state.lower()}", now=now, reason=reason, ended_by=ended_by
        )
        self._duties.ended(tx, ended, now=now)
        for tell in self._on_ended:
            tell(ended)
        return ended

    def note_end(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> None:
        """End an agreement as the code says with which its provider has ended a transfer.

        A provider that does not know our profile has nothing but this message to tell.
        """
        state = _ENDED.get(transfer.code or "")
        if transfer.role is not Role.CONSUMER or state is None:
            return
        row = self.get(tx, hosted, transfer.agreement_id)
        if row.state is AgreementState.FINALIZED:
            reason = next((text for text in transfer.reasons if isinstance(text, str)), "")
            self.end(tx, row, state, reason=reason, ended_by=ended_by(row, state), now=now)

    def record(
        self, tx: Transaction, row: AgreementRow, kind: str, *, now: datetime, **more: str
    ) -> None:
        """Write a domain event of an agreement."""
        body = {
            "agreement": row.id,
            "role": row.role.value,
            "counterparty": row.counterparty,
            "dataset": row.dataset_id,
            "negotiation": row.negotiation_pid,
            "digest": row.digest,
        }
        tx.events.append(row.participant, kind, body | more, now=now)


def ended_code(row: AgreementRow) -> str:
    """Return the code that tells how an agreement ended."""
    return f"agreement.{row.state.lower()}"


def ended_by(row: AgreementRow, state: AgreementState) -> str:
    """Return who ends an agreement in a state that its provider tells us of."""
    if state is AgreementState.EXPIRED:
        return "time"
    return "both" if state is AgreementState.TERMINATED and row.proposal else "counterparty"


def ended_reason(row: AgreementRow) -> dict[str, str | int | None]:
    """Return the reason object that tells how an agreement ended."""
    if row.state is AgreementState.EXPIRED and row.ends_at is not None:
        return {
            "id": "agreement.expired",
            "src": None,
            "left": "odrl:dateTime",
            "op": None,
            "expected": int(row.ends_at.timestamp()),
            "actual": None,
        }
    return {
        "id": "agreement.not_active",
        "src": None,
        "left": None,
        "op": None,
        "expected": AgreementState.FINALIZED.value,
        "actual": row.state.value,
    }


def _end_of(agreement: Agreement) -> datetime | None:
    """Return when the agreement's terms end its time; None for never, or when they say it wrongly.

    What cannot be read gives no access anyway.
    """
    try:
        return ends_at(lower(agreement, kind="agreement"))
    except PolicyError:
        return None


def purpose_of(policy: Policy) -> str | None:
    """Return the one purpose that a policy's permissions name, or None."""
    for _, rule in policy.rules():
        for constraint in rule.constraints:
            if (
                isinstance(constraint, AtomicConstraint)
                and compact(constraint.left_operand) == "odrl:purpose"
                and constraint.operator == "eq"
                and isinstance(constraint.right_operand, str)
            ):
                return constraint.right_operand
    return None
