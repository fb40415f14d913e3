from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.published_file import open_regular
from trustspace.dataplane.table_layout import TableLayout, describe, read_layout
from trustspace.dataplane.table_reader import scan_csv
from trustspace.errors import ConfigurationError


def layout_of(path: Path, content: str | bytes) -> TableLayout:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_regular(str(path.resolve())) as file:
        return read_layout(file)


def types(layout: TableLayout) -> dict[str, str]:
    return {column.name: column.type for column in layout.columns}


def rich_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "whole": [1],
            "number": [1.5],
            "decimal": [Decimal("1.50")],
            "text": ["a"],
            "category": pl.Series(["a"], dtype=pl.Categorical),
            "truth": [True],
            "day": [date(2026, 1, 31)],
            "moment": [datetime(2026, 1, 31, tzinfo=UTC)],
            "local": [datetime(2026, 1, 31)],  # noqa: DTZ001 - a column without a zone
            "items": [[1]],
            "inner": [{"a": 1}],
            "bytes": [b"x"],
            "length": [timedelta(1)],
        }
    )


RICH = {
    "whole": "integer",
    "number": "number",
    "decimal": "decimal",
    "text": "string",
    "category": "string",
    "truth": "boolean",
    "day": "date",
    "moment": "dateTime",
    "local": "localDateTime",
    "items": "list",
    "inner": "struct",
    "bytes": "binary",
    "length": "duration",
}


def test_parquet_and_arrow_say_their_types_themselves(tmp_path: Path) -> None:
    rich_frame().write_parquet(tmp_path / "t.parquet")
    rich_frame().write_ipc(tmp_path / "file.arrow")
    rich_frame().write_ipc_stream(tmp_path / "stream.arrow")
    for name in ("t.parquet", "file.arrow", "stream.arrow"):
        columns = describe(tmp_path / name)
        assert {column.name: column.type for column in columns} == RICH


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", "", "0"], "integer"),
        (["999999999999999999"], "integer"),
        (["9999999999999999999"], "string"),
        (["1", "2.5"], "number"),
        (["1e5", "-2.50", "0.123456789012345678"], "number"),
        (["-0"], "number"),
        (["1e999"], "string"),
        (["1234567890123456.5"], "string"),
        (["0138"], "string"),
        (["+5"], "string"),
        ([" 5"], "string"),
        (["5 "], "string"),
        (["1,5"], "string"),
        (["0x10"], "string"),
        (["NaN"], "string"),
        (["1", "x"], "string"),
        (["true", "", "false"], "boolean"),
        (["True"], "string"),
        (["2026-01-31", ""], "date"),
        (["2026-02-30"], "string"),
        (["2026-01-31T08:00:00Z"], "string"),
        (["", ""], "string"),
        (["é中"], "string"),
        (["1\n2"], "string"),
    ],
)
def test_a_csv_column_is_what_all_its_text_says(
    tmp_path: Path, values: list[str], expected: str
) -> None:
    lines = ["c,d"] + [f'"{value}",x' if value else ",x" for value in values]
    layout = layout_of(tmp_path / "t.csv", "\n".join(lines) + "\n")
    assert types(layout) == {"c": expected, "d": "string"}
    assert layout.rows == len(values)


@given(
    st.lists(
        st.one_of(
            st.integers(-(10**20), 10**20).map(str),
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.from_regex(r"[+-]?0?[0-9]{1,18}(\.[0-9]{1,3})?", fullmatch=True),
            st.booleans().map(lambda value: str(value).lower()),
            st.dates().map(date.isoformat),
            st.text(st.characters(exclude_characters='"\0', exclude_categories=["Cs"]), max_size=5),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_csv_is_read_as_its_layout_says(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    content = "c,end\n" + "".join(f'"{value}",.\n' for value in values)
    layout = layout_of(path, content)
    with open_regular(str(path.resolve())) as file:
        frame = scan_csv(file, layout.declared_schema()).collect()
    assert frame.height == layout.rows == len(values)
    if layout.columns[0].type == "string":
        assert [value or "" for value in frame["c"]] == values
    if layout.columns[0].type == "integer":
        assert [str(value) for value in frame["c"]] == values
    if layout.columns[0].type == "number":
        assert frame["c"].to_list() == [float(value) for value in values]


def test_a_late_line_decides_too(tmp_path: Path) -> None:
    content = "c\n" + "1\n" * 20_000 + "x\n"
    assert types(layout_of(tmp_path / "t.csv", content)) == {"c": "string"}


def test_a_csv_with_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "t.csv", b'\xef\xbb\xbfa,"b c"\r\n1,x\r\n')
    assert types(layout) == {"a": "integer", "b c": "string"}


def test_a_csv_without_rows_is_a_table(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "t.csv", "a,b\n")
    assert (types(layout), layout.rows) == ({"a": "string", "b": "string"}, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b,a\n1,2,3\n", "two columns are called 'a'"),
        (b'a,"b\n1,2\n', "header"),
        (b'"a ""x""",b\n1,2\n', "header is unclear"),
        (b"a,b\n1,2,3\n", "more fields"),
        (b"a\n\xb2\xe2\n", "utf-8"),
        (b"\xb2\xe2\n1\n", "utf-8"),
        (b"a\0b,c\n1,2\n", "NUL"),
        (b",a\n0,1\n", "no name"),
    ],
)
def test_a_csv_that_would_be_misread_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        layout_of(tmp_path / "t.csv", content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n{"a": null}\n', {"a": "integer"}),
        ('{"a": 1}\n\n  \n{"a": 2.5}\n', {"a": "number"}),
        ('{"a": 1}\n{"a": "x"}', {"a": "string"}),
        ('{"a": 12345678901234567890}\n{"a": 1}\n', {"a": "string"}),
        ('{"a": [12345678901234567890], "b": {"c": 12345678901234567890}}', None),
        ('{"a": 1}\n{"b": true}\n', {"a": "integer", "b": "boolean"}),
        ('{"a": {"x": 1}}\n{"a": {"y": "z"}}\n', {"a": "struct"}),
        ('{"a": [1]}\n', {"a": "list"}),
        ('{"a": null}\n', {"a": "null"}),
        ('{"a": "2026-01-31"}\n', {"a": "string"}),
    ],
)
def test_json_lines_have_the_type_of_all_lines(
    tmp_path: Path, content: str, expected: dict[str, str] | None
) -> None:
    layout = layout_of(tmp_path / "t.jsonl", content)
    if expected is None:
        assert layout.declared_schema() == {
            "a": pl.List(pl.String),
            "b": pl.Struct({"c": pl.String}),
        }
    else:
        assert types(layout) == expected
    assert layout.rows == len([line for line in content.splitlines() if line.strip()])


def test_json_lines_beyond_one_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "trustspace.dataplane.table_reader.json_lines_blocks.__kwdefaults__",
        {"block_bytes": 64, "max_line_bytes": 1_000},
    )
    path = tmp_path / "t.jsonl"
    content = '{"a": 1}\n' * 50 + '{"a": 2.5, "b": "' + "x" * 500 + '"}\n' + '{"a": 3}\n' * 50
    layout = layout_of(path, content)
    assert (types(layout), layout.rows) == ({"a": "number", "b": "string"}, 101)
    with pytest.raises(ConfigurationError, match="longer than 1000 bytes"):
        layout_of(path, '{"a": "' + "x" * 2_000)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "[1, 2]\n",
        "no json\n",
        '{"a": 1}\n{"a": {"b": 1}}\n',
        '{"a": 1}\n{"a"\n',
        "{}\n",
        b'{"a": "\xff"}\n',
    ],
)
def test_json_lines_that_would_be_misread_are_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read as a table"):
        layout_of(tmp_path / "t.jsonl", content)


def test_blocks_that_contradict_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "trustspace.dataplane.table_reader.json_lines_blocks.__kwdefaults__",
        {"block_bytes": 16, "max_line_bytes": 1_000},
    )
    with pytest.raises(ConfigurationError):
        layout_of(tmp_path / "t.jsonl", '{"a": 1, "b": 1}\n{"a": {"c": 2}}\n')


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.jsonl", "t.csv"])
def test_garbage_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        layout_of(tmp_path / name, b"\x00\xffgarbage\x00" * 100)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.jsonl"])
def test_a_column_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"a": [1], "": [2]})
    writers: dict[str, Callable[[Path], object]] = {
        "t.parquet": frame.write_parquet,
        "t.arrow": frame.write_ipc,
        "t.jsonl": frame.write_ndjson,
    }
    writers[name](tmp_path / name)
    with pytest.raises(ConfigurationError, match="no name"):
        describe(tmp_path / name)


def test_a_truncated_arrow_file_is_refused(tmp_path: Path) -> None:
    rich_frame().write_ipc(tmp_path / "whole.arrow")
    data = (tmp_path / "whole.arrow").read_bytes()
    for size in (0, 3, 7, len(data) // 2, len(data) - 1):
        with pytest.raises(ConfigurationError):
            layout_of(tmp_path / "t.arrow", data[:size])


def test_arrow_text_that_is_none_is_refused(tmp_path: Path) -> None:
    table = pa.table({"a": ["needle"]})
    with pa.ipc.new_file(str(tmp_path / "w.arrow"), table.schema) as writer:
        writer.write_table(table)
    data = (tmp_path / "w.arrow").read_bytes().replace(b"needle", b"need\xff\xff")
    with pytest.raises(ConfigurationError, match="UTF8"):
        layout_of(tmp_path / "t.arrow", data)


def test_other_suffixes_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="its suffix is none of"):
        layout_of(tmp_path / "t.xlsx", b"PK")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"t\.csv cannot be read as a table: No such file"):
        describe(tmp_path / "t.csv")


def test_a_layout_survives_the_store(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "t.jsonl", '{"a": [1], "b": {"c": "d"}}\n')
    again = TableLayout.model_validate_json(layout.model_dump_json())
    assert again == layout
    assert again.declared_schema() == {"a": pl.List(pl.Int64), "b": pl.Struct({"c": pl.String})}
