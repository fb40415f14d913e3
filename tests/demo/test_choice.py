"""Which terms the demonstration puts on a table: one rule, and a word when it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trustspace.demo.choice import PURPOSE, USES, choose
from trustspace.errors import ConfigurationError
from trustspace.policy.row_filter import parse_where


def _csv(tmp_path: Path, **columns: list[Any]) -> Path:
    file = tmp_path / "table.csv"
    pl.DataFrame(columns).write_csv(file)
    return file


def test_the_first_text_is_hashed_the_last_column_dropped_the_upper_half_kept(
    tmp_path: Path,
) -> None:
    file = _csv(tmp_path, name=["a", "b", "c", "d"], size=[1, 2, 3, 4], note=["w", "x", "y", "z"])
    choice = choose(file)
    assert (choice.hashed, choice.dropped) == ("name", "note")
    assert choice.where == "size >= 2.5"
    assert (choice.rows, choice.total) == (2, 4)
    assert choice.keywords == {
        "purpose": PURPOSE,
        "count": USES,
        "where": "size >= 2.5",
        "mask": ["name:hash"],
        "drop": ["note"],
    }
    for word in ("name hashed", "without note", "size >= 2.5", f"{USES} uses", PURPOSE):
        assert word in choice.words


def test_a_text_that_is_dropped_is_not_hashed(tmp_path: Path) -> None:
    choice = choose(_csv(tmp_path, size=[1, 2], note=["x", "y"]))
    assert (choice.hashed, choice.dropped) == (None, "note")
    assert "mask" not in choice.keywords
    assert "hashed" not in choice.words


def test_a_single_column_stays(tmp_path: Path) -> None:
    choice = choose(_csv(tmp_path, size=[1, 2, 3]))
    assert (choice.hashed, choice.dropped) == (None, None)
    assert choice.rows == 2
    assert "drop" not in choice.keywords


def test_a_name_with_spaces_is_quoted(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"mean radius": [1.5, 2.5, 3.5], "x": [1, 1, 1]}
    choice = choose(_csv(tmp_path, **columns))
    assert choice.where == "`mean radius` >= 2.5"
    parse_where(choice.where)


def test_missing_numbers_are_left_out(tmp_path: Path) -> None:
    choice = choose(_csv(tmp_path, size=[None, 1, 3], x=[1, 1, 1]))
    assert (choice.rows, choice.total) == (1, 3)


def test_a_column_without_any_number_keeps_what_there_is(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    frame = pl.DataFrame(
        {"size": [None, None], "x": [1, 2]}, schema={"size": pl.Int64, "x": pl.Int64}
    )
    frame.write_parquet(file)
    choice = choose(file)
    assert choice.where == "size is not null"
    assert choice.rows == 0


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".ndjson", ".CSV"])
def test_every_kind_of_table_is_read(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"table{suffix}"
    frame = pl.DataFrame({"size": [1, 2], "note": ["x", "y"]})
    if suffix == ".parquet":
        frame.write_parquet(file)
    elif suffix == ".CSV":
        frame.write_csv(file)
    else:
        frame.write_ndjson(file)
    assert choose(file).total == 2


def test_a_table_without_numbers_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no numeric column") as told:
        choose(_csv(tmp_path, a=["x"], b=["y"]))
    assert "--where" in told.value.hint


@pytest.mark.parametrize("name", ["photo.jpg", "table", "table.parquet", "table.jsonl"])
def test_what_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xd8 no table at all")
    with pytest.raises(ConfigurationError, match="cannot be read as a table") as told:
        choose(tmp_path / name)
    assert told.value.setting == "FILE"
    assert ".parquet" in told.value.hint


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        choose(tmp_path / "absent.csv")
