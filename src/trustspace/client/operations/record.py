"""What a participant has on record: explanations, events, facts about counterparties.

Example::

    for event in client.drive(Operations().events(after=0)):
        print(event.seq, event.kind)
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trustspace.client.exchange import Exchange, Request, call, wait_query
from trustspace.client.operations.participant import ParticipantOperations, listed
from trustspace.client.rules import DecisionRecord
from trustspace.client.values import (
    CounterpartyDialect,
    CounterpartyFacts,
    Event,
    Explanation,
    ListPage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


EVENT_WAIT = timedelta(seconds=30)
"""How long one question for new events is held by the connector."""


class RecordOperations(ParticipantOperations):
    """The records of one participant."""

    def explain(self, id: str, *, language: str = "en") -> Exchange[Explanation]:  # noqa: A002
        """Explain a negotiation, transfer, agreement, dataset or decision.

        Args:
            id: Its id.
            language: ``en`` or ``zh``.

        Raises:
            NotFoundError: Nothing has that id.
        """
        path = yield from self._path("explain", id)
        response = yield from call(Request("GET", path, query={"language": language}))
        return Explanation.read(response.document)

    def decisions(self, limit: int = 100) -> Exchange[tuple[DecisionRecord, ...]]:
        """Return the last decisions of the policy engine, newest first; at most 1,000."""
        path = yield from self._path("decisions")
        response = yield from call(Request("GET", path, query={"limit": str(limit)}))
        page = ListPage.read(listed(response.document))
        return tuple(DecisionRecord.read(item) for item in page.items)

    def events(
        self, after: int = 0, *, wait: timedelta = timedelta(0)
    ) -> Exchange[tuple[Event, ...]]:
        """Return the next events of the log, oldest first; none when there are none.

        Args:
            after: Sequence number of the last event seen.
            wait: How long the connector may wait for a first one.
        """
        path = yield from self._path("events")
        query = {"after": str(after)} | (wait_query(wait) if wait else {})
        response = yield from call(Request("GET", path, query=query, patience=wait))
        page = ListPage.read(listed(response.document))
        return tuple(Event.read(item) for item in page.items)

    def attest(self, did: str, facts: Mapping[str, Any]) -> Exchange[CounterpartyFacts]:
        """Attest facts about a counterparty, for example ``{"spatial": "CN-SH"}``.

        Args:
            did: The counterparty.
            facts: By left operand or ``groups``: a value, several, or ``{"value": …, "until": …,
                "revocation": …}``; they replace what was attested before.
        """
        path = yield from self._path("counterparties", did)
        response = yield from call(Request("PUT", path, body={"facts": dict(facts)}))
        return CounterpartyFacts.read(response.document)

    def attested(self, did: str) -> Exchange[CounterpartyFacts]:
        """Return what has been attested about a counterparty.

        Raises:
            NotFoundError: Nothing has.
        """
        path = yield from self._path("counterparties", did)
        response = yield from call(Request("GET", path))
        return CounterpartyFacts.read(response.document)

    def speak(self, counterparty: str, dialect: str | None) -> Exchange[str]:
        """Say how a counterparty speaks the protocol, for example ``edc``.

        Args:
            counterparty: Its id.
            dialect: Name of the dialect; None leaves it to what the counterparty shows.

        Raises:
            ConfigurationError: There is no such dialect.
        """
        path = yield from self._path("counterparties", counterparty, "dialect")
        response = yield from call(Request("PUT", path, body={"dialect": dialect}))
        return CounterpartyDialect.read(response.document).dialect

    def spoken(self, counterparty: str) -> Exchange[str]:
        """Return the name of the dialect that is spoken with a counterparty."""
        path = yield from self._path("counterparties", counterparty, "dialect")
        response = yield from call(Request("GET", path))
        return CounterpartyDialect.read(response.document).dialect


class EventPages:
    """The log of a participant, page by page.

    Args:
        operations: In whose name it is read.
        after: Sequence number of the last event seen.
        follow: Wait for new events instead of ending.

    Attributes:
        ended: Whether nothing more comes.
    """

    def __init__(self, operations: RecordOperations, after: int, *, follow: bool) -> None:
        self._operations = operations
        self._after = after
        self._wait = EVENT_WAIT if follow else timedelta(0)
        self.ended: bool = False

    def next(self) -> Exchange[tuple[Event, ...]]:
        """Return the next events, oldest first."""
        page = yield from self._operations.events(self._after, wait=self._wait)
        if page:
            self._after = page[-1].seq
        self.ended = not (page or self._wait)
        return page
