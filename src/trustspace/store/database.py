"""The store: an async face over one writing thread and several reading ones.

A *hop* is a function that gets a `Transaction` and does everything that belongs together: read,
decide, write. It is durable when `Store.write` returns and has left no trace when that raises. Hops
run one after another, so what a hop reads stays true until it ends; hops that wait together share
one commit. Queries see the last commit and never wait for the writer.

Cancelling a waiting `Store.write` withdraws a hop that has not begun; one that has begun is
finished.

Example::

    async with Store.open("sqlite:////var/lib/trustspace/store.db") as store:
        await store.write(lambda tx: tx.datasets.put("garden", row))
        page = await store.read(lambda tx: tx.datasets.page("garden", after=None, limit=100))
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar, get_args

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from trustspace.errors import ConfigurationError
from trustspace.store import schema
from trustspace.store.rows import Committed
from trustspace.store.sqlite import DatabaseFile, Synchronous
from trustspace.store.transaction import Transaction
from trustspace.store.unit_of_work import UnitOfWork, store_error
from trustspace.store.writer import Hop, Writer

T = TypeVar("T")
Listener = Callable[[Committed], None]

_log = logging.getLogger(__name__)


class Store:
    """Everything a host keeps; open it with `Store.open`.

    Attributes:
        file: Where the database is.
    """

    def __init__(self, file: DatabaseFile, writer: Engine, readers: Engine, threads: int) -> None:
        self.file = file
        self._listeners: list[Listener] = []
        self._writer_engine = writer
        self._reader_engine = readers
        self._readers = ThreadPoolExecutor(threads, thread_name_prefix="trustspace-store-read")
        self._writer = Writer(writer, self._announce)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        synchronous: Synchronous = "FULL",
        busy_seconds: float = 5.0,
        readers: int = 4,
    ) -> Self:
        """Open a database, making or migrating it when needed.

        Args:
            url: ``sqlite:////absolute/path.db``.
            synchronous: How durable a commit is; see `trustspace.store.sqlite.Synchronous`.
            busy_seconds: How long to wait for another process that is writing.
            readers: Threads that serve `read`.

        Raises:
            ConfigurationError: The URL or a setting is wrong.
            StoreError: The file cannot be opened, is of a newer version, or is not ours; it is
                untouched.
        """
        if synchronous not in get_args(Synchronous):
            raise ConfigurationError(
                f"synchronous is one of {', '.join(get_args(Synchronous))}, not {synchronous!r}",
                setting="store.synchronous",
            )
        file = DatabaseFile.from_url(url)
        try:
            revision = _revision(file, busy_seconds)
            file.create()
            engine = file.writer(synchronous=synchronous, busy_seconds=busy_seconds)
            if revision != schema.HEAD:
                with engine.begin() as connection:
                    schema.prepare(connection)
            reading = file.readers(connections=readers, busy_seconds=busy_seconds)
            return cls(file, engine, reading, readers)
        except SQLAlchemyError as error:
            raise store_error(error) from error

    async def write(self, hop: Hop[T]) -> T:
        """Run a hop on the writing thread and return its result once it is durable.

        Raises:
            StoreError: The database is locked, full or broken; nothing has changed.
        """
        return await asyncio.wrap_future(self._writer.submit(hop))

    def write_sync(self, hop: Hop[T]) -> T:
        """Do as `write` does, for threads without an event loop."""
        return self._writer.submit(hop).result()

    async def read(self, query: Hop[T]) -> T:
        """Run a query over one snapshot on a reading thread; writing through it fails.

        Raises:
            StoreError: The database is broken, or the query tried to write.
        """
        self._writer.check_open()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.read_sync, query)

    def read_sync(self, query: Hop[T]) -> T:
        """Do as `read` does, on the calling thread."""
        self._writer.check_open()
        try:
            with self._reader_engine.begin() as connection:
                unit = UnitOfWork(connection, is_writing=False)
                try:
                    return query(Transaction(unit))
                finally:
                    unit.abandon()
        except SQLAlchemyError as error:
            raise store_error(error) from error

    def post(self, hop: Hop[object]) -> None:
        """Have a hop run soon, without waiting for it; a failure is logged."""
        self._writer.submit(hop).add_done_callback(_tell)

    def on_commit(self, listener: Listener) -> Callable[[], None]:
        """Have a function called after every commit that recorded events or outbox rows.

        It runs on the writing thread, before the hops' callers go on, so it only passes the word on
        (``loop.call_soon_threadsafe``). What it raises is logged and harms nobody.

        Returns:
            A function that takes the listener off.
        """
        self._listeners = [*self._listeners, listener]

        def forget() -> None:
            self._listeners = [kept for kept in self._listeners if kept is not listener]

        return forget

    @property
    def commits(self) -> int:
        """Commits since opening; fewer than `hops` when hops shared some."""
        return self._writer.commits

    @property
    def hops(self) -> int:
        """Hops made durable since opening."""
        return self._writer.hops

    def close(self) -> None:
        """Finish the hops that wait, then close every connection; a second time does nothing."""
        self._writer.drain()
        self._readers.shutdown()
        self._reader_engine.dispose()
        # Last: only a connection that may write folds the log into the database when it closes.
        self._writer.close()
        self._writer_engine.dispose()

    async def aclose(self) -> None:
        """Do as `close` does without holding up the event loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _announce(self, committed: Committed) -> None:
        for listener in self._listeners:
            try:
                listener(committed)
            except Exception:  # noqa: BLE001 - a listener's fault is not the hop's
                _log.exception("a commit listener failed")


def _revision(file: DatabaseFile, busy_seconds: float) -> str:
    """Look before touching: a database that is not for us keeps every byte."""
    if file.is_empty():
        return schema.EMPTY
    with file.looking(busy_seconds=busy_seconds) as connection:
        return schema.check(connection)


def _tell(done: Future[object]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        _log.error("a posted hop failed", exc_info=error)
