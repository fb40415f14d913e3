"""Agreements: what was agreed, how much of it is used, how it is ended.

Example::

    agreement = client.drive(Operations().revoke("urn:uuid:a1", reason="licence withdrawn"))
    agreement.state  # 'REVOKED'
"""

from __future__ import annotations

from trustspace.client.exchange import Exchange, Request, because, call
from trustspace.client.operations.record import RecordOperations
from trustspace.client.values import Agreement, Event
from trustspace.errors import PolicyDeniedError


class AgreementOperations(RecordOperations):
    """Agreements of either role."""

    def agreements(self) -> Exchange[tuple[Agreement, ...]]:
        """Return every agreement, either role."""
        items = yield from self._collect("agreements")
        return tuple(Agreement.read(item) for item in items)

    def agreement(self, agreement: str) -> Exchange[Agreement]:
        """Return one agreement.

        Raises:
            NotFoundError: No such agreement.
        """
        path = yield from self._path("agreements", agreement)
        response = yield from call(Request("GET", path))
        return Agreement.read(response.document)

    def timeline(self, agreement: str) -> Exchange[tuple[Event, ...]]:
        """Return everything that happened under an agreement, oldest first.

        Raises:
            NotFoundError: No such agreement.
        """
        path = yield from self._path("agreements", agreement, "timeline")
        response = yield from call(Request("GET", path))
        return tuple(Event.read(item) for item in response.document["items"])

    def revoke(self, agreement: str, *, reason: str | None = None) -> Exchange[Agreement]:
        """End an agreement as its provider: streams are cut within a second, the consumer told.

        Raises:
            NotFoundError: No such agreement.
            ConflictError: It has ended in another way, or the own side is its consumer.
        """
        return (yield from self._end_by("revoke", agreement, reason))

    def give_up(self, agreement: str, *, reason: str | None = None) -> Exchange[Agreement]:
        """End an agreement as its consumer; the provider is told.

        Raises:
            NotFoundError: No such agreement.
            ConflictError: It has ended in another way, or the own side is its provider.
        """
        return (yield from self._end_by("give-up", agreement, reason))

    def end(self, agreement: str, *, reason: str | None = None) -> Exchange[Agreement]:
        """Propose to end an agreement, or accept the counterparty's standing proposal.

        Returns:
            The agreement: in force with the own ``proposal``, or ``TERMINATED``.

        Raises:
            NotFoundError: No such agreement.
            ConflictError: It has ended in another way, or the counterparty's connector does not
                know such proposals.
        """
        return (yield from self._end_by("end", agreement, reason))

    def reject_end(self, agreement: str, *, reason: str | None = None) -> Exchange[Agreement]:
        """Reject the counterparty's standing proposal to end an agreement.

        Raises:
            NotFoundError: No such agreement.
            ConflictError: There is no such proposal.
        """
        return (yield from self._end_by("end/reject", agreement, reason))

    def _end_by(self, step: str, agreement: str, reason: str | None) -> Exchange[Agreement]:
        path = yield from self._path("agreements", agreement, *step.split("/"))
        response = yield from call(Request("POST", path, body=because(reason)))
        return Agreement.read(response.document)


def ended(agreement: Agreement) -> PolicyDeniedError | None:
    """Return the refusal that an agreement which is not in force stands for, or None."""
    if agreement.is_in_force:
        return None
    state = agreement.state.lower()
    words = f"{state}: {agreement.reason}" if agreement.reason else state
    return PolicyDeniedError(
        f"agreement {agreement.id} is {words}",
        code=f"agreement.{state}",
        reasons=({"id": f"agreement.{state}", "text": agreement.reason or state},),
        hint="negotiate again, or ask the counterparty",
    )
