from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from trustspace.dataplane.arrow_stream import Piece, decode
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.dataplane.source import FileSource
from trustspace.dataplane.table import Table
from trustspace.errors import IntegrityError, PolicyDeniedError
from trustspace.policy.mask import parse_mask
from trustspace.policy.row_filter import parse_where

SALT = b"agreement-bound-salt-0123456789a"
ROWS = 120_000
FRAME = pl.select(id=pl.int_range(ROWS)).with_columns(
    grade=pl.when(pl.col("id") % 3 == 0).then(pl.lit("A")).otherwise(pl.lit("B")),
    phone=pl.lit("138-") + (pl.col("id") % 1_000).cast(pl.String),
    price=pl.when(pl.col("id") % 7 == 0).then(None).otherwise(pl.col("id") / 8),
)
RESTRICTION = Restriction(
    filters=(parse_where('grade = "B" and price >= 100.5'),),
    columns=("id", "phone", "price"),
    masks=(parse_mask("phone:hash"),),
    salt=SALT,
)


def write_stream(frame: pl.DataFrame, path: Path) -> None:
    frame.write_ipc_stream(path)


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "t.parquet": lambda frame, path: frame.write_parquet(path, row_group_size=20_000),
    "t.csv": pl.DataFrame.write_csv,
    "t.jsonl": pl.DataFrame.write_ndjson,
    "file.arrow": lambda frame, path: frame.write_ipc(path, record_batch_size=20_000),
    "stream.arrow": write_stream,
}


def publish(folder: Path, name: str, frame: pl.DataFrame = FRAME) -> FileSource:
    WRITERS[name](frame, folder / name)
    source = FileSource.at(folder / name)
    assert source.layout is not None
    assert source.layout.rows == frame.height
    return source


@contextmanager
def pieces_of(source: FileSource, restriction: Restriction) -> Iterator[Iterator[Piece]]:
    assert source.layout is not None
    with source.open() as file:
        yield Table(file, source.layout).stream(restriction)


def received(source: FileSource, restriction: Restriction) -> pl.DataFrame:
    with pieces_of(source, restriction) as stream:
        pieces = list(stream)
    frame = pl.from_arrow(pa.Table.from_batches(decode(piece.data for piece in pieces)))
    assert isinstance(frame, pl.DataFrame)
    assert sum(piece.rows for piece in pieces) == frame.height
    return frame


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_restricted_rows(tmp_path: Path, name: str) -> None:
    expected = restrict(FRAME.lazy(), RESTRICTION).collect()
    assert 0 < expected.height < ROWS
    assert received(publish(tmp_path, name), RESTRICTION).equals(expected)


@pytest.mark.parametrize("name", WRITERS)
def test_without_a_restriction_all_of_it_leaves(tmp_path: Path, name: str) -> None:
    assert received(publish(tmp_path, name), Restriction()).equals(FRAME)


@pytest.mark.parametrize("name", WRITERS)
def test_a_filter_that_nothing_passes_leaves_the_schema(tmp_path: Path, name: str) -> None:
    restriction = Restriction(filters=(parse_where("id < 0"),), masks=(parse_mask("phone:null"),))
    with pieces_of(publish(tmp_path, name), restriction) as stream:
        data = b"".join(piece.data for piece in stream)
    with pa.ipc.open_stream(data) as reader:
        assert reader.schema.names == FRAME.columns
        assert reader.read_all().num_rows == 0


@pytest.mark.parametrize("name", WRITERS)
def test_only_constants_still_have_all_rows(tmp_path: Path, name: str) -> None:
    restriction = Restriction(columns=("phone",), masks=(parse_mask("phone:null"),))
    assert received(publish(tmp_path, name), restriction).height == ROWS


@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_carried_out_is_known_before_the_first_piece(
    tmp_path: Path, name: str
) -> None:
    source = publish(tmp_path, name)
    restriction = Restriction(filters=(parse_where('id = "1"'),))
    assert source.layout is not None
    with source.open() as file, pytest.raises(PolicyDeniedError):
        Table(file, source.layout).stream(restriction)


def test_statistics_of_parquet_do_not_change_the_outcome(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "x": [1.0, float("nan"), None, float("inf")] * 50,
            "n": [2**53, 2**53 + 1, None, -1] * 50,
            "s": ["a" * 100, "a" * 99 + "b", None, ""] * 50,
        }
    )
    source = publish(tmp_path, "t.parquet", frame)
    for where in (
        "x > 1",
        "not x <= 1",
        "x != 1",
        "n = 9007199254740993.0",
        "n < 9007199254740992.5",
        f's = "{"a" * 99}b"',
        's < "a"',
        "s is null",
        "x is null or n > 9007199254740992.0",
    ):
        restriction = Restriction(filters=(parse_where(where),))
        expected = restrict(frame.lazy(), restriction).collect(engine="in-memory")
        assert received(source, restriction).equals(expected), where


def test_columns_named_like_patterns_are_columns(tmp_path: Path) -> None:
    frame = pl.DataFrame({"^.*$": ["a"], "*": ["b"], "c": ["d"]})
    source = publish(tmp_path, "t.parquet", frame)
    assert received(source, Restriction()).equals(frame)
    masks = (parse_mask("^.*$:null"),)
    assert received(source, Restriction(masks=masks)).row(0) == (None, "b", "d")
    where = parse_where('`*` = "b" and `^.*$` = "a"')
    assert received(source, Restriction(filters=(where,))).height == 1


def test_a_file_named_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    FRAME.head(3).write_csv(tmp_path / "t[1]*.csv")
    FRAME.head(2).write_csv(tmp_path / "t1x.csv")
    source = FileSource.at(tmp_path / "t[1]*.csv")
    assert received(source, Restriction()).height == 3


@pytest.mark.parametrize("name", WRITERS)
def test_a_stream_can_be_left_at_any_piece(tmp_path: Path, name: str) -> None:
    source = publish(tmp_path, name)
    for taken in (0, 1, 2):
        with pieces_of(source, Restriction()) as stream:
            for _ in range(taken):
                next(stream)
            stream.close()  # type: ignore[attr-defined]
    assert received(source, RESTRICTION).height > 0


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl", "file.arrow", "stream.arrow"])
def test_a_file_cut_under_way_breaks_the_stream_not_the_process(tmp_path: Path, name: str) -> None:
    frame = pl.concat([FRAME] * 4, rechunk=True)
    source = publish(tmp_path, name, frame)
    with pieces_of(source, Restriction()) as stream:
        taken = [next(stream)]
        os.truncate(tmp_path / name, source.size_bytes // 3)
        with pytest.raises(IntegrityError):
            taken.extend(stream)
    with pytest.raises(IntegrityError):
        list(decode(piece.data for piece in taken))


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_written_to_under_way_never_ends_well(tmp_path: Path, name: str) -> None:
    source = publish(tmp_path, name)
    with pieces_of(source, RESTRICTION) as stream:
        first = next(stream)
        os.utime(tmp_path / name, ns=(1, source.modified_ns + 1))
        with pytest.raises(IntegrityError, match="changed since"):
            list(stream)
    assert first.data


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.endswith(".arrow")])
def test_damaged_content_breaks_the_stream_and_tells_no_value(tmp_path: Path, name: str) -> None:
    """Damaged without a trace in size and time."""
    source = publish(tmp_path, name)
    damage(source)
    with (
        pytest.raises(IntegrityError) as caught,
        pieces_of(source, RESTRICTION) as stream,
    ):
        list(stream)
    assert "138-" not in str(caught.value)


@pytest.mark.parametrize("name", ["file.arrow", "stream.arrow"])
def test_damaged_arrow_does_not_end_the_process(tmp_path: Path, name: str) -> None:
    """Its values have no check of their own: they are other values, or a broken stream."""
    source = publish(tmp_path, name)
    damage(source)
    with contextlib.suppress(IntegrityError), pieces_of(source, RESTRICTION) as stream:
        list(stream)


def damage(source: FileSource) -> None:
    with Path(source.path).open("r+b") as file:
        file.seek(source.size_bytes // 2)
        file.write(b'\xff,"\xff\n,,,,,\n{]' * 2_000)
        file.truncate(source.size_bytes)
    os.utime(source.path, ns=(1, source.modified_ns))


def test_a_wrong_head_is_refused_before_the_first_piece(tmp_path: Path) -> None:
    source = publish(tmp_path, "t.parquet")
    (tmp_path / "t.parquet").write_bytes(b"\0" * source.size_bytes)
    os.utime(tmp_path / "t.parquet", ns=(1, source.modified_ns))
    assert source.layout is not None
    with source.open() as file, pytest.raises(IntegrityError, match="expected parquet"):
        Table(file, source.layout).stream(Restriction())


def test_rows_of_any_width_make_batches_of_a_size(tmp_path: Path) -> None:
    def batch_rows(**columns: Any) -> int:
        source = publish(tmp_path, "t.csv", pl.DataFrame(columns))
        assert source.layout is not None
        with source.open() as file:
            return Table(file, source.layout)._batch_rows()

    assert batch_rows(a=["x"]) == 131_072
    assert batch_rows(a=["x" * 100_000] * 10) == 256
    assert batch_rows(a=["x" * 999] * 100) == 4_194
    assert batch_rows(a=[]) == 131_072
