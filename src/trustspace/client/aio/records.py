"""The async client: what happened and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.operations import EventPages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trustspace.client.rules import DecisionRecord
    from trustspace.client.values import (
        Event,
        Explanation,
    )


class AsyncRecordMethods(AsyncDriver):
    """What happened and why."""

    async def explain(self, id: str, *, language: str = "en") -> Explanation:  # noqa: A002
        """Explain a negotiation, transfer, agreement, dataset or decision; as `Client.explain`."""
        return await self.drive(self._operations.explain(id, language=language))

    async def decisions(self, limit: int = 100) -> tuple[DecisionRecord, ...]:
        """Return the last decisions of the policy engine, newest first; as `Client.decisions`."""
        return await self.drive(self._operations.decisions(limit))

    async def events(self, after: int = 0, *, follow: bool = False) -> AsyncIterator[Event]:
        """Yield the events of the log, oldest first; as `Client.events`."""
        pages = EventPages(self._operations, after, follow=follow)
        while not pages.ended:
            for event in await self.drive(pages.next()):
                yield event
