"""Group commit, failing hops, failing databases."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError, NotFoundError, StoreError
from trustspace.store.writer import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any

    from sqlalchemy import Connection
    from tests.store.conftest import Maker

    from trustspace.store import Store, Transaction


def note(kind: str, make: Maker, participant: str = "garden") -> Any:
    return lambda tx: tx.events.append(participant, kind, {}, now=make.now)


def kinds(store: Store) -> Any:
    rows = store.read_sync(lambda tx: tx.events.after("garden", 0, 10_000))
    assert [row.seq for row in rows] == [*range(1, len(rows) + 1)]
    return [row.kind for row in rows]


@contextmanager
def busy(store: Store) -> Iterator[Any]:
    """Keep the writing thread in a hop, so that hops queue up behind it."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(10)

    future = store._writer.submit(wait)
    assert begun.wait(10)
    try:
        yield
    finally:
        go_on.set()
        future.result(10)


def results(futures: list[Future[Any]]) -> Any:
    return [future.exception(10) or future.result() for future in futures]


def writing(store: Store) -> Connection:
    connection = store._writer._connection
    assert connection is not None
    return connection


@contextmanager
def full_disk(store: Store) -> Iterator[Any]:
    """Let the database have no page more than it has."""
    connection = writing(store)
    pages = connection.exec_driver_sql("pragma page_count").scalar()
    connection.exec_driver_sql(f"pragma max_page_count = {pages}")
    connection.rollback()
    yield
    if store._writer._connection is connection:
        connection.exec_driver_sql("pragma max_page_count = 1073741823")
        connection.rollback()


def grow(tx: Transaction) -> None:
    for number in range(200):
        tx.settings.put("", f"key-{number}", "x" * 4000)


def test_hops_that_wait_together_share_one_commit(store: Store, make: Maker) -> None:
    before = store.commits, store.hops
    with busy(store):
        futures = [store._writer.submit(note(f"e{number}", make)) for number in range(40)]
    assert results(futures) == [*range(1, 41)]
    assert kinds(store) == [f"e{number}" for number in range(40)]
    assert (store.commits, store.hops) == (before[0] + 2, before[1] + 41)


def test_a_batch_is_bounded(store: Store, make: Maker) -> None:
    before = store.commits
    with busy(store):
        futures = [store._writer.submit(note("e", make)) for _ in range(MAX_BATCH + 1)]
    assert results(futures) == [*range(1, MAX_BATCH + 2)]
    assert store.commits == before + 3


@pytest.mark.anyio
async def test_concurrent_callers_need_fewer_commits_than_hops(store: Store, make: Maker) -> None:
    commits, hops = store.commits, store.hops

    async def caller() -> None:
        for _ in range(10):
            await store.write(note("e", make))

    await asyncio.gather(*(caller() for _ in range(16)))
    assert store.hops - hops == 160
    assert store.commits - commits < 160
    assert len(kinds(store)) == 160


def test_a_single_hop_starts_at_once(store: Store, make: Maker) -> None:
    before = store.commits
    for number in range(5):
        assert store.write_sync(note("e", make)) == number + 1
    assert store.commits == before + 5


@pytest.mark.parametrize("bad", [{0}, {1}, {0, 1}, {2}, {4}, {0, 2, 4}, {0, 1, 2, 3, 4}])
def test_a_failing_hop_is_undone_alone(store: Store, make: Maker, bad: set[int]) -> None:
    def fails(tx: Transaction) -> None:
        tx.events.append("garden", "never", {}, now=make.now)
        raise LookupError("on purpose")

    # A hop that writes nothing stands in front, so that the batch has five of which some fail.
    with busy(store):
        futures = [
            store._writer.submit(fails if number in bad else note(f"e{number}", make))
            for number in range(5)
        ]
    found = results(futures)
    assert [number for number, result in enumerate(found) if isinstance(result, LookupError)] == [
        *sorted(bad)
    ]
    assert kinds(store) == [f"e{number}" for number in range(5) if number not in bad]
    assert store.write_sync(note("after", make)) == 6 - len(bad)


def test_a_hop_that_takes_a_taken_key_is_undone_alone(store: Store, make: Maker) -> None:
    def twice(tx: Transaction) -> None:
        tx.events.append("garden", "never", {}, now=make.now)
        tx.negotiations.insert("garden", make.negotiation())

    with busy(store):
        futures = [
            store._writer.submit(hop)
            for hop in (
                lambda tx: tx.negotiations.insert("garden", make.negotiation()),
                twice,
                note("e", make),
            )
        ]
    assert [type(result) for result in results(futures)] == [type(None), ConflictError, int]
    assert kinds(store) == ["e"]


def test_a_failure_is_told_when_what_it_comes_of_can_be_read(store: Store, make: Maker) -> None:
    """A conflict with a hop of the same batch: whoever hears of it finds what stands in its way."""
    found: list[Any] = []

    def look(future: Future[Any]) -> None:
        assert isinstance(future.exception(), ConflictError)
        found.append(store.read_sync(lambda tx: tx.negotiations.get("garden", "n1")))

    def insert(tx: Transaction) -> None:
        tx.negotiations.insert("garden", make.negotiation("n1"))

    with busy(store):
        first, second = (store._writer.submit(insert) for _ in range(2))
        second.add_done_callback(look)
    first.result(10)
    store.write_sync(note("e", make))
    assert [value.id for value in found] == ["n1"]


def test_a_failure_that_comes_of_an_undone_hop_is_the_batchs(store: Store, make: Maker) -> None:
    def insert(tx: Transaction) -> None:
        tx.negotiations.insert("garden", make.negotiation("n1"))

    def spoils(tx: Transaction) -> None:
        writing(store).exec_driver_sql("pragma defer_foreign_keys = on")
        tx.events.append("nobody", "x", {}, now=make.now)

    with busy(store):
        futures = [store._writer.submit(hop) for hop in (insert, insert, spoils)]
    assert [type(result) for result in results(futures)] == [NotFoundError] * 3
    store.write_sync(insert)


def test_a_hop_that_swallows_a_failed_statement_fails_all_the_same(
    store: Store, make: Maker
) -> None:
    def swallows(tx: Transaction) -> None:
        tx.events.append("garden", "never", {}, now=make.now)
        with pytest.raises(NotFoundError):
            tx.events.append("nobody", "x", {}, now=make.now)
        with pytest.raises(NotFoundError):
            tx.events.append("garden", "never", {}, now=make.now)

    with pytest.raises(NotFoundError, match="not stored"):
        store.write_sync(swallows)
    assert kinds(store) == []


def test_even_an_exit_stays_with_the_hops_caller(store: Store, make: Maker) -> None:
    def leaves(_tx: Transaction) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        store.write_sync(leaves)
    assert store.write_sync(note("e", make)) == 1


def test_a_hop_cannot_wait_for_another(store: Store, make: Maker) -> None:
    def nested(_tx: Transaction) -> None:
        store.write_sync(note("inner", make))

    with pytest.raises(StoreError, match="cannot wait"):
        store.write_sync(nested)
    assert kinds(store) == []


@pytest.mark.anyio
async def test_a_hop_withdrawn_in_time_is_not_run(store: Store, make: Maker) -> None:
    with busy(store):
        task = asyncio.create_task(store.write(note("withdrawn", make)))
        other = asyncio.create_task(store.write(note("kept", make)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
    assert await other == 1
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kinds(store) == ["kept"]


@pytest.mark.anyio
async def test_a_hop_that_has_begun_is_finished_whoever_leaves(store: Store, make: Maker) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hop(tx: Transaction) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(10)
        return tx.events.append("garden", "kept", {}, now=make.now)

    task = asyncio.create_task(store.write(hop))
    await begun.wait()
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.write(lambda _tx: None)
    assert kinds(store) == ["kept"]


def test_a_full_disk_changes_nothing_and_is_told(store: Store, make: Maker) -> None:
    store.write_sync(note("before", make))
    with full_disk(store), pytest.raises(StoreError, match="full") as caught:
        store.write_sync(grow)
    assert "free space" in caught.value.hint
    assert kinds(store) == ["before"]
    assert store.read_sync(lambda tx: tx.settings.get("", "key-0")) is None
    assert store.write_sync(note("after", make)) == 2


def test_a_disk_that_fills_up_inside_a_batch_leaves_no_half(store: Store, make: Maker) -> None:
    store.write_sync(note("before", make))
    with full_disk(store):
        with busy(store):
            futures = [
                store._writer.submit(hop)
                for hop in (lambda tx: tx.settings.put("", "a", "1"), grow, note("last", make))
            ]
        small, large, last = results(futures)
    assert isinstance(large, StoreError)
    stored = store.read_sync(lambda tx: tx.settings.get("", "a"))
    assert stored == ("1" if small is None else None)
    assert small is None or isinstance(small, StoreError)
    assert store.read_sync(lambda tx: tx.settings.get("", "key-0")) is None
    assert kinds(store) == (["before", "last"] if last == 2 else ["before"])


def test_when_the_database_undoes_everything_the_begun_fail_and_the_rest_is_run(
    store: Store, make: Maker
) -> None:
    def undoes(_tx: Transaction) -> None:
        # What SQLite does by itself on an I/O error.
        driver: Any = writing(store).connection.dbapi_connection
        driver.execute("ROLLBACK")
        raise OSError("on purpose")

    with busy(store):
        futures = [
            store._writer.submit(hop)
            for hop in (note("first", make), undoes, note("third", make), note("fourth", make))
        ]
    first, second, third, fourth = results(futures)
    assert isinstance(first, StoreError)
    assert isinstance(second, OSError)
    assert (third, fourth) == (1, 2)
    assert kinds(store) == ["third", "fourth"]


def test_a_commit_that_fails_fails_every_hop_of_it(store: Store, make: Maker) -> None:
    def postpones(_tx: Transaction) -> None:
        # The foreign keys are checked when committing.
        writing(store).exec_driver_sql("pragma defer_foreign_keys = on")

    with busy(store):
        futures = [
            store._writer.submit(hop)
            for hop in (postpones, note("e", make, participant="nobody"), note("e", make))
        ]
    assert [type(result) for result in results(futures)] == [NotFoundError] * 3
    assert kinds(store) == []
    assert store.write_sync(note("after", make)) == 1


def test_a_locked_database_is_told_and_nothing_changes(
    opened: Callable[..., Store], make: Maker, url: str
) -> None:
    store = opened(busy_seconds=0.05)
    store.write_sync(note("before", make))
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("begin immediate")
    try:
        with pytest.raises(StoreError, match="locked") as caught:
            store.write_sync(note("locked", make))
        assert "another process" in caught.value.hint
        assert kinds(store) == ["before"]
    finally:
        other.execute("rollback")
        other.close()
    assert store.write_sync(note("after", make)) == 2


def test_while_locked_a_whole_batch_waits_once(
    opened: Callable[..., Store], make: Maker, url: str
) -> None:
    store = opened(busy_seconds=0.2)
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("begin immediate")
    begun = time.monotonic()
    futures = [store._writer.submit(note("e", make)) for _ in range(30)]
    futures[20].cancel()
    assert {type(future.exception(10)) for future in futures if not future.cancelled()} == {
        StoreError
    }
    # One after another they would have waited six seconds.
    assert time.monotonic() - begun < 3
    other.execute("rollback")
    other.close()
    assert kinds(store) == []


def test_a_lock_that_goes_in_time_is_waited_for(
    opened: Callable[..., Store], make: Maker, url: str
) -> None:
    store = opened(busy_seconds=5)
    other = sqlite3.connect(
        url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    other.execute("begin immediate")
    timer = threading.Timer(0.1, other.execute, args=("rollback",))
    timer.start()
    assert store.write_sync(note("e", make)) == 1
    timer.join()
    other.close()


def test_what_is_queued_is_finished_on_closing(opened: Callable[..., Store], make: Maker) -> None:
    store = opened()
    begun, go_on = threading.Event(), threading.Event()

    def wait(_tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(10)

    store._writer.submit(wait)
    assert begun.wait(10)
    futures = [store._writer.submit(note("e", make)) for _ in range(3)]
    closing = threading.Thread(target=store.close)
    closing.start()
    go_on.set()
    closing.join()
    assert results(futures) == [1, 2, 3]
    with pytest.raises(StoreError, match="closed"):
        store.write_sync(note("late", make))
    assert kinds(opened()) == ["e"] * 3
