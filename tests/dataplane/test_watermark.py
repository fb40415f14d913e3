"""Watermarks: they survive what is done to a copy, and accuse nobody by chance."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trustspace.dataplane.watermark import Watermark, WatermarkSpec, find
from trustspace.errors import PolicyDeniedError

ROWS = 4_000
SPEC = WatermarkSpec(
    identity=("id",),
    steps={"price": Decimal("0.01"), "stems": Decimal(1), "weight": Decimal("0.5")},
)
KEYS = {f"urn:uuid:a{each}": bytes([each]) * 32 for each in range(20)}


def roses(rows: int = ROWS, seed: int = 1) -> pl.DataFrame:
    draw = random.Random(seed)  # noqa: S311 - the same roses in every run
    return pl.DataFrame(
        {
            "id": range(rows),
            "grade": [draw.choice("ABC") for _ in range(rows)],
            "price": pl.Series(
                [Decimal(draw.randrange(100_000)) / 100 for _ in range(rows)],
                dtype=pl.Decimal(12, 2),
            ),
            "stems": pl.Series([draw.randrange(200) for _ in range(rows)], dtype=pl.UInt8),
            "weight": [draw.randrange(400) / 4 for _ in range(rows)],
        }
    )


def marked(agreement: str = "urn:uuid:a7", rows: int = ROWS) -> pl.DataFrame:
    return Watermark(SPEC, KEYS[agreement]).mark(roses(rows))


def found(table: pl.DataFrame) -> list[str]:
    return [each.agreement for each in find(table, SPEC, KEYS)]


def test_a_mark_names_the_agreement_and_changes_little() -> None:
    original, copy = roses(), marked()
    assert copy.schema == original.schema
    for name, step in SPEC.steps.items():
        moved = (copy[name].cast(pl.Float64) - original[name].cast(pl.Float64)).abs()
        assert moved.max() == pytest.approx(float(step))
        assert 0 < (moved > 0).sum() < ROWS / 8
    assert_frame_equal(copy.select("id", "grade"), original.select("id", "grade"))
    (finding,) = find(copy, SPEC, KEYS)
    assert finding.agreement == "urn:uuid:a7"
    assert finding.agreeing == finding.marked
    assert finding.chance < 1e-100


@pytest.mark.parametrize(
    "change",
    [
        lambda copy: copy.sample(fraction=1.0, shuffle=True, seed=3),
        lambda copy: copy.sample(fraction=0.1, seed=3),
        lambda copy: copy.filter(pl.col("grade") == "A"),
        lambda copy: copy.select("id", "stems"),
        lambda copy: pl.concat([copy, roses(2_000, seed=9).with_columns(pl.col("id") + ROWS)]),
        lambda copy: pl.concat([copy, copy, copy]),
        lambda copy: copy.with_columns(
            pl.when(pl.col("id") % 3 == 0).then(0).otherwise(pl.col("stems")).alias("stems")
        ),
        lambda copy: copy.with_columns(pl.col("price").cast(pl.Float64)),
    ],
)
def test_a_mark_survives_what_is_done_to_a_copy(change: object) -> None:
    assert found(change(marked())) == ["urn:uuid:a7"]  # type: ignore[operator]


def test_a_mark_survives_a_file(tmp_path: Path) -> None:
    marked().write_csv(tmp_path / "copy.csv")
    assert found(pl.read_csv(tmp_path / "copy.csv")) == ["urn:uuid:a7"]


def test_two_copies_that_were_mixed_name_both() -> None:
    mixed = pl.concat([marked("urn:uuid:a3").head(2_000), marked("urn:uuid:a4").tail(2_000)])
    assert sorted(found(mixed)) == ["urn:uuid:a3", "urn:uuid:a4"]


def test_nobody_is_named_by_chance() -> None:
    """A thousand keys against tables without a mark, with copies of one row, and with few rows."""
    many = {f"urn:uuid:{each}": each.to_bytes(2, "big") * 16 for each in range(1, 1_001)}
    one_row = pl.concat([roses(1)] * 1_000)
    for table in (roses(500), one_row, marked(rows=20)):
        assert find(table, SPEC, many) == ()


@settings(max_examples=50)
@given(key=st.binary(min_size=16, max_size=64), cut=st.integers(0, 500))
def test_a_mark_does_not_depend_on_where_a_delivery_is_cut(key: bytes, cut: int) -> None:
    whole, mark = roses(500), Watermark(SPEC, key)
    parts = pl.concat([mark.mark(whole.head(cut)), mark.mark(whole.tail(500 - cut))])
    assert_frame_equal(parts, mark.mark(whole))


@given(st.lists(st.one_of(st.none(), st.integers(-128, 127)), max_size=60))
def test_numbers_stay_within_their_type_and_nothing_stays_nothing(values: list[int | None]) -> None:
    frame = pl.DataFrame(
        {"id": range(len(values)), "n": values}, schema={"id": pl.Int64, "n": pl.Int8}
    )
    copy = Watermark(
        WatermarkSpec(identity=("id",), steps={"n": Decimal(1)}, share=1), b"k" * 16
    ).mark(frame)
    for before, after in zip(values, copy["n"], strict=True):
        assert (before is None) == (after is None)
        assert before is None or abs(after - before) <= 1


RECORDS = WatermarkSpec(records=2, template={"grade": "A", "note": "rose {token}"})


def test_marker_records_name_the_agreement_in_any_text() -> None:
    mark = Watermark(RECORDS, KEYS["urn:uuid:a7"])
    schema = pl.Schema({"id": pl.Int64(), "grade": pl.String(), "note": pl.String()})
    records = mark.marker_records(schema)
    assert records.schema == schema
    assert records["id"].to_list() == [None, None]
    others = pl.DataFrame({"id": [1], "grade": ["A"], "note": ["a rose"]}, schema=schema)
    leaked = pl.concat([others, records.tail(1)])
    (finding,) = find(leaked.rename({"note": "text"}), RECORDS, KEYS)
    assert (finding.agreement, finding.records) == ("urn:uuid:a7", 1)
    assert find(others, RECORDS, KEYS) == ()


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (WatermarkSpec(identity=("gone",), steps={"n": Decimal(1)}), "gone"),
        (WatermarkSpec(identity=("id",), steps={"gone": Decimal(1)}), "gone"),
        (WatermarkSpec(identity=("id",), steps={"text": Decimal(1)}), "text"),
        (WatermarkSpec(identity=("id",), steps={"n": Decimal("0.5")}), "n"),
        (WatermarkSpec(identity=("x",), steps={"n": Decimal(1)}), "x"),
        (WatermarkSpec(records=1, template={"n": "{token}"}), "n"),
    ],
)
def test_a_table_that_cannot_carry_the_mark_is_refused(spec: WatermarkSpec, names: str) -> None:
    schema = {"id": pl.Int64(), "n": pl.Int64(), "x": pl.Float64(), "text": pl.String()}
    with pytest.raises(PolicyDeniedError, match=names) as refused:
        Watermark(spec, b"k" * 16).check(schema)
    assert refused.value.code == "pep.unenforceable"


def test_a_key_that_is_none_and_a_table_without_its_identity_are_refused() -> None:
    with pytest.raises(PolicyDeniedError, match="no key"):
        Watermark(SPEC, b"short")
    with pytest.raises(PolicyDeniedError, match="no row can be told"):
        find(roses().drop("id"), SPEC, KEYS)


def test_a_table_that_can_carry_the_mark_passes() -> None:
    mark = Watermark(SPEC, b"k" * 16)
    mark.check(roses().schema)
    assert mark.mark(roses(0)).is_empty()
    assert_frame_equal(Watermark(RECORDS, b"k" * 16).mark(roses(9)), roses(9))
