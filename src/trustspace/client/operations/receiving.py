"""Having data pushed: to the own connector, or to somebody's sink.

Example::

    transfer = client.drive(Operations().push("urn:uuid:a1", PushRequest()))
    transfer.sha256
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from trustspace.client.exchange import (
    LONGEST_WAIT,
    POLL_PAUSE,
    Exchange,
    Request,
    Wait,
    call,
    wait_query,
)
from trustspace.client.operations.transfer import TransferOperations, not_delivered
from trustspace.client.values import Transfer
from trustspace.errors import ConfigurationError, DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.model.value import JsonObject

LONGEST_POLL = timedelta(seconds=2)
"""While somebody watches the progress, it is asked for this often."""

PUSH = "HttpData-PUSH"


@dataclass(frozen=True)
class PushRequest:
    """Where data shall be pushed, and in which form.

    Attributes:
        sink: URL of somebody's sink; None for the own connector.
        authorization: Value of the ``Authorization`` header that opens the sink; a secret.
        form: ``file`` or ``table``; None for what the terms let leave.
        media_type: Of a table: an Arrow stream, or Parquet.
        transfer: Id of a transfer that was begun already and is only waited for.
    """

    sink: str | None = None
    authorization: str | None = field(default=None, repr=False)
    form: str | None = None
    media_type: str | None = None
    transfer: str | None = None

    def body(self, agreement: str) -> JsonObject:
        """Return the order as the management API takes it.

        Raises:
            ConfigurationError: It opens a sink that is not named.
        """
        body: JsonObject = {"agreement": agreement, "format": PUSH}
        if self.sink is not None:
            opened = {"authorization": self.authorization} if self.authorization else {}
            body["sink"] = {"url": self.sink} | opened
        elif self.authorization is not None:
            raise ConfigurationError("an authorization opens a sink", setting="sink")
        if self.form is not None:
            body["form"] = self.form
        if self.media_type is not None:
            body["media_type"] = self.media_type
        return body


class ReceivingOperations(TransferOperations):
    """Pushed deliveries, at their consumer."""

    def push(
        self,
        agreement: str,
        order: PushRequest,
        *,
        deadline: timedelta,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Exchange[Transfer]:
        """Ask for a push, or for one that was begun, and return it when it is complete.

        Args:
            agreement: Agreement id.
            order: Where to, and in which form.
            deadline: Longest time to wait; the push itself goes on.
            progress: Called with the bytes that have arrived.

        Raises:
            PolicyDeniedError: The provider refused, or ended it.
            DeadlineError: It is not complete yet.
        """
        if order.transfer is None:
            path = yield from self._path("transfers")
            body = order.body(agreement)
            response = yield from call(Request("POST", path, body=body, key=str(uuid4())))
            transfer = Transfer.read(response.document)
        else:
            transfer = yield from self.transfer(order.transfer)
        left = deadline
        while not transfer.is_terminal:
            if left <= timedelta(0):
                msg = f"transfer {transfer.id} is not complete yet: {transfer.state.lower()}"
                hint = f"it goes on: wait for it again with the transfer {transfer.id}"
                raise DeadlineError(msg, hint=hint)
            wait = min(left, LONGEST_WAIT if progress is None else LONGEST_POLL)
            path = yield from self._path("transfers", transfer.id)
            query = wait_query(wait) | {"ended": "true"}
            response = yield from call(Request("GET", path, query=query, patience=wait))
            transfer = Transfer.read(response.document)
            left -= response.elapsed
            if progress is not None:
                progress(transfer.pushed or 0, None)
            if not transfer.is_terminal and response.elapsed < wait:
                yield Wait(POLL_PAUSE)
                left -= POLL_PAUSE
        if transfer.state != "COMPLETED":
            raise not_delivered(transfer)
        return transfer

    def content(self, transfer: str) -> Exchange[Request]:
        """Return the request for what was pushed to the own connector."""
        path = yield from self._path("transfers", transfer, "content")
        return Request("GET", path)

    def discard(self, transfer: str) -> Exchange[None]:
        """Take what was pushed off the own connector."""
        path = yield from self._path("transfers", transfer, "content")
        yield from call(Request("DELETE", path))
