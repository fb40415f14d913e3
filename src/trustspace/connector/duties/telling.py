"""Tells the counterparty about duties, and takes what it tells.

A message is stored with the step that it is about and goes out after the commit. What the sender
may say depends on the duty: who owes deletion says that it is done, who is paid says that it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.context import LEASE_SECONDS, new_pid
from trustspace.connector.duties.evidence import Evidence, read_facts, stamp
from trustspace.connector.duties.manner import Work, manner_of
from trustspace.connector.duties.message import (
    DUTY,
    MOST_COVERED,
    DutyMessage,
    DutyStep,
    queue_of,
    url_of,
)
from trustspace.connector.duties.planner import about, duty_of, lapses_at
from trustspace.errors import ConfigurationError, NotFoundError, RemoteProtocolError
from trustspace.model.participant import Role
from trustspace.store import DutyRow, DutyState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.duties.settlement import Settlement
    from trustspace.model.participant import ParticipantId
    from trustspace.policy.decision import DutyIR
    from trustspace.store import AgreementRow, OutboxRow, Transaction

TOLD_WITHIN: Final = timedelta(hours=24)
"""How long one message is tried; the counterparty may be closed over night."""

FIRST_DELAY, LAST_DELAY = timedelta(seconds=2), timedelta(hours=1)
"""Back-off between attempts that failed for good."""

MOST_ATTEMPTS: Final = 12
"""Messages, each of which was tried for its whole time, before a duty counts as failed."""


class Telling:
    """Messages about duties, both ways."""

    def __init__(
        self, context: ConnectorContext, planner: DutyPlanner, settlement: Settlement
    ) -> None:
        self._context = context
        self._planner = planner
        self._settlement = settlement

    def tell(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        step: DutyStep,
        rows: Sequence[DutyRow],
        evidence: Evidence,
        *,
        now: datetime,
    ) -> str | None:
        """Have a message sent about occurrences of one duty.

        Returns:
            The message's id, or None when the counterparty takes no such messages.
        """
        negotiation = tx.negotiations.get(hosted.name, agreement.negotiation_pid)
        url = (
            None
            if negotiation is None
            else url_of(negotiation.callback_address, agreement.id, step)
        )
        if url is None:
            return None
        document = evidence.to_document()
        message = DutyMessage(
            id=new_pid(),
            agreement_id=agreement.id,
            duty_id=rows[0].duty_id,
            action=rows[0].action,
            covers=tuple(row.occurrence for row in rows[:MOST_COVERED]),
            at=evidence.at,
            evidence=evidence.id,
            facts=document.get("facts", {}),
            report=dict(evidence.more),
        )
        tx.outbox.add(
            hosted.name,
            process_kind=DUTY,
            process_pid=queue_of(agreement.id),
            message_id=message.id,
            url=url,
            audience=agreement.counterparty,
            body=message.to_wire(),
            deadline=now + TOLD_WITHIN,
            lease_owner=self._context.owner,
            lease_seconds=LEASE_SECONDS,
            now=now,
        )
        return message.id

    # --- what became of ours ---------------------------------------------------------------------

    def delivered(
        self,
        tx: Transaction,
        told: OutboxRow,
        answer: Any,  # noqa: ANN401 - any JSON value
        *,
        now: datetime,
    ) -> None:
        """Settle what a message told that arrived."""
        del answer
        hosted = self._context.hosted.get(told.participant)
        agreement = tx.agreements.get(told.participant, told.body["agreementId"])
        if hosted is None or agreement is None:
            return
        message = DutyMessage.read(told.body)
        evidence = Evidence(message.evidence, at=now, by=hosted.id, more=message.report)
        for row in tx.duties.told(told.participant, told.message_id):
            if row.is_owed and manner_of(row.action).work is Work.TELL:
                self._settlement.fulfil(tx, hosted, agreement, row, evidence, now=now)
            else:
                # Only the news of it had to arrive.
                tx.duties.put(told.participant, replace(row, message_id=None, last_error=""))

    def undelivered(self, tx: Transaction, told: OutboxRow) -> None:
        """Try again later what a message told that did not arrive, or give it up."""
        now = self._context.now()
        for row in tx.duties.told(told.participant, told.message_id):
            self.failed(tx, row, f"{told.audience} could not be told", now=now)

    def failed(self, tx: Transaction, row: DutyRow, error: str, *, now: datetime) -> None:
        """Note that an attempt failed: there is another one, or the duty counts as failed."""
        hosted = self._context.hosted.get(row.participant)
        agreement = tx.agreements.get(row.participant, row.agreement_id)
        delay = min(LAST_DELAY, FIRST_DELAY * 2 ** min(row.attempts, 20))
        again = replace(
            row,
            attempts=row.attempts + 1,
            message_id=None,
            last_error=error[:500],
            next_at=now + delay,
            updated_at=now,
        )
        self._planner.moved()
        if again.attempts < MOST_ATTEMPTS or hosted is None or agreement is None:
            tx.duties.put(row.participant, again)
            is_over = (
                row.state is DutyState.OPEN and row.due is not None and lapses_at(row.due) <= now
            )
            if is_over and hosted is not None and agreement is not None:
                self._settlement.lapse(tx, hosted, agreement, again, now=now)
        elif row.is_owed:
            self._settlement.fail(tx, hosted, agreement, again, now=now)
        else:
            tx.duties.put(row.participant, replace(again, next_at=None))
            body = about(row) | {"error": error[:500]}
            tx.events.append(row.participant, "duty.untold", body, now=now)

    # --- what they tell ---------------------------------------------------------------------------

    def receive(
        self,
        tx: Transaction,
        hosted: Hosted,
        step: DutyStep,
        message: DutyMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> Mapping[str, Any]:
        """Apply a counterparty's message; returns what is answered.

        Raises:
            NotFoundError: There is no such agreement with the sender, or no such duty in it; the
                answer is the same.
            RemoteProtocolError: The sender may not say this.
        """
        agreement = tx.agreements.get(hosted.name, message.agreement_id)
        if agreement is None or agreement.counterparty != sender:
            raise NotFoundError("there is no such agreement")
        duty = duty_of(agreement, message.duty_id)
        if duty is None or duty.action != message.action:
            raise NotFoundError("there is no such duty")
        self._check(agreement, duty, step)
        evidence = self._evidence(agreement, step, message, sender=sender, now=now)
        rows = self._meant(tx, agreement, duty, message, now=now)
        settled = [
            self._settlement.fulfil(tx, hosted, agreement, row, evidence, now=now) for row in rows
        ]
        states = sorted({row.state.value for row in settled})
        return {"agreement": agreement.id, "duty": duty.id, "states": states}

    def _check(self, agreement: AgreementRow, duty: DutyIR, step: DutyStep) -> None:
        """Refuse what the sender's word does not prove.

        Raises:
            RemoteProtocolError: It does not.
        """
        manner, sender = manner_of(duty.action), agreement.role.other
        is_bearer, is_witness = manner.bearer is sender, manner.proven_by is sender
        may_say = {
            DutyStep.FULFILMENT: is_bearer and is_witness,
            DutyStep.CLAIM: is_bearer and not is_witness,
            DutyStep.CONFIRMATION: is_witness and not is_bearer,
        }
        if not may_say[step]:
            raise RemoteProtocolError(
                f"a {step} of {duty.action} is not for the {sender} to say: it is owed by the "
                f"{manner.bearer} and proven by the {manner.proven_by}",
                code="duty.proof",
            )

    def _evidence(
        self,
        agreement: AgreementRow,
        step: DutyStep,
        message: DutyMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> Evidence:
        """Return what a message proves; nobody does anything in the future."""
        try:
            facts = read_facts(message.facts)
        except ConfigurationError as error:
            raise RemoteProtocolError(str(error), code="duty.evidence") from error
        return Evidence(
            message.evidence,
            at=min(max(message.at, agreement.signed_at), now),
            by=sender,
            facts=facts,
            is_claimed=step is DutyStep.CLAIM,
            more={"received": {"message": message.id, "at": stamp(now)}}
            | ({"report": message.report} if message.report else {}),
        )

    def _meant(
        self,
        tx: Transaction,
        agreement: AgreementRow,
        duty: DutyIR,
        message: DutyMessage,
        *,
        now: datetime,
    ) -> list[DutyRow]:
        """Return the occurrences that a message is about, one that was not planned included."""
        name = agreement.participant
        rows = {
            row.occurrence: row
            for row in tx.duties.owed(name, agreement.id)
            if row.duty_id == duty.id
            and (row.occurrence in message.covers or _is_earlier(row, message))
        }
        for occurrence in message.covers:
            found = tx.duties.get(name, agreement.id, duty.id, occurrence)
            if found is not None:
                rows.setdefault(occurrence, found)
        if not rows and agreement.role is Role.CONSUMER:
            # Only the provider sees every use; what a consumer says of none is no news.
            manner = manner_of(duty.action)
            first = (message.covers or ("",))[0][:200]
            rows[first] = DutyRow(
                name,
                agreement.id,
                duty.id,
                first,
                action=duty.action,
                bearer=manner.bearer,
                created_at=now,
                updated_at=now,
                on_failure=duty.on_failure,
                src=duty.src,
                state=DutyState.OPEN,
            )
        return list(rows.values())


def _is_earlier(row: DutyRow, message: DutyMessage) -> bool:
    """Whether what was done by then settles an occurrence that the sender did not know of.

    Removing the copies, or telling of all uses, does; what is paid or allowed, each for itself.
    """
    return manner_of(row.action).work is not Work.WAIT and row.created_at <= message.at
