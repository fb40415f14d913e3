from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustspace.dataplane.arrow_stream import (
    END,
    PIECE_BYTES,
    Piece,
    decode,
    encode,
    open_stream,
)
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.errors import ConnectError, IntegrityError
from trustspace.policy.mask import parse_mask
from trustspace.policy.row_filter import parse_where

FRAME = pl.DataFrame(
    {
        "id": [1, 2, None],
        "name": ["a", None, "a name of more than twelve characters"],
        "tags": [["x", "another long text, kept elsewhere"], None, []],
        "inner": [{"u": 1.5, "v": "w"}, None, {"u": None, "v": None}],
    }
)


def written(*frames: pl.DataFrame) -> bytes:
    return b"".join(piece.data for piece in encode(frames, frames[0].schema))


def read(data: bytes, step: int = 0) -> pl.DataFrame:
    step = step or len(data) or 1
    batches = list(decode(data[start : start + step] for start in range(0, len(data), step)))
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize("step", [1, 7, 64, 100_000])
def test_what_is_written_is_read_however_it_is_cut(step: int) -> None:
    data = written(FRAME, FRAME.clear(), FRAME)
    assert read(data, step).equals(pl.concat([FRAME, FRAME]))


def test_other_readers_read_it_too() -> None:
    with pa.ipc.open_stream(written(FRAME)) as reader:
        table = reader.read_all()
    assert table.num_rows == 3
    assert table.schema.field("name").type == pa.large_string()
    assert pl.read_ipc_stream(written(FRAME)).equals(FRAME)


def test_a_table_without_rows_has_its_schema() -> None:
    data = written(FRAME.clear())
    reader = open_stream([data])
    assert reader.schema.names == FRAME.columns
    assert list(reader.batches()) == []


def test_pieces_have_one_size_and_all_rows() -> None:
    frame = pl.select(n=pl.int_range(700_000))
    frames = [frame, frame.head(10), frame]
    pieces = list(encode(frames, frame.schema))
    assert {len(piece.data) for piece in pieces[:-1]} == {PIECE_BYTES}
    assert 0 < len(pieces[-1].data) <= PIECE_BYTES
    assert sum(piece.rows for piece in pieces) == 1_400_010
    # The rows of a batch count with its first byte.
    assert pieces[0].rows == 700_000


def test_frames_are_taken_one_by_one() -> None:
    frame = pl.select(n=pl.int_range(200_000))
    taken = 0

    def frames() -> Iterator[pl.DataFrame]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield frame

    pieces = encode(frames(), frame.schema)
    first = next(pieces)
    assert isinstance(first, Piece)
    assert taken == 1
    pieces.close()  # type: ignore[attr-defined]


HIDDEN = "hidden-value-of-a-row-that-stays"


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize(
    "column",
    [
        pl.Series("c", [HIDDEN + "-1", "open"]),
        pl.Series("c", [[HIDDEN, HIDDEN + "-2"], ["open"]]),
        pl.Series("c", [{"x": HIDDEN + "-3"}, {"x": "open"}]),
        pl.Series("c", [HIDDEN.encode(), b"open"]),
        pl.Series("c", [HIDDEN + "-4", "open"], dtype=pl.Categorical),
        pl.Series("c", [[HIDDEN + "-5"], ["open"]], dtype=pl.List(pl.Categorical)),
        pl.Series("c", [[HIDDEN] * 2, ["open"] * 2], dtype=pl.Array(pl.String, 2)),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else value,
)
def test_no_byte_of_a_filtered_row_leaves(column: pl.Series, engine: Any) -> None:
    frame = pl.DataFrame({"id": [1, 2], "c": column})
    query = restrict(frame.lazy(), Restriction(filters=(parse_where("id = 2"),)))
    result = query.collect(engine=engine)
    data = b"".join(piece.data for piece in encode([result], result.schema))
    assert b"open" in data
    assert HIDDEN.encode() not in data
    # The same for a frame that is a window into a larger one.
    window = frame.with_columns(pl.col("c")).slice(1)
    windowed = restrict(window.lazy(), Restriction()).collect(engine=engine)
    data = b"".join(piece.data for piece in encode([windowed], windowed.schema))
    assert HIDDEN.encode() not in data


@pytest.mark.parametrize("method", ["hash", "null", "partial", "drop"])
def test_no_byte_of_a_masked_column_leaves(method: str) -> None:
    frame = pl.DataFrame({"id": [1, 2], "c": [HIDDEN, HIDDEN + "!"]})
    restriction = Restriction(masks=(parse_mask(f"c:{method}"),), salt=b"s" * 32)
    result = restrict(frame.lazy(), restriction).collect()
    data = b"".join(piece.data for piece in encode([result], result.schema))
    assert HIDDEN.encode() not in data


def test_a_stream_without_its_end_is_cut_short() -> None:
    with pytest.raises(IntegrityError, match="end marker"):
        read(written(FRAME)[: -len(END)])


def test_a_stream_that_goes_on_behind_its_end_is_refused() -> None:
    for more in (b"x", END, written(FRAME)):
        with pytest.raises(IntegrityError, match="end marker"):
            read(written(FRAME) + more)


def test_batches_before_the_cut_are_still_given() -> None:
    batches = decode([written(FRAME, FRAME)[:-20]])
    assert next(batches).num_rows == 3
    with pytest.raises(IntegrityError):
        list(batches)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"garbage" * 100, b"\xff" * 4, b"\xff\xff\xff\xff\x00\x00\x00\x00", b"ARROW1\0\0"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        open_stream([data])


def test_an_announced_length_takes_no_memory() -> None:
    with pytest.raises(IntegrityError, match="too large"):
        open_stream([struct.pack("<iI", -1, 0x7FFFFFFF) + b"x" * 100])


def test_names_that_are_not_text_or_not_unique_are_refused() -> None:
    hostile = written(pl.DataFrame({"name_one": [1]})).replace(b"name_one", b"name_\xff\xfe!")
    with pytest.raises(IntegrityError):
        open_stream([hostile])
    twice = written(pl.DataFrame({"name_1": [1], "name_2": [1]})).replace(b"name_2", b"name_1")
    with pytest.raises(IntegrityError):
        open_stream([twice])


def test_text_that_is_not_utf8_is_refused() -> None:
    hostile = written(FRAME).replace(b"twelve", b"twel\xff\xff")
    with pytest.raises(IntegrityError):
        read(hostile)


def test_a_failing_connection_fails_as_what_it_is() -> None:
    def chunks() -> Iterator[bytes]:
        yield written(FRAME)[:700]
        raise ConnectError("the connection broke")

    with pytest.raises(ConnectError):
        list(decode(chunks()))


def _foreign_stream() -> bytes:
    table = pa.table({"c": pa.array(["a", "b"]).dictionary_encode(), "v": pa.array(["x" * 20, ""])})
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_dictionaries_and_compression_of_other_writers_are_read() -> None:
    assert read(_foreign_stream()).rows() == [("a", "x" * 20), ("b", "")]


@settings(max_examples=300)
@given(
    st.sampled_from([written(FRAME, FRAME), _foreign_stream()]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damaged_bytes_are_refused_or_valid(data: bytes, damage: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for position, value in damage:
        damaged[position % len(damaged)] = value
    try:
        batches = list(decode([bytes(damaged)]))
    except IntegrityError:
        return
    for batch in batches:
        batch.validate(full=True)
