"""What is owed under an agreement, as clients have it.

Example::

    for duty in agreement.duties():
        print(duty.words)        # the consumer owes until 2026-12-01T10:00:00Z: delete
    client.fulfil(agreement, "p1d1", "receipt-7", amount="500", unit="CNY")
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from pydantic import Field

from trustspace.model.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.model.value import JsonObject

DutyState = Literal["open", "overdue", "failed", "fulfilled", "remedied"]
"""How an occurrence of a duty stands."""


class Evidence(Value):
    """What proves that a duty was done.

    Attributes:
        id: Its id or reference.
        at: When the duty was done.
        by: Who says so: the id of a participant, or ``provider`` where its connector did it with
            the delivery.
        facts: What it shows by left operand: ``value`` and ``unit``.
        claimed: Whether the one who owes the duty says so and the other side has to confirm.
    """

    id: str
    at: datetime
    by: str
    facts: dict[str, Any] = Field(default_factory=dict)
    claimed: bool = False


class Duty(Value):
    """One occurrence of a duty of an agreement.

    Attributes:
        agreement: Id of the agreement.
        duty: Id of the duty in the agreement's rules, for example ``d1``.
        occurrence: What it is owed for: the session of a use; empty for what is owed once.
        action: Prefixed action, for example ``odrl:delete``.
        bearer: Who owes it, ``consumer`` or ``provider``.
        params: Parameters for whoever carries it out.
        state: ``open``, ``overdue``, ``failed``, ``fulfilled`` or ``remedied``.
        due: Until when, or None for no term.
        on_failure: What happens when it lapses: ``report``, ``suspend`` or ``terminate``.
        evidence: What proves it, or None.
        fulfilled_at: When it was done.
        attempts: Attempts at carrying it out that failed.
        next_at: When the connector looks at it next, or None.
        error: What the last attempt came to, or None.
        src: JSON pointer of the duty in the policy.
        words: How it stands, in words.
    """

    agreement: str
    duty: str
    occurrence: str = ""
    action: str
    bearer: Literal["consumer", "provider"]
    params: dict[str, Any] = Field(default_factory=dict)
    state: DutyState
    due: datetime | None = None
    on_failure: str = "report"
    evidence: Evidence | None = None
    fulfilled_at: datetime | None = None
    attempts: int = 0
    next_at: datetime | None = None
    error: str | None = None
    src: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    words: str = ""

    @property
    def is_owed(self) -> bool:
        """Whether something is still to be done."""
        return self.state in ("open", "overdue", "failed")


class OwedDuty(Value):
    """What is owed under an agreement and not settled, as the agreement is shown with it."""

    duty: str
    occurrence: str = ""
    action: str
    bearer: Literal["consumer", "provider"]
    state: DutyState
    due: datetime | None = None
    words: str = ""


class ProofOptions(TypedDict, total=False):
    """What may be said of evidence beside its id.

    Attributes:
        amount: What was paid, for example ``"500"``.
        unit: Currency of the amount, for example ``CNY``.
        facts: What else it shows, by left operand.
        occurrence: Which occurrence, where several are owed.
        at: When it was done; now without it.
    """

    amount: str | int | None
    unit: str | None
    facts: Mapping[str, Any] | None
    occurrence: str | None
    at: datetime | None


def proof(evidence: str, options: ProofOptions) -> JsonObject:
    """Return evidence as the management API takes it."""
    facts = dict(options.get("facts") or {})
    amount = options.get("amount")
    if amount is not None:
        facts["payAmount"] = {"value": str(amount), "unit": options.get("unit") or ""}
    body: JsonObject = {"evidence": evidence, "facts": facts}
    if options.get("occurrence") is not None:
        body["occurrence"] = options["occurrence"]
    at = options.get("at")
    if at is not None:
        body["at"] = at.isoformat()
    return body
