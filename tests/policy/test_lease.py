"""Leases: an allow stands for its time and epoch, a denial never."""

import timeit
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trustspace.policy.decision import Decision, Limit
from trustspace.policy.lease import Lease

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def decision(**members: Any) -> Decision:
    plain: dict[str, Any] = {
        "v": 1,
        "id": "r",
        "allow": True,
        "effect": "allow",
        "bundle": "sha256:b",
        "policy": ("urn:a",),
        "considered": ("p1",),
        "rules": ("p1",),
        "reasons": (),
        "obligations": (),
        "filters": (),
        "columns": None,
        "masks": (),
        "limits": (Limit(counter="rule:p1", max=3, unit="count"),),
        "depends": ("agreement:urn:a",),
        "deferred": (),
        "ttl": 60,
    }
    return Decision.model_validate(plain | members)


def test_a_lease_stands_for_its_time():
    lease = Lease.of(decision(), issued_at=NOW, epoch=7)
    assert lease.limits[0].max == 3
    assert lease.valid(NOW, 7)
    assert lease.valid(NOW + 60 * SECOND - timedelta(microseconds=1), 7)
    assert not lease.valid(NOW + 60 * SECOND, 7)


def test_a_lease_ends_with_its_epoch():
    lease = Lease.of(decision(), issued_at=NOW, epoch=7)
    assert not lease.valid(NOW, 8)
    assert not lease.valid(NOW, 6)


def test_a_clock_that_steps_back_opens_nothing():
    assert not Lease.of(decision(), issued_at=NOW, epoch=7).valid(NOW - SECOND, 7)


def test_a_denial_is_never_valid():
    denial = decision(allow=False, effect="deny", rules=(), ttl=0)
    assert not Lease.of(denial, issued_at=NOW, epoch=7).valid(NOW, 7)
    forged = denial.model_copy(update={"ttl": 60})
    assert not Lease.of(forged, issued_at=NOW, epoch=7).valid(NOW, 7)


@pytest.mark.parametrize(
    ("bound", "seconds"),
    [
        (int(NOW.timestamp()) + 10, 10),
        (int(NOW.timestamp()) + 100, 60),
        (int(NOW.timestamp()), 0),
        (10**15, 60),
        (-(10**15), 0),
    ],
)
def test_a_lease_ends_with_the_first_moment_it_depends_on(bound, seconds):
    lease = Lease.of(decision(depends=("agreement:a", f"now<{bound}")), issued_at=NOW, epoch=0)
    assert lease.ends_at == NOW + seconds * SECOND


def test_validity_costs_microseconds():
    lease = Lease.of(decision(), issued_at=NOW, epoch=7)
    assert min(timeit.repeat(lambda: lease.valid(NOW, 7), number=1_000, repeat=5)) / 1_000 < 20e-6
