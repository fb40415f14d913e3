"""How long a lent key may be used: pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.usage.key_lease import KeyLease, LeaseState, LeaseTerms, LentKey

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (-MINUTE, LeaseState.OVER),
        (-timedelta(seconds=30), LeaseState.FRESH),
        (0 * MINUTE, LeaseState.FRESH),
        (39 * MINUTE, LeaseState.FRESH),
        (40 * MINUTE, LeaseState.DUE),
        (59 * MINUTE, LeaseState.DUE),
        (HOUR, LeaseState.GRACE),
        (69 * MINUTE, LeaseState.GRACE),
        (70 * MINUTE, LeaseState.OVER),
    ],
)
def test_the_life_of_a_lease(after: timedelta, state: LeaseState) -> None:
    lease = LeaseTerms(HOUR, grace=10 * MINUTE).grant("d1", "a1", now=NOW)
    assert lease.state(NOW + after) is state


def test_without_grace_there_is_none() -> None:
    lease = LeaseTerms(HOUR).grant("d1", "a1", now=NOW)
    assert lease.state(NOW + HOUR) is LeaseState.OVER


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(-100, 20_000), st.integers())
def test_no_lease_outlives_its_agreement(length: int, grace: int, until: int, after: int) -> None:
    end = NOW + timedelta(seconds=until)
    terms = LeaseTerms(timedelta(seconds=length), timedelta(seconds=grace))
    lease = terms.grant("d1", "a1", now=NOW, until=end)
    assert lease.expires_at <= lease.until <= end
    now = NOW + timedelta(seconds=after % 40_000)
    if now >= end:
        assert lease.state(now) is LeaseState.OVER


def test_on_the_wire() -> None:
    lease = LeaseTerms(HOUR, grace=MINUTE).grant("d1", "a1", now=NOW)
    assert lease.to_wire()["expiresAt"] == "2026-03-01T01:00:00+00:00"
    assert KeyLease.read(lease.to_wire()) == lease
    wrong: tuple[dict[str, Any], ...] = (
        {"expiresAt": "2025-01-01T00:00:00+00:00"},
        {"issuedAt": "soon"},
        {"issuedAt": None},
        {"until": "2026-03-01T05:00:00"},
    )
    for change in wrong:
        with pytest.raises(ValueError, match=r"."):
            KeyLease.read(lease.to_wire() | change)
    naive = {name: value.removesuffix("+00:00") for name, value in lease.to_wire().items()}
    for document in ({}, naive):
        with pytest.raises(ValueError, match="lease"):
            KeyLease.read(document)


def test_a_lent_key_does_not_show_itself() -> None:
    lease = LeaseTerms(HOUR).grant("d1", "a1", now=NOW)
    assert "s" * 4 not in repr(LentKey(lease, bytearray(b"s" * 32)))
