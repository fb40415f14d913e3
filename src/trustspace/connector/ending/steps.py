"""The steps by which an agreement ends, each one function on a transaction.

Only ``FINALIZED`` gives access, and an agreement leaves it once. When both sides end it at the same
moment in two ways, the provider's way counts: the consumer takes it over from the provider's
message or answer. For the same reason a consumer that accepts a proposal has ended the agreement
when the provider has answered, not before.

::

    time is over                      EXPIRED     at either side, by itself
    proposal ─► acceptance            TERMINATED  when the provider has both, then the consumer
    the provider's withdrawal         REVOKED     at once, the consumer when it is told
    the consumer's surrender          TERMINATED  at once, the provider when it is told
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trustspace.connector import views
from trustspace.connector.context import Hosted, new_pid
from trustspace.connector.ending.message import (
    AgreementEndMessage,
    EndingStep,
)
from trustspace.connector.ending.one_sided import BOTH, COUNTERPARTY, US, OneSidedEndings
from trustspace.errors import ConflictError, LocalProtocolError, NotFoundError, RemoteProtocolError
from trustspace.model.participant import ParticipantId, Role
from trustspace.store import AgreementState

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.store import AgreementRow, OutboxRow, Transaction

STANDING, ACCEPTED, REJECTED, UNDELIVERED = "standing", "accepted", "rejected", "undelivered"
"""States of a proposal."""


class Endings(OneSidedEndings):
    """Ends agreements in every way."""

    def end(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, reason: str, now: datetime
    ) -> AgreementRow:
        """Propose the end, or accept the counterparty's standing proposal.

        Raises:
            ConflictError: It has ended in another way.
            LocalProtocolError: The counterparty cannot be told.
        """
        if row.state is AgreementState.TERMINATED:
            return row
        _check_in_force(row)
        if _stands(row, by=COUNTERPARTY):
            return self._accept(tx, hosted, row, now=now)
        if _stands(row, by=US) or _state_of(row) == ACCEPTED:
            return row
        pid = new_pid()
        message = AgreementEndMessage(id=pid, agreement_id=row.id, reason=reason)
        if not self._tell(tx, hosted, row, EndingStep.PROPOSAL, message, now=now):
            raise unknown_to(row)
        return self._proposed(tx, row, pid, by=US, reason=reason, now=now)

    def reject(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, reason: str, now: datetime
    ) -> AgreementRow:
        """Reject the counterparty's standing proposal; the agreement stays in force.

        Raises:
            ConflictError: It has ended.
            LocalProtocolError: The counterparty has proposed nothing.
        """
        _check_in_force(row)
        if row.proposal is None or not _stands(row, by=COUNTERPARTY):
            raise LocalProtocolError(
                "the counterparty has not proposed to end the agreement",
                code="agreement.proposal",
            )
        message = AgreementEndMessage(
            id=new_pid(), agreement_id=row.id, proposal_id=row.proposal["id"], reason=reason
        )
        self._tell(tx, hosted, row, EndingStep.REJECTION, message, now=now)
        return self._rejected(tx, row, by=US, reason=reason, now=now)

    def receive(
        self,
        tx: Transaction,
        hosted: Hosted,
        step: EndingStep,
        message: AgreementEndMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> AgreementRow:
        """Apply a counterparty's message.

        Returns:
            The agreement after it; what comes too late or once more changes nothing.

        Raises:
            NotFoundError: There is no such agreement with the sender; the answer is the same.
            RemoteProtocolError: The sender may not say this.
        """
        row = tx.agreements.get(hosted.name, message.agreement_id)
        if row is None or row.counterparty != sender:
            raise NotFoundError("there is no such agreement")
        match step:
            case EndingStep.WITHDRAWAL:
                _check_sender(row, Role.PROVIDER, step)
                return self.ended_by_provider(
                    tx, hosted, row, AgreementState.REVOKED, reason=message.reason, now=now
                )
            case EndingStep.SURRENDER:
                _check_sender(row, Role.CONSUMER, step)
                return self.surrendered(tx, hosted, row, message, now=now)
            case EndingStep.PROPOSAL:
                return self._heard(tx, hosted, row, message, now=now)
        return self._answered(tx, hosted, row, step, message, now=now)

    def undelivered(self, tx: Transaction, told: OutboxRow) -> None:
        """Have a proposal of ours, or our acceptance of one, stand no more: nobody has heard it."""
        row = tx.agreements.get(told.participant, told.body["agreementId"])
        if row is None or row.proposal is None or row.state is not AgreementState.FINALIZED:
            return
        ids = {told.body.get("@id"), told.body.get("proposalId")}
        if row.proposal["id"] in ids and _state_of(row) in (STANDING, ACCEPTED):
            tx.agreements.propose(row.participant, row.id, row.proposal | {"state": UNDELIVERED})

    def _heard(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        message: AgreementEndMessage,
        *,
        now: datetime,
    ) -> AgreementRow:
        """Let a proposal stand; two that cross are an agreement, which the provider notes."""
        is_known = row.proposal is not None and row.proposal["id"] == message.id
        if row.state is not AgreementState.FINALIZED or is_known:
            return row
        if row.role is Role.PROVIDER and _stands(row, by=US):
            return self._end_by_both(tx, hosted, row, now=now)
        return self._proposed(tx, row, message.id, by=COUNTERPARTY, reason=message.reason, now=now)

    def _answered(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        step: EndingStep,
        message: AgreementEndMessage,
        *,
        now: datetime,
    ) -> AgreementRow:
        if row.proposal is None or row.proposal["id"] != message.proposal_id:
            if row.state is not AgreementState.FINALIZED:
                return row
            raise RemoteProtocolError(
                f"there is no proposal {message.proposal_id} to answer with an {step}"
                if step is EndingStep.ACCEPTANCE
                else f"there is no proposal {message.proposal_id} to reject",
                code="agreement.proposal",
            )
        if step is EndingStep.REJECTION:
            if row.state is AgreementState.FINALIZED and _stands(row, by=US):
                return self._rejected(tx, row, by=COUNTERPARTY, reason=message.reason, now=now)
            return row
        if row.proposal["by"] != US:
            raise RemoteProtocolError(
                "a proposal is accepted by who did not make it", code="agreement.proposal"
            )
        if row.role is Role.CONSUMER:
            reason = row.proposal["reason"]
            return self.ended_by_provider(
                tx, hosted, row, AgreementState.TERMINATED, reason=reason, now=now
            )
        if row.state is AgreementState.FINALIZED and _stands(row, by=US):
            return self._end_by_both(tx, hosted, row, now=now)
        return row

    def _accept(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, now: datetime
    ) -> AgreementRow:
        proposal = dict(row.proposal or {})
        message = AgreementEndMessage(id=new_pid(), agreement_id=row.id, proposal_id=proposal["id"])
        if row.role is Role.PROVIDER:
            ended = self._end_by_both(tx, hosted, row, now=now)
            self._tell(tx, hosted, row, EndingStep.ACCEPTANCE, message, now=now)
            return ended
        self._tell(tx, hosted, row, EndingStep.ACCEPTANCE, message, now=now)
        accepted = proposal | {"state": ACCEPTED}
        tx.agreements.propose(row.participant, row.id, accepted)
        self._agreed.record(
            tx, row, "agreement.end_accepted", now=now, by=US, proposal=proposal["id"]
        )
        return replace(row, proposal=accepted)

    def _end_by_both(
        self, tx: Transaction, hosted: Hosted, row: AgreementRow, *, now: datetime
    ) -> AgreementRow:
        accepted = dict(row.proposal or {}) | {"state": ACCEPTED}
        tx.agreements.propose(row.participant, row.id, accepted)
        return self._end(
            tx,
            hosted,
            row,
            AgreementState.TERMINATED,
            reason=str(accepted.get("reason", "")),
            ended_by=BOTH,
            now=now,
        )

    def _proposed(
        self,
        tx: Transaction,
        row: AgreementRow,
        proposal_id: str,
        *,
        by: str,
        reason: str,
        now: datetime,
    ) -> AgreementRow:
        proposal = {
            "id": proposal_id,
            "by": by,
            "reason": reason,
            "at": views.time(now),
            "state": STANDING,
        }
        tx.agreements.propose(row.participant, row.id, proposal)
        self._agreed.record(
            tx, row, "agreement.end_proposed", now=now, by=by, reason=reason, proposal=proposal_id
        )
        return replace(row, proposal=proposal)

    def _rejected(
        self, tx: Transaction, row: AgreementRow, *, by: str, reason: str, now: datetime
    ) -> AgreementRow:
        proposal = dict(row.proposal or {}) | {"state": REJECTED, "answer": reason}
        tx.agreements.propose(row.participant, row.id, proposal)
        self._agreed.record(
            tx,
            row,
            "agreement.end_rejected",
            now=now,
            by=by,
            reason=reason,
            proposal=proposal["id"],
        )
        return replace(row, proposal=proposal)


def unknown_to(row: AgreementRow) -> LocalProtocolError:
    """Return the refusal of a proposal to a counterparty that would not understand it."""
    alone = (
        f"give it up alone: trustspace give-up {row.id}"
        if row.role is Role.CONSUMER
        else f"revoke it: trustspace revoke {row.id}"
    )
    return LocalProtocolError(
        f"{row.counterparty} does not announce the trustspace profile, and the Dataspace Protocol "
        "has no message that proposes the end of an agreement",
        code="agreement.end_unsupported",
        hint=f"agree on it elsewhere, then {alone}",
    )


def _check_in_force(row: AgreementRow) -> None:
    if row.state is not AgreementState.FINALIZED:
        raise ConflictError(f"the agreement is {row.state.lower()} already")


def _check_sender(row: AgreementRow, role: Role, step: EndingStep) -> None:
    if row.role is role:
        raise RemoteProtocolError(f"a {step} comes from the {role}", code="agreement.role")


def _state_of(row: AgreementRow) -> str | None:
    return None if row.proposal is None else row.proposal["state"]


def _stands(row: AgreementRow, *, by: str) -> bool:
    return row.proposal is not None and _state_of(row) == STANDING and row.proposal["by"] == by
