"""Leases: an allow that stands for a short while, so that a stream need not ask for every piece.

A lease is checked by clock and epoch alone, in about a microsecond. The epoch is a number that its
owner raises whenever something else that decisions hang on may have changed: a revocation, the
state of an agreement, the policy or the rules. Uses are counted apart from it, by reserving before
anything is delivered.

Example::

    lease = Lease.of(decision, issued_at=now, epoch=epochs.current)
    if not lease.valid(now, epochs.current):
        lease = Lease.of(evaluate(...), issued_at=now, epoch=epochs.current)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trustspace.policy.decision import Decision, Limit

_BEFORE = re.compile(r"now<(-?[0-9]{1,16})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lease:
    """A decision with the time for which it stands.

    Attributes:
        decision: The decision; a denial is never valid.
        issued_at: Aware time at which it was made.
        ttl: How long it may stand.
        depends: What it hangs on, as in the decision; ``now<…`` bounds it as well.
        limits: Counters to reserve for each use.
        epoch: Epoch at which it was made.
        ends_at: First moment at which it no longer stands.
    """

    decision: Decision
    issued_at: datetime
    ttl: timedelta
    depends: tuple[str, ...]
    limits: tuple[Limit, ...]
    epoch: int
    ends_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        ends = [self.issued_at + self.ttl]
        for name in self.depends:
            bound = _BEFORE.fullmatch(name)
            if bound:
                ends.append(_moment(int(bound[1]), self.issued_at))
        object.__setattr__(self, "ends_at", min(ends))

    @classmethod
    def of(cls, decision: Decision, *, issued_at: datetime, epoch: int) -> Lease:
        """Return the lease of a decision, as long as the decision allows."""
        ttl = timedelta(seconds=decision.ttl if decision.allow else 0)
        return cls(decision, issued_at, ttl, decision.depends, decision.limits, epoch)

    def valid(self, now: datetime, epoch: int) -> bool:
        """Tell whether the decision still stands.

        Args:
            now: Aware time; before the lease was issued it does not stand, so that a clock that
                steps back opens nothing.
            epoch: The current epoch.
        """
        return epoch == self.epoch and self.issued_at <= now < self.ends_at


class Counters(Protocol):
    """Uses by counter, kept by whoever delivers; every method is atomic and durable."""

    def reserve(self, key: str, session: str, maximum: int) -> bool:
        """Reserve one use, before anything is delivered.

        Args:
            key: Counter within the agreement, for example ``rule:p1``.
            session: Id of the use; reserving it again is the same use.
            maximum: Highest number of uses, reserved ones included.

        Returns:
            Whether there was one left.
        """
        ...

    def commit(self, key: str, session: str) -> None:
        """Turn the reservation into a use, once the first byte was sent."""
        ...

    def release(self, key: str, session: str) -> None:
        """Give a reservation back that was not committed."""
        ...


def _moment(seconds: int, issued_at: datetime) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        # Beyond the calendar: no bound ahead of us, or one that has long passed.
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else issued_at
