"""SQL over governed data: DuckDB in process, which sees the governed views and nothing else.

Each query runs in a database of its own, in memory, that may neither open files nor load
extensions nor spill to disk, and whose configuration is locked. Its text is held against
allow-lists first (`trustspace.usage.sql_statement`). The rows come from views that ask the
agreement before every batch, so that a query ends with the agreement, in its middle if need be;
what it returns is handed out batch by batch.

Example::

    sql = GovernedSql({"roses": RoseView(handle)})
    with sql.running("select grade, avg(price) as price from roses group by grade") as result:
        for batch in result.batches():
            ...
"""

from __future__ import annotations

import contextlib
import importlib
import re
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from trustspace.errors import (
    DeadlineError,
    MissingDependencyError,
    PolicyError,
    TrustspaceError,
)
from trustspace.usage.sql_statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from types import ModuleType

    import duckdb
    import pyarrow as pa

BATCH_ROWS = 8192
"""Rows of one batch of a result."""

MEMORY = "1GB"
"""Memory that one query may take; it cannot spill, so a larger one fails."""

DEADLINE = timedelta(minutes=10)
"""Longest time of one query."""

_CONFIGURATION = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "python_scan_all_frames": "false",
    "temp_directory": "",
    "max_temp_directory_size": "0B",
}
"""What makes the database see only what is given to it; locked before the query is run."""

_VALUES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
"""Quoted parts of an error's text, which may be data."""


class View(Protocol):
    """Governed rows: filtered and masked, each batch after the agreement was asked."""

    @property
    def schema(self) -> pa.Schema:
        """The columns there are."""
        ...

    def batches(self, columns: Collection[str] | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows from the first one on.

        Args:
            columns: Names of the columns that are wanted, in the order of the schema; None for
                all of them.

        Raises:
            PolicyDeniedError: The agreement does not let them flow, or not any more.
        """
        ...


class GovernedSql:
    """Runs queries over views.

    Args:
        views: The views by the name that queries give them.
        memory: Most memory of one query, in DuckDB's spelling.
        deadline: Longest time of one query.
        threads: Threads of one query.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        *,
        memory: str = MEMORY,
        deadline: timedelta = DEADLINE,
        threads: int = 2,
    ) -> None:
        self._views = dict(views)
        self._deadline = deadline
        self._configuration = _CONFIGURATION | {"memory_limit": memory, "threads": str(threads)}

    @contextlib.contextmanager
    def running(self, text: str, parameters: Sequence[Any] = ()) -> Iterator[Result]:
        """Run one query until the block ends.

        Args:
            text: One SELECT over the views.
            parameters: Values of its ``?`` or ``$1``.

        Raises:
            PolicyError: It is no SQL (``sql.syntax``), or it fails (``sql.failed``).
            PolicyDeniedError: It asks for what no query may (``sql.refused``), or the agreement
                does not let the rows flow.
            DeadlineError: It took too long.
            MissingDependencyError: The extra ``sql`` is not installed.
        """
        with contextlib.closing(self._connect()) as connection:
            statement = read_statement(connection, text, self._views)
            scans = [
                Scan(self._views[name], statement.columns)
                for name in self._views
                if name.lower() in statement.tables
            ]
            names = [name for name in self._views if name.lower() in statement.tables]
            for name, scan in zip(names, scans, strict=True):
                connection.register(name, scan)
            connection.execute("set lock_configuration = true")
            with self._limited(connection) as watch, explained(scans, watch):
                query = connection.sql(statement.text, params=list(parameters))
                yield Result(query.to_arrow_reader(BATCH_ROWS), scans, watch)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection: duckdb.DuckDBPyConnection = _duckdb().connect(
            ":memory:", config=self._configuration
        )
        return connection

    @contextlib.contextmanager
    def _limited(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Watch]:
        watch = Watch(self._deadline)
        timer = threading.Timer(self._deadline.total_seconds(), watch.stop, (connection,))
        timer.daemon = True
        timer.start()
        try:
            yield watch
        finally:
            timer.cancel()
            timer.join()


class Watch:
    """Whether a query was stopped because it took too long."""

    def __init__(self, deadline: timedelta) -> None:
        self.deadline = deadline
        self.has_stopped: bool = False

    def stop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Stop the query."""
        self.has_stopped = True
        connection.interrupt()


class Scan:
    """A view as the database reads it: from its beginning as often as the query needs it.

    Args:
        view: The view.
        columns: Names that the query may mean, in lower case; None for all.
    """

    def __init__(self, view: View, columns: Collection[str] | None) -> None:
        wanted = [name for name in view.schema.names if columns is None or name.lower() in columns]
        # A query that names no column, `count(*)` for one, needs rows all the same.
        self._columns = wanted or view.schema.names[:1]
        self._view = view
        self.schema: pa.Schema = _narrowed(view.schema, self._columns)
        self.failure: Exception | None = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as a stream (the Arrow PyCapsule interface)."""
        reader = _pyarrow().RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._view.batches(self._columns)
        except Exception as error:
            # The database hands on a text only; the error itself is raised again outside.
            self.failure = self.failure or error
            raise


@dataclass
class Result:
    """What a query returns, while it runs.

    Attributes:
        reader: The result's `pyarrow.RecordBatchReader`.
    """

    reader: pa.RecordBatchReader
    scans: Sequence[Scan]
    watch: Watch

    @property
    def schema(self) -> pa.Schema:
        """The result's columns."""
        return self.reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the result's batches; raises as `GovernedSql.running`."""
        while True:
            with explained(self.scans, self.watch):
                try:
                    batch = self.reader.read_next_batch()
                except StopIteration:
                    return
            yield batch


@contextlib.contextmanager
def explained(scans: Sequence[Scan], watch: Watch) -> Iterator[None]:
    """Turn the database's errors into ours: the view's own one, too long, or a failed query."""
    try:
        yield
    except TrustspaceError:
        raise
    except Exception as error:
        database = _duckdb().Error
        if not isinstance(error, (database, OSError, _pyarrow().ArrowException)):
            raise
        for scan in scans:
            if scan.failure is not None:
                raise scan.failure from None
        if watch.has_stopped:
            raise DeadlineError(
                f"the query took longer than {watch.deadline}", hint="narrow it"
            ) from None
        raise PolicyError(
            f"the query failed: {_shown(error)}", code="sql.failed", hint=_hint(error)
        ) from None


def _shown(error: Exception) -> str:
    """Return an error's text without what may be data."""
    text = str(error).split("\n", 1)[0]
    names = (_duckdb().BinderException, _duckdb().CatalogException, _duckdb().ParserException)
    return text if isinstance(error, names) else _VALUES.sub("'…'", text)


def _hint(error: Exception) -> str:
    if isinstance(error, _duckdb().OutOfMemoryException):
        return "a query cannot spill to disk: select fewer columns, or aggregate"
    return ""


def _narrowed(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    wanted = set(columns)
    return _pyarrow().schema([each for each in schema if each.name in wanted])


def _duckdb() -> ModuleType:
    return _imported("duckdb", "SQL over governed data", "sql")


def _pyarrow() -> ModuleType:
    return _imported("pyarrow", "SQL over governed data", "sql")


def _imported(name: str, purpose: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(purpose, extra=extra) from error
