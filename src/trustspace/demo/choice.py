"""Which terms the demonstration puts on a table: chosen from its columns, by one rule.

The first text column is hashed, the last column dropped, the upper half of the first numeric column
kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trustspace.dataplane.arrow_stream import decode
from trustspace.dataplane.data_extra import pl
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import FileSource
from trustspace.dataplane.table import Table
from trustspace.dataplane.table_layout import FORMATS, TableLayout
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

PURPOSE = "medical-research"
REFUSED_PURPOSE = "marketing"
USES = 2
LONGEST_NUMBER = 30
NUMBERS = frozenset({"integer", "number", "decimal"})


@dataclass(frozen=True)
class Choice:
    """Terms, and what must be left of the table under them.

    Attributes:
        hashed: Column whose values leave as keyed hashes, or None.
        dropped: Column that does not leave, or None.
        where: Which rows leave.
        rows: How many these are.
        total: How many there are.
    """

    hashed: str | None
    dropped: str | None
    where: str
    rows: int
    total: int

    @property
    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of `trustspace.terms`."""
        chosen: dict[str, Any] = {"purpose": PURPOSE, "count": USES, "where": self.where}
        if self.hashed is not None:
            chosen["mask"] = [f"{self.hashed}:hash"]
        if self.dropped is not None:
            chosen["drop"] = [self.dropped]
        return chosen

    @property
    def words(self) -> str:
        """The terms in plain words."""
        parts = [f"purpose {PURPOSE} only", f"{USES} uses", f"rows with {self.where}"]
        if self.hashed is not None:
            parts.append(f"{self.hashed} hashed")
        if self.dropped is not None:
            parts.append(f"without {self.dropped}")
        return ", ".join(parts)


def choose(file: Path) -> Choice:
    """Read a table and choose its terms.

    Raises:
        ConfigurationError: The file is no table, or has no numeric column.
        MissingDependencyError: An extra is not installed.
    """
    source = FileSource.at(file)
    if source.layout is None:
        raise ConfigurationError(
            f"{file} cannot be read as a table",
            setting="FILE",
            hint=f"give a table that ends in one of {', '.join(FORMATS)}",
        )
    types = {column.name: column.type for column in source.layout.columns}
    numeric = next((name for name, kind in types.items() if kind in NUMBERS), None)
    if numeric is None:
        raise ConfigurationError(
            f"{file} has no numeric column, so there is no upper half to keep",
            setting="FILE",
            hint="publish it yourself and choose the rows with: trustspace publish FILE --where …",
        )
    values = _column(source, source.layout, numeric)
    bound = _plain(values.median())
    column = numeric if numeric.isidentifier() else f"`{numeric}`"
    where = f"{column} is not null" if bound is None else f"{column} >= {bound}"
    kept = values.is_not_null() if bound is None else values >= float(bound)
    last = list(types)[-1]
    text = next((name for name, kind in types.items() if kind == "string"), None)
    return Choice(
        hashed=None if text == last else text,
        dropped=last if len(types) > 1 else None,
        where=where,
        rows=int(kept.sum()),
        total=len(values),
    )


def _column(source: FileSource, layout: TableLayout, name: str) -> pl.Series:
    """Read one column as the data plane reads it; what is not a number counts as absent."""
    with source.open() as file:
        pieces = Table(file, layout).stream(Restriction(columns=(name,)))
        batches = list(decode(piece.data for piece in pieces))
    values = pl.DataFrame(pl.from_arrow(batches))[name]
    return values.fill_nan(None) if values.dtype.is_float() else values


def _plain(median: object) -> str | None:
    """Return a median as terms write numbers, without an exponent; None when it is none."""
    if not isinstance(median, int | float) or not math.isfinite(median):
        return None
    text = format(Decimal(repr(median)), "f")
    return text if len(text) <= LONGEST_NUMBER else None
