"""How a file is read as a table: worked out once, when it is published.

Parquet and Arrow say themselves what their columns are. CSV and JSON Lines do not, and a guess
from the first hundred lines fails at line 10,001, in the middle of a delivery. So the whole
file is looked at when it is published, in bounded memory, and the outcome is kept:

- A CSV column is a number only where the number says all that the text says: ``0138``, ``+5``
  and numbers of more digits than a float can hold stay text. ``true``/``false`` and ISO dates are
  read as such, everything else is text. An empty field is null, a quoted empty one is empty text.
- A JSON Lines column has the type that fits all its lines; integers beyond 64 bits are text.

Two columns of one name, or one without, make a file unreadable as a table: a mask would miss them.

Example::

    describe("roses.csv")[0]  # Column(name='id', type='integer')
"""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

from trustspace.dataplane.arrow_stream import arrow_schema
from trustspace.dataplane.data_extra import column_named, pa, parquet, pl
from trustspace.dataplane.published_file import PublishedFile, open_regular
from trustspace.dataplane.table_reader import (
    arrow_batches,
    arrow_schema_of,
    json_lines_blocks,
    reading_errors,
    scan_csv,
    scan_parquet,
    schema_of,
)
from trustspace.errors import ConfigurationError

Format = Literal["parquet", "csv", "jsonl", "arrow"]

FORMATS: Final[dict[str, Format]] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
}
"""Formats of tables by the suffix of the file's name."""

_WHOLE: Final = r"^(?:0|-?[1-9][0-9]{0,17})$"
"""What a 64-bit integer holds and writes back the same."""

_NUMBER: Final = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$"
"""A float holds 15 digits exactly (IEEE 754, binary64)."""

_MAX_HEADER_BYTES: Final = 1024 * 1024
"""First line of a CSV file; the rest of this many bytes is only looked at, not split."""

_TRUTH: Final = r"^(?:true|false)$"
_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Column(BaseModel):
    """A column as a policy author sees it.

    Attributes:
        name: Its name.
        type: ``string``, ``integer``, ``number``, ``decimal``, ``boolean``, ``date``, ``dateTime``
            (with a zone), ``localDateTime`` (without), or the name of a type that no filter
            compares.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str


class TableLayout(BaseModel):
    """How a file is read as a table.

    Attributes:
        format: Its format.
        columns: Its columns in order.
        rows: How many rows it has.
        unpacked_bytes: About how many bytes they take in memory.
        arrow_schema: Serialised Arrow schema in base64, for formats that have none of their own.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    format: Format
    columns: tuple[Column, ...]
    rows: int
    unpacked_bytes: int
    arrow_schema: str | None = None

    def declared_schema(self) -> pl.Schema:
        """Return the types of the columns of CSV and JSON Lines."""
        data = base64.b64decode(self.arrow_schema or "")
        return schema_of(pa.ipc.read_schema(pa.py_buffer(data)))


def describe(path: str | Path) -> tuple[Column, ...]:
    """Return the columns of a file that can be read as a table.

    Raises:
        ConfigurationError: It cannot; says why.
    """
    try:
        file = open_regular(str(Path(path).resolve(strict=True)))
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from error
    with file:
        return read_layout(file).columns


def read_layout(file: PublishedFile) -> TableLayout:
    """Work out how a file is read as a table.

    Args:
        file: The file; the suffix of its name tells the format.

    Raises:
        ConfigurationError: It cannot be read as a table; says why.
    """
    format_ = FORMATS.get(Path(file.path).suffix.lower())
    if format_ is None:
        raise _unreadable(file.path, "its suffix is none of " + " ".join(FORMATS))
    readers = {
        "parquet": _parquet_layout,
        "csv": _csv_layout,
        "jsonl": _jsonl_layout,
        "arrow": _arrow_layout,
    }
    try:
        layout = readers[format_](file)
    except reading_errors() as error:
        raise _unreadable(file.path, str(error).partition("\n")[0]) from error
    if not layout.columns:
        raise _unreadable(file.path, "it has no columns")
    return layout


def _parquet_layout(file: PublishedFile) -> TableLayout:
    metadata = parquet.read_metadata(file.scan_path)
    schema = scan_parquet(file).collect_schema()
    _serialised(schema)
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    return TableLayout(
        format="parquet",
        columns=_columns(schema),
        rows=metadata.num_rows,
        # Still encoded: repeated values take their full size only in memory.
        unpacked_bytes=2 * sum(group.total_byte_size for group in groups),
    )


def _arrow_layout(file: PublishedFile) -> TableLayout:
    own = arrow_schema_of(file)
    schema = schema_of(own)
    if schema.names() != own.names:
        msg = "a column has no name"
        raise ValueError(msg)
    _serialised(schema)
    rows = unpacked_bytes = 0
    for batch in arrow_batches(file):
        rows += batch.num_rows
        unpacked_bytes += batch.nbytes
    columns = _columns(schema)
    return TableLayout(format="arrow", columns=columns, rows=rows, unpacked_bytes=unpacked_bytes)


def _csv_layout(file: PublishedFile) -> TableLayout:
    header = _csv_header(file)
    frame = scan_csv(file, None)
    names = frame.collect_schema().names()
    if names != header:
        repeated = sorted({name for name in header if header.count(name) > 1})
        because = f"two columns are called {repeated[0]!r}" if repeated else "its header is unclear"
        raise ValueError(because)
    facts = [
        fact for index, name in enumerate(names) for fact in _csv_facts(index, column_named(name))
    ]
    found = (
        frame.select(pl.len().alias("rows"), *facts).collect(engine="streaming").row(0, named=True)
    )
    schema = pl.Schema({name: _csv_type(index, found) for index, name in enumerate(names)})
    return _layout("csv", schema, found["rows"], file)


def _csv_header(file: PublishedFile) -> list[str]:
    head = file.read_at(0, min(file.size_bytes, _MAX_HEADER_BYTES))
    # Cut behind a line, not within a character.
    text = head[: head.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    return next(csv.reader(io.StringIO(text, newline="")), [])


def _csv_facts(index: int, column: pl.Expr) -> list[pl.Expr]:
    text = column.str
    finite = column.cast(pl.Float64, strict=False).is_finite()
    day = text.to_date("%Y-%m-%d", strict=False).is_not_null() | column.is_null()
    facts = {
        "known": column.is_not_null().any(),
        "whole": text.contains(_WHOLE).all(),
        "number": text.contains(_NUMBER).all() & finite.all(),
        "truth": text.contains(_TRUTH).all(),
        "day": text.contains(_DAY).all() & day.all(),
    }
    return [fact.alias(f"{index}.{name}") for name, fact in facts.items()]


def _csv_type(index: int, found: dict[str, Any]) -> pl.DataType:
    types: dict[str, pl.DataType] = {
        "whole": pl.Int64(),
        "number": pl.Float64(),
        "truth": pl.Boolean(),
        "day": pl.Date(),
    }
    fitting = (types[name] for name in types if found[f"{index}.{name}"])
    return next(fitting, pl.String()) if found[f"{index}.known"] else pl.String()


def _jsonl_layout(file: PublishedFile) -> TableLayout:
    rows = 0
    schemas: list[pl.Schema] = []
    for block in json_lines_blocks(file):
        frame = pl.read_ndjson(block, infer_schema_length=None)
        rows += frame.height
        if frame.schema not in schemas:
            schemas.append(frame.schema)
    empty = [pl.DataFrame(schema=schema) for schema in schemas]
    merged = pl.concat(empty, how="diagonal_relaxed").schema if empty else pl.Schema()
    schema = pl.Schema({name: _within_64_bits(dtype) for name, dtype in merged.items()})
    if schemas != [schema]:
        for block in json_lines_blocks(file):
            pl.read_ndjson(block, schema=schema)
    return _layout("jsonl", schema, rows, file)


def _within_64_bits(dtype: Any) -> Any:  # noqa: ANN401 - a Polars type or its class
    if dtype == pl.Int128:
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_within_64_bits(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({each.name: _within_64_bits(each.dtype) for each in dtype.fields})
    return dtype


def _layout(format_: Format, schema: pl.Schema, rows: int, file: PublishedFile) -> TableLayout:
    return TableLayout(
        format=format_,
        columns=_columns(schema),
        rows=rows,
        unpacked_bytes=file.size_bytes,
        arrow_schema=base64.b64encode(_serialised(schema)).decode(),
    )


def _serialised(schema: pl.Schema) -> bytes:
    """Return the schema in Arrow's form, which not every type of Polars has."""
    if "" in schema or any("\0" in name for name in schema):
        # No policy could name it. Data frames leave such a column when their index is written.
        msg = "a column has no name, or NUL in it"
        raise ValueError(msg)
    return bytes(arrow_schema(schema).serialize().to_pybytes())


def _columns(schema: pl.Schema) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=_type_name(dtype)) for name, dtype in schema.items())


def _type_name(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "number"
    if isinstance(dtype, pl.Datetime):
        return "localDateTime" if dtype.time_zone is None else "dateTime"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "string"
    return type(dtype).__name__.lower()


def _unreadable(path: str | Path, because: str) -> ConfigurationError:
    return ConfigurationError(
        f"{Path(path).name} cannot be read as a table: {because}",
        setting="path",
        hint="publish it as Parquet, CSV with a header, JSON Lines or Arrow, or as a plain file",
    )
