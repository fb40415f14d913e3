"""Where each message goes over HTTPS (DSP 2025-1, the three "HTTPS Binding" chapters).

One table lists the endpoints of both roles. A server mounts its rows; a sender asks ``path_of``,
which picks the row of its message. Paths are relative to a base: the provider's is the
``endpointURL`` of its data service, the consumer's the ``callbackAddress`` of its request.

Example::

    path_of(verification, peer_pid="urn:uuid:p1")
    # 'negotiations/urn%3Auuid%3Ap1/agreement/verification'
    join("https://provider.example/dsp/", _)
"""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from trustspace.dsp.messages import (
    CatalogError,
    CatalogRequestMessage,
    ContractAgreementMessage,
    ContractAgreementVerificationMessage,
    ContractNegotiation,
    ContractNegotiationError,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    Message,
    NegotiationMessage,
    ProtocolVersion,
    TransferCompletionMessage,
    TransferError,
    TransferMessage,
    TransferProcess,
    TransferRequestMessage,
    TransferStartMessage,
    TransferSuspensionMessage,
    TransferTerminationMessage,
    VersionResponse,
)
from trustspace.dsp.wire import emit
from trustspace.errors import LocalProtocolError
from trustspace.model.dataset import Catalog, Dataset
from trustspace.model.participant import Role

VERSION: Final = "2025-1"
"""Version string of the protocol in the version document."""

VERSION_PATH: Final = ".well-known/dspace-version"
"""Path of the version document under a connector's root (RFC 8615)."""

CATALOG_REQUEST_PATH: Final = "catalog/request"
"""Path of the catalogue."""


class Route(NamedTuple):
    """One endpoint.

    Attributes:
        method: HTTP method.
        path: Template relative to the base; ``{pid}`` is the receiver's own pid, ``{id}`` a
            dataset's.
        role: Role of the party that serves it.
        message: Class of the request's body; None for a GET.
        answer: Class of the answer's body.
        status: Status of success. Peers send 200 for 201 as well; accept both.
    """

    method: str
    path: str
    role: Role
    message: type[Message] | None
    answer: type[Message]
    status: int = 200


# A base may have any path; ids within an endpoint are percent-encoded, hence the last match counts.
_ENDPOINT: Final = re.compile(r"(.+)/(?:catalog|negotiations|transfers)/")

_C, _P = Role.CONSUMER, Role.PROVIDER
_CN, _TP = ContractNegotiation, TransferProcess
_N, _T = "negotiations", "transfers"

ROUTES: Final[tuple[Route, ...]] = (
    Route("POST", CATALOG_REQUEST_PATH, _P, CatalogRequestMessage, Catalog),
    Route("GET", "catalog/datasets/{id}", _P, None, Dataset),
    # Literal segments stand before "{pid}", for routers that take the first row that fits.
    Route("POST", f"{_N}/request", _P, ContractRequestMessage, _CN, 201),
    Route("POST", f"{_N}/offers", _C, ContractOfferMessage, _CN, 201),
    Route("GET", f"{_N}/{{pid}}", _P, None, _CN),
    Route("GET", f"{_N}/{{pid}}", _C, None, _CN),
    Route("POST", f"{_N}/{{pid}}/request", _P, ContractRequestMessage, _CN),
    Route("POST", f"{_N}/{{pid}}/offers", _C, ContractOfferMessage, _CN),
    Route("POST", f"{_N}/{{pid}}/agreement", _C, ContractAgreementMessage, _CN),
    Route(
        "POST",
        f"{_N}/{{pid}}/agreement/verification",
        _P,
        ContractAgreementVerificationMessage,
        _CN,
    ),
    Route("POST", f"{_N}/{{pid}}/events", _P, ContractNegotiationEventMessage, _CN),
    Route("POST", f"{_N}/{{pid}}/events", _C, ContractNegotiationEventMessage, _CN),
    Route("POST", f"{_N}/{{pid}}/termination", _P, ContractNegotiationTerminationMessage, _CN),
    Route("POST", f"{_N}/{{pid}}/termination", _C, ContractNegotiationTerminationMessage, _CN),
    Route("POST", f"{_T}/request", _P, TransferRequestMessage, _TP, 201),
    Route("GET", f"{_T}/{{pid}}", _P, None, _TP),
    # Not in the specification, but asked for by peers that want to compare states.
    Route("GET", f"{_T}/{{pid}}", _C, None, _TP),
    Route("POST", f"{_T}/{{pid}}/start", _P, TransferStartMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/start", _C, TransferStartMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/completion", _P, TransferCompletionMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/completion", _C, TransferCompletionMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/suspension", _P, TransferSuspensionMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/suspension", _C, TransferSuspensionMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/termination", _P, TransferTerminationMessage, _TP),
    Route("POST", f"{_T}/{{pid}}/termination", _C, TransferTerminationMessage, _TP),
)
"""Every endpoint below a base; the version document alone lies under the root."""


def path_of(
    message: CatalogRequestMessage | NegotiationMessage | TransferMessage,
    peer_pid: str | None = None,
) -> str:
    """Return the path to send a message to, relative to the peer's base.

    Args:
        message: What is sent.
        peer_pid: The receiver's pid; None for a message that opens a process.

    Raises:
        LocalProtocolError: Code ``message.malformed``: a later message without the receiver's pid,
            or an opening one with it.
    """
    opens = _opens(message)
    if opens is not (peer_pid is None):
        raise LocalProtocolError(
            f"{message.type} opens a process, hence the receiver has no pid yet"
            if opens
            else f"{message.type} goes to a process of the receiver, whose pid is missing",
            code="message.malformed",
        )
    path = next(
        route.path
        for route in ROUTES
        if route.message is type(message) and ("{pid}" in route.path) is not opens
    )
    return path.replace("{pid}", _segment(peer_pid or ""))


def _opens(message: CatalogRequestMessage | NegotiationMessage | TransferMessage) -> bool:
    if isinstance(message, ContractRequestMessage | ContractOfferMessage):
        return message.is_initial
    return isinstance(message, CatalogRequestMessage | TransferRequestMessage)


def negotiation_path(peer_pid: str) -> str:
    """Return the path that tells the state of a negotiation (GET)."""
    return f"{_N}/{_segment(peer_pid)}"


def transfer_path(peer_pid: str) -> str:
    """Return the path that tells the state of a transfer (GET)."""
    return f"{_T}/{_segment(peer_pid)}"


def catalog_request_path() -> str:
    """Return the path of the catalogue (POST)."""
    return CATALOG_REQUEST_PATH


def dataset_path(dataset_id: str) -> str:
    """Return the path of one dataset (GET)."""
    return f"catalog/datasets/{_segment(dataset_id)}"


def join(base: str, path: str) -> str:
    """Append a path to a base URL, which may or may not end in a slash."""
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def base_of(url: str) -> str:
    """Return the base of an endpoint's URL, as far as it can be told from the URL alone."""
    found = _ENDPOINT.match(url)
    return url if found is None else found[1]


def version_document(entries: Iterable[ProtocolVersion]) -> dict[str, Any]:
    """Return the body of ``.well-known/dspace-version``.

    Args:
        entries: One per base; at least one.

    Raises:
        LocalProtocolError: No entry, or one with another binding than HTTPS.
    """
    return emit(VersionResponse.model_construct(protocol_versions=tuple(entries)))


def catalog_error(code: str, *reasons: object) -> dict[str, Any]:
    """Return the body of a refused catalogue request.

    Args:
        code: Stable code, for example ``catalog.filter``.
        reasons: Any JSON values, for people or machines.
    """
    return emit(CatalogError(code=code, reasons=reasons))


def negotiation_error(
    code: str, *reasons: object, consumer_pid: str, provider_pid: str
) -> dict[str, Any]:
    """Return the body of a refused negotiation message.

    Args:
        code: Stable code, for example ``negotiation.state``.
        reasons: Any JSON values.
        consumer_pid: The consumer's pid; the body needs one, so mint one where none exists.
        provider_pid: The provider's pid, likewise.
    """
    return emit(
        ContractNegotiationError(
            code=code, reasons=reasons, consumer_pid=consumer_pid, provider_pid=provider_pid
        )
    )


def transfer_error(
    code: str, *reasons: object, consumer_pid: str, provider_pid: str
) -> dict[str, Any]:
    """Return the body of a refused transfer message; arguments as for ``negotiation_error``."""
    return emit(
        TransferError(
            code=code, reasons=reasons, consumer_pid=consumer_pid, provider_pid=provider_pid
        )
    )


def _segment(name: str) -> str:
    """Percent-encode a pid or id as one path segment.

    Dots alone would be read as a step in the path, and ``quote`` leaves them as they are.
    """
    return quote(name, safe="") if name.strip(".") else name.replace(".", "%2E")
