"""Waiting for a change without polling: a commit wakes those who wait on its participant.

Example::

    row = await changes.until("bank", lambda: store.read(find_terminal), seconds=30)
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

T = TypeVar("T")


class Changes:
    """Wakes waiters of one event loop after commits of any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    def notify(self, participants: Iterable[str]) -> None:
        """Wake the waiters of participants; may be called from any thread."""
        names = tuple(participants)
        if names and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, names)

    def close(self) -> None:
        """Wake everybody for good, so that a stopping server has no waiting requests."""
        self._closed = True
        self._wake(tuple(self._waiting))

    async def until(
        self, participant: str, look: Callable[[], Awaitable[T | None]], *, seconds: float
    ) -> T | None:
        """Return what `look` finds, at once or after some change; None when time is up."""
        end = self._loop.time() + seconds
        while True:
            woken: asyncio.Future[None] = self._loop.create_future()
            self._waiting[participant].add(woken)
            try:
                found = await look()
                left = end - self._loop.time()
                if found is not None or left <= 0 or self._closed:
                    return found
                await asyncio.wait([woken], timeout=left)
            finally:
                self._waiting[participant].discard(woken)

    def _wake(self, names: tuple[str, ...]) -> None:
        for name in names:
            for future in tuple(self._waiting.get(name, ())):
                if not future.done():
                    future.set_result(None)
