"""Settles what is owed: evidence comes, time runs out, what makes up for it comes after all.

::

    open ──evidence──► fulfilled
      └──time──► overdue ──evidence──► fulfilled, once its consequences are as well
                    └──the remedy's evidence──► remedied
    open or overdue ──every attempt failed──► failed ──evidence──► fulfilled

At the provider an occurrence that lapses does what its duty says: transfers end, or pause until it
is settled, or the next access is refused. Evidence told twice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trustspace.connector.duties.evidence import Evidence, shows
from trustspace.connector.duties.planner import about, duty_of, lapses_at
from trustspace.dsp.messages import TransferState
from trustspace.model.participant import Role
from trustspace.store import DutyState

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.store import AgreementRow, DutyRow, Transaction

OVERDUE: Final = "odrl.obligation.overdue"
"""Code of what ends or pauses because a duty has lapsed."""


class Settlement:
    """Settles duties of both roles; each method is a step on a transaction."""

    def __init__(
        self, context: ConnectorContext, planner: DutyPlanner, transfers: Transfers
    ) -> None:
        self._context = context
        self._planner = planner
        self._transfers = transfers

    def fulfil(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        evidence: Evidence,
        *,
        now: datetime,
    ) -> DutyRow:
        """Take evidence for an occurrence; the same once more changes nothing."""
        if row.evidence is not None and Evidence.of(row.evidence).says_the_same(evidence):
            return row
        if row.state is DutyState.FULFILLED and evidence.is_claimed:
            return row
        proven = replace(
            row,
            evidence=evidence.to_document(),
            fulfilled_at=None if evidence.is_claimed else evidence.at,
            updated_at=now,
            message_id=None,
            last_error="",
        )
        if not evidence.is_claimed:
            proven = self._settled(tx, agreement, proven)
        tx.duties.put(hosted.name, proven)
        self._planner.moved()
        kind = "duty.claimed" if evidence.is_claimed else "duty.proven"
        if proven.state is DutyState.FULFILLED:
            kind = "duty.fulfilled"
        body = about(proven) | {"evidence": evidence.id, "by": evidence.by}
        tx.events.append(hosted.name, kind, body, now=now)
        if proven.state is DutyState.FULFILLED:
            self._makes_up(tx, hosted, agreement, proven, now=now)
            self._resume(tx, hosted, agreement, now=now)
        return proven

    def lapse(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        *,
        now: datetime,
    ) -> DutyRow:
        """Note that an occurrence was not settled in time."""
        lapsed = replace(row, state=DutyState.OVERDUE, updated_at=now)
        self._planner.lapsed(tx, agreement, lapsed, now=now)
        return self._missed(tx, hosted, agreement, lapsed, "duty.overdue", now=now)

    def fail(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        *,
        now: datetime,
    ) -> DutyRow:
        """Note that an occurrence could not be carried out, however often it was tried."""
        failed = replace(row, state=DutyState.FAILED, next_at=None, message_id=None, updated_at=now)
        return self._missed(tx, hosted, agreement, failed, "duty.failed", now=now)

    # --- within ----------------------------------------------------------------------------------

    def _settled(self, tx: Transaction, agreement: AgreementRow, row: DutyRow) -> DutyRow:
        """Return an occurrence with attested evidence in the state that it then has."""
        duty = duty_of(agreement, row.duty_id)
        if duty is None:
            return replace(row, state=DutyState.FULFILLED, next_at=None)
        if row.evidence is None or not shows(Evidence.of(row.evidence), duty):
            is_over = row.state is DutyState.FULFILLED
            return replace(row, state=DutyState.OPEN) if is_over else row
        at = row.fulfilled_at
        is_late = row.due is not None and at is not None and at >= lapses_at(row.due)
        if is_late and not self._has_followed(tx, agreement, row):
            return replace(row, state=DutyState.OVERDUE, next_at=None)
        return replace(row, state=DutyState.FULFILLED, next_at=None)

    def _has_followed(self, tx: Transaction, agreement: AgreementRow, row: DutyRow) -> bool:
        """Say whether the consequences of an occurrence that was late are done."""
        duty = duty_of(agreement, row.duty_id)
        if duty is None or not duty.consequences:
            return True
        if row.state is DutyState.OPEN:
            self._planner.lapsed(tx, agreement, row, now=row.updated_at)
        found = (
            tx.duties.get(row.participant, row.agreement_id, each.id, row.occurrence)
            for each in duty.consequences
        )
        return all(one is not None and one.state is DutyState.FULFILLED for one in found)

    def _makes_up(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        done: DutyRow,
        *,
        now: datetime,
    ) -> None:
        """Settle the occurrence that a consequence or remedy was owed for."""
        for row in tx.duties.owed(hosted.name, agreement.id):
            duty = duty_of(agreement, row.duty_id)
            if duty is None or row.occurrence != done.occurrence:
                continue
            settled = row
            if done.duty_id in duty.remedies:
                settled = replace(row, state=DutyState.REMEDIED, next_at=None, updated_at=now)
            elif any(each.id == done.duty_id for each in duty.consequences) and row.fulfilled_at:
                settled = self._settled(tx, agreement, replace(row, updated_at=now))
            if settled.state is not row.state:
                tx.duties.put(hosted.name, settled)
                kind = f"duty.{settled.state.value}"
                tx.events.append(hosted.name, kind, about(settled), now=now)

    def _missed(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        kind: str,
        *,
        now: datetime,
    ) -> DutyRow:
        tx.duties.put(hosted.name, row)
        body = about(row) | {"on_failure": row.on_failure}
        if row.last_error:
            body["error"] = row.last_error
        tx.events.append(hosted.name, kind, body, now=now)
        if agreement.role is not Role.PROVIDER or row.on_failure == "report":
            return row
        reasons = (_reason(row),)
        if row.on_failure == "terminate":
            self._transfers.end_all(
                tx, hosted, agreement.id, code=OVERDUE, reasons=reasons, now=now
            )
        else:
            for transfer in tx.transfers.about(hosted.name, agreement.id):
                if transfer.state is TransferState.STARTED:
                    self._transfers.suspend(
                        tx, hosted, transfer, code=OVERDUE, reasons=reasons, now=now
                    )
        # Closed before the commit: who opens another gate meanwhile is decided after it.
        self._context.gates.close(agreement_id=agreement.id, code=OVERDUE)
        return row

    def _resume(
        self, tx: Transaction, hosted: Hosted, agreement: AgreementRow, *, now: datetime
    ) -> None:
        """Let the transfers go on that were paused for a duty, once none is missed any more."""
        missed = (DutyState.OVERDUE, DutyState.FAILED)
        owed = tx.duties.owed(hosted.name, agreement.id)
        if agreement.role is not Role.PROVIDER or any(row.state in missed for row in owed):
            return
        for transfer in tx.transfers.about(hosted.name, agreement.id):
            if transfer.state is TransferState.SUSPENDED and transfer.code == OVERDUE:
                self._transfers.start(tx, hosted, transfer, now=now)


def _reason(row: DutyRow) -> dict[str, Any]:
    """Return why transfers end or pause, as a decision would say it."""
    past = row.due or row.updated_at - timedelta(seconds=1)
    return {
        "id": OVERDUE,
        "src": row.src,
        "op": row.action,
        "expected": int(past.timestamp()),
    }
