"""The sync client: what happened and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.operations import EventPages
from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.client.rules import DecisionRecord
    from trustspace.client.values import (
        Event,
        Explanation,
    )


class RecordMethods(Driver):
    """What happened and why."""

    def explain(self, id: str, *, language: str = "en") -> Explanation:  # noqa: A002
        """Explain a negotiation, transfer, agreement, dataset or decision.

        Args:
            id: Its id.
            language: ``en`` or ``zh``.

        Raises:
            NotFoundError: Nothing has that id.
        """
        return self.drive(self._operations.explain(id, language=language))

    def decisions(self, limit: int = 100) -> tuple[DecisionRecord, ...]:
        """Return the last decisions of the policy engine, newest first."""
        return self.drive(self._operations.decisions(limit))

    def events(self, after: int = 0, *, follow: bool = False) -> Iterator[Event]:
        """Yield the events of the log, oldest first.

        Args:
            after: Sequence number of the last event seen.
            follow: Wait for new ones instead of ending; the caller ends it.
        """
        pages = EventPages(self._operations, after, follow=follow)
        while not pages.ended:
            yield from self.drive(pages.next())
