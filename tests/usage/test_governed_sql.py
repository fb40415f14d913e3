"""SQL over governed views: it computes what DuckDB computes, and reaches nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from trustspace.errors import DeadlineError, PolicyDeniedError, PolicyError
from trustspace.usage.governed_sql import GovernedSql

ROWS = 20_000


class Roses:
    """A view of roses that remembers what was asked of it, and may be cut."""

    def __init__(self, cut_after: int | None = None) -> None:
        self.asked: list[list[str] | None] = []
        self.batches_out = 0
        self.cut_after = cut_after
        self.table = pa.table(
            {
                "grade": ["ABC"[each % 3] for each in range(ROWS)],
                "price": list(range(ROWS)),
                "Note": [f"rose {each}" for each in range(ROWS)],
            }
        )

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self, columns: Collection[str] | None) -> Iterator[pa.RecordBatch]:
        self.asked.append(None if columns is None else list(columns))
        for batch in self.table.select(columns).to_batches(max_chunksize=1000):
            if self.cut_after is not None and self.batches_out >= self.cut_after:
                message = "the agreement has ended"
                raise PolicyDeniedError(message, code="agreement.expired")
            self.batches_out += 1
            yield batch


def rows(view: Roses, text: str, *parameters: Any) -> list[dict[str, Any]]:
    with GovernedSql({"roses": view}).running(text, parameters) as result:
        return [row for batch in result.batches() for row in batch.to_pylist()]


ANSWERED = {
    "select count(*) as n from roses": [{"n": ROWS}],
    "from roses select max(price) as n": [{"n": ROWS - 1}],
    "select grade, min(price) as n from roses group by all order by grade": [
        {"grade": "A", "n": 0},
        {"grade": "B", "n": 1},
        {"grade": "C", "n": 2},
    ],
    "with cheap as (select * from roses where price < 2) select note from cheap order by 1": [
        {"Note": "rose 0"},
        {"Note": "rose 1"},
    ],
    "select a.price as n from roses a join roses b using (price) where b.note = 'rose 7'": [
        {"n": 7}
    ],
    "select price as n from roses union select 1 order by n limit 1": [{"n": 0}],
    "select price as n from roses qualify row_number() over (order by price desc) = 1": [
        {"n": ROWS - 1}
    ],
    "with recursive t(n) as (values (1) union all select n + 1 from t where n < 3) from t": [
        {"n": 1},
        {"n": 2},
        {"n": 3},
    ],
    "select list_sum([x * 2 for x in [1, 2]]) as n": [{"n": 6}],
    "select count(*) as n from (from roses tablesample 5 rows)": [{"n": 5}],
    "select n.price as n from (select roses as n from roses limit 1)": [{"n": 0}],
    "select upper(grade[1:1]) as n from roses where price between 1 and 1": [{"n": "B"}],
    "select i as n from range(2) t(i)": [{"n": 0}, {"n": 1}],
    "select w as n from (unpivot (select price from roses limit 1) on price into name v value w)": [
        {"n": 0}
    ],
}


@pytest.mark.parametrize("text", ANSWERED)
def test_a_query_is_answered_as_by_duckdb(text: str) -> None:
    assert rows(Roses(), text) == ANSWERED[text]


def test_parameters_are_values_never_text() -> None:
    hostile = "x' or 1=1 --"
    assert rows(Roses(), "select price from roses where note = ?", hostile) == []
    assert rows(Roses(), "select $1 as n from roses limit 1", hostile) == [{"n": hostile}]


def test_only_the_columns_that_a_query_may_mean_are_read() -> None:
    view = Roses()
    rows(view, "select avg(PRICE) from roses where grade = 'A'")
    rows(view, "select count(*) from roses")
    rows(view, "select * exclude (price) from roses limit 1")
    rows(view, "select a.grade from roses a natural join roses b limit 1")
    assert view.asked[0] == ["grade", "price"]
    assert view.asked[1] == ["grade"]
    assert all(each == ["grade", "price", "Note"] for each in view.asked[2:])


HOSTILE = [
    "select * from read_csv('{file}')",
    "select * from read_text('{file}')",
    "select * from read_blob('{folder}/*')",
    "select * from glob('{folder}/*')",
    "select * from '{file}'",
    'from "{file}"',
    "select * from sniff_csv('{file}')",
    "select * from parquet_metadata('{file}')",
    "select * from query('select 1')",
    "select * from query_table('roses')",
    "copy roses to '{folder}/out.csv'",
    "copy (select * from roses) to '{folder}/out.csv'",
    "export database '{folder}/out'",
    "attach ':memory:' as other",
    "attach '{folder}/out.db' as other",
    "create table t as select * from roses",
    "create temp view t as select * from roses",
    "create macro f() as 1",
    "create secret s (type s3)",
    "insert into roses values ('A', 1, 'x')",
    "drop view roses",
    "set memory_limit = '10GB'",
    "pragma database_list",
    "call duckdb_settings()",
    "install httpfs",
    "load httpfs",
    "explain select * from roses",
    "explain analyze select * from roses",
    "prepare p as select 1",
    "describe roses",
    "summarize roses",
    "show all tables",
    "vacuum",
    "begin transaction",
    "select 1; select 2",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from duckdb_views()",
    "select * from pragma_table_info('roses')",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_tables",
    "select * from sqlite_master",
    "select * from main.roses",
    "select * from memory.main.roses",
    "select * from test_all_types()",
    "select getenv('HOME')",
    "select current_setting('temp_directory')",
    "select getvariable('x')",
    "select current_query()",
    "select write_log('x')",
    "select sleep_ms(1000)",
    "select pg_sleep(1)",
    "select nextval('s')",
    "select repeat('x', 1000000)",
    "select json_serialize_sql('select 1')",
    "select json_execute_serialized_sql('x')",
    "select main.read_text('{file}')",
    "select price from roses where exists (select 1 from read_text('{file}'))",
    "with x as (select * from read_text('{file}')) select * from x",
    "select (select content from read_text('{file}'))",
    "select [(select content from read_text('{file}')) for x in [1]]",
    "select price from roses order by (select 1 from glob('*'))",
    "select price from roses limit (select count(*) from glob('*'))",
    "select case when (select true from glob('*')) then 1 end",
    "select sum(price) filter (where getenv('HOME') is not null) from roses",
    "select sum(price) over (partition by getenv('HOME')) from roses",
    "select price from roses join read_text('{file}') on true",
    "select price from roses, lateral (select * from read_text('{file}'))",
    "from roses pivot (count(*) for grade in (select content from read_text('{file}')))",
    "select * from roses union all select * from read_csv('{file}')",
    "with recursive t as (select 1 union all select 1 from glob('*')) from t",
    "values ((select content from read_text('{file}')))",
    "select columns(x -> getenv(x)) from roses",
    "SeLeCt ReAd_TeXt('{file}')",
    "select * from thorns",
    "",
    ";",
    "select",
    "\x00",
    "select '\x00' from read_text('{file}')",
    "-- nothing",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_query_is_refused_and_leaves_nothing(text: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("canary-7231\n", encoding="utf-8")
    view = Roses()
    asked = text.format(file=secret, folder=tmp_path)
    with pytest.raises(PolicyError) as refused:
        rows(view, asked)
    assert refused.value.code in ("sql.refused", "sql.syntax")
    assert "canary" not in str(refused.value)
    assert view.batches_out == 0
    assert [each.name for each in tmp_path.iterdir()] == ["secret.csv"]


def test_python_objects_of_the_caller_are_no_tables() -> None:
    thorns = pa.table({"x": [1]})
    with pytest.raises(PolicyDeniedError, match="no view 'thorns'"):
        rows(Roses(), "select * from thorns")
    assert thorns.num_rows == 1


def test_a_query_ends_with_the_agreement_in_its_middle() -> None:
    view = Roses(cut_after=3)
    with pytest.raises(PolicyDeniedError) as denied:
        rows(view, "select sum(price) from roses")
    assert denied.value.code == "agreement.expired"
    assert view.batches_out == 3


def test_nothing_is_spilled_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sql = GovernedSql({"roses": Roses()}, memory="24MB", threads=1)
    text = "select a.note, b.note from roses a join roses b on a.grade = b.grade order by 1, 2"
    with pytest.raises(PolicyError) as failed, sql.running(text) as result:
        for _ in result.batches():
            pass
    assert failed.value.code == "sql.failed"
    assert "spill" in failed.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_query_that_takes_too_long_is_stopped() -> None:
    sql = GovernedSql({"roses": Roses()}, deadline=timedelta(seconds=0.2))
    text = "select count(*) from roses a, roses b, roses c where a.price + b.price = c.price"
    with pytest.raises(DeadlineError, match="longer than"), sql.running(text) as result:
        list(result.batches())


def test_an_error_names_the_column_but_no_value() -> None:
    with pytest.raises(PolicyError, match="pricee") as failed:
        rows(Roses(), "select pricee from roses")
    assert failed.value.code == "sql.failed"
    with pytest.raises(PolicyError) as failed:
        rows(Roses(), "select note::int from roses")
    assert "rose 0" not in str(failed.value)


def test_a_query_has_a_longest_length() -> None:
    with pytest.raises(PolicyError) as failed:
        rows(Roses(), "select 1" + " " * 100_001)
    assert failed.value.code == "sql.limit"


def test_batches_are_handed_out_while_the_query_runs() -> None:
    view = Roses()
    with GovernedSql({"roses": view}, threads=1).running("from roses") as result:
        first = next(result.batches())
        assert result.schema.names == ["grade", "price", "Note"]
        assert 0 < first.num_rows < ROWS
