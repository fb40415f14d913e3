"""Waiting for a change without polling: a commit wakes those who wait for what it changed.

Who waits for one negotiation or transfer is woken by its own events only; many that wait at a time
would otherwise all look each time that any of them moves.

Example::

    row = await changes.until("bank", lambda: store.read(find_terminal), seconds=30)
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from trustspace.store import Committed

T = TypeVar("T")


Topic = tuple[str, str]
"""A participant with our pid of a process, or with the empty text for any event of its."""


class Changes:
    """Wakes waiters of one event loop after commits of any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Topic, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    def notify(self, committed: Committed) -> None:
        """Wake those who wait for what a commit changed; may be called from any thread."""
        if committed.events and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed, committed)

    def close(self) -> None:
        """Wake everybody for good, so that a stopping server has no waiting requests."""
        self._closed = True
        self._wake(tuple(self._waiting))

    async def until(
        self,
        participant: str,
        look: Callable[[], Awaitable[T | None]],
        *,
        seconds: float,
        process: str = "",
    ) -> T | None:
        """Return what `look` finds, at once or after some change; None when time is up.

        Args:
            participant: Whose change.
            look: Returns None as long as what is waited for has not come.
            seconds: Longest wait.
            process: Our pid of the one process that matters; empty for every event.
        """
        end = self._loop.time() + seconds
        topic = (participant, process)
        while True:
            woken: asyncio.Future[None] = self._loop.create_future()
            self._waiting[topic].add(woken)
            try:
                found = await look()
                left = end - self._loop.time()
                if found is not None or left <= 0 or self._closed:
                    return found
                await asyncio.wait([woken], timeout=left)
            finally:
                self._forget(topic, woken)

    def _changed(self, committed: Committed) -> None:
        self._wake((*((name, "") for name in committed.events), *committed.subjects))

    def _wake(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            for future in tuple(self._waiting.get(topic, ())):
                if not future.done():
                    future.set_result(None)

    def _forget(self, topic: Topic, woken: asyncio.Future[None]) -> None:
        waiting = self._waiting[topic]
        waiting.discard(woken)
        if not waiting:
            del self._waiting[topic]
