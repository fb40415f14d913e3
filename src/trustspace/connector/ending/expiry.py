"""Ends agreements when their time is over: woken at that moment, not by looking again and again.

Access ends by the terms themselves; this makes the state agree. A consumer waits a moment longer
than a provider, so that the provider's messages are the ones that end the transfers.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from trustspace.errors import StoreError
from trustspace.model.participant import Role
from trustspace.store import EVERY_PARTICIPANT

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.ending.steps import Endings
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.store import AgreementRow, Transaction

logger: logging.Logger = logging.getLogger(__name__)

LONGEST_SLEEP = timedelta(seconds=60)
"""A clock may be set; nobody waits longer than this for what its new time ends."""

CONSUMER_WAITS = timedelta(seconds=1)

AGAIN = 0.5
"""Seconds until those are looked at again that could not be ended yet."""

ROWS = 100


class Expiry:
    """Watches the agreements of one connector; for one event loop."""

    def __init__(self, context: ConnectorContext, agreed: Agreements, endings: Endings) -> None:
        self._context = context
        self._endings = endings
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        agreed.on_end(self._known)

    async def run(self) -> None:
        """End what is over, until cancelled."""
        while True:
            self._wake.clear()
            seconds = await self._look()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> float:
        """End what is over; return for how many seconds nothing will be."""
        now = self._context.now()
        try:
            over, following = await self._context.store.read(
                lambda tx: (
                    tx.agreements.over(EVERY_PARTICIPANT, now=now, limit=1),
                    tx.agreements.next_end(EVERY_PARTICIPANT),
                )
            )
            if over:
                return AGAIN if await self._context.store.write(self._expire) else 0.0
        except StoreError as error:
            logger.warning("the end of agreements is put off: %s", error)
            return AGAIN
        if following is None:
            return LONGEST_SLEEP.total_seconds()
        return min(LONGEST_SLEEP, max(following - now, timedelta(0))).total_seconds() + 0.01

    def _expire(self, tx: Transaction) -> bool:
        """End what is over; tells whether some of it has to wait."""
        now = self._context.now()
        found = tx.agreements.over(EVERY_PARTICIPANT, now=now, limit=ROWS)
        ended = 0
        for row in found:
            hosted = self._context.hosted.get(row.participant)
            if hosted is not None and _is_due(row, now):
                self._endings.expire(tx, hosted, row, now=now)
                ended += 1
        return ended < len(found)

    def _known(self, end: datetime) -> None:
        """Hear of an agreement's end; called from the store's thread."""
        left = end - self._context.now()
        if left < LONGEST_SLEEP and not self._loop.is_closed():
            seconds = max(left.total_seconds(), 0.0) + 0.05
            self._loop.call_soon_threadsafe(lambda: self._loop.call_later(seconds, self._wake.set))


def _is_due(row: AgreementRow, now: datetime) -> bool:
    waits = CONSUMER_WAITS if row.role is Role.CONSUMER else timedelta(0)
    return row.ends_at is not None and row.ends_at + waits <= now
