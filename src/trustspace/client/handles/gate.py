"""The one place through which data leaves a governed handle.

The provider cuts its stream when an agreement ends. What is already on its way, or decoded and
not yet handed out, is stopped here: before a piece of data leaves, the gate asks the own
connector again when the last answer is older than a second, and once closed it stays closed.

Example::

    gate = ExportGate(confirm=lambda: client.why(agreement, transfer))
    for chunk in gate.guard(chunks, size=len):
        file.write(chunk)
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from trustspace.client.operations.transfer import SUSPENDED
from trustspace.errors import LocalProtocolError, PolicyDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

CONFIRMED_FOR = timedelta(seconds=0.5)
"""How long an answer holds: a revocation takes effect within a second, also between slow pieces."""


class ExportGate:
    """Lets data out while the agreement is in force.

    Args:
        confirm: Asks the own connector; returns why no data may flow, or None. What it raises
            stops the data too.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        confirm: Callable[[], PolicyDeniedError | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._confirm = confirm
        self._clock = clock
        self._confirmed_at: float | None = None
        self._closed_by: PolicyDeniedError | None = None
        self._closed = False
        self.bytes: int = 0
        """Bytes that have left."""

    @property
    def closed(self) -> bool:
        """Whether nothing leaves any more."""
        return self._closed

    def close(self, denied: PolicyDeniedError | None = None) -> None:
        """Let nothing out any more; the first reason given is the one that counts."""
        self._closed = True
        self._closed_by = self._closed_by or denied

    def check(self) -> None:
        """Pass when data may leave now.

        Raises:
            PolicyDeniedError: The agreement or its transfer has ended.
            LocalProtocolError: The handle was closed by its user.
        """
        if self._closed:
            self._refuse()
        now = self._clock()
        if self._confirmed_at is not None:
            if now - self._confirmed_at < CONFIRMED_FOR.total_seconds():
                return
            denied = self._confirm()
            if denied is not None:
                if denied.code != SUSPENDED:
                    self.close(denied)
                raise denied
        self._confirmed_at = now

    def guard(self, pieces: Iterable[T], *, size: Callable[[T], int]) -> Iterator[T]:
        """Yield each piece after a check, and count it."""
        for piece in pieces:
            self.check()
            self.bytes += size(piece)
            yield piece

    def _refuse(self) -> None:
        if self._closed_by is None:
            msg = "the handle is closed"
            raise LocalProtocolError(msg, code="handle.closed", hint="open the agreement again")
        raise PolicyDeniedError(
            str(self._closed_by),
            code=self._closed_by.code,
            reasons=self._closed_by.reasons,
            hint=self._closed_by.hint,
        )
