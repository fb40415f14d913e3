from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from tests.dataplane.masking import mac, masked

TEXTS: list[tuple[pl.Series, list[str | None]]] = [
    (pl.Series(["a", None, "", "a", "é\u0301中"]), ["a", None, "", "a", "é\u0301中"]),
    (pl.Series([1, -(2**63), None]), ["1", str(-(2**63)), None]),
    (pl.Series([2**64 - 1], dtype=pl.UInt64), [str(2**64 - 1)]),
    (
        pl.Series([1.0, -0.0, 0.1, 1e21, 1e-7, math.nan, math.inf, -math.inf, None]),
        ["1", "0", "0.1", "1e+21", "1e-7", "NaN", "Infinity", "-Infinity", None],
    ),
    (pl.Series([0.5, None], dtype=pl.Float32), ["0.5", None]),
    (
        pl.Series([Decimal("1.50"), Decimal("-2.00"), Decimal("100.00"), None]),
        ["1.5", "-2", "100", None],
    ),
    (pl.Series([Decimal(100), None], dtype=pl.Decimal(10, 0)), ["100", None]),
    (pl.Series([True, False, None]), ["true", "false", None]),
    (pl.Series([date(2026, 1, 31), None]), ["2026-01-31", None]),
    (pl.Series([time(8, 0, 0, 5), None]), ["08:00:00.000005", None]),
    (pl.Series([timedelta(days=1, seconds=5), None]), ["P1DT5S", None]),
    (pl.Series([b"\x00\xff", None]), ["00ff", None]),
    (pl.Series(["b", None], dtype=pl.Categorical), ["b", None]),
    (pl.Series(["b", None], dtype=pl.Enum(["b"])), ["b", None]),
    (pl.Series([None, None]), [None, None]),
    (
        pl.Series([datetime(2026, 1, 31, 8)]),  # noqa: DTZ001 - a column without a zone
        ["2026-01-31T08:00:00"],
    ),
    (
        pl.Series([datetime(2026, 1, 31, 8, 0, 0, 5, tzinfo=UTC), None]).dt.convert_time_zone(
            "Asia/Shanghai"
        ),
        ["2026-01-31T08:00:00.000005Z", None],
    ),
    (
        pl.Series([1]).cast(pl.Datetime("ns", "UTC")),
        ["1970-01-01T00:00:00.000000001Z"],
    ),
]


@pytest.mark.parametrize(("series", "texts"), TEXTS, ids=lambda value: str(value)[:0] or None)
def test_a_hash_is_the_mac_of_the_canonical_text(
    series: pl.Series, texts: list[str | None]
) -> None:
    assert masked(series, "hash") == [None if text is None else mac(text) for text in texts]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([2**62, -(2**62)]).cast(pl.Datetime("us")),
        pl.Series([2**62, -(2**62)]).cast(pl.Datetime("ms", "UTC")),
        pl.Series([2**31 - 1, -(2**31)], dtype=pl.Int32).cast(pl.Date),
    ],
)
def test_moments_beyond_the_calendar_are_null(series: pl.Series) -> None:
    """Polars would stop the process over them."""
    assert masked(series, "hash") == [None, None]
