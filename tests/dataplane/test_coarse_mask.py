from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dataplane.masking import masked_column

from trustspace.errors import PolicyDeniedError


def nearest(value: Decimal, step: str) -> Decimal:
    return (value / Decimal(step)).quantize(Decimal(1), ROUND_HALF_UP) * Decimal(step)


@pytest.mark.parametrize(
    ("dtype", "mask", "values", "expected"),
    [
        (pl.Int64, "round(step=10)", [-15, -5, -4, 4, 5, None], [-20, -10, 0, 0, 10, None]),
        (pl.Int64, "round(digits=-2)", [149, 150], [100, 200]),
        (pl.Int64, "round(digits=0)", [149], [149]),
        (pl.Int8, "round(step=10)", [-128, -126, 124, 125, 127], [None, None, 120, None, None]),
        (pl.UInt64, "round(step=10)", [0, 2**64 - 1, 2**64 - 8], [0, None, 2**64 - 6]),
        (pl.Float64, "round(step=0.05)", [1.23456, 0.1, -0.02, 1e300], [1.25, 0.1, 0.0, 1e300]),
        (pl.Float64, "round(step=100)", [12345.678, -50.0, 1e308], [12300.0, -100.0, 1e308]),
        (pl.Float64, "round(digits=2)", [1.007, math.inf, None], [1.01, math.inf, None]),
        (pl.Float32, "round(digits=0)", [1.5, -1.5], [2.0, -2.0]),
        (
            pl.Decimal(4, 2),
            "round(step=0.5)",
            [Decimal("1.25"), Decimal("-1.25"), Decimal("99.99"), None],
            [Decimal("1.50"), Decimal("-1.50"), None, None],
        ),
    ],
)
def test_numbers_go_to_the_nearest_multiple(
    dtype: Any, mask: str, values: list[Any], expected: list[Any]
) -> None:
    found = masked_column(pl.Series(values, dtype=dtype), mask)
    assert found.dtype == dtype
    assert found.to_list() == expected


def test_what_is_no_number_stays_so() -> None:
    (found,) = masked_column(pl.Series([math.nan]), "round(step=5)")
    assert math.isnan(found)
    assert masked_column(pl.Series([1e308]), "round(step=0.000000000000000003)").to_list() == [None]


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20), st.integers(1, 10**6))
def test_whole_numbers_are_rounded_exactly(values: list[int], step: int) -> None:
    found = masked_column(pl.Series(values), f"round(step={step})").to_list()
    assert found == [nearest_whole(value, step) for value in values]


def nearest_whole(value: int, step: int) -> int:
    sign = 1 if value >= 0 else -1
    return sign * ((2 * abs(value) + step) // (2 * step) * step)


@given(
    st.lists(st.decimals(-(10**12), 10**12, places=3), min_size=1, max_size=20),
    st.sampled_from(["0.001", "0.05", "0.25", "3", "1000"]),
)
def test_decimals_are_rounded_exactly(values: list[Decimal], step: str) -> None:
    series = pl.Series(values, dtype=pl.Decimal(38, 3))
    found = masked_column(series, f"round(step={step})").to_list()
    assert found == [nearest(value, step) for value in values]


@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20),
    st.sampled_from(["0.05", "0.25", "3", "1000"]),
)
def test_floats_are_within_half_a_step_of_a_multiple(values: list[float], step: str) -> None:
    found = masked_column(pl.Series(values), f"round(step={step})").to_list()
    for value, left in zip(values, found, strict=True):
        assert abs(left - value) <= float(step) / 2 * 1.001 + abs(value) * 1e-12
        assert left == float(nearest(Decimal(left), step))


@pytest.mark.parametrize(
    ("series", "mask", "words"),
    [
        (pl.Series([1]), "round(step=0.5)", "what they are at this step"),
        (pl.Series([1]), "round(digits=1)", "what they are at this step"),
        (pl.Series([1], dtype=pl.Int8), "round(step=200)", "larger than any value"),
        (pl.Series([Decimal("1.25")]), "round(digits=3)", "are no multiples of it"),
        (pl.Series(["1"]), "round(step=1)", "are no numbers"),
        (pl.Series([True]), "round(step=1)", "are no numbers"),
        (pl.Series([date(2026, 1, 1)]), "date_floor(unit=hour)", "have no hour"),
        (pl.Series([date(2026, 1, 1)]), "date_floor(unit=day, zone=UTC)", "have no zone"),
        (pl.Series(["2026-01-01"]), "date_floor(unit=day)", "have no day"),
        (pl.Series([0]).cast(pl.Datetime), "date_floor(unit=day, zone=UTC)", "have no zone"),
        (
            pl.Series([datetime(2026, 1, 1, tzinfo=UTC)]),
            "date_floor(unit=day, zone=Nowhere/Else)",
            "there is no time zone 'Nowhere/Else'",
        ),
    ],
)
def test_what_does_not_fit_the_column_is_refused(series: pl.Series, mask: str, words: str) -> None:
    with pytest.raises(PolicyDeniedError, match=words) as caught:
        masked_column(series, mask)
    assert caught.value.code == "pep.unenforceable"


MOMENT = datetime(2026, 5, 20, 23, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "zone", "expected"),
    [
        ("year", "", datetime(2026, 1, 1, tzinfo=UTC)),
        ("quarter", "", datetime(2026, 4, 1, tzinfo=UTC)),
        ("month", "", datetime(2026, 5, 1, tzinfo=UTC)),
        ("week", "", datetime(2026, 5, 18, tzinfo=UTC)),
        ("day", "", datetime(2026, 5, 20, tzinfo=UTC)),
        ("hour", "", datetime(2026, 5, 20, 23, tzinfo=UTC)),
        ("day", "Asia/Shanghai", datetime(2026, 5, 20, 16, tzinfo=UTC)),
        ("month", "America/Sao_Paulo", datetime(2026, 5, 1, 3, tzinfo=UTC)),
        ("hour", "Asia/Kathmandu", datetime(2026, 5, 20, 23, 15, tzinfo=UTC)),
    ],
)
def test_moments_go_back_to_the_beginning(unit: str, zone: str, expected: datetime) -> None:
    mask = f"date_floor(unit={unit}, zone={zone})" if zone else f"date_floor(unit={unit})"
    series = pl.Series([MOMENT, None])
    assert masked_column(series, mask).to_list() == [expected, None]
    elsewhere = series.dt.convert_time_zone("Asia/Tokyo")
    found = masked_column(elsewhere, mask)
    assert found.dtype == elsewhere.dtype
    assert found.to_list() == [expected, None]


def test_dates_and_moments_without_a_zone() -> None:
    dates = pl.Series([date(2026, 5, 20), None])
    assert masked_column(dates, "date_floor(unit=week)").to_list() == [date(2026, 5, 18), None]
    local = pl.Series([MOMENT.replace(tzinfo=None), None])
    expected = [datetime(2026, 5, 20, 23), None]  # noqa: DTZ001 - a column without a zone
    assert masked_column(local, "date_floor(unit=hour)").to_list() == expected


@pytest.mark.parametrize(
    ("zone", "moment", "unit", "expected"),
    [
        # Midnight did not exist on this day.
        ("America/Sao_Paulo", "2018-11-04T05:00Z", "day", "2018-11-04T03:00Z"),
        # Clocks are moved by half an hour here.
        ("Australia/Lord_Howe", "2026-10-03T15:45Z", "hour", "2026-10-03T15:30Z"),
        # The hour from two to three came twice.
        ("Europe/Berlin", "2026-10-25T01:30Z", "hour", "2026-10-25T00:00Z"),
    ],
)
def test_clocks_that_were_moved(zone: str, moment: str, unit: str, expected: str) -> None:
    series = pl.Series([datetime.fromisoformat(moment)])
    found = masked_column(series, f"date_floor(unit={unit}, zone={zone})")
    assert found.to_list() == [datetime.fromisoformat(expected)]


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2260, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Asia/Tehran"]),
    st.sampled_from(["ms", "us", "ns"]),
)
def test_a_day_begins_no_more_than_a_day_before(moment: datetime, zone: str, unit: Any) -> None:
    aware = moment.replace(tzinfo=UTC, microsecond=0)
    series = pl.Series([aware]).cast(pl.Datetime(unit, "UTC"))
    (found,) = masked_column(series, f"date_floor(unit=day, zone={zone})")
    assert timedelta(0) <= aware - found <= timedelta(hours=25)
    local = found.astimezone(ZoneInfo(zone))
    assert local.date() == aware.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([2**62, -(2**62)]).cast(pl.Datetime("us", "UTC")),
        pl.Series([2**62, -(2**62)]).cast(pl.Datetime("ms", "UTC")),
        pl.Series([-(2**63), -(2**63) + 1]).cast(pl.Datetime("ns", "UTC")),
        pl.Series([2**31 - 1, -(2**31)], dtype=pl.Int32).cast(pl.Date),
    ],
)
def test_moments_beyond_the_calendar_are_null(series: pl.Series) -> None:
    assert masked_column(series, "date_floor(unit=year)").to_list() == [None, None]
