"""Negotiations and transfers: the pure values of `trustspace.dsp`, kept whole with what finds them.

The body is the value's own JSON; the columns beside it only serve look-ups. Our own pid is the key
within a participant, a peer's pid is unique per role and counterparty, so that one peer can neither
name nor disturb the process of another.

Example::

    tx.negotiations.insert("garden", negotiation)
    known = tx.negotiations.find_by_peer("garden", Role.PROVIDER, "did:web:bank", consumer_pid)
    tx.negotiations.update("garden", known.receive(message, sender=Role.CONSUMER, now=now))
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, bindparam, func, insert, select, update

from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.participant import Role
from trustspace.store import tables
from trustspace.store.keyset import before, cut
from trustspace.store.rows import EVERY_PARTICIPANT, Page, Sweep
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository, UnitOfWork

P = TypeVar("P", ContractNegotiation, TransferProcess)


class ProcessTable(Generic[P]):
    """The statements over one table of processes, built once.

    Args:
        table: Where they are.
        subject: The column that says what they are about.
        value: The type of the values.
    """

    def __init__(self, table: Table, subject: str, value: type[P]) -> None:
        self.table = table
        self.subject = subject
        self.value: type[P] = value
        c = table.c
        mine = c.participant == bindparam("participant")
        get = select(c.body).where(mine, c.pid == bindparam("pid"))
        self.get: Statement = Statement(get)
        self.get_in_role: Statement = Statement(get.where(c.role == bindparam("role")))
        self.by_peer: Statement = Statement(
            select(c.body).where(
                mine,
                c.role == bindparam("role"),
                c.counterparty == bindparam("counterparty"),
                c.peer_pid == bindparam("peer_pid"),
            )
        )
        self.about: Statement = Statement(
            select(c.body)
            .where(mine, c[subject] == bindparam("subject"))
            .order_by(c.created_at, c.pid)
        )
        self.insert: Statement = Statement(insert(table))
        replace = update(table).where(
            c.participant == bindparam("p_participant"), c.pid == bindparam("p_pid")
        )
        self.update: Statement = Statement(replace)
        self.update_expecting: Statement = Statement(
            replace.where(c.updated_at == bindparam("p_expected"))
        )
        self.put_off: Statement = Statement(
            replace.where(c.deadline.is_not(None)).values(deadline=bindparam("p_deadline"))
        )
        self.deadline: Statement = Statement(
            select(c.deadline).where(mine, c.pid == bindparam("pid"))
        )
        overdue = (
            select(c.participant, c.body)
            .where(c.deadline.is_not(None), c.deadline <= bindparam("now"))
            .order_by(c.deadline)
            .limit(bindparam("limit"))
        )
        self.overdue: Statement = Statement(overdue)
        self.overdue_of_one: Statement = Statement(overdue.where(mine))


class Processes(Repository, Generic[P]):
    """Negotiations or transfers of every participant."""

    __slots__ = ("_table",)

    def __init__(self, unit: UnitOfWork, table: ProcessTable[P]) -> None:
        super().__init__(unit)
        self._table: ProcessTable[P] = table

    def get(self, participant: str, pid: str, *, role: Role | None = None) -> P | None:
        """Return a process by our own pid; with a role, only when we play it there."""
        values = {"participant": participant, "pid": pid}
        if role is None:
            return self._one(self._unit.execute(self._table.get, values).scalar())
        values["role"] = role.value
        return self._one(self._unit.execute(self._table.get_in_role, values).scalar())

    def find_by_peer(
        self, participant: str, role: Role, counterparty: str, peer_pid: str
    ) -> P | None:
        """Return the process that a counterparty knows under its own pid."""
        values = {
            "participant": participant,
            "role": role.value,
            "counterparty": counterparty,
            "peer_pid": peer_pid,
        }
        return self._one(self._unit.execute(self._table.by_peer, values).scalar())

    def about(self, participant: str, subject: str) -> tuple[P, ...]:
        """Return the processes over one dataset (negotiations) or agreement (transfers)."""
        values = {"participant": participant, "subject": subject}
        return self._all(self._unit.execute(self._table.about, values).scalars())

    def insert(self, participant: str, value: P, *, deadline: datetime | None = None) -> None:
        """Keep a new process.

        Args:
            participant: Whose.
            value: The process.
            deadline: When `overdue` shall return it; None for never.

        Raises:
            ConflictError: Our pid, or this peer's pid in this role, is taken.
        """
        columns = self._columns(value, deadline)
        columns["participant"] = participant
        columns["pid"] = value.id
        self._unit.execute(self._table.insert, columns)
        # A message needs its process, hence none is pending.
        self._unit.pending[participant, value.id] = 0

    def update(
        self,
        participant: str,
        value: P,
        *,
        deadline: datetime | None = None,
        expected_updated_at: datetime | None = None,
    ) -> None:
        """Replace a process by its next value.

        Args:
            participant: Whose.
            value: The next value, with the same pid.
            deadline: When `overdue` shall return it; None for never, whatever it was before.
            expected_updated_at: ``updated_at`` of the value that this one was made from, when that
                was read in an earlier hop.

        Raises:
            NotFoundError: There is no such process.
            ConflictError: Someone else moved it, or the peer's pid names another process.
        """
        columns = self._columns(value, deadline)
        columns["p_participant"] = participant
        columns["p_pid"] = value.id
        statement = self._table.update
        if expected_updated_at is not None:
            statement = self._table.update_expecting
            columns["p_expected"] = expected_updated_at
        if self._unit.execute(statement, columns).rowcount == 0:
            if expected_updated_at is None or self.get(participant, value.id) is None:
                raise NotFoundError(f"no process {value.id!r}")
            raise ConflictError(f"someone else moved {value.id!r}", hint="read it again and retry")

    def put_off(self, participant: str, pid: str, *, deadline: datetime) -> None:
        """Move the deadline of a process that has one."""
        values = {"p_participant": participant, "p_pid": pid, "p_deadline": deadline}
        self._unit.execute(self._table.put_off, values)

    def deadline(self, participant: str, pid: str) -> datetime | None:
        """Return when a process is overdue; None for never."""
        found: datetime | None = self._unit.execute(
            self._table.deadline, {"participant": participant, "pid": pid}
        ).scalar()
        return found

    def list(
        self,
        participant: str,
        *,
        state: str | None = None,
        role: Role | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[P]:
        """Return processes, newest first.

        Raises:
            NotFoundError: The cursor is not one of ours.
        """
        c = self._table.table.c
        statement = select(c.body).where(c.participant == participant)
        if state is not None:
            statement = statement.where(c.state == str(state))
        if role is not None:
            statement = statement.where(c.role == role.value)
        statement = before(statement, c.created_at, c.pid, cursor).limit(limit + 1)
        found = self._all(self._unit.execute(statement).scalars())
        return cut(found, limit, lambda value: (value.created_at, value.id))

    def overdue(
        self, participant: Sweep, *, now: datetime, limit: int = 100
    ) -> tuple[tuple[str, P], ...]:
        """Return processes whose deadline has come, the oldest first, each with its participant."""
        values: dict[str, Any] = {"now": now, "limit": limit}
        statement = self._table.overdue
        if participant is not EVERY_PARTICIPANT:
            statement = self._table.overdue_of_one
            values["participant"] = participant
        found = self._unit.execute(statement, values)
        return tuple((row[0], self._table.value.model_validate_json(row[1])) for row in found)

    def count(self, participant: str, *, state: str) -> int:
        """Return how many processes are in a state."""
        c = self._table.table.c
        statement = select(func.count()).where(c.participant == participant, c.state == str(state))
        return int(self._unit.execute(statement).scalar_one())

    def _columns(self, value: P, deadline: datetime | None) -> dict[str, Any]:
        return {
            "peer_pid": value.peer_pid,
            "role": value.role.value,
            "counterparty": value.counterparty,
            "state": str(value.state),
            self._table.subject: getattr(value, self._table.subject),
            "created_at": value.created_at,
            "updated_at": value.updated_at,
            "deadline": deadline,
            "body": value.model_dump_json(by_alias=True),
        }

    def _one(self, body: str | None) -> P | None:
        return None if body is None else self._table.value.model_validate_json(body)

    def _all(self, bodies: Any) -> tuple[P, ...]:  # noqa: ANN401 - a scalar result of text
        return tuple(self._table.value.model_validate_json(body) for body in bodies)


NEGOTIATIONS: ProcessTable[ContractNegotiation] = ProcessTable(
    tables.negotiations, "dataset_id", ContractNegotiation
)
TRANSFERS: ProcessTable[TransferProcess] = ProcessTable(
    tables.transfers, "agreement_id", TransferProcess
)
