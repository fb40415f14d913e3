"""A refusal by policy as an exception: its reasons in words, and what would help.

Reasons come from rules (objects with ``left``, ``op``, ``expected``) or from people (texts). Both
are a counterparty's words, hence only shown, never followed.

Example::

    raise refusal("did:web:garden.example refused", reasons, code="odrl.constraint.unsatisfied")
    # PolicyDeniedError: did:web:garden.example refused: the purpose must be one of …
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trustspace.errors import (
    ConnectError,
    DeadlineError,
    PolicyDeniedError,
    TransportError,
)
from trustspace.policy.explain import advice, explain

Reason = dict[str, Any]


def refusal(
    said: str, reasons: Iterable[Reason], *, code: str, hint: str = ""
) -> PolicyDeniedError:
    """Return the exception for a refusal.

    Args:
        said: Who refused what.
        reasons: Reasons as `reason_objects` returns them.
        code: Stable id of the refusal.
        hint: What to do next when the reasons themselves do not say what would help.
    """
    known = tuple(reasons)
    texts = [str(reason["text"]) for reason in known if "text" in reason]
    rules = explain(reason for reason in known if "text" not in reason)
    why = "; ".join((*rules, *texts))
    message = f"{said}: {why}" if why else said
    return PolicyDeniedError(message, code=code, reasons=known, hint=advice(known) or hint)


def unanswered(said: str, reasons: Iterable[Reason], *, code: str) -> TransportError | None:
    """Return the exception for what ended because the other side did not answer, or None.

    Args:
        said: What ended.
        reasons: Reasons as `reason_objects` returns them.
        code: Stable id of the end.
    """
    texts = [str(reason["text"]) for reason in reasons if "text" in reason]
    message = "; ".join((said, *texts))
    hint = "the counterparty is slow or unreachable: try again later"
    if code == "deadline":
        return DeadlineError(message, hint=hint)
    return ConnectError(message, hint=hint) if code == "unreachable" else None


def reason_objects(reasons: Any, *, code: str = "") -> tuple[Reason, ...]:  # noqa: ANN401
    """Return refusal reasons as objects; a peer may send plain strings.

    Args:
        reasons: What a message or a problem document carries as its reasons.
        code: Stable id given to a reason that has none.
    """
    if isinstance(reasons, str | Mapping):
        reasons = (reasons,)
    if not isinstance(reasons, Iterable):
        return ()
    return tuple(
        {"id": code or "counterparty", **reason}
        if isinstance(reason, Mapping)
        else {"id": code or "counterparty", "text": str(reason)}
        for reason in reasons
    )
