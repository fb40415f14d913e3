"""Agreements as both parties signed them, and whether they still hold.

Only ``FINALIZED`` gives access; from there an agreement moves once, to one of the final states, and
the first reason stands. Where both sides ended it at the same moment in two ways, the consumer
takes over the provider's (`Agreements.correct`).

Example::

    tx.agreements.insert("garden", AgreementRow(participant="garden", id=agreement.id, …))
    tx.agreements.end("garden", agreement.id, AgreementState.REVOKED, reason="misuse", now=now)
"""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.participant import Role
from trustspace.model.value import JsonObject
from trustspace.store import tables
from trustspace.store.keyset import before, cut
from trustspace.store.rows import AgreementRow, AgreementState, Everyone, Page, columns
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_a = tables.agreements

_INSERT = Statement(insert(_a))
_GET = Statement(
    select(_a).where(_a.c.participant == bindparam("participant"), _a.c.id == bindparam("id"))
)
_BY_NEGOTIATION = Statement(
    select(_a).where(
        _a.c.participant == bindparam("participant"),
        _a.c.negotiation_pid == bindparam("negotiation_pid"),
    )
)
_OF_DATASET = Statement(
    select(_a)
    .where(_a.c.participant == bindparam("participant"), _a.c.dataset_id == bindparam("dataset_id"))
    .order_by(_a.c.signed_at, _a.c.id)
)
_END = (
    update(_a)
    .where(
        _a.c.participant == bindparam("p_participant"),
        _a.c.id == bindparam("p_id"),
        _a.c.state == AgreementState.FINALIZED.value,
    )
    .values(
        state=bindparam("p_state"),
        reason=bindparam("p_reason"),
        ended_by=bindparam("p_ended_by"),
        updated_at=bindparam("p_now"),
    )
)
_CORRECT = (
    update(_a)
    .where(
        _a.c.participant == bindparam("p_participant"),
        _a.c.id == bindparam("p_id"),
        _a.c.role == Role.CONSUMER.value,
        _a.c.state != AgreementState.FINALIZED.value,
        _a.c.ended_by.in_(("us", "time")),
    )
    .values(
        state=bindparam("p_state"),
        reason=bindparam("p_reason"),
        ended_by="counterparty",
        updated_at=bindparam("p_now"),
    )
)
_PROPOSE = (
    update(_a)
    .where(_a.c.participant == bindparam("p_participant"), _a.c.id == bindparam("p_id"))
    .values(proposal=bindparam("p_proposal"))
)
_will_end = (_a.c.state == AgreementState.FINALIZED.value, _a.c.ends_at.is_not(None))
_OVER = (
    select(_a)
    .where(*_will_end, _a.c.ends_at <= bindparam("now"))
    .order_by(_a.c.ends_at)
    .limit(bindparam("limit"))
)
_FIRST_USE = (
    update(_a)
    .where(
        _a.c.participant == bindparam("p_participant"),
        _a.c.id == bindparam("p_id"),
        _a.c.first_used_at.is_(None),
    )
    .values(first_used_at=bindparam("p_now"))
)
_NEXT_END = select(_a.c.ends_at).where(*_will_end).order_by(_a.c.ends_at).limit(1)


class Agreements(Repository):
    """Agreements in which a participant is consumer or provider."""

    def insert(self, participant: str, row: AgreementRow) -> None:
        """Keep a signed agreement.

        Raises:
            ConflictError: The id is taken, or the row belongs to another participant.
        """
        if row.participant != participant:
            raise ConflictError(f"the row belongs to {row.participant!r}, not {participant!r}")
        values = columns(row)
        values["role"] = row.role.value
        values["state"] = row.state.value
        values["updated_at"] = row.updated_at or row.signed_at
        self._unit.execute(_INSERT, values)

    def get(
        self,
        participant: str,
        agreement_id: str,
        *,
        role: Role | None = None,
    ) -> AgreementRow | None:
        """Return an agreement; with a role, only when we play it there."""
        values = {"participant": participant, "id": agreement_id}
        found = self._unit.execute(_GET, values).mapping()
        row = None if found is None else _row(found)
        return row if row is None or role in (None, row.role) else None

    def note_use(self, participant: str, agreement_id: str, *, now: datetime) -> bool:
        """Remember when an agreement was first used; tells whether this was the first use."""
        values = {"p_participant": participant, "p_id": agreement_id, "p_now": now}
        return bool(self._unit.execute(_FIRST_USE, values).rowcount)

    def of_negotiation(self, participant: str, negotiation_pid: str) -> AgreementRow | None:
        """Return the agreement that a negotiation (our pid) came to."""
        values = {"participant": participant, "negotiation_pid": negotiation_pid}
        found = self._unit.execute(_BY_NEGOTIATION, values).mapping()
        return None if found is None else _row(found)

    def of_dataset(self, participant: str, dataset_id: str) -> tuple[AgreementRow, ...]:
        """Return every agreement over a dataset, the oldest first."""
        values = {"participant": participant, "dataset_id": dataset_id}
        return tuple(_row(row) for row in self._unit.execute(_OF_DATASET, values).mappings())

    def list(
        self,
        participant: str,
        *,
        state: AgreementState | None = None,
        role: Role | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[AgreementRow]:
        """Return agreements, the newest first.

        Raises:
            NotFoundError: The cursor is not one of ours.
        """
        statement = select(_a).where(_a.c.participant == participant)
        if state is not None:
            statement = statement.where(_a.c.state == state.value)
        if role is not None:
            statement = statement.where(_a.c.role == role.value)
        statement = before(statement, _a.c.signed_at, _a.c.id, cursor).limit(limit + 1)
        found = [_row(dict(row)) for row in self._unit.execute(statement).mappings()]
        return cut(found, limit, lambda row: (row.signed_at, row.id))

    def end(
        self,
        participant: str,
        agreement_id: str,
        state: AgreementState,
        *,
        reason: str,
        now: datetime,
        ended_by: str | None = None,
    ) -> AgreementRow:
        """Take an agreement out of force.

        Args:
            participant: Whose.
            agreement_id: Which agreement.
            state: Its final state.
            reason: Why, in words.
            now: Current time.
            ended_by: Who ends it (`AgreementRow.ended_by`).

        Returns:
            The agreement in its final state.

        Raises:
            NotFoundError: There is no such agreement.
            ConflictError: It is out of force already; the first reason stands.
            ValueError: The state is ``FINALIZED``.
        """
        if state is AgreementState.FINALIZED:
            msg = "an agreement is never put back in force"
            raise ValueError(msg)
        values: dict[str, Any] = {
            "p_participant": participant,
            "p_id": agreement_id,
            "p_state": state.value,
            "p_reason": reason,
            "p_ended_by": ended_by,
            "p_now": now,
        }
        moved = self._unit.execute(_END, values).rowcount
        row = self.get(participant, agreement_id)
        if row is None:
            raise NotFoundError(f"no agreement {agreement_id!r}")
        if not moved:
            raise ConflictError(f"agreement {agreement_id!r} is {row.state} already")
        return row

    def correct(
        self,
        participant: str,
        agreement_id: str,
        state: AgreementState,
        *,
        reason: str,
        now: datetime,
    ) -> bool:
        """Take over how the provider ended what we ended by ourselves at the same moment.

        Returns:
            Whether it was taken over; once it was, or when we are the provider, it is not.
        """
        values: dict[str, Any] = {
            "p_participant": participant,
            "p_id": agreement_id,
            "p_state": state.value,
            "p_reason": reason,
            "p_now": now,
        }
        return bool(self._unit.execute(_CORRECT, values).rowcount)

    def propose(self, participant: str, agreement_id: str, proposal: JsonObject) -> None:
        """Keep a proposal to end an agreement in the place of the last one."""
        self._unit.execute(
            _PROPOSE,
            {"p_participant": participant, "p_id": agreement_id, "p_proposal": proposal},
        )

    def over(
        self,
        participant: Everyone,  # noqa: ARG002 - spells the breadth
        *,
        now: datetime,
        limit: int,
    ) -> tuple[AgreementRow, ...]:
        """Return agreements in force whose time is over, the longest over first."""
        found = self._unit.execute(_OVER, {"now": now, "limit": limit}).mappings()
        return tuple(_row(dict(row)) for row in found)

    def next_end(
        self,
        participant: Everyone,  # noqa: ARG002 - spells the breadth
    ) -> datetime | None:
        """Return when the next agreement's time is over; None when none will be."""
        found: datetime | None = self._unit.execute(_NEXT_END).scalar()
        return found


def _row(values: dict[str, Any]) -> AgreementRow:
    values["role"] = Role(values["role"])
    values["state"] = AgreementState(values["state"])
    return AgreementRow(**values)
