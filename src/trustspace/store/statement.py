"""Statements that are compiled once and go to the driver directly.

SQLAlchemy writes the SQL of a statement and knows how its values are stored. What it does beside
that at every execution costs several times what SQLite needs for the statement itself, so the
statements that every message runs are compiled when they are first used, and from then on only the
values are converted. Everything else is executed by SQLAlchemy as usual; both ways share one
connection and one transaction, and a result has methods of the same names.

Example::

    _BODY = Statement(select(_p.c.body).where(_p.c.pid == bindparam("pid")))
    _BODY.run(connection, {"pid": "urn:uuid:1"}).scalar()
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update

Convert = Callable[[Any], Any]
Row = tuple[Any, ...]
RowMapping = dict[str, Any]
"""A row by column names."""


class Rows:
    """What a statement came to, read whole.

    Attributes:
        rowcount: Rows changed; -1 when the statement changes none.
    """

    __slots__ = ("_names", "_rows", "rowcount")

    def __init__(self, rowcount: int, names: Sequence[str], rows: Sequence[Row]) -> None:
        self.rowcount: int = rowcount
        self._names = names
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        return iter(self._rows)

    def all(self) -> Sequence[Row]:
        """Return every row."""
        return self._rows

    def first(self) -> Row | None:
        """Return the first row, or None."""
        return self._rows[0] if self._rows else None

    def scalar(self) -> Any:  # noqa: ANN401 - any stored value
        """Return the first column of the first row, or None."""
        return self._rows[0][0] if self._rows else None

    def scalars(self) -> list[Any]:
        """Return the first column of every row."""
        return [row[0] for row in self._rows]

    def mappings(self) -> list[RowMapping]:
        """Return every row by column names."""
        return [dict(zip(self._names, row, strict=True)) for row in self._rows]

    def mapping(self) -> RowMapping | None:
        """Return the first row by column names, or None."""
        return dict(zip(self._names, self._rows[0], strict=True)) if self._rows else None


class Statement:
    """A statement that is executed often.

    Args:
        source: What SQLAlchemy makes of it; its parameters are single values. Which columns an
            ``INSERT`` or ``UPDATE`` without values of its own writes is said by the names of the
            parameters.

    Attributes:
        source: The same.
    """

    __slots__ = ("_compiled", "source")

    def __init__(self, source: Select[Any] | Insert | Update | Delete) -> None:
        # A row that brings its own key needs none back.
        self.source: Select[Any] | Insert | Update | Delete = (
            source.inline() if isinstance(source, Insert) else source
        )
        self._compiled: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Rows:
        """Execute the statement.

        Raises:
            Exception: The driver's own, which SQLAlchemy has not wrapped.
        """
        key = (connection.dialect.name, tuple(values))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = _Compiled(self.source, connection.dialect, key[1])
            self._compiled[key] = compiled
        return compiled.run(connection, values)


class _Compiled:
    """A statement for one database and one set of parameters."""

    __slots__ = ("_defaults", "_is_positional", "_names", "_reads", "_text", "_writes")

    def __init__(
        self,
        source: Select[Any] | Insert | Update | Delete,
        dialect: Dialect,
        names: Sequence[str],
    ) -> None:
        compiled = source.compile(dialect=dialect, column_keys=list(names))
        if compiled.post_compile_params:
            msg = f"a statement with a list of values is compiled anew each time: {compiled}"
            raise TypeError(msg)
        self._text = str(compiled)
        self._is_positional = compiled.positional
        order = (compiled.positiontup or ()) if compiled.positional else tuple(compiled.params)
        self._writes: list[tuple[str, Convert | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in order
        ]
        self._defaults = {
            name: value
            for name, value in compiled.params.items()
            if not compiled.binds[name].required
        }
        columns = list(source.selected_columns) if isinstance(source, Select) else []
        self._names = [column.name for column in columns]
        self._reads: list[tuple[int, Convert]] = [
            (place, convert)
            for place, column in enumerate(columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Rows:
        given = {**self._defaults, **values}
        written = [
            given[name] if convert is None else convert(given[name])
            for name, convert in self._writes
        ]
        cursor = connection.connection.cursor()
        try:
            if self._is_positional:
                cursor.execute(self._text, written)
            else:
                names = (name for name, _ in self._writes)
                cursor.execute(self._text, dict(zip(names, written, strict=True)))
            rows = [self._read(row) for row in cursor.fetchall()] if self._names else []
            return Rows(cursor.rowcount, self._names, rows)
        finally:
            cursor.close()

    def _read(self, row: Row) -> Row:
        if not self._reads:
            return row
        found = list(row)
        for place, convert in self._reads:
            found[place] = convert(found[place])
        return tuple(found)
