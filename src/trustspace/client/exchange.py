"""One operation, two clients: what an operation asks for and what it is given.

An operation against the management interface is a generator. It yields a `Request` when it needs
an answer, a `Wait` when it needs time to pass and a `Consult` when the caller's own strategy is to
decide; it is sent the `Response`, nothing, or the strategy's answer, and returns its result. It
opens no socket and reads no clock: a driver does, once for `Client` and once for `AsyncClient`. A
driver throws a `TransportError` into the generator when a request got no answer at all, and
whatever a strategy raised.

Example::

    def rename(name: str) -> Exchange[str]:
        response = yield from call(Request("POST", "participants/bank/name", body={"name": name}))
        return response.document["name"]
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from trustspace.client.haggling import Answer, Consult
from trustspace.client.problem import error_of
from trustspace.errors import ConnectError, LocalProtocolError

if TYPE_CHECKING:
    from trustspace.model.value import JsonObject

T = TypeVar("T")

RETRY_PAUSE = timedelta(milliseconds=200)
"""Pause before the only repetition of a request that got no answer: a restart takes this long."""

LONGEST_WAIT = timedelta(seconds=60)
"""The connector holds a waiting answer no longer than this."""

POLL_PAUSE = timedelta(milliseconds=100)
"""Pause after a connector answered a waiting request early with nothing new."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the management interface.

    Attributes:
        method: HTTP method.
        path: Path under ``/v1/`` without a leading slash, every id percent-encoded.
        query: Query parameters.
        body: JSON body, or None for a request without one.
        key: ``Idempotency-Key``: with it a creating request may be repeated without harm.
        patience: How long the connector may hold the answer on top of the client's timeout.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = None
    key: str | None = None
    patience: timedelta = timedelta(0)

    @property
    def is_repeatable(self) -> bool:
        """Whether the same request sent twice has the effect of one."""
        return self.method != "POST" or self.key is not None


@dataclass(frozen=True, slots=True)
class Wait:
    """Time that must pass before the operation goes on."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Response:
    """What came back.

    Attributes:
        status: HTTP status.
        document: Decoded JSON body, or None.
        request_id: Id under which the connector logged the request, or empty.
        elapsed: How long the request took, so that an operation can keep its deadline.
    """

    status: int
    document: Any = None
    request_id: str = ""
    elapsed: timedelta = timedelta(0)


Exchange: TypeAlias = Generator[Request | Wait | Consult, Response | Answer | None, T]
"""An operation that returns a ``T``."""


def call(request: Request) -> Exchange[Response]:
    """Send one request and return its successful answer.

    A repeatable request that got no answer is sent once more after a pause.

    Raises:
        TrustspaceError: The connector answered an error; see `trustspace.client.problem`.
        TransportError: There was no answer.
    """
    try:
        response = yield request
    except ConnectError:
        if not request.is_repeatable:
            raise
        yield Wait(RETRY_PAUSE)
        response = yield request
    if not isinstance(response, Response):
        msg = f"the driver sent nothing in answer to {request.method} {request.path}"
        raise LocalProtocolError(msg, code="client.driver")
    if response.status >= 400:
        raise error_of(
            f"{request.method} {request.path}",
            status=response.status,
            document=response.document,
            request_id=response.request_id,
        )
    return response


def wait_query(duration: timedelta) -> dict[str, str]:
    """Return the query that asks the connector to hold its answer until something is new."""
    return {"wait": f"{duration.total_seconds():.3f}"}


def because(reason: str | None) -> JsonObject:
    """Return the body that gives the counterparty a reason, or none."""
    return {} if reason is None else {"reason": reason}
