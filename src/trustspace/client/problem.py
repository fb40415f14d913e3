"""From ``application/problem+json`` (RFC 9457) to the error tree.

The connector answers errors as ``{"title", "status", "detail", "code", "hint", "reasons"?,
"location"?}``. The ``code`` decides the class where it can, the status otherwise. A body that is
not a problem document, for example a proxy's page, still becomes a `StatusError`.

Example::

    problem = {"detail": "no dataset 'roses'", "code": "not_found"}
    raise error_of("GET datasets/roses", status=404, document=problem)  # NotFoundError
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustspace.client.refusal import reason_objects
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    RemoteProtocolError,
    StatusError,
    TrustspaceError,
    UnsupportedTermError,
)

BY_STATUS: dict[int, type[TrustspaceError]] = {
    401: InvalidTokenError,
    404: NotFoundError,
    409: ConflictError,
}
"""Statuses that say by themselves what happened."""

BY_CODE: dict[str, type[TrustspaceError]] = {
    "invalid": ConfigurationError,
    "extra.missing": ConfigurationError,
    "address.denied": EgressDeniedError,
}
"""Codes that say more than their status."""

HINTS = {401: "use the token in HOME/management.token of the running connector"}


def error_of(
    what: str,
    *,
    status: int,
    document: Any = None,  # noqa: ANN401 - any JSON value
    request_id: str = "",
) -> TrustspaceError:
    """Return the exception that an error answer stands for.

    Args:
        what: What was asked, as ``METHOD path``.
        status: HTTP status, 400 or above.
        document: Decoded JSON body, or None.
        request_id: Id under which the other side logged the request, or empty.
    """
    problem: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    code = str(problem.get("code") or "")
    hint = str(problem.get("hint") or "")
    message = str(problem.get("detail") or problem.get("title") or f"{what} answered {status}")
    if status == 403:
        reasons = reason_objects(problem.get("reasons"), code=code)
        code = code or str(reasons[0]["id"] if reasons else "policy.denied")
        return PolicyDeniedError(message, code=code, reasons=reasons, hint=hint)
    if (known := _by_code(code, message, problem, hint)) is not None:
        return known
    if status in BY_STATUS:
        return BY_STATUS[status](message, hint=hint or HINTS.get(status, ""))
    return StatusError(message, status=status, body=document, request_id=request_id, hint=hint)


def _by_code(
    code: str, message: str, problem: Mapping[str, Any], hint: str
) -> TrustspaceError | None:
    if code.startswith("counterparty"):
        return RemoteProtocolError(message, code=code, hint=hint)
    if code.startswith("integrity"):
        expected, found = str(problem.get("expected", "?")), str(problem.get("found", "?"))
        return IntegrityError(message, expected=expected, found=found, hint=hint)
    if code.startswith(("policy.", "module.", "pep.")):
        location = str(problem.get("location") or "")
        kind = UnsupportedTermError if code.startswith("policy.") else PolicyError
        return kind(message, code=code, location=location, hint=hint)
    if code == "unreachable":
        late = problem.get("status") == 504
        return DeadlineError(message, hint=hint) if late else ConnectError(message, hint=hint)
    if problem.get("status") == 409 and code not in ("", "conflict"):
        return LocalProtocolError(message, code=code, hint=hint)
    return BY_CODE[code](message, hint=hint) if code in BY_CODE else None
