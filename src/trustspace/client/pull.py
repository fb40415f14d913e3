"""Data requests of one governed open: the right token, and one meaning for each refusal.

The provider counts a *session*: all requests of one open carry the same id, so that ranges and
resumed parts are one use. A token lives minutes; the own connector gives a fresh one when the
provider does not take the present one any more (401), which happens once per request.

Example::

    pull = Pull("urn:uuid:a1", drive=client.drive, operations=operations, endpoints=endpoints)
    with pull.request(accept="*/*") as answer:
        for chunk in answer.chunks():
            ...
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote
from uuid import uuid4

from trustspace.client.calling import Call
from trustspace.client.operations.agreement import ended
from trustspace.client.problem import error_of
from trustspace.dataplane.arrow_stream import MEDIA_TYPE
from trustspace.dataplane.refusal import UNENFORCEABLE
from trustspace.errors import (
    InvalidTokenError,
    PolicyDeniedError,
    StatusError,
    TrustspaceError,
)
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.client.exchange import Exchange
    from trustspace.client.operations import Operations
    from trustspace.client.values import EndpointDataReference, Receipt
    from trustspace.transport.http_response import SyncIncomingStream

T = TypeVar("T")

logger: logging.Logger = logging.getLogger(__name__)

ATTRIBUTION = "trustspace-attribution"
"""Header that names whom the data is to be attributed to."""

GRACE = timedelta(seconds=2)
"""How long to ask why after a cut: the counterparty's message comes within a second or not."""

HINTS_OF_FORM = {
    True: "take the file: read(), or save() under a suffix that is not a table's",
    False: "take the table: to_polars(), iter_batches(), or save() as .parquet, .csv or .jsonl",
}
"""What to do when a form is not to be had, by whether it was the table."""

LONGEST_PROBLEM_BYTES = 64 * 1024
"""A refusal's body is read up to here."""


class Drive(Protocol):
    """Runs an operation to its result."""

    def __call__(self, exchange: Exchange[T], /) -> T:
        """Run one operation."""
        ...


class DataEndpoints:
    """Connections to data endpoints of counterparties, shared by the handles of one client.

    Args:
        egress: What may be called; None means public addresses, or for a connector in development
            this machine too.
    """

    def __init__(self, egress: EgressPolicy | None = None) -> None:
        self._egress = egress
        self._client: SyncGuardedClient | None = None
        self._lock = threading.Lock()

    def client(self, *, development: bool) -> SyncGuardedClient:
        """Return the client that fetches data."""
        with self._lock:
            if self._client is None:
                own = EgressPolicy.development() if development else EgressPolicy()
                self._client = SyncGuardedClient(self._egress or own)
            return self._client

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


class Pull:
    """Sends the data requests of one governed open.

    Args:
        agreement: Agreement id.
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        endpoints: Connections to data endpoints.
        purpose: What the data is for, to be checked against the agreement, or None.
        action: The ODRL action that the use amounts to.

    Attributes:
        session: Id under which the provider counts this open.
        agreement: Agreement id.
        is_used: Whether a data request was sent.
    """

    def __init__(
        self,
        agreement: str,
        *,
        drive: Drive,
        operations: Operations,
        endpoints: DataEndpoints,
        purpose: str | None = None,
        action: str = "use",
    ) -> None:
        self.session: str = str(uuid4())
        self.agreement = agreement
        self._drive = drive
        self._operations = operations
        self._endpoints = endpoints
        self._purpose = purpose
        self._action = action
        self._transfer: str | None = None
        self.is_used: bool = False
        self.attribution: str | None = None

    @property
    def transfer(self) -> str:
        """Id of the started transfer; starts one when there is none.

        Raises:
            PolicyDeniedError: The agreement has ended, is for another purpose, or the provider
                refuses.
        """
        if self._transfer is None:
            held = self._drive(self._operations.agreement(self.agreement))
            denied = ended(held) or _other_purpose(held.purpose, self._purpose)
            if denied is not None:
                raise denied
            for note in held.notes:
                logger.warning("agreement %s: %s", self.agreement, note)
            self._transfer = self._drive(self._operations.start_transfer(self.agreement)).id
        return self._transfer

    def go_on(self, session: str | None) -> None:
        """Take up an interrupted session, unless this one is in use already."""
        if session is not None and not self.is_used:
            self.session = session

    def why(self, *, patience: timedelta = timedelta(0)) -> PolicyDeniedError | None:
        """Ask the own connector why no data flows; None means that nothing speaks against it."""
        exchange = self._operations.why(self.agreement, self.transfer, patience=patience)
        return self._drive(exchange)

    def tell(self, receipt: Receipt) -> None:
        """Tell the own connector how the delivery ended."""
        self._drive(self._operations.receipt(self.transfer, receipt))

    @contextmanager
    def request(
        self, *, accept: str, offset: int = 0, etag: str | None = None
    ) -> Iterator[SyncIncomingStream]:
        """Send a data request and hand out its answer, whose status is 200 or 206.

        Args:
            accept: Media type of the form that is wanted.
            offset: First byte that is wanted.
            etag: Version of the file that the first bytes came from.

        Raises:
            PolicyDeniedError: The provider or the own connector says no.
            TransportError: There is no answer, or an error that is no refusal.
        """
        self.is_used = True
        headers = {
            "Accept": accept,
            "Trustspace-Session": self.session,
            "Trustspace-Action": self._action,
        }
        if offset and etag is not None:
            headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
        call = Call("GET", "", headers)
        with self._answer(call) as answer:
            if answer.status not in (200, 206):
                raise self._refusal(answer, accept)
            self._note(answer)
            yield answer

    @contextmanager
    def call(self, call: Call) -> Iterator[SyncIncomingStream]:
        """Call an interface and hand out its own answer, whatever the status.

        Raises:
            PolicyDeniedError: The provider or the own connector says no.
            TransportError: There is no answer, or an error that is no refusal.
        """
        self.is_used = True
        with self._answer(call) as answer:
            if not call.is_answered_by(answer):
                raise self._refusal(answer, "")
            self._note(answer)
            yield answer

    def _note(self, answer: SyncIncomingStream) -> None:
        """Keep whom the data is to be attributed to."""
        named = answer.headers.get(ATTRIBUTION)
        if named is not None:
            self.attribution = unquote(named)[:1_000]

    @contextmanager
    def _answer(self, call: Call) -> Iterator[SyncIncomingStream]:
        """Send a request with a token, once more with a fresh one when it is not taken."""
        fresh = False
        while True:
            edr = self._edr(fresh=fresh)
            with self._client().stream(
                call.method,
                edr.endpoint + call.target,
                headers={**call.headers, "Authorization": edr.authorization},
                content=call.content,
            ) as answer:
                if answer.status == 401 and not fresh:
                    fresh = True
                    continue
                yield answer
                return

    def _edr(self, *, fresh: bool) -> EndpointDataReference:
        try:
            return self._drive(self._operations.edr(self.transfer, fresh=fresh))
        except PolicyDeniedError:
            raise
        except TrustspaceError as error:
            denied = self.why(patience=GRACE)
            if denied is None:
                raise
            raise denied from error

    def _client(self) -> SyncGuardedClient:
        info = self._drive(self._operations.participant())
        return self._endpoints.client(development=info.development)

    def _refusal(self, answer: SyncIncomingStream, accept: str) -> TrustspaceError:
        error = error_of(
            "the data request",
            status=answer.status,
            document=document_of(answer),
            request_id=answer.headers.get("x-request-id", ""),
        )
        if isinstance(error, PolicyDeniedError):
            if error.code == UNENFORCEABLE:
                # In the words of this client's methods, whatever the provider advises.
                error.hint = HINTS_OF_FORM[accept == MEDIA_TYPE]
            return error
        if isinstance(error, StatusError) and error.status == 406:
            error.hint = HINTS_OF_FORM[accept == MEDIA_TYPE]
            return error
        denied = self.why(patience=GRACE if isinstance(error, InvalidTokenError) else timedelta(0))
        return denied or error


def document_of(answer: SyncIncomingStream) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON of a refusal, or None."""
    body = b""
    for chunk in answer.chunks():
        body += chunk
        if len(body) > LONGEST_PROBLEM_BYTES:
            return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _other_purpose(agreed: str | None, purpose: str | None) -> PolicyDeniedError | None:
    if purpose is None or agreed is None or purpose == agreed:
        return None
    reason = {
        "id": "purpose.differs",
        "src": "",
        "left": "odrl:purpose",
        "op": "eq",
        "expected": agreed,
        "actual": purpose,
    }
    return PolicyDeniedError(
        f"the agreement is for {agreed!r}, not for {purpose!r}",
        code="purpose.differs",
        reasons=(reason,),
        hint=f"negotiate again with the purpose {purpose!r}",
    )
