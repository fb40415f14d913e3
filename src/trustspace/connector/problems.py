"""Refusals of the management and data endpoints: problem+json (RFC 9457), nothing private.

Each error of the tree has one status and one code; whatever is not in the tree is a fault of ours
and shows its request id only.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from trustspace.connector.messaging.wire_body import BodyError
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    IdentityError,
    IntegrityError,
    LocalProtocolError,
    MissingDependencyError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    RemoteProtocolError,
    StatusError,
    StoreError,
    TransportError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

logger: logging.Logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# The first class that fits decides, hence subclasses stand before their parents.
_STATUS: tuple[tuple[type[TrustspaceError], int, str], ...] = (
    (PolicyDeniedError, 403, ""),
    (PolicyError, 422, ""),
    (NotFoundError, 404, "not_found"),
    (ConflictError, 409, "conflict"),
    (StoreError, 503, "unavailable"),
    (LocalProtocolError, 409, ""),
    (RemoteProtocolError, 502, "counterparty.malformed"),
    (IdentityError, 502, "counterparty.identity"),
    (EgressDeniedError, 422, "address.denied"),
    (DeadlineError, 504, "unreachable"),
    (ConnectError, 502, "unreachable"),
    (StatusError, 502, "counterparty.refused"),
    (TransportError, 502, "unreachable"),
    (MissingDependencyError, 501, "extra.missing"),
    (ConfigurationError, 422, "invalid"),
)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """Return a problem document."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
    }
    shown = {key: value for key, value in more.items() if value}
    return JSONResponse(
        body | shown, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def problem_of(error: TrustspaceError) -> JSONResponse:
    """Return the problem document of an error."""
    if isinstance(error, IntegrityError):
        return _integrity_problem(error)
    if isinstance(error, BodyError):
        return problem(error.status, "invalid", str(error), hint=error.hint)
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            own = getattr(error, "code", "")
            return problem(
                status,
                code or own or "invalid",
                str(error),
                hint=error.hint,
                reasons=list(getattr(error, "reasons", ())),
                location=getattr(error, "location", ""),
            )
    logger.error("unexpected refusal", exc_info=error)
    return problem(500, "internal", "the request could not be handled")


def _integrity_problem(error: IntegrityError) -> JSONResponse:
    """Return the problem document of bytes that are not what was promised, in its three parts."""
    ending = f": expected {error.expected}, found {error.found}"
    return problem(
        409,
        "integrity",
        str(error).removesuffix(ending),
        hint=error.hint,
        expected=error.expected,
        found=error.found,
    )
