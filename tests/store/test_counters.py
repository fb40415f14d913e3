from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import NotFoundError
from trustspace.store import EVERY_PARTICIPANT, MeterRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Store, Sweep

AGREEMENT = "a1"


def reserve(
    make: Maker,
    session: str,
    maximum: int = 3,
    participant: str = "garden",
    counter: str = "count",
    now: datetime | None = None,
) -> Any:
    return lambda tx: tx.counters.reserve(
        participant, AGREEMENT, counter, session, maximum=maximum, now=now or make.now
    )


def commit(make: Maker, session: str) -> Any:
    return lambda tx: tx.counters.commit("garden", AGREEMENT, "count", session, now=make.now)


def release(session: str) -> Any:
    return lambda tx: tx.counters.release("garden", AGREEMENT, "count", session)


def used(store: Store, participant: str = "garden") -> Any:
    return store.read_sync(lambda tx: tx.counters.used(participant, AGREEMENT))


def committed(store: Store) -> Any:
    return store.read_sync(lambda tx: tx.counters.committed("garden", AGREEMENT))


def test_units_are_taken_until_there_are_none(store: Store, make: Maker) -> None:
    assert used(store) == {}
    taken = [store.write_sync(reserve(make, f"s{number}")) for number in range(5)]
    assert taken == [True, True, True, False, False]
    assert used(store) == {"count": 3}
    assert store.read_sync(lambda tx: tx.counters.taken("garden", AGREEMENT, "count")) == 3
    assert store.read_sync(lambda tx: tx.counters.taken("garden", AGREEMENT, "none")) is None
    assert not store.write_sync(reserve(make, "s", maximum=0, counter="none"))
    assert used(store) == {"count": 3, "none": 0}


def test_a_session_takes_once_also_when_all_are_taken(store: Store, make: Maker) -> None:
    for _ in range(3):
        assert store.write_sync(reserve(make, "s", maximum=1))
    store.write_sync(commit(make, "s"))
    assert store.write_sync(reserve(make, "s", maximum=1))
    assert not store.write_sync(reserve(make, "other", maximum=1))
    assert used(store) == committed(store) == {"count": 1}


def test_what_one_session_holds_can_be_told(store: Store, make: Maker) -> None:
    for counter in ("count", "opens"):
        store.write_sync(reserve(make, "a", counter=counter))
    store.write_sync(reserve(make, "b"))
    store.write_sync(commit(make, "a"))

    def held(session: str) -> dict[str, int]:
        return store.read_sync(lambda tx: tx.counters.held("garden", AGREEMENT, session))

    assert held("a") == {"count": 1, "opens": 1}
    assert held("b") == {"count": 1}
    assert held("c") == {}


def test_counters_are_of_one_participant_agreement_and_name(store: Store, make: Maker) -> None:
    assert store.write_sync(reserve(make, "s", maximum=1))
    assert store.write_sync(reserve(make, "s", maximum=1, counter="opens"))
    assert store.write_sync(reserve(make, "s", maximum=1, participant="bank"))
    assert used(store) == {"count": 1, "opens": 1}
    assert used(store, "bank") == {"count": 1}


def test_a_final_unit_is_never_given_back(store: Store, make: Maker) -> None:
    store.write_sync(reserve(make, "a"))
    store.write_sync(reserve(make, "b"))
    store.write_sync(commit(make, "a"))
    store.write_sync(commit(make, "a"))
    assert not store.write_sync(release("a"))
    assert store.write_sync(release("b"))
    assert not store.write_sync(release("b"))
    assert not store.write_sync(release("never"))
    assert used(store) == committed(store) == {"count": 1}
    with pytest.raises(NotFoundError, match="'b'"):
        store.write_sync(commit(make, "b"))


def test_open_reservations_go_back_only_when_told(store: Store, make: Maker) -> None:
    store.write_sync(reserve(make, "old"))
    store.write_sync(reserve(make, "final"))
    store.write_sync(commit(make, "final"))
    store.write_sync(reserve(make, "new", now=make.later(hours=2)))
    store.write_sync(reserve(make, "old", participant="bank"))

    def stale(who: Sweep) -> Any:
        return store.write_sync(
            lambda tx: tx.counters.release_stale(who, reserved_before=make.later(hours=1))
        )

    assert used(store) == {"count": 3}
    assert stale("garden") == 1
    assert used(store) == {"count": 2}
    assert used(store, "bank") == {"count": 1}
    assert stale(EVERY_PARTICIPANT) == 1
    assert stale(EVERY_PARTICIPANT) == 0
    assert used(store, "bank") == {"count": 0}
    assert committed(store) == {"count": 1}


@pytest.mark.anyio
async def test_of_fifty_who_want_the_last_unit_one_gets_it(store: Store, make: Maker) -> None:
    for number in range(2):
        await store.write(reserve(make, f"before-{number}"))
    won = await asyncio.gather(*(store.write(reserve(make, f"s{n}")) for n in range(50)))
    assert sum(won) == 1
    assert used(store) == {"count": 3}


@pytest.mark.anyio
async def test_fifty_requests_of_one_session_take_one_unit(store: Store, make: Maker) -> None:
    won = await asyncio.gather(*(store.write(reserve(make, "s")) for _ in range(50)))
    assert all(won)
    assert used(store) == {"count": 1}


@pytest.mark.anyio
async def test_of_fifty_at_two_stores_one_gets_the_last_unit(
    opened: Callable[..., Store], make: Maker
) -> None:
    stores = [opened(), opened()]
    won = await asyncio.gather(
        *(stores[n % 2].write(reserve(make, f"s{n}", maximum=1)) for n in range(50))
    )
    assert sum(won) == 1
    assert [used(store) for store in stores] == [{"count": 1}] * 2


def test_a_crash_between_reserving_and_committing_gives_no_unit_too_many(
    opened: Callable[..., Store], make: Maker, url: str
) -> None:
    store = opened()
    program = f"""
import os, signal
from datetime import UTC, datetime
from trustspace.store import Store
store = Store.open({url!r})
now = datetime(2026, 3, 1, tzinfo=UTC)
assert store.write_sync(lambda tx: tx.counters.reserve(
    "garden", "a1", "count", "s1", maximum=1, now=now))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert used(store) == {"count": 1}
    assert committed(store) == {}
    assert not store.write_sync(reserve(make, "s2", maximum=1))
    assert store.write_sync(reserve(make, "s1", maximum=1))
    store.write_sync(commit(make, "s1"))
    assert committed(store) == {"count": 1}


def test_deliveries_are_summed_by_session(store: Store, make: Maker) -> None:
    def meter(
        session: str,
        size_bytes: int,
        rows: int,
        now: datetime = make.now,
        participant: str = "garden",
    ) -> None:
        store.write_sync(
            lambda tx: tx.meters.add(
                participant, AGREEMENT, session, size_bytes=size_bytes, rows=rows, now=now
            )
        )

    meter("s1", 2**40, 10)
    meter("s1", 2**40, 5, now=make.later(seconds=9))
    meter("s2", 1, 0, now=make.later(seconds=1))
    meter("s1", 7, 7, participant="bank")
    assert store.read_sync(lambda tx: tx.meters.list("garden", AGREEMENT)) == (
        MeterRow("garden", AGREEMENT, "s1", 2, 2**41, 15, make.now, make.later(seconds=9)),
        MeterRow("garden", AGREEMENT, "s2", 1, 1, 0, make.later(seconds=1), make.later(seconds=1)),
    )
    assert store.read_sync(lambda tx: tx.meters.list("garden", "a2")) == ()
