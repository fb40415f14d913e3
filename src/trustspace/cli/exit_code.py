"""Which exit code an error has, and what is printed about it.

::

    0  done
    1  the demonstration, or the program itself, went wrong
    2  wrong usage: arguments, settings, a missing extra, a refused management token
    3  denied by policy
    4  the other side or the network failed
    5  not found
    6  integrity: bytes are not what was announced
    7  not run: a check needs a program that is missing

Example::

    exit_code(NotFoundError("no dataset 'roses'"))  # 5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    MissingDependencyError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    StatusError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG_USAGE = 2
OTHER_SIDE = 4
NOT_RUN = 7

CODES: tuple[tuple[type[TrustspaceError], int], ...] = (
    (PolicyDeniedError, 3),
    (NotFoundError, 5),
    (IntegrityError, 6),
    (PolicyError, WRONG_USAGE),
    (ConfigurationError, WRONG_USAGE),
    (MissingDependencyError, WRONG_USAGE),
    (LocalProtocolError, WRONG_USAGE),
    (ConflictError, WRONG_USAGE),
    (InvalidTokenError, WRONG_USAGE),
)
"""The first class that fits decides; everything else is the other side's or the network's."""

STATUSES_OF_WRONG_USAGE = frozenset({400, 406, 413, 422})


def exit_code(error: TrustspaceError) -> int:
    """Return the exit code of the process that ends with this error."""
    if isinstance(error, StatusError):
        return WRONG_USAGE if error.status in STATUSES_OF_WRONG_USAGE else OTHER_SIDE
    return next((code for kind, code in CODES if isinstance(error, kind)), OTHER_SIDE)


def words(error: TrustspaceError) -> Iterator[str]:
    """Yield the lines for a reader: what; what to do next; then each reason."""
    # The sentence of a refusal may end with what would help already.
    where = getattr(error, "location", "")
    what = f"{where}: {error}" if where else str(error)
    yield f"{what}; {error.hint}" if error.hint and error.hint not in what else what
    for reason in getattr(error, "reasons", ()):
        yield f"  {_reason(reason)}"


def document(error: TrustspaceError) -> dict[str, Any]:
    """Return the error as the JSON that ``--json`` prints."""
    shown: dict[str, Any] = {"error": str(error), "hint": error.hint}
    for member in ("code", "location", "reasons"):
        value = getattr(error, member, None)
        if value is not None:
            shown[member] = list(value) if isinstance(value, tuple) else value
    return shown


def _reason(reason: dict[str, Any]) -> str:
    if "left" not in reason:
        return f"{reason['id']}: {reason.get('text') or 'no further words'}"
    rule = f"{reason['left']} {reason.get('op', '')} {reason.get('expected', '')}".rstrip()
    found = f" (found {reason['actual']})" if "actual" in reason else ""
    return f"{reason.get('src') or reason['id']}: {rule}{found}"
