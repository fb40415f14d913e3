"""Probes of the own database, read only: is it sound, of which schema, and what is stuck in it.

A process is stuck when it is unfinished and has not moved for a minute. The state tells whose turn
it is; a message that cannot be delivered tells why it does not go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from trustspace.connector import views
from trustspace.connector.doctor.own_files import Tell, is_open, mode_of, size
from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import StoreError
from trustspace.model.participant import Role
from trustspace.store import EVERY_PARTICIPANT, Transaction
from trustspace.store.schema import EMPTY, HEAD, check
from trustspace.store.sqlite import DatabaseFile
from trustspace.store.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from trustspace.connector.home import Home
    from trustspace.store import OutboxRow

AnyProcess = ContractNegotiation | TransferProcess

STUCK: Final = timedelta(seconds=60)
MAX_TOLD: Final = 20
MAX_READ: Final = 1_000

_C, _P = Role.CONSUMER, Role.PROVIDER
TURN: Final[dict[str, Role]] = {
    NegotiationState.REQUESTED: _P,
    NegotiationState.OFFERED: _C,
    NegotiationState.ACCEPTED: _P,
    NegotiationState.AGREED: _C,
    NegotiationState.VERIFIED: _P,
}
"""Whose step follows in each unfinished state; a requested transfer waits for its provider too."""


@dataclass
class StoreReport:
    """What was found out of the database for other probes.

    Attributes:
        participants: Names of everybody whom the home hosts.
    """

    participants: list[str] = field(default_factory=list)


def look_at_store(home: Home, tell: Tell, *, runs: bool, now: datetime) -> StoreReport:
    """Look at the database of a home without changing a byte of it.

    Args:
        home: The home.
        tell: Takes a finding's id and facts.
        runs: Whether its connector runs.
        now: Current time.
    """
    report = StoreReport()
    file = DatabaseFile.from_url(home.database_url)
    if file.is_empty():
        tell("database.none")
        return report
    mode = mode_of(file.path)
    if is_open(mode):
        tell("database.permissions", file=file.path, mode=f"{mode:o}")
    try:
        with file.looking(busy_seconds=2.0) as connection:
            if _is_sound(connection, file, tell):
                transaction = Transaction(UnitOfWork(connection))
                rows = transaction.participants.list(EVERY_PARTICIPANT)
                report.participants = [row.participant for row in rows]
                _Stuck(home, transaction, tell, runs=runs, now=now).look(report.participants)
    except (SQLAlchemyError, StoreError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error)
        finding = "database.corrupt" if _is_damage(reason) else "database.unreadable"
        tell(finding, file=file.path, reason=reason)
    return report


def _is_sound(connection: Connection, file: DatabaseFile, tell: Tell) -> bool:
    damage = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if damage != "ok":
        tell("database.corrupt", file=file.path, reason=damage)
        return False
    try:
        revision = check(connection)
    except StoreError as error:
        tell("database.foreign", reason=error, hint=error.hint)
        return False
    if revision == EMPTY:
        tell("database.none")
        return False
    if revision != HEAD:
        tell("database.older", revision=revision, head=HEAD)
        return False
    tell("database.ok", revision=revision, size=size(file.path.stat().st_size))
    return True


def _is_damage(reason: str) -> bool:
    return "malformed" in reason or "not a database" in reason or "disk image" in reason


class _Stuck:
    """Finds what is stuck and says what unsticks it."""

    def __init__(
        self, home: Home, transaction: Transaction, tell: Tell, *, runs: bool, now: datetime
    ) -> None:
        self._home = home
        self._tx = transaction
        self._tell = tell
        self._runs = runs
        self._now = now
        self._told = 0
        self._unfinished = 0
        self._newest = now

    def look(self, participants: list[str]) -> None:
        for name in participants:
            undelivered = {row.process_pid: row for row in self._undelivered(name)}
            for row in undelivered.values():
                self._stuck("process.undelivered", **self._message(row))
            for process in self._processes(name):
                self._unfinished += 1
                self._newest = max(self._newest, process.updated_at)
                if process.id not in undelivered and self._now - process.updated_at > STUCK:
                    self._stuck(*self._judged(process))
        if self._told > MAX_TOLD:
            self._tell("process.more", count=self._told - MAX_TOLD)
        if not self._told:
            self._tell("process.ok", count=self._unfinished)
        if self._newest - self._now > STUCK:
            seconds = round((self._newest - self._now).total_seconds())
            self._tell("time.backwards", seconds=seconds)

    def _stuck(self, finding: str, facts: dict[str, Any] | None = None, **more: Any) -> None:  # noqa: ANN401 - facts
        self._told += 1
        if self._told <= MAX_TOLD:
            self._tell(finding, **(facts or {}), **more)

    def _processes(self, name: str) -> list[AnyProcess]:
        negotiations, transfers = self._tx.negotiations, self._tx.transfers
        found: list[AnyProcess] = []
        for state in TURN:
            found += negotiations.list(name, state=state, limit=MAX_READ).items
        for state in (TransferState.REQUESTED, TransferState.SUSPENDED):
            found += transfers.list(name, state=state, limit=MAX_READ).items
        return found

    def _undelivered(self, name: str) -> list[OutboxRow]:
        """Return the first message of each process that was tried in vain."""
        rows = self._tx.outbox.pending(name, limit=MAX_READ)
        late = self._now - STUCK
        return [row for row in rows if row.position == 1 and (row.attempts or row.next_at < late)]

    def _judged(self, process: AnyProcess) -> tuple[str, dict[str, Any]]:
        facts = {
            "kind": process.kind,
            "pid": process.id,
            "state": process.state.value,
            "counterparty": process.counterparty,
            "since": views.time(process.updated_at),
            "end": self._command(f"terminate {process.id}"),
        }
        if process.state is TransferState.SUSPENDED:
            by = process.counterparty if process.ended_by_counterparty else "us"
            resume = self._command(f"resume {process.id}")
            return "process.suspended", facts | {"by": by, "resume": resume}
        if getattr(process, "awaiting", None) is not None:
            return "process.awaits_decision", facts | {"decide": self._command("approvals list")}
        if TURN.get(process.state, Role.PROVIDER) is process.role:
            return "process.waits_for_us", facts | {"look": self._command(f"explain {process.id}")}
        look = self._command(f"doctor {process.counterparty}")
        return "process.waits_for_them", facts | {"look": look}

    def _message(self, row: OutboxRow) -> dict[str, Any]:
        return {
            "message": row.body.get("@type", "a message"),
            "kind": row.process_kind,
            "pid": row.process_pid,
            "counterparty": row.audience,
            "attempts": row.attempts,
            "since": views.time(row.created_at),
            "until": views.time(row.deadline),
            "reason": row.last_error or "it was not sent yet",
            "look": self._command(f"doctor {row.audience}"),
            "end": self._command(f"terminate {row.process_pid}"),
        }

    def _command(self, words: str) -> str:
        """Return a command; nothing moves while no connector runs."""
        return f"trustspace {words if self._runs else 'serve'} --home {self._home.path}"
