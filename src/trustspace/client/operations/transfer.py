"""Transfers: the running delivery of an agreement's data.

Example::

    transfer = client.drive(Operations().start_transfer("urn:uuid:a1"))
    edr = client.drive(Operations().edr(transfer.id))
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import uuid4

from trustspace.client.exchange import (
    LONGEST_WAIT,
    POLL_PAUSE,
    Exchange,
    Request,
    Wait,
    because,
    call,
    wait_query,
)
from trustspace.client.operations.agreement import AgreementOperations, ended
from trustspace.client.refusal import reason_objects, refusal, unanswered
from trustspace.client.values import Agreement, EndpointDataReference, Receipt, Transfer
from trustspace.errors import DeadlineError, PolicyDeniedError, TrustspaceError

TransferStep = Literal["suspend", "resume", "complete", "terminate"]


SUSPENDED = "transfer.suspended"
"""Code of the only refusal that may pass: the transfer can be resumed."""


class TransferOperations(AgreementOperations):
    """Transfer processes of either role."""

    def start_transfer(
        self, agreement: str, *, deadline: timedelta = timedelta(seconds=30)
    ) -> Exchange[Transfer]:
        """Return a started transfer of an agreement; one that runs is used again.

        Args:
            agreement: Agreement id.
            deadline: Longest time to wait for the provider to start.

        Raises:
            PolicyDeniedError: The provider refused; carries its reasons.
            DeadlineError: It did not start in time.
        """
        path = yield from self._path("transfers")
        request = Request("POST", path, body={"agreement": agreement}, key=str(uuid4()))
        response = yield from call(request)
        transfer = Transfer.read(response.document)
        left = deadline - response.elapsed
        while transfer.state == "REQUESTED":
            if left <= timedelta(0):
                msg = f"transfer {transfer.id} did not start in {deadline.total_seconds():g} s"
                hint = "the provider is slow or unreachable: try again later"
                raise DeadlineError(msg, hint=hint)
            wait = min(left, LONGEST_WAIT)
            path = yield from self._path("transfers", transfer.id)
            response = yield from call(Request("GET", path, query=wait_query(wait), patience=wait))
            transfer = Transfer.read(response.document)
            left -= response.elapsed
            if transfer.state == "REQUESTED" and response.elapsed < wait:
                yield Wait(POLL_PAUSE)
                left -= POLL_PAUSE
        if transfer.state != "STARTED":
            raise not_delivered(transfer, "start")
        return transfer

    def transfers(self) -> Exchange[tuple[Transfer, ...]]:
        """Return every transfer, either role."""
        items = yield from self._collect("transfers")
        return tuple(Transfer.read(item) for item in items)

    def transfer(self, transfer: str) -> Exchange[Transfer]:
        """Return one transfer.

        Raises:
            NotFoundError: No such transfer.
        """
        path = yield from self._path("transfers", transfer)
        response = yield from call(Request("GET", path))
        return Transfer.read(response.document)

    def step(
        self, transfer: str, step: TransferStep, *, reason: str | None = None
    ) -> Exchange[Transfer]:
        """Suspend, resume, complete or terminate a transfer.

        Raises:
            ConflictError: The protocol forbids the step in the transfer's state.
        """
        path = yield from self._path("transfers", transfer, step)
        response = yield from call(Request("POST", path, body=because(reason)))
        return Transfer.read(response.document)

    def release(self, agreement: str) -> Exchange[int]:
        """Lift the provider's suspensions under an agreement and return how many there were.

        Raises:
            NotFoundError: No such agreement.
        """
        path = yield from self._path("agreements", agreement, "release")
        response = yield from call(Request("POST", path))
        return int(response.document["released"])

    def edr(self, transfer: str, *, fresh: bool = False) -> Exchange[EndpointDataReference]:
        """Return where and with which token the data of a started transfer is fetched.

        Args:
            transfer: Transfer id.
            fresh: Demand a new token even if the present one is not near its end.

        Raises:
            ConflictError: The transfer is not started.
        """
        path = yield from self._path("transfers", transfer, "edr")
        query = {"fresh": "true"} if fresh else {}
        response = yield from call(Request("GET", path, query=query))
        return EndpointDataReference.read(response.document)

    def why(
        self, agreement: str, transfer: str, *, patience: timedelta = timedelta(0)
    ) -> Exchange[PolicyDeniedError | None]:
        """Return why no data flows, or None when the agreement and the transfer are in order.

        Args:
            agreement: Agreement id.
            transfer: Transfer id.
            patience: How long to go on asking: the provider cuts its stream at once, its message
                that says why arrives a moment later.
        """
        left = patience
        while True:
            path = yield from self._path("agreements", agreement)
            response = yield from call(Request("GET", path))
            left -= response.elapsed
            denied = ended(Agreement.read(response.document))
            if denied is not None:
                return denied
            running = yield from self.transfer(transfer)
            if running.state != "STARTED":
                return stopped(running)
            if left <= POLL_PAUSE:
                return None
            yield Wait(POLL_PAUSE)
            left -= POLL_PAUSE

    def receipt(self, transfer: str, receipt: Receipt) -> Exchange[None]:
        """Tell the own connector how a delivery ended, for its log."""
        path = yield from self._path("transfers", transfer, "receipts")
        yield from call(Request("POST", path, body=receipt.to_wire()))


def not_delivered(transfer: Transfer, what: str = "deliver") -> TrustspaceError:
    """Return the error that a transfer which did not begin, or did not end well, stands for."""
    said = f"transfer {transfer.id} did not {what}"
    reasons = reason_objects(transfer.reasons)
    return unanswered(said, reasons, code=transfer.code or "") or stopped(transfer)


def stopped(transfer: Transfer) -> PolicyDeniedError:
    """Return the refusal that a transfer which does not run stands for."""
    state = transfer.state.lower()
    code = SUSPENDED if state == "suspended" else transfer.code or f"transfer.{state}"
    reasons = reason_objects(transfer.reasons, code=code) or ({"id": code, "text": state},)
    hint = f"ask why: trustspace explain {transfer.id}"
    return refusal(f"transfer {transfer.id} is {state}", reasons, code=code, hint=hint)
