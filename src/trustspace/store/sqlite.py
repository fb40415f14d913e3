"""SQLite as the store uses it: write-ahead log, real transactions, one writer beside many readers.

The driver would begin transactions by its own rules, which break SAVEPOINT and leave reads without
a snapshot, so it is told to keep out and SQLAlchemy's begin says what to begin: ``BEGIN IMMEDIATE``
on the writing connection (waits for its turn before it reads anything, so it never has to give way
later) and ``BEGIN`` on the reading ones, which cannot write at all.

Example::

    file = DatabaseFile.from_url("sqlite:////var/lib/trustspace/store.db")
    engine = file.writer(synchronous="FULL", busy_seconds=5.0)
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from trustspace.errors import ConfigurationError, StoreError

Synchronous = Literal["EXTRA", "FULL", "NORMAL"]
"""``FULL`` keeps every commit over a power cut; ``NORMAL`` may lose the last ones."""

_SETTING = "store.url"


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """Where the database is."""

    path: Path

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

        Raises:
            ConfigurationError: It is not the URL of a SQLite file.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError(
                "the store's URL cannot be read",
                setting=_SETTING,
                hint="write sqlite:////absolute/path.db",
            ) from error
        if parsed.get_backend_name() != "sqlite" or parsed.query:
            raise ConfigurationError(
                f"the store keeps its rows in SQLite, not in {parsed.get_backend_name()!r}"
                if not parsed.query
                else "the store's URL takes no options",
                setting=_SETTING,
                hint="write sqlite:////absolute/path.db",
            )
        if not parsed.database or parsed.database.startswith((":", "file:")):
            raise ConfigurationError(
                "the store has several connections and needs a file",
                setting=_SETTING,
                hint="write sqlite:////absolute/path.db",
            )
        return cls(Path(parsed.database).absolute())

    def is_empty(self) -> bool:
        """Whether there is no file yet, or nothing in it."""
        return not self.path.exists() or self.path.stat().st_size == 0

    def create(self) -> None:
        """Make the file when it is missing, for its owner alone (SQLite's side files follow it).

        Raises:
            StoreError: The directory is missing or may not be written.
        """
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(
                f"the database {self.path} cannot be opened: {error.strerror}",
                hint="check that the directory exists and may be written",
            ) from error

    @contextmanager
    def looking(self, *, busy_seconds: float) -> Iterator[Connection]:
        """Open a connection that changes no byte of the file."""
        # Without a log beside it nobody has it open, and looking needs no side files either.
        log = self.path.with_name(f"{self.path.name}-wal")
        mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"{self.path.as_uri()}?{mode}",
                uri=True,
                timeout=busy_seconds,
                isolation_level=None,
            )

        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def writer(self, *, synchronous: Synchronous, busy_seconds: float) -> Engine:
        """Return the engine of the one writing connection."""
        engine = create_engine(
            self._url(),
            poolclass=NullPool,
            connect_args={"timeout": busy_seconds, "check_same_thread": False},
            hide_parameters=True,
        )
        pragmas = (
            "PRAGMA journal_mode = WAL",
            f"PRAGMA synchronous = {synchronous}",
            "PRAGMA foreign_keys = ON",
            "PRAGMA trusted_schema = OFF",
        )
        _take_over(engine, pragmas, "BEGIN IMMEDIATE")
        return engine

    def readers(self, *, connections: int, busy_seconds: float) -> Engine:
        """Return the engine of the reading connections; a write through one of them fails."""
        engine = create_engine(
            self._url(),
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=-1,
            connect_args={"timeout": busy_seconds, "check_same_thread": False},
            hide_parameters=True,
        )
        _take_over(engine, ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF"), "BEGIN")
        return engine

    def _url(self) -> URL:
        return URL.create("sqlite", database=str(self.path))


def _take_over(engine: Engine, pragmas: tuple[str, ...], begin: str) -> None:
    def connected(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
