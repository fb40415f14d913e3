"""One delivery to a handle: its requests, how they go on where they broke, and how they ended.

Example::

    delivery = Delivery(pull)
    with delivery.recorded(), delivery.table() as reader:
        for batch in delivery.batches(reader): ...
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from trustspace.client.handles.gate import ExportGate
from trustspace.client.incoming_file import Announced, NoTableError, Target
from trustspace.client.operations.transfer import SUSPENDED
from trustspace.client.pull import GRACE, Pull
from trustspace.client.values import Receipt
from trustspace.dataplane.arrow_stream import MEDIA_TYPE, StreamReader, open_stream
from trustspace.dataplane.data_extra import pa
from trustspace.errors import (
    IntegrityError,
    PolicyDeniedError,
    StatusError,
    TransportError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

logger: logging.Logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and, where it is known, the bytes in all."""

T = TypeVar("T")

MOST_FRUITLESS = 3
"""Attempts in a row that bring nothing before the delivery is given up."""

RESTART_PAUSE = timedelta(milliseconds=300)
"""Pause before going on: a provider that restarts takes this long."""

ANY_FILE = "*/*"

ENDINGS = ("agreement.", "transfer.")
"""Codes of refusals that end the handle; others, a wrong form for example, refuse one request."""


class Delivery:
    """What a handle is delivered.

    Args:
        pull: Its data requests.

    Attributes:
        gate: The gate that all data passes.
        rows: Rows that have left.
        sha256: Digest of what was written last.
    """

    def __init__(self, pull: Pull) -> None:
        self.pull = pull
        self.gate: ExportGate = ExportGate(pull.why)
        self.rows: int = 0
        self.sha256: str | None = None
        self._failure: TrustspaceError | None = None
        self._ended = False

    def end(self) -> None:
        """Let no data out any more, and tell the own connector how the delivery ended."""
        self.gate.close()
        if self._ended:
            return
        self._ended = True
        outcome = self._outcome()
        if outcome is None:
            return
        receipt = Receipt(
            session=self.pull.session,
            outcome=outcome,
            bytes=self.gate.bytes,
            rows=self.rows,
            sha256=self.sha256,
            reasons=getattr(self._failure, "reasons", ()),
        )
        try:
            self.pull.tell(receipt)
        except TrustspaceError as error:
            # The data is here or not whatever the log says, so this must not fail the delivery.
            logger.warning("the receipt of session %s was not taken: %s", receipt.session, error)

    def _outcome(self) -> Literal["delivered", "refused", "cut"] | None:
        """Return how the delivery ended; None when there was none worth a line in the log."""
        if not self.pull.is_used:
            return None
        if self._failure is None:
            return "delivered"
        if self.gate.bytes:
            return "cut"
        return "refused" if isinstance(self._failure, PolicyDeniedError) else None

    def receive(self, target: Target, progress: Progress | None) -> Announced:
        """Receive a file, going on where it stopped as long as each attempt brings something."""
        fruitless = 0
        while True:
            before = target.offset
            try:
                with self.explained(patience=timedelta(0)):
                    return self._receive_rest(target, progress)
            except TransportError as error:
                if isinstance(error, StatusError) and error.status == 416 and before:
                    target.restart()
                    continue
                if not error.retryable or fruitless == MOST_FRUITLESS:
                    raise
                fruitless = 0 if target.offset > before else fruitless + 1
                time.sleep(RESTART_PAUSE.total_seconds())

    def _receive_rest(self, target: Target, progress: Progress | None) -> Announced:
        self.gate.check()
        with self.pull.request(
            accept=ANY_FILE, offset=target.offset, etag=target.version
        ) as answer:
            announced = Announced.of(answer, target)
            for chunk in self.gate.guard(answer.chunks(), size=len):
                target.write(chunk)
                if progress is not None:
                    progress(target.offset, announced.size_bytes)
        return announced

    @contextmanager
    def table(self) -> Iterator[StreamReader]:
        """Ask for the table form and read its head."""
        _ = pa.RecordBatch  # a missing extra must be noticed before the use is counted
        with self.explained(patience=GRACE):
            self.gate.check()
            with self.pull.request(accept=MEDIA_TYPE) as answer:
                sent = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if sent not in ("", MEDIA_TYPE):
                    raise NoTableError(sent[:100])
                yield open_stream(answer.chunks())

    def batches(self, reader: StreamReader) -> Iterator[Any]:
        """Yield the batches of a table, each after a check."""
        for batch in self.gate.guard(reader.batches(), size=lambda batch: batch.nbytes):
            self.rows += batch.num_rows
            yield batch

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Remember how the last delivery ended."""
        try:
            yield
        except TrustspaceError as error:
            self._failure = error
            raise
        else:
            self._failure = None

    @contextmanager
    def explained(self, *, patience: timedelta) -> Iterator[None]:
        """Turn a delivery that broke into the reason for it, where there is one."""
        try:
            yield
        except PolicyDeniedError as denied:
            if denied.code.startswith(ENDINGS) and denied.code != SUSPENDED:
                self.gate.close(denied)
            raise
        except (TransportError, IntegrityError) as error:
            because = None if isinstance(error, StatusError) else self.pull.why(patience=patience)
            if because is None:
                raise
            if because.code != SUSPENDED:
                self.gate.close(because)
            raise because from error


def persistently(deliver: Callable[[], T]) -> T:
    """Deliver, beginning anew when the stream broke though nothing speaks against it."""
    for _ in range(MOST_FRUITLESS):
        try:
            return deliver()
        except TransportError as error:
            if not error.retryable:
                raise
        time.sleep(RESTART_PAUSE.total_seconds())
    return deliver()
