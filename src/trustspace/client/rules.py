"""What a connector tells of its rules and of what they decided, as frozen values.

Example::

    for record in client.decisions(limit=10):
        print(record.at, record.subject, record.effect, record.code)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

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


class RuleRefusal(Value):
    """Why other rules were not taken.

    Attributes:
        code: ``module.…``.
        message: What was expected and found.
        hint: What to do.
    """

    at: Moment
    code: str
    message: str
    hint: str = ""


class RulesInForce(Value):
    """The rules that decide.

    Attributes:
        engine: ``wasm`` in process, ``opa`` where a server decides.
        revision: Digest of their sources.
        state: ``in_force``, or ``handing_over`` as long as a server has not fetched them.
        module: Digest of the module; None for the shipped rules.
        serial: Highest serial of a signature so far.
        expires: Until when the signature let the module be taken.
        cases: Number of its cases.
        operands: Left operands that the site's rules know.
        refused: Why others were refused last.
    """

    engine: str
    revision: str
    state: str
    module: str | None = None
    serial: int | None = None
    taken_at: Moment | None = None
    expires: Moment | None = None
    cases: int = 0
    operands: tuple[str, ...] = ()
    refused: RuleRefusal | None = None


class RuleChange(Value):
    """How one request is decided by two kinds of rules.

    Attributes:
        request: Id of the decision that was logged.
        at: When it was asked, Unix seconds.
        members: Where the decisions differ: ``effect``, ``reasons``, ``masks`` and so on.
        before: ``effect``, ``code`` and ``summary`` by the rules in force.
        after: The same by the others.
    """

    request: str
    point: str
    at: int
    subject: str | None = None
    dataset: str
    agreement: str | None = None
    action: str
    members: tuple[str, ...] = ()
    before: dict[str, Any]
    after: dict[str, Any]


class RuleComparison(Value):
    """What other rules decide differently of what was asked last.

    Attributes:
        revision: Digest of the sources of the others.
        inputs: Logged requests that both decided.
        unreadable: Logged requests that another version wrote.
        faults: Denials because the other rules failed.
        changed: Requests that are decided differently.
        effects: Numbers by effect before and after.
        members: Numbers by where the decisions differ.
        examples: Some of them, those with another effect first.
    """

    revision: str
    inputs: int
    unreadable: int = 0
    faults: int = 0
    changed: int
    effects: dict[str, dict[str, int]] = Field(default_factory=dict)
    members: dict[str, int] = Field(default_factory=dict)
    examples: tuple[RuleChange, ...] = ()
