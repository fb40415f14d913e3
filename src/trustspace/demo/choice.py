"""Which terms the demonstration puts on a table: chosen from its columns, by one rule.

The first text column is hashed, the last column dropped, the upper half of the first numeric column
kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PURPOSE = "medical-research"
REFUSED_PURPOSE = "marketing"
USES = 2


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
        MissingDependencyError: Polars is not installed.
    """
    try:
        import polars as pl  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise MissingDependencyError("Reading a table", extra="connector") from error
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".csv": pl.read_csv,
        ".parquet": pl.read_parquet,
        ".jsonl": pl.read_ndjson,
        ".ndjson": pl.read_ndjson,
    }
    reader = readers.get(file.suffix.lower())
    if reader is None or not file.is_file():
        raise ConfigurationError(
            f"{file} is not a table this demonstration can read",
            setting="FILE",
            hint=f"give a file that ends in one of {', '.join(sorted(readers))}",
        )
    try:
        frame = reader(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ConfigurationError(
            f"{file} cannot be read as a table: {error}", setting="FILE", hint="check its format"
        ) from error
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    if not numeric:
        raise ConfigurationError(
            f"{file} has no numeric column, so there is no upper half to keep",
            setting="FILE",
            hint="publish it yourself and choose the rows with: trustspace publish FILE --where …",
        )
    median = frame[numeric[0]].median()
    column = f"`{numeric[0]}`" if not numeric[0].isidentifier() else numeric[0]
    where = f"{column} >= {median:.6g}" if isinstance(median, float) else f"{column} is not null"
    bound = float(f"{median:.6g}") if isinstance(median, float) else None
    kept = frame[numeric[0]].is_not_null() if bound is None else frame[numeric[0]] >= bound
    last = frame.columns[-1]
    text = next((name for name, kind in frame.schema.items() if kind == pl.String), None)
    return Choice(
        hashed=text if text != last or frame.width == 1 else None,
        dropped=last if frame.width > 1 else None,
        where=where,
        rows=int(kept.sum()),
        total=frame.height,
    )
