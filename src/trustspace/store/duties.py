"""What is owed under agreements, by whom, until when, and how that was proven.

One row is one occurrence: a payment before the first use is owed once, a notice with every use.
Whoever plans the same occurrence twice finds the row that is there. `Duties.owed` returns what is
not settled, and stays cheap however much was fulfilled before.

Example::

    tx.duties.add("garden", DutyRow("garden", agreement_id, "d1", "s-1", action="odrl:delete",
                                    bearer=Role.CONSUMER, due=due, created_at=now, updated_at=now))
    for row in tx.duties.due(EVERY_PARTICIPANT, now=now, limit=10):
        ...
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from trustspace.model.participant import Role
from trustspace.store import tables
from trustspace.store.keyset import before, cut
from trustspace.store.rows import EVERY_PARTICIPANT, Page, Sweep
from trustspace.store.unit_of_work import Repository

ONCE = ""
"""Occurrence of what is owed once under an agreement."""


class DutyState(StrEnum):
    """How an occurrence of a duty stands."""

    OPEN = "open"
    """Owed; its time, if it has one, is not over."""
    OVERDUE = "overdue"
    """Its time is over: it was not done, or done late and what follows of that was not."""
    FAILED = "failed"
    """Whoever has to do it could not, however often it was tried."""
    FULFILLED = "fulfilled"
    """Done and proven."""
    REMEDIED = "remedied"
    """Not done in time, but what makes up for it was."""


OWED = (DutyState.OPEN, DutyState.OVERDUE, DutyState.FAILED)
"""States in which something is still to be done."""


@dataclass(frozen=True, slots=True)
class DutyRow:
    """One occurrence of a duty.

    Attributes:
        duty_id: The duty's id in the agreement's rules, for example ``d1``.
        occurrence: What it is owed for: the session of a use, or `ONCE`.
        action: Prefixed action, for example ``odrl:delete``.
        bearer: Which side owes it.
        params: Parameters for whoever carries it out.
        on_failure: What happens when it lapses or cannot be done: ``report``, ``suspend`` or
            ``terminate``.
        src: JSON pointer of the duty in the policy.
        due: Until when; None for no term.
        fulfilled_at: When it was done, by the evidence.
        evidence: How it was proven: ``id``, ``at``, ``by`` and, where it has any, ``facts``.
        attempts: Attempts at carrying it out that failed so far.
        next_at: When this connector looks at it next; None for not by itself.
        message_id: The message about it that is on its way to the counterparty, or None.
        last_error: What the last attempt came to; empty when it came to nothing bad.
    """

    participant: str
    agreement_id: str
    duty_id: str
    occurrence: str
    action: str
    bearer: Role
    created_at: datetime
    updated_at: datetime
    params: Mapping[str, Any] = field(default_factory=dict)
    on_failure: str = "report"
    src: str = ""
    state: DutyState = DutyState.OPEN
    due: datetime | None = None
    fulfilled_at: datetime | None = None
    evidence: Mapping[str, Any] | None = None
    attempts: int = 0
    next_at: datetime | None = None
    message_id: str | None = None
    last_error: str = ""

    @property
    def is_owed(self) -> bool:
        """Whether something is still to be done."""
        return self.state in OWED


_d = tables.duties
_KEY = (_d.c.participant, _d.c.agreement_id, _d.c.duty_id, _d.c.occurrence)
_insert = insert(_d)
_ADD = _insert.on_conflict_do_nothing(index_elements=_KEY)
_PUT = _insert.on_conflict_do_update(
    index_elements=_KEY,
    set_={
        column.name: _insert.excluded[column.name]
        for column in _d.c
        if column not in {*_KEY, _d.c.created_at}
    },
)
_of_agreement = (
    _d.c.participant == bindparam("p_participant"),
    _d.c.agreement_id == bindparam("p_agreement"),
)
# Sorted by whoever asks: an order would lure SQLite to read the rows of all agreements.
_OF_AGREEMENT = select(_d).where(*_of_agreement)
_GET = select(_d).where(
    *_of_agreement,
    _d.c.duty_id == bindparam("p_duty"),
    _d.c.occurrence == bindparam("p_occurrence"),
)
_OF_DUTY = _OF_AGREEMENT.where(_d.c.duty_id == bindparam("p_duty"))
# Spelled out, so that the index over these rows is found to fit.
_OWED = _OF_AGREEMENT.where(_d.c.state.in_([literal_column(f"'{state.value}'") for state in OWED]))
_BY_MESSAGE = select(_d).where(
    _d.c.participant == bindparam("p_participant"), _d.c.message_id == bindparam("p_message")
)
_DUE = (
    select(_d)
    .where(_d.c.next_at.is_not(None), _d.c.next_at <= bindparam("p_now"))
    .order_by(_d.c.next_at, _d.c.agreement_id, _d.c.duty_id)
    .limit(bindparam("p_limit"))
)
_NEXT = select(_d.c.next_at).where(_d.c.next_at.is_not(None)).order_by(_d.c.next_at.asc()).limit(1)


class Duties(Repository):
    """What is owed under the agreements of a participant."""

    def add(self, participant: str, row: DutyRow) -> bool:
        """Keep an occurrence unless it is there; tells whether it is new."""
        return bool(self._unit.execute(_ADD, _values(participant, row)).rowcount)

    def put(self, participant: str, row: DutyRow) -> None:
        """Keep an occurrence, new or moved on."""
        self._unit.execute(_PUT, _values(participant, row))

    def get(
        self, participant: str, agreement_id: str, duty_id: str, occurrence: str = ONCE
    ) -> DutyRow | None:
        """Return an occurrence, or None."""
        values = {
            "p_participant": participant,
            "p_agreement": agreement_id,
            "p_duty": duty_id,
            "p_occurrence": occurrence,
        }
        row = self._unit.execute(_GET, values).mappings().first()
        return None if row is None else _row(row)

    def list(
        self, participant: str, agreement_id: str, *, duty_id: str | None = None
    ) -> tuple[DutyRow, ...]:
        """Return the occurrences under an agreement, or of one of its duties, the oldest first."""
        values = {"p_participant": participant, "p_agreement": agreement_id}
        if duty_id is None:
            return self._oldest_first(_OF_AGREEMENT, values)
        return self._oldest_first(_OF_DUTY, values | {"p_duty": duty_id})

    def owed(self, participant: str, agreement_id: str) -> tuple[DutyRow, ...]:
        """Return what is not settled under an agreement, the oldest first."""
        values = {"p_participant": participant, "p_agreement": agreement_id}
        return self._oldest_first(_OWED, values)

    def told(self, participant: str, message_id: str) -> tuple[DutyRow, ...]:
        """Return the occurrences that a message of ours is about."""
        return self._rows(_BY_MESSAGE, {"p_participant": participant, "p_message": message_id})

    def page(
        self, participant: str, *, states: Iterable[str], limit: int, cursor: str | None = None
    ) -> Page[DutyRow]:
        """Return occurrences in some states, or in any when none is named, newest first.

        Raises:
            NotFoundError: The cursor is not one of ours.
        """
        wanted = list(states)
        statement = select(_d).where(_d.c.participant == participant)
        if wanted:
            statement = statement.where(_d.c.state.in_(wanted))
        key = _d.c.agreement_id + "/" + _d.c.duty_id + "/" + _d.c.occurrence
        rows = self._unit.execute(before(statement, _d.c.created_at, key, cursor).limit(limit + 1))
        found = [_row(row) for row in rows.mappings()]
        return cut(found, limit, lambda row: (row.created_at, _name(row)))

    def due(self, participant: Sweep, *, now: datetime, limit: int) -> tuple[DutyRow, ...]:
        """Return what this connector has to look at by now, the longest overdue first."""
        statement = _DUE
        if participant is not EVERY_PARTICIPANT:
            statement = statement.where(_d.c.participant == participant)
        return self._rows(statement, {"p_now": now, "p_limit": limit})

    def next_at(self, participant: Sweep) -> datetime | None:
        """Return when this connector has to look next, or None."""
        statement = _NEXT
        if participant is not EVERY_PARTICIPANT:
            statement = statement.where(_d.c.participant == participant)
        found: datetime | None = self._unit.execute(statement).scalar()
        return found

    def _oldest_first(self, statement: Any, values: dict[str, Any]) -> tuple[DutyRow, ...]:  # noqa: ANN401 - a statement of SQLAlchemy
        rows = self._rows(statement, values)
        return tuple(sorted(rows, key=lambda row: (row.created_at, row.duty_id, row.occurrence)))

    def _rows(self, statement: Any, values: dict[str, Any]) -> tuple[DutyRow, ...]:  # noqa: ANN401 - a statement of SQLAlchemy
        return tuple(map(_row, self._unit.execute(statement, values).mappings()))


def _values(participant: str, row: DutyRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    evidence = None if row.evidence is None else dict(row.evidence)
    return values | {
        "participant": participant,
        "bearer": row.bearer.value,
        "state": row.state.value,
        "params": dict(row.params),
        "evidence": evidence,
    }


def _row(values: Any) -> DutyRow:  # noqa: ANN401 - a row of SQLAlchemy
    return DutyRow(
        **{**values, "bearer": Role(values["bearer"]), "state": DutyState(values["state"])}
    )


def _name(row: DutyRow) -> str:
    return f"{row.agreement_id}/{row.duty_id}/{row.occurrence}"
