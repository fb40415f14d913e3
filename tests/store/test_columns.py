from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, insert, select, text

from trustspace.store.columns import (
    Document,
    Instant,
    Words,
    from_microseconds,
    to_microseconds,
)


@given(st.datetimes(timezones=st.timezones()))
def test_instants_survive_to_the_microsecond(instant: datetime) -> None:
    assert from_microseconds(to_microseconds(instant)) == instant.astimezone(UTC)


def test_an_instant_is_counted_in_microseconds_of_utc() -> None:
    noon_in_berlin = datetime(1970, 1, 1, 1, 0, 0, 7, tzinfo=timezone(timedelta(hours=1)))
    assert to_microseconds(noon_in_berlin) == 7
    assert from_microseconds(-1) == datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_microseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_what_the_columns_write_is_plain_and_canonical() -> None:
    table = Table(
        "t", MetaData(), Column("at", Instant), Column("body", Document), Column("forms", Words)
    )
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        at = datetime(2026, 3, 1, tzinfo=UTC)
        connection.execute(insert(table), {"at": at, "body": {"b": 1, "a": "ü"}, "forms": ("x",)})
        connection.execute(insert(table), {"at": None, "body": None, "forms": None})
        assert connection.execute(text("select * from t")).all() == [
            (1772323200000000, '{"a":"ü","b":1}', '["x"]'),
            (None, None, "[]"),
        ]
        assert connection.execute(select(table)).all() == [
            (at, {"a": "ü", "b": 1}, ("x",)),
            (None, None, ()),
        ]
        connection.execute(text("update t set forms = null"))
        assert connection.execute(select(table.c.forms)).scalars().all() == [(), ()]
    engine.dispose()
