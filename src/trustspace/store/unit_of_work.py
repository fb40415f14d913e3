"""One hop's hold on the database: statements in, rows or a `StoreError` out.

A unit lives as long as its hop; a repository kept beyond it refuses to work rather than writing
into somebody else's transaction. A failed statement fails the hop, also when the hop catches the
error: PostgreSQL would refuse everything after it, and SQLite may have undone everything before it.

Example::

    unit = UnitOfWork(connection)
    unit.execute(insert(settings), {"participant": HOST, "key": "k", "value": "v"})
    unit.end()
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import IntegrityError, SQLAlchemyError, StatementError

from trustspace.errors import ConflictError, NotFoundError, StoreError
from trustspace.store.statement import Rows, Statement

if TYPE_CHECKING:
    from trustspace.store.rows import OutboxRow

_FOREIGN_KEY = 787
"""SQLITE_CONSTRAINT_FOREIGNKEY, https://www.sqlite.org/rescode.html."""

_HINTS = {
    "SQLITE_BUSY": "another process holds the database; try again or stop it",
    "SQLITE_LOCKED": "another process holds the database; try again or stop it",
    "SQLITE_FULL": "free space on the disk, then try again",
    "SQLITE_READONLY": "reads cannot write; give a writing hop to Store.write",
    "SQLITE_NOTADB": "the file is not a SQLite database; give another path",
    "SQLITE_CORRUPT": "restore the database from a backup",
    "SQLITE_CANTOPEN": "check that the directory exists and may be written",
}


class UnitOfWork:
    """The connection of one hop, and what the hop recorded.

    Attributes:
        is_writing: Whether the connection may write.
        events: Highest new event number of each participant.
        subjects: Participants with the processes that new events name.
        outbox: Outbox rows added.
        pending: Last position among the pending messages of processes whose messages this hop has
            added or dropped, 0 for none: nobody else writes meanwhile, so it need not be asked.
    """

    __slots__ = ("_connection", "_failure", "events", "is_writing", "outbox", "pending", "subjects")

    def __init__(self, connection: Connection, *, is_writing: bool = True) -> None:
        self._connection: Connection | None = connection
        self.is_writing: bool = is_writing
        self._failure: StoreError | None = None
        self.events: dict[str, int] = {}
        self.subjects: set[tuple[str, str]] = set()
        self.outbox: list[OutboxRow] = []
        self.pending: dict[tuple[str, str], int] = {}

    @overload
    def execute(self, statement: Statement, parameters: Mapping[str, Any]) -> Rows: ...

    @overload
    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[*tuple[Any, ...]]: ...

    def execute(
        self, statement: Statement | Executable, parameters: Mapping[str, Any] | None = None
    ) -> Rows | CursorResult[*tuple[Any, ...]]:
        """Run one statement.

        Raises:
            StoreError: The database refused it (locked, full, broken, read-only).
            ConflictError: A key is taken.
            NotFoundError: The row belongs to a participant or policy that is not stored.
        """
        if self._connection is None:
            raise StoreError(
                "the transaction has ended",
                hint="use repositories only inside the hop they were given to",
            )
        if self._failure is not None:
            raise self._failure
        try:
            if isinstance(statement, Statement):
                return statement.run(self._connection, parameters or {})
            return self._connection.execute(statement, parameters)
        except (SQLAlchemyError, self._connection.dialect.loaded_dbapi.Error) as error:
            self._failure = store_error(error)
            raise self._failure from error

    def execute_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement once for each of several parameters, none included.

        Raises:
            StoreError: As for `execute`.
        """
        if parameters:
            self.execute(statement, cast("Any", parameters))

    def end(self) -> None:
        """Let go of the connection; every later statement is refused.

        Raises:
            StoreError: A statement failed, and the hop went on as if it had not.
        """
        self.abandon()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Let go of the connection of a hop that failed."""
        self._connection = None


class Repository:
    """Reads and writes one kind of row; every method takes the participant context first."""

    __slots__ = ("_unit",)

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit


def store_error(error: Exception) -> StoreError:
    """Return what a database error means, without the statement's parameters."""
    cause = (error.orig if isinstance(error, StatementError) else None) or error
    if isinstance(error, IntegrityError | sqlite3.IntegrityError):
        if getattr(cause, "sqlite_errorcode", None) == _FOREIGN_KEY:
            return NotFoundError("the row belongs to a participant or policy that is not stored")
        return ConflictError(f"the key is taken: {cause}")
    name = ""
    if isinstance(cause, sqlite3.Error):
        # Extended codes (SQLITE_BUSY_SNAPSHOT) begin with the two words of the primary one.
        name = "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2])
    return StoreError(f"the database refused: {cause}", hint=_HINTS.get(name, ""))
