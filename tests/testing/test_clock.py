"""The clock of tests goes forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustspace.testing.clock import Clock


def test_it_goes_on_and_jumps():
    clock = Clock()
    before = datetime.now(UTC)
    assert clock() >= before
    assert clock.forward(days=1, hours=1, minutes=1, seconds=1) - before >= timedelta(1, 3661)
    later = datetime.now(UTC) + timedelta(days=40)
    assert abs(clock.travel_to(later) - later) < timedelta(seconds=5)
    assert clock.set_back(hours=2) < clock() + timedelta(seconds=1)
    assert clock() < later - timedelta(hours=1)


def test_it_does_not_go_back_by_accident():
    clock = Clock()
    with pytest.raises(ValueError, match="forward"):
        clock.forward(seconds=-1)
    with pytest.raises(ValueError, match="forward"):
        clock.travel_to(datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="zone"):
        clock.travel_to(datetime(2090, 1, 1))  # noqa: DTZ001 - what is refused
