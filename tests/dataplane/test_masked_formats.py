"""Masks on every format of table: what leaves is masked, in the bytes too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from trustspace.dataplane.arrow_stream import decode
from trustspace.dataplane.restriction import Restriction, restrict
from trustspace.dataplane.source import FileSource
from trustspace.dataplane.table import Table
from trustspace.errors import PolicyDeniedError
from trustspace.policy.mask import parse_mask

SALT = b"agreement-bound-salt-0123456789a"
SECRETS = [f"secret-{number}\0\n\"',;中" for number in range(50)]
FRAME = pl.DataFrame(
    {
        "hash": SECRETS,
        "tokenise": SECRETS,
        "partial": SECRETS,
        "null": SECRETS,
        "drop": SECRETS,
        "constant": SECRETS,
        "redact": [f"{secret[-3:]} 138-{5000 + n}-0000" for n, secret in enumerate(SECRETS)],
        "id": [7_000_000_019 + 1_000_003 * number for number in range(50)],
        "price": [1000 + number + 0.4321 for number in range(50)],
        "born": [datetime(1970, 5, 1 + number % 28, tzinfo=UTC).date() for number in range(50)],
    }
).with_columns(pl.when(pl.int_range(50) != 7).then(pl.all()))
MASKS = (
    "hash:hash",
    "tokenise:tokenise",
    "partial:partial(keep=1)",
    "null:null",
    "drop:drop",
    "constant:constant(value=x)",
    "redact:redact_pii",
    "id:tokenise",
    "price:round(step=1000)",
    "born:date_floor(unit=year)",
)
RESTRICTION = Restriction(masks=tuple(map(parse_mask, MASKS)), salt=SALT)
WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "t.parquet": pl.DataFrame.write_parquet,
    "t.csv": pl.DataFrame.write_csv,
    "t.jsonl": pl.DataFrame.write_ndjson,
    "file.arrow": pl.DataFrame.write_ipc,
    "stream.arrow": pl.DataFrame.write_ipc_stream,
}


def published(folder: Path, name: str, frame: pl.DataFrame) -> FileSource:
    WRITERS[name](frame, folder / name)
    return FileSource.at(folder / name)


def streamed(source: FileSource, restriction: Restriction) -> bytes:
    assert source.layout is not None
    with source.open() as file:
        return b"".join(piece.data for piece in Table(file, source.layout).stream(restriction))


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_masked_is_in_the_bytes_that_leave(tmp_path: Path, name: str) -> None:
    frame = FRAME
    masks = RESTRICTION.masks
    if name.endswith("csv"):  # NUL, which not every reader of CSV takes
        frame = frame.with_columns(pl.col(pl.String).str.replace_all("\0", "0", literal=True))
    if name.endswith("jsonl"):  # JSON has no dates: they are text, which has no year
        masks = tuple(mask for mask in masks if mask.column != "born")
    data = streamed(published(tmp_path, name, frame), Restriction(masks=masks, salt=SALT))
    assert b"secret" not in data
    assert not any(f"138-{5000 + number}".encode() in data for number in range(50))
    left = pl.from_arrow(pa.Table.from_batches(decode([data])))
    assert isinstance(left, pl.DataFrame)
    if name.endswith("jsonl"):
        left, frame = left.drop("born"), frame.drop("born")
    assert left.equals(restrict(frame.lazy(), Restriction(masks=masks, salt=SALT)).collect())
    assert left["constant"].to_list() == ["x"] * 50
    assert left.row(7, named=True)["hash"] is None
    assert set(left["price"].drop_nulls()) == {1000.0}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "mask", ["hash:round(step=1)", "price:redact_pii", "id:date_floor(unit=day)", "price:tokenise"]
)
def test_a_method_that_does_not_fit_is_refused_before_a_byte(
    tmp_path: Path, name: str, mask: str
) -> None:
    source = published(tmp_path, name, FRAME.select("hash", "price", "id"))
    with pytest.raises(PolicyDeniedError) as caught:
        streamed(source, Restriction(masks=(parse_mask(mask),), salt=SALT))
    assert caught.value.code == "pep.unenforceable"


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "file.arrow", "stream.arrow"])
def test_lists_and_structures_are_emptied_or_refused(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"list": [["secret"], None], "structure": [{"a": "secret"}, None]})
    source = published(tmp_path, name, frame)
    nulls = tuple(map(parse_mask, ("list:null", "structure:null")))
    assert b"secret" not in streamed(source, Restriction(masks=nulls))
    for mask in ("list:hash", "structure:redact_pii", "list:tokenise", "structure:partial"):
        with pytest.raises(PolicyDeniedError, match="no canonical text"):
            streamed(source, Restriction(masks=(parse_mask(mask),), salt=SALT))
