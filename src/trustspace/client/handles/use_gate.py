"""Leave to use delivered data, asked for once and again while it is used.

The own connector decides (`trustspace.client.operations.using`): when a use begins, when its lease
is over, and after half a second whether the agreement still stands. Between these questions a
batch costs two looks at a clock.

Example::

    gate = UseGate(agreement, drive=client.drive, operations=operations, action="use")
    lease = gate.begin(columns=("grade", "price"))
    for batch in gate.guard(batches, size=lambda batch: batch.nbytes):
        ...
    gate.end(rows=120)
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from trustspace.client.operations.agreement import ended
from trustspace.client.operations.using import UseEnd, UseLease, UseRequest
from trustspace.errors import LocalProtocolError, PolicyDeniedError, TrustspaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trustspace.client.operations import Operations
    from trustspace.client.pull import Drive

T = TypeVar("T")

logger: logging.Logger = logging.getLogger(__name__)

CONFIRMED_FOR = timedelta(seconds=0.5)
"""How long an answer about the agreement holds."""


class UseGate:
    """Lets delivered data out while its use is allowed.

    Args:
        agreement: Agreement id.
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        action: The ODRL action that the use amounts to.
        purpose: What for; None means what was agreed.
        clock: The time, aware and in UTC.
    """

    def __init__(
        self,
        agreement: str,
        *,
        drive: Drive,
        operations: Operations,
        action: str = "use",
        purpose: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.agreement = agreement
        self.session: str = str(uuid4())
        self.bytes: int = 0
        self._drive = drive
        self._operations = operations
        self._action = action
        self._purpose = purpose
        self._clock = clock
        self._lock = threading.RLock()
        self._lease: UseLease | None = None
        self._columns: tuple[str, ...] = ()
        self._asked_at = 0.0
        self._ends_at = 0.0
        self._highest: datetime | None = None
        self._closed_by: PolicyDeniedError | None = None
        self._closed = False
        self._failure: PolicyDeniedError | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing leaves any more."""
        return self._closed

    def begin(self, *, columns: tuple[str, ...] = ()) -> UseLease:
        """Ask for leave, once for a use; later calls return the lease that stands.

        Args:
            columns: Columns of the table; none for a file.

        Raises:
            PolicyDeniedError: The agreement, policy or a counter speak against it.
            LocalProtocolError: The handle was closed by its user.
        """
        with self._lock:
            if self._lease is None or columns != self._columns:
                self._refuse_closed()
                self._columns = columns
                self._ask()
            else:
                self.check()
            return self._known()

    def check(self) -> None:
        """Pass while the data may be used.

        Raises:
            PolicyDeniedError: The agreement has ended, or the use is not allowed any more.
            LocalProtocolError: The handle was closed by its user.
        """
        with self._lock:
            self._refuse_closed()
            now, tick = self._clock(), time.monotonic()
            if self._highest is not None and now < self._highest - timedelta(seconds=1):
                self._deny(
                    PolicyDeniedError(
                        "the clock was set back",
                        code="clock.back",
                        hint="set the clock right, and open the data again",
                    )
                )
            self._highest = now if self._highest is None else max(now, self._highest)
            if self._lease is None or now >= self._lease.until or tick >= self._ends_at:
                self._ask()
            elif tick - self._asked_at >= CONFIRMED_FOR.total_seconds():
                denied = ended(self._drive(self._operations.agreement(self.agreement)))
                if denied is not None:
                    self._deny(denied)
                self._asked_at = tick

    def leave_for(self, action: str) -> None:
        """Ask for leave to do something further with the data, such as to take a copy out.

        Raises:
            PolicyDeniedError: It is not allowed; the handle stays open for other uses.
        """
        wanted = UseRequest(session=f"{self.session}:{action}", action=action)
        self._drive(
            self._operations.use(
                self.agreement,
                wanted.model_copy(update={"purpose": self._purpose, "columns": self._columns}),
            )
        )

    def guard(self, pieces: Iterable[T], *, size: Callable[[T], int]) -> Iterator[T]:
        """Yield each piece after a check, and count it."""
        for piece in pieces:
            self.check()
            self.bytes += size(piece)
            yield piece

    def close(self) -> None:
        """Let nothing out any more."""
        self._closed = True

    def end(self, *, rows: int) -> None:
        """Close it, and have the own connector record what the use came to."""
        self.close()
        if self._lease is None:
            return
        reasons: tuple[Any, ...] = () if self._failure is None else tuple(self._failure.reasons)
        end = UseEnd(
            outcome="used" if self._failure is None else "cut",
            bytes=self.bytes,
            rows=rows,
            reasons=reasons,
        )
        try:
            self._drive(self._operations.end_use(self.agreement, self.session, end))
        except TrustspaceError as error:
            # The use has happened whatever the log says, so this must not fail the program.
            logger.warning("the end of use %s was not recorded: %s", self.session, error)

    def _ask(self) -> None:
        wanted = UseRequest(
            session=self.session,
            action=self._action,
            purpose=self._purpose,
            columns=self._columns,
        )
        try:
            lease = self._drive(self._operations.use(self.agreement, wanted))
        except PolicyDeniedError as denied:
            self._deny(denied)
        before = self._lease
        if before is not None and _shape(before) != _shape(lease):
            self._deny(PolicyDeniedError("what may be used has changed", code="pep.lease_expired"))
        self._lease = lease
        self._asked_at = time.monotonic()
        self._ends_at = self._asked_at + (lease.until - self._clock()).total_seconds()

    def _known(self) -> UseLease:
        if self._lease is None:  # pragma: no cover - begin has asked
            raise AssertionError
        return self._lease

    def _deny(self, denied: PolicyDeniedError) -> None:
        self._closed, self._closed_by, self._failure = True, denied, denied
        raise denied

    def _refuse_closed(self) -> None:
        if not self._closed:
            return
        if self._closed_by is not None:
            raise self._closed_by
        msg = "the handle is closed"
        raise LocalProtocolError(msg, code="handle.closed", hint="open the agreement again")


def _shape(lease: UseLease) -> tuple[object, ...]:
    return lease.filters, lease.columns, lease.masks
