from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from trustspace.dataplane import table_sink
from trustspace.dataplane.arrow_stream import arrow_schema, encode, open_stream
from trustspace.dataplane.sink import FileSink, Written
from trustspace.dataplane.source import FileSource
from trustspace.dataplane.table_sink import TableSink, table_format
from trustspace.errors import ConfigurationError, IntegrityError

FLAT = pl.DataFrame(
    {
        "id": [1, 2, None],
        "name": ["a", None, 'ü, "q"\nnew'],
        "price": [1.5, None, -2.0],
        "flag": [True, None, False],
        "day": [date(2026, 1, 31), None, date(1999, 1, 1)],
    }
)
RICH = FLAT.with_columns(
    at=pl.Series([datetime(2026, 1, 31, 8, tzinfo=UTC), None, None]),
    sum=pl.Series([Decimal("1.50"), None, Decimal("-2.00")]),
    tags=pl.Series([["x"], None, []], dtype=pl.List(pl.String)),
    inner=pl.Series([{"a": 1}, None, {"a": None}]),
)
READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, schema_overrides={"day": pl.Date}),
    ".jsonl": lambda path: pl.read_ndjson(path, schema_overrides={"day": pl.Date}),
    ".ndjson": lambda path: pl.read_ndjson(path, schema_overrides={"day": pl.Date}),
    ".arrow": lambda path: pl.read_ipc(path.read_bytes()),
}


def save(path: Path, *frames: pl.DataFrame) -> Written:
    return receive(path, b"".join(piece.data for piece in encode(frames, frames[0].schema)))


def receive(path: Path, data: bytes) -> Written:
    reader = open_stream([data])
    existed = path.exists()
    with TableSink(path, reader.schema) as sink:
        for batch in reader.batches():
            sink.write(batch)
        assert path.exists() == existed
        return sink.commit()


@pytest.mark.parametrize("suffix", READERS)
def test_rows_are_written_as_the_suffix_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roses{suffix}"
    written = save(path, FLAT, FLAT)
    assert READERS[suffix](path).equals(pl.concat([FLAT, FLAT]))
    assert written.rows == 6
    # The digest is of the bytes written, as anybody computes it.
    source = FileSource.at(path)
    assert (written.sha256, written.size_bytes) == (source.sha256, source.size_bytes)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl"])
def test_nested_values_are_kept_where_the_format_can(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roses{suffix}"
    save(path, RICH)
    read = READERS[suffix](path)
    if suffix == ".jsonl":
        assert read["tags"].to_list() == RICH["tags"].to_list()
    else:
        assert read.equals(RICH)


@pytest.mark.parametrize("suffix", READERS)
def test_a_table_without_rows_is_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roses{suffix}"
    assert save(path, FLAT.clear()).rows == 0
    if suffix in (".parquet", ".arrow", ".csv"):
        assert READERS[suffix](path).columns == FLAT.columns


def test_batches_are_gathered_into_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a.parquet", *[FLAT] * 50)
    assert pa.parquet.read_metadata(tmp_path / "a.parquet").num_row_groups == 1
    monkeypatch.setattr(table_sink, "ROW_GROUP_BYTES", 1_000)
    save(tmp_path / "b.parquet", *[FLAT] * 50)
    assert 1 < pa.parquet.read_metadata(tmp_path / "b.parquet").num_row_groups < 50
    assert pl.read_parquet(tmp_path / "b.parquet").height == 150


@pytest.mark.parametrize("column", ["tags", "inner"])
def test_a_column_that_csv_cannot_hold_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        save(tmp_path / "roses.csv", RICH.select("id", column))
    assert caught.value.setting == "output"
    assert ".parquet" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["roses", "roses.xlsx", "roses.parquet.gz"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    assert table_format(name) is None
    with pytest.raises(ConfigurationError, match="cannot be written"):
        save(tmp_path / name, FLAT)


@pytest.mark.parametrize("suffix", READERS)
def test_a_stream_that_is_cut_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"roses{suffix}"
    path.write_bytes(b"before")
    data = b"".join(piece.data for piece in encode([FLAT, FLAT], FLAT.schema))
    with pytest.raises(IntegrityError):
        receive(path, data[:-20])
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", READERS)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        TableSink(tmp_path / "missing" / f"roses{suffix}", arrow_schema(FLAT.schema))


@pytest.mark.parametrize("suffix", READERS)
def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = FileSink.write

    def full_at_last(self: FileSink, data: bytes) -> int:
        if self.offset > 10:
            raise ConfigurationError("no space", setting="output")
        return write(self, data)

    monkeypatch.setattr(FileSink, "write", full_at_last)
    with pytest.raises(ConfigurationError, match="no space"):
        save(tmp_path / f"roses{suffix}", FLAT, FLAT, FLAT)
    assert list(tmp_path.iterdir()) == []
