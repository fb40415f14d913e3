"""What a connector tells for finding faults, as frozen values.

Example::

    diagnosis = client.diagnose("https://provider.example")
    diagnosis.well
    page = client.messages(after=0)
    [(said.direction, said.method, said.status) for said in page.items]
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from trustspace.model.value import Value

Moment = datetime
"""A moment in UTC; ISO 8601 on the wire."""


class TracedMessage(Value):
    """A protocol request that the connector sent or received, with its answer and no secrets.

    Attributes:
        seq: Its number; grows in the order in which requests ended.
        at: When it began.
        direction: ``out`` when our connector sent it.
        participant: DID of our participant.
        counterparty: DID of the other side, or None when it did not prove who it is.
        status: HTTP status of the answer, or None when there was none.
        message: Body of the request, or None.
        answer: Body of the answer: JSON, or the beginning of what is no JSON.
        error: What happened instead of an answer; empty mostly.
    """

    seq: int
    at: Moment
    direction: Literal["in", "out"]
    participant: str
    counterparty: str | None = None
    method: str
    url: str
    status: int | None = None
    message: Any = None
    answer: Any = None
    error: str = ""


class MessagePage(Value):
    """Some messages of the last moments.

    Attributes:
        next: Position to ask from next.
        missed: Messages since the asked position that are kept no longer.
    """

    items: tuple[TracedMessage, ...] = ()
    next: int = 0
    missed: int = 0


class Finding(Value):
    """One thing that a doctor looked at.

    Attributes:
        id: Stable id, for example ``tls.expired``; the reference lists them.
        severity: With an ``error``, exchanges do not work.
        expected: What would be right.
        found: What is there.
        advice: What to do; empty when there is nothing to do.
    """

    id: str
    severity: Literal["ok", "note", "warning", "error"]
    expected: str = ""
    found: str = ""
    advice: str = ""


class FindingPage(Value):
    """What an examination under way has found since one looked last.

    Attributes:
        next: How many findings there are so far.
        over: Whether nothing more comes.
        well: As in `Diagnosis`, once it is over.
    """

    id: str
    findings: tuple[Finding, ...] = ()
    next: int = 0
    over: bool = False
    well: bool = False


class Diagnosis(Value):
    """What the doctor found at a counterparty.

    Attributes:
        well: Whether an exchange would work: no finding is an error.
    """

    address: str
    well: bool
    findings: tuple[Finding, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of everything that was found."""
        return tuple(finding.id for finding in self.findings)
