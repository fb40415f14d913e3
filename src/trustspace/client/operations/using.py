"""Uses of delivered data, as the own connector decides them.

Example::

    lease = client.drive(Operations().use("urn:uuid:a1", UseRequest(session="s1")))
    lease.until
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.operations.record import RecordOperations
from trustspace.model.value import Value
from trustspace.policy.predicate import MaskSpec, Predicate


class UseRequest(Value):
    """What somebody wants to do with delivered data.

    Attributes:
        session: Id of the use; asking again under it renews the lease.
        action: The ODRL action, or None for the agreement's own.
        purpose: What for; None means what was agreed.
        columns: Columns of the table; none for a file.
        counted: Whether it is a use; otherwise the rules are only asked.
    """

    session: str
    action: str | None = None
    purpose: str | None = None
    columns: tuple[str, ...] = ()
    counted: bool = True


class UseLease(Value):
    """Leave to use delivered data for a while.

    Attributes:
        session: Id of the use.
        until: First moment at which it has to be asked for again.
        rules: Ids of the permissions that give it.
        filters: Rows that may be used, joined by AND.
        columns: Columns that may be used; None for all.
        masks: What is masked.
        obligations: Duties that the use brings.
    """

    session: str
    until: datetime
    rules: tuple[str, ...] = ()
    filters: tuple[Predicate, ...] = ()
    columns: tuple[str, ...] | None = None
    masks: tuple[MaskSpec, ...] = ()
    obligations: tuple[dict[str, Any], ...] = ()


class UseEnd(Value):
    """What a use came to.

    Attributes:
        outcome: ``used``, or ``cut`` when the agreement stopped it.
        reasons: Why it was cut.
    """

    outcome: Literal["used", "cut"]
    bytes: int = 0
    rows: int = 0
    reasons: tuple[Any, ...] = ()


class UseOperations(RecordOperations):
    """Uses of what was delivered."""

    def use(self, agreement: str, wanted: UseRequest) -> Exchange[UseLease]:
        """Ask for leave to use delivered data.

        Raises:
            NotFoundError: No such agreement.
            PolicyDeniedError: The agreement, policy or a counter speak against it.
        """
        path = yield from self._path("agreements", agreement, "uses", wanted.session)
        body = wanted.to_wire()
        del body["session"]
        response = yield from call(Request("PUT", path, body=body))
        return UseLease.read(response.document)

    def end_use(self, agreement: str, session: str, end: UseEnd) -> Exchange[None]:
        """Record what a use came to."""
        path = yield from self._path("agreements", agreement, "uses", session, "end")
        yield from call(Request("POST", path, body=end.to_wire()))
