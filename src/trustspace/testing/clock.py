"""A clock that a test can put forward, for connectors that it runs itself.

It goes on like the real one, a jump ahead of it; waiting still takes as long as it takes.

Example::

    clock = Clock()
    with Connector.local("garden", clock=clock) as garden:
        clock.forward(days=31)
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time; call it. May be shared between threads and connectors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        """Return the time, aware and in UTC."""
        with self._lock:
            return datetime.now(UTC) + self._ahead

    def forward(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Put the clock forward and return the new time.

        Raises:
            ValueError: That would be backwards.
        """
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if by < timedelta(0):
            msg = "time goes forward; set_back() is a clock that is wrong"
            raise ValueError(msg)
        return self._move(by)

    def travel_to(self, moment: datetime) -> datetime:
        """Put the clock forward to a moment and return the new time.

        Raises:
            ValueError: The moment has passed, or has no zone.
        """
        if moment.tzinfo is None:
            msg = "a moment has a zone"
            raise ValueError(msg)
        return self.forward(seconds=(moment - self()).total_seconds())

    def set_back(self, *, hours: float = 0, seconds: float = 0) -> datetime:
        """Set the clock back, as nobody should, and return the new time."""
        return self._move(-timedelta(hours=hours, seconds=seconds))

    def _move(self, by: timedelta) -> datetime:
        with self._lock:
            self._ahead += by
        return self()
