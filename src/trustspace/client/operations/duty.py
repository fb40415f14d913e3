"""What is owed under agreements, and evidence that it was done.

Example::

    for duty in client.drive(Operations().duties(state="owed")):
        print(duty.agreement, duty.words)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from trustspace.client.duty import Duty, ProofOptions, proof
from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.operations.participant import ParticipantOperations, listed
from trustspace.client.values import ListPage

if TYPE_CHECKING:
    from trustspace.model.value import JsonObject


class DutyOperations(ParticipantOperations):
    """Duties of either role."""

    def duties(
        self,
        agreement: str | None = None,
        *,
        state: str | None = None,
        language: str = "en",
    ) -> Exchange[tuple[Duty, ...]]:
        """Return the duties under an agreement, or under all of them, newest first.

        Args:
            agreement: Id of the agreement; None for all.
            state: Only those in this state; ``owed`` for all that are not settled.
            language: Language of the words, ``en`` or ``zh``.

        Raises:
            NotFoundError: No such agreement.
            ConfigurationError: There is no such state.
        """
        inner = ("duties",) if agreement is None else ("agreements", agreement, "duties")
        path = yield from self._path(*inner)
        query = {"language": language} | ({} if state is None else {"state": state})
        items: list[JsonObject] = []
        cursor: dict[str, str] = {}
        while True:
            response = yield from call(Request("GET", path, query=query | cursor))
            page = ListPage.read(listed(response.document))
            items += page.items
            if page.next is None:
                return tuple(Duty.read(item) for item in items)
            cursor = {"cursor": page.next}

    def fulfil(
        self, agreement: str, duty: str, evidence: str, **options: Unpack[ProofOptions]
    ) -> Exchange[Duty]:
        """Give evidence that a duty was done; the counterparty is told.

        Args:
            agreement: Id of the agreement.
            duty: Id of the duty.
            evidence: Id or reference of the evidence.
            options: See `ProofOptions`.

        Returns:
            The duty: settled where the own word proves it, else claimed.

        Raises:
            NotFoundError: No such agreement or duty, or nothing is owed.
            LocalProtocolError: Only the counterparty can say so, or several are owed.
            ConfigurationError: The evidence cannot be read.
        """
        path = yield from self._path("agreements", agreement, "duties", duty, "fulfil")
        response = yield from call(Request("POST", path, body=proof(evidence, options)))
        page = ListPage.read(listed(response.document))
        return Duty.read(page.items[0])
