"""What a counterparty is told when its request is refused: status, code, reasons and both pids.

The binding prescribes the shape (DSP 2025-1, the three "HTTPS Binding" chapters): an error body
with both pids even where one does not exist. A party to the process is told its pids; whoever is
not hears its own words again and nothing else, so that an answer never shows what exists.

Example::

    pids = of_process(process) or as_told(pid, document)
    JSONResponse(negotiation_error(code, *reasons, consumer_pid=pids[0], provider_pid=pids[1]))
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from trustspace.connector.context import new_pid
from trustspace.connector.messaging.wire_body import BodyError
from trustspace.dsp.wire import as_identifier
from trustspace.errors import (
    IdentityError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    ProtocolError,
    StoreError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from trustspace.connector.messaging.outgoing import AnyProcess

logger: logging.Logger = logging.getLogger(__name__)

Pids = tuple[str, str]
"""The consumer's pid and the provider's."""


class Refusal(NamedTuple):
    """A refusal that the sender may read."""

    status: int
    code: str
    reasons: tuple[Any, ...]


def refusal(error: TrustspaceError, *, unauthorised: int) -> Refusal:
    """Return what an error means to the sender.

    Args:
        error: Why the request is refused.
        unauthorised: Status for a sender that could not be identified.
    """
    match error:
        case IdentityError():
            return Refusal(unauthorised, "unauthorized", ("the sender could not be identified",))
        case NotFoundError():
            return Refusal(404, "not_found", (str(error),))
        case StoreError():
            return Refusal(503, "unavailable", ("try again in a moment",))
    return _of_content(error)


def _of_content(error: TrustspaceError) -> Refusal:
    match error:
        case BodyError():
            return Refusal(error.status, "message.body", (str(error),))
        case ProtocolError():
            return Refusal(400, *error.reply)
        case PolicyDeniedError():
            return Refusal(400, error.code, (str(error), *error.reasons))
        case PolicyError():
            return Refusal(400, error.code, (str(error),))
    logger.error("unexpected refusal", exc_info=error)
    return Refusal(500, "internal", ("the request could not be handled",))


def of_process(process: AnyProcess) -> Pids:
    """Return the pids of a process for a party to it; one that is not known yet is minted."""
    return process.consumer_pid or new_pid(), process.provider_pid or new_pid()


def as_told(pid: str | None, document: object) -> Pids:
    """Return the pids that the request itself names, as far as they can stand in an answer.

    Args:
        pid: The receiver's pid in the path; None when the message opens a process.
        document: The decoded body, or None when it could not be read.
    """
    told = document if isinstance(document, Mapping) else {}
    consumer, provider = (
        as_identifier(told.get(name)) or as_identifier(pid) or new_pid()
        for name in ("consumerPid", "providerPid")
    )
    return consumer, provider
