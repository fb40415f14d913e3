"""Portions of counters: exact, once per session, and given back by position."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.store import EVERY_PARTICIPANT, Store
from trustspace.store.portions import MAX_SPANS, Account, joined, without

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = Account("a1", "rule:p1:row", "rule:p1:row", "s1", "v1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        opened.write_sync(
            lambda tx: tx.participants.add(
                "garden", did="did:web:garden.example", address="https://garden", now=NOW
            )
        )
        yield opened


def take(store, span, account=ROWS, maximum=100):
    return store.write_sync(lambda tx: tx.portions.take("garden", account, span, maximum=maximum))


def give_back(store, *spans, account=ROWS):
    return store.write_sync(lambda tx: tx.portions.give_back("garden", account, spans))


def used(store, counter="rule:p1:row"):
    return store.read_sync(lambda tx: tx.counters.taken("garden", "a1", counter))


def test_a_stretch_is_counted_once_for_a_session_and_again_for_another(store):
    first = take(store, (0, 40))
    assert (first.stop, first.fresh, used(store)) == (40, ((0, 40),), 40)
    again = take(store, (20, 60))
    assert (again.stop, again.fresh, used(store)) == (60, ((40, 60),), 60)
    assert take(store, (0, 60)).fresh == ()
    other = take(store, (0, 30), replace(ROWS, session="s2"))
    assert (other.fresh, used(store)) == (((0, 30),), 90)
    # Positions of another version are others.
    assert take(store, (0, 10), replace(ROWS, version="v2")).fresh == ((0, 10),)
    assert used(store) == 100


def test_no_more_is_given_than_there_is(store):
    assert take(store, (0, 70)).stop == 70
    part = take(store, (50, 150))
    assert (part.stop, part.fresh, used(store)) == (100, ((70, 100),), 100)
    assert take(store, (100, 110)).stop == 100
    assert take(store, (0, 100)).stop == 100
    nothing = take(store, (0, 5), replace(ROWS, session="s2"))
    assert (nothing.stop, nothing.fresh) == (0, ())
    assert take(store, (7, 7)).stop == 7


def test_holes_are_filled_from_the_front(store):
    take(store, (10, 20))
    take(store, (30, 40))
    found = take(store, (0, 50), maximum=35)
    assert (found.stop, found.fresh, used(store)) == (25, ((0, 10), (20, 25)), 35)


def test_what_did_not_leave_comes_back(store):
    take(store, (0, 80))
    assert give_back(store, (50, 200)) == 30
    assert used(store) == 50
    assert give_back(store, (50, 80)) == 0
    assert give_back(store, (0, 10), (40, 50)) == 20
    assert take(store, (0, 50)).fresh == ((0, 10), (40, 50))
    assert give_back(store, (0, 80)) == 50
    assert used(store) == 0
    assert store.read_sync(lambda tx: tx.portions.held("garden", "a1", "s1")) == {}


def test_a_session_keeps_in_the_next_window_what_it_took_in_the_last(store):
    before, now = (replace(ROWS, counter=f"rule:p1:row:{day}") for day in ("01", "02"))
    take(store, (0, 60), before)
    found = take(store, (0, 100), now)
    assert (found.stop, found.fresh) == (100, ((60, 100),))
    assert (used(store, before.counter), used(store, now.counter)) == (60, 40)
    assert store.read_sync(lambda tx: tx.portions.held("garden", "a1", "s1")) == {
        "rule:p1:row": 100
    }
    # Given back is what was taken of that window, no more.
    assert give_back(store, (0, 100), account=now) == 40


def test_only_so_many_stretches_are_remembered(store):
    for number in range(MAX_SPANS + 1):
        take(store, (number * 10, number * 10 + 2), maximum=1_000)
    take(store, (0, 2), maximum=1_000)
    assert used(store) in (2 * MAX_SPANS + 2, 2 * MAX_SPANS + 4)


def test_large_numbers_are_exact(store):
    most = 2**53 - 1
    assert take(store, (0, most), maximum=most).stop == most
    assert take(store, (most, most + 1), maximum=most).stop == most
    assert give_back(store, (most - 1, most)) == 1
    assert take(store, (0, 5), replace(ROWS, session="s2"), maximum=most).stop == 1


def test_counters_of_windows_that_are_over_are_removed_a_few_at_a_time(store):
    def fill(tx):
        for number in range(5):
            key = ("garden", "a1", "rule:p1:P1D:01", f"s{number}")
            tx.counters.reserve(*key, maximum=10, now=NOW, ends_at=NOW)
        rows = replace(ROWS, counter="rule:p1:row:01", ends_at=NOW)
        tx.portions.take("garden", rows, (0, 3), maximum=10)
        tx.counters.reserve("garden", "a1", "rule:p1", "s1", maximum=10, now=NOW)

    store.write_sync(fill)

    def forget(limit, at=NOW + timedelta(seconds=1)):
        return store.write_sync(
            lambda tx: tx.counters.forget(EVERY_PARTICIPANT, ended_before=at, limit=limit)
        )

    assert not forget(100, at=NOW)
    assert [forget(3) for _ in range(4)] == [True, True, False, False]
    assert store.read_sync(lambda tx: tx.counters.used("garden", "a1")) == {"rule:p1": 1}
    assert not forget(3)


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


def positions(spans):
    return {number for start, stop in spans for number in range(start, stop)}


@given(SPANS, SPANS)
def test_stretches_are_sets_of_positions(some, others):
    assert positions(joined(some)) == positions(some)
    assert positions(without(some, others)) == positions(some) - positions(others)
    merged = joined(some)
    assert all(one[1] < other[0] for one, other in pairwise(merged))
