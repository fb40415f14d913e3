"""What a connector tells of its rules and of what they decided, as frozen values.

Example::

    for record in client.decisions(limit=10):
        print(record.at, record.subject, record.effect, record.code)
"""

from __future__ import annotations

from datetime import datetime

from trustspace.model.value import Value

Moment = datetime
"""A moment in UTC; ISO 8601 on the wire."""


class DecisionRecord(Value):
    """A decision of the log.

    Attributes:
        id: What `explain` takes.
        point: Where it was asked: ``catalog``, ``negotiation``, ``transfer`` or ``access``.
        subject: Who asked; None for somebody who is not known.
        agreement: Under which agreement; None before there is one.
        effect: ``allow``, ``conditional`` or ``deny``.
        code: Id of the first reason of a denial.
        revision: Revision of the rules that decided.
        digest: Digest of what was asked.
        kept: Whether what was asked is kept whole.
    """

    id: str
    at: Moment
    point: str
    subject: str | None = None
    dataset: str
    agreement: str | None = None
    action: str
    effect: str
    code: str | None = None
    revision: str
    digest: str
    kept: bool
