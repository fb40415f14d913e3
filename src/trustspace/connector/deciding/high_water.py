"""The latest moment that this connector has seen: a clock that is set back opens nothing.

A window that has closed stays closed: whoever sets the clock back an hour would otherwise open it
again. So a decision asked for at an earlier moment is denied until the clock has caught up. Steps
of less than a minute, as a time server makes them, are waited out at the moment that was seen.

Example::

    mark = HighWater()
    mark.moment(now)  # now, the mark when it is just before, or None when the clock was set back
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from trustspace.errors import StoreError
from trustspace.store import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trustspace.store.database import Store

logger: logging.Logger = logging.getLogger(__name__)

KEY = "clock.latest"
"""Setting under which the mark is kept, seconds since 1970."""

PERIOD = 30.0
"""Seconds between two writings of it; a crash loses no more than that."""

TOLERANCE = 60
"""Seconds by which a clock may step back, or by which a request may have waited for its decision;
as long as a decision stands at most."""


class HighWater:
    """Remembers the latest moment, in seconds since 1970; safe to share between threads.

    Args:
        since: A moment that is known to have passed.
    """

    def __init__(self, since: int = 0) -> None:
        self._lock = threading.Lock()
        self._mark = since

    @property
    def latest(self) -> int:
        """The latest moment seen."""
        return self._mark

    def raise_to(self, moment: int) -> None:
        """Know of a moment that has passed."""
        with self._lock:
            self._mark = max(self._mark, moment)

    def moment(self, now: int) -> int | None:
        """Return the moment to decide at, or None where the clock was set back."""
        with self._lock:
            self._mark = max(self._mark, now)
            return self._mark if self._mark - now <= TOLERANCE else None


@contextlib.asynccontextmanager
async def kept(mark: HighWater, store: Store, *, forget: bool = False) -> AsyncIterator[None]:
    """Keep the mark on record while the block runs, so that a restart does not lose it.

    Args:
        mark: The mark, which is raised to what is on record.
        store: Where it is kept.
        forget: Whether what is on record is of a clock that was wrong.
    """
    known = await store.read(lambda tx: tx.settings.get(HOST, KEY))
    if known is not None and not forget:
        mark.raise_to(int(known))
    task = asyncio.create_task(_keep(mark, store, mark.latest))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await _save(mark, store)


async def _keep(mark: HighWater, store: Store, saved: int) -> None:
    while True:
        await asyncio.sleep(PERIOD)
        if mark.latest > saved:
            saved = mark.latest
            await _save(mark, store)


async def _save(mark: HighWater, store: Store) -> None:
    latest = str(mark.latest)
    try:
        await store.write(lambda tx: tx.settings.put(HOST, KEY, latest))
    except StoreError as error:
        logger.warning("the latest moment seen is not kept: %s", error)
