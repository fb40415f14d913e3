"""The end of an agreement by one side or by its time, and how the other side is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.context import LEASE_SECONDS, ConnectorContext, Hosted, new_pid
from trustspace.connector.ending.message import (
    AGREEMENT,
    LONGEST_REASON,
    AgreementEndMessage,
    EndingStep,
    queue_of,
    url_of,
)
from trustspace.connector.negotiating.agreements import ended_by, ended_code
from trustspace.errors import LocalProtocolError
from trustspace.model.participant import Role
from trustspace.store import AgreementState

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.store import AgreementRow, OutboxRow, Transaction

TOLD_WITHIN = timedelta(hours=24)
"""How long it is tried to tell the counterparty; it may be closed over night."""

US, COUNTERPARTY, BOTH, TIME = "us", "counterparty", "both", "time"

_IN_WORDS = {
    AgreementState.REVOKED: "the agreement was revoked",
    AgreementState.TERMINATED: "the agreement was ended",
    AgreementState.EXPIRED: "the time of the agreement is over",
}


class OneSidedEndings:
    """Ends agreements: their state, their transfers, their deliveries, and tells the other side."""

    def __init__(self, context: ConnectorContext, agreed: Agreements, transfers: Transfers) -> None:
        self._context = context
        self._agreed = agreed
        self._transfers = transfers

    def withdraw(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, reason: str, now: datetime
    ) -> AgreementRow:
        """Revoke an agreement that we provide; again, it changes nothing.

        Raises:
            LocalProtocolError: We are its consumer.
            ConflictError: It has ended in another way.
        """
        if row.role is not Role.PROVIDER:
            raise LocalProtocolError(
                "only the provider revokes an agreement",
                code="agreement.role",
                hint=f"give it up: trustspace give-up {row.id}",
            )
        return self._one_sided(
            tx,
            hosted,
            row,
            AgreementState.REVOKED,
            step=EndingStep.WITHDRAWAL,
            reason=reason,
            now=now,
        )

    def give_up(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, reason: str, now: datetime
    ) -> AgreementRow:
        """Give up an agreement that we consume; again, it changes nothing.

        Raises:
            LocalProtocolError: We are its provider.
            ConflictError: It has ended in another way.
        """
        if row.role is not Role.CONSUMER:
            raise LocalProtocolError(
                "only the consumer gives an agreement up",
                code="agreement.role",
                hint=f"revoke it: trustspace revoke {row.id}",
            )
        return self._one_sided(
            tx,
            hosted,
            row,
            AgreementState.TERMINATED,
            step=EndingStep.SURRENDER,
            reason=reason,
            now=now,
        )

    def expire(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, now: datetime
    ) -> AgreementRow:
        """End an agreement whose time is over."""
        end = views.time(row.ends_at) or ""
        reason = f"the time agreed on ended at {end}"
        return self._end(
            tx, hosted, row, AgreementState.EXPIRED, reason=reason, ended_by=TIME, now=now
        )

    def delivered(
        self,
        tx: Transaction,
        told: OutboxRow,
        answer: Any,  # noqa: ANN401 - any JSON value
        *,
        now: datetime,
    ) -> None:
        """Take over, as the consumer, the end that the provider's answer to a message tells."""
        hosted = self._context.hosted.get(told.participant)
        row = tx.agreements.get(told.participant, told.body["agreementId"])
        if hosted is None or row is None or row.role is not Role.CONSUMER:
            return
        state = answer.get("state") if isinstance(answer, Mapping) else None
        if state not in set(AgreementState) - {AgreementState.FINALIZED}:
            return
        reason = answer.get("reason")
        self.ended_by_provider(
            tx,
            hosted,
            row,
            AgreementState(state),
            reason=reason[:LONGEST_REASON] if isinstance(reason, str) else "",
            now=now,
        )

    def ended_by_provider(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        state: AgreementState,
        *,
        reason: str,
        now: datetime,
    ) -> AgreementRow:
        """End, as the consumer, what the provider has ended; its transfers it ends itself."""
        by = ended_by(row, state)
        if row.state is AgreementState.FINALIZED:
            self._context.gates.close(agreement_id=row.id, code=f"agreement.{state.lower()}")
            tx.outbox.drop_for_process(hosted.name, queue_of(row.id))
            return self._agreed.end(tx, row, state, reason=reason, ended_by=by, now=now)
        if row.state is not state and tx.agreements.correct(
            hosted.name, row.id, state, reason=reason, now=now
        ):
            ended = replace(row, state=state, reason=reason, ended_by=COUNTERPARTY)
            self._agreed.record(
                tx,
                ended,
                f"agreement.{state.lower()}",
                now=now,
                reason=reason,
                ended_by=COUNTERPARTY,
                instead_of=row.state.value,
            )
            return ended
        return row

    def surrendered(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        message: AgreementEndMessage,
        *,
        now: datetime,
    ) -> AgreementRow:
        """End, as the provider, what the consumer has given up; its transfers it ends itself."""
        if row.state is not AgreementState.FINALIZED:
            return row
        self._context.gates.close(agreement_id=row.id, code="agreement.terminated")
        tx.outbox.drop_for_process(hosted.name, queue_of(row.id))
        return self._agreed.end(
            tx,
            row,
            AgreementState.TERMINATED,
            reason=message.reason,
            ended_by=COUNTERPARTY,
            now=now,
        )

    def _one_sided(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        state: AgreementState,
        *,
        step: EndingStep,
        reason: str,
        now: datetime,
    ) -> AgreementRow:
        if row.state is state:
            return row
        ended = self._end(tx, hosted, row, state, reason=reason, ended_by=US, now=now)
        message = AgreementEndMessage(id=new_pid(), agreement_id=row.id, reason=reason)
        self._tell(tx, hosted, row, step, message, now=now)
        return ended

    def _end(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        state: AgreementState,
        *,
        reason: str,
        ended_by: str,
        now: datetime,
    ) -> AgreementRow:
        """End an agreement with everything that runs under it."""
        ended = self._agreed.end(tx, row, state, reason=reason, ended_by=ended_by, now=now)
        code = ended_code(ended)
        tx.outbox.drop_for_process(hosted.name, queue_of(row.id))
        self._transfers.end_all(
            tx, hosted, row.id, code=code, reasons=(reason or _IN_WORDS[state],), now=now
        )
        # Closed before the commit: who opens another gate meanwhile is decided after it.
        self._context.gates.close(agreement_id=row.id, code=code)
        return ended

    def _tell(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        step: EndingStep,
        message: AgreementEndMessage,
        *,
        now: datetime,
    ) -> bool:
        """Have a message sent; tells whether the counterparty's address is of our profile."""
        negotiation = tx.negotiations.get(hosted.name, row.negotiation_pid)
        url = None if negotiation is None else url_of(negotiation.callback_address, row.id, step)
        if url is None:
            return False
        tx.outbox.add(
            hosted.name,
            process_kind=AGREEMENT,
            process_pid=queue_of(row.id),
            message_id=message.id,
            url=url,
            audience=row.counterparty,
            body=message.to_wire(),
            deadline=now + TOLD_WITHIN,
            lease_owner=self._context.owner,
            lease_seconds=LEASE_SECONDS,
            now=now,
        )
        return True
