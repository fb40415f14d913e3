"""What two connectors of our profile say to each other about duties.

As the messages about the end of agreements (`trustspace.connector.ending.message`): beside the
protocol's endpoints, with the same ``Authorization``, only to who announces the profile::

    https://garden.example/garden/trustspace/v1/duties/{agreement_id}/{step}

The answer is 200 with the state of the duty at whoever was told, 404 without a body where there is
no such agreement or duty with the sender. Told again, a message changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal
from urllib.parse import quote

from pydantic import AwareDatetime, Field

from trustspace.connector.context import DSP_PATH
from trustspace.connector.ending.message import PROFILE_PATH
from trustspace.model.value import Value

DUTY = "duty"
"""Kind of process under which these messages wait in the outbox."""

MOST_COVERED = 1_000
"""Occurrences that one message names."""


class DutyStep(StrEnum):
    """What a message says, the last segment of its path."""

    FULFILMENT = "fulfilment"
    """Whoever owes it has done it, and its word is evidence."""
    CLAIM = "claim"
    """Whoever owes it has done it; the other side is asked to confirm."""
    CONFIRMATION = "confirmation"
    """What the other side owed is done."""


class DutyMessage(Value):
    """One message about a duty.

    Attributes:
        id: The same over retries.
        agreement_id: Under which agreement.
        duty_id: Which duty of its rules.
        action: What the duty is, as the sender reads the agreement.
        covers: Occurrences that it is about; an empty name is what is owed once.
        at: When it was done. What was owed before that is done with it.
        evidence: Id or reference of the evidence.
        facts: What the evidence shows, by left operand.
        report: Anything else for the receiver to keep: what was removed, what was used.
    """

    id: str = Field(alias="@id", min_length=1, max_length=512)
    type: Literal["DutyMessage"] = Field(default="DutyMessage", alias="@type")
    agreement_id: str = Field(alias="agreementId")
    duty_id: str = Field(alias="dutyId", min_length=1, max_length=512)
    action: str = Field(min_length=1, max_length=512)
    covers: tuple[str, ...] = Field(default=(), max_length=MOST_COVERED)
    at: AwareDatetime
    evidence: str = Field(min_length=1, max_length=512)
    facts: dict[str, Any] = Field(default_factory=dict)
    report: dict[str, Any] = Field(default_factory=dict)


def proof_in(message: DutyMessage) -> object | None:
    """Return the signed proof of a deletion that a message carries, or None."""
    removed = message.report.get("removed")
    return removed.get("proof") if isinstance(removed, dict) else None


def url_of(dsp_url: str, agreement_id: str, step: DutyStep) -> str | None:
    """Return where a step is told, or None when the address is not of our profile."""
    base = dsp_url.rstrip("/")
    if not base.endswith(DSP_PATH):
        return None
    root = base.removesuffix(DSP_PATH) + PROFILE_PATH
    return f"{root}/duties/{quote(agreement_id, safe='')}/{step}"


def queue_of(agreement_id: str) -> str:
    """Return the outbox's name of the messages about the duties of an agreement."""
    return f"{DUTY}:{agreement_id}"
