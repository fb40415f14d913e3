"""The one thread that writes: a whole transaction per hop, hops that wait together share a commit.

A commit waits for the disk, so hops that queue up meanwhile are run in one outer transaction: each
in its own SAVEPOINT, so that one that fails is undone alone, and all made durable at once. Nobody
waits for company: a hop that finds the thread idle starts at once, and a batch takes only what was
queued when it began. (The first hop needs no savepoint: as long as nothing else has succeeded,
undoing the outer transaction undoes that hop alone.)

When the database fails, not the hop (a full disk, a broken file), SQLite may undo the whole outer
transaction; then every hop of the batch that has begun fails with a `StoreError` and none of them
has had an effect.

Example::

    writer = Writer(engine, announce=print)
    future = writer.submit(lambda tx: tx.events.last("garden"))
    future.result()
    writer.close()
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from trustspace.errors import StoreError
from trustspace.store.rows import Committed
from trustspace.store.transaction import Transaction
from trustspace.store.unit_of_work import UnitOfWork, store_error

T = TypeVar("T")
Hop = Callable[[Transaction], T]
"""Reads and writes within one transaction; runs on the writing thread and must not block."""

MAX_BATCH = 64
"""Hops that share one commit at most, so that the first of them does not wait for many."""


class _Job:
    """A queued hop and its caller's future."""

    __slots__ = ("error", "future", "hop", "result", "unit")

    def __init__(self, hop: Hop[Any]) -> None:
        self.hop = hop
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: BaseException | None = None
        self.unit: UnitOfWork

    def fail(self, error: BaseException) -> None:
        """Tell the caller, unless it has been told or has gone away."""
        if not self.future.done():
            self.future.set_exception(error)


class Writer:
    """Runs hops one after another on a thread of its own.

    Args:
        engine: Of the writing connection.
        announce: Called on the writing thread after each commit that recorded something, before the
            hops' callers hear of it.

    Attributes:
        commits: Commits so far.
        hops: Hops that have had an effect so far.
    """

    def __init__(self, engine: Engine, announce: Callable[[Committed], None]) -> None:
        self.commits: int = 0
        self.hops: int = 0
        self._engine = engine
        self._announce = announce
        self._connection: Connection | None = engine.connect()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._is_closed = False
        # A daemon: a process that ends without closing ends as in a crash, which loses nothing.
        self._thread = threading.Thread(target=self._run, name="trustspace-store", daemon=True)
        self._thread.start()

    def submit(self, hop: Hop[T]) -> Future[T]:
        """Queue a hop; the future has its result once it is durable.

        Raises:
            StoreError: The store is closed, or a hop waits for another hop.
        """
        if threading.current_thread() is self._thread:
            raise StoreError(
                "a hop cannot wait for another hop", hint="do both in one hop, or one after another"
            )
        job = _Job(hop)
        with self._gate:
            self.check_open()
            self._queue.put(job)
        return job.future

    def check_open(self) -> None:
        """Raise `StoreError` once the store is closed."""
        if self._is_closed:
            raise StoreError("the store is closed")

    def drain(self) -> None:
        """Take no more hops and finish those that wait; a second time does nothing."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    def close(self) -> None:
        """Drain, then close the connection; a second time does nothing."""
        self.drain()
        self._discard()

    def _run(self) -> None:
        is_last = False
        while not is_last and (job := self._queue.get()) is not None:
            batch, is_last = self._gather(job)
            while batch:
                batch = self._commit(batch)

    def _gather(self, job: _Job) -> tuple[list[_Job], bool]:
        """Take what waits already; tell whether the end was among it."""
        batch = [job]
        while len(batch) < MAX_BATCH:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return batch, True
            batch.append(following)
        return batch, False

    def _commit(self, batch: list[_Job]) -> list[_Job]:
        """Run a batch, make it durable, then let everybody know.

        Returns:
            Hops that have not begun because the database failed before their turn.
        """
        started: list[_Job] = []
        done: list[_Job] = []
        try:
            connection = self._connect()
            outer = connection.begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers have to hear of it
            self._discard()
            for job in batch:
                if job.future.set_running_or_notify_cancel():
                    job.fail(store_error(error))
            return []
        try:
            for job in batch:
                started.append(job)
                if not job.future.set_running_or_notify_cancel():
                    continue
                if self._attempt(connection, job, is_first=not done):
                    done.append(job)
                elif not done:
                    outer.rollback()
                    outer = connection.begin()
            outer.commit()
        except Exception as error:  # noqa: BLE001 - as above
            self._discard()
            for job in started:
                job.fail(store_error(error))
            return batch[len(started) :]
        self._tell(done, [(job, job.error) for job in started if job.error])
        return []

    def _attempt(self, connection: Connection, job: _Job, *, is_first: bool) -> bool:
        """Run one hop; undo it alone when it fails.

        Its caller hears of the failure at once only when nothing else is under way: it may come of
        what an earlier hop of the batch wrote, which nobody can read before the commit.
        """
        if not is_first:
            _say(connection, "SAVEPOINT hop")
        unit = UnitOfWork(connection)
        try:
            job.result = job.hop(Transaction(unit))
            unit.end()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the hop's caller
            unit.abandon()
            if is_first:
                job.fail(error)
                return False
            try:
                _say(connection, "ROLLBACK TO SAVEPOINT hop")
                _say(connection, "RELEASE SAVEPOINT hop")
            except BaseException:
                # The database has undone the whole transaction; then the batch fails.
                job.fail(error)
                raise
            job.error = error
            return False
        if not is_first:
            _say(connection, "RELEASE SAVEPOINT hop")
        job.unit = unit
        return True

    def _tell(self, done: list[_Job], failed: list[tuple[_Job, BaseException]]) -> None:
        self.commits += bool(done)
        self.hops += len(done)
        events: dict[str, int] = {}
        outbox = []
        subjects: set[tuple[str, str]] = set()
        for job in done:
            events.update(job.unit.events)
            subjects |= job.unit.subjects
            outbox.extend(job.unit.outbox)
        if events or outbox:
            self._announce(Committed(events, tuple(outbox), frozenset(subjects)))
        for job in done:
            job.future.set_result(job.result)
        for job, error in failed:
            job.fail(error)

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _discard(self) -> None:
        """Drop the connection; whatever was open on it is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _say(connection: Connection, statement: str) -> None:
    """Tell the driver directly: SQLAlchemy's savepoints cost more than what is within most."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()
