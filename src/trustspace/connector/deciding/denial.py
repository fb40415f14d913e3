"""Denials as the counterparty may read them.

Example::

    refusal = refusal_of(decision)
    if refusal is not None:
        negotiations.terminate(…, code=refusal.code, reasons=refusal.reasons, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.policy.explain import error_reason, remote_reasons

if TYPE_CHECKING:
    from trustspace.errors import PolicyError
    from trustspace.policy.decision import Decision


@dataclass(frozen=True)
class Refusal:
    """A denial.

    Attributes:
        code: Id of the first reason.
        reasons: Objects with ``id``, ``src``, ``left``, ``op``, ``expected``, or with ``text``.
    """

    code: str
    reasons: tuple[Any, ...]

    @classmethod
    def of(cls, code: str, text: str, *more: dict[str, Any]) -> Refusal:
        """Return a denial for a reason in words, with further reasons."""
        return cls(code, ({"id": code, "text": text}, *more))


GONE = Refusal.of("offer.gone", "the dataset is no longer on offer like this")
"""What was offered has been withdrawn or replaced since."""

UNASKED = Refusal.of("offer.unasked", "offers that were not asked for are not considered here")
"""The consumer's owner wants no offers but those it asked for."""


def refusal_of(decision: Decision) -> Refusal | None:
    """Return a denial as the counterparty may read it; None on an allow."""
    if decision.allow:
        return None
    return Refusal(decision.reasons[0].id, tuple(remote_reasons(decision)))


def unsupported(error: PolicyError) -> Refusal:
    """Return the denial of a policy that cannot be evaluated."""
    return Refusal(error.code, ({**error_reason(error), "text": str(error)},))
