"""Keys that providers lend, held in memory for as long as their leases allow.

A lease is renewed by whoever uses the key when it is due, once for all. Time is told by two
clocks, the wall clock and one that only goes forward; a lease is over when either says so, so that
setting the wall clock back gains nothing. A key is overwritten when its time is over, also when
nobody uses it any more.

Example::

    with LeasedKeys(lender) as keys:
        store = SealedStore(folder, participant=did, keys=own, lent=keys)
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from trustspace.errors import IntegrityError, PolicyDeniedError, TransportError
from trustspace.usage.data_key import KEY_BYTES, DataKey, no_key
from trustspace.usage.key_lease import LeaseState

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.usage.key_lease import KeyLease, KeyLender, LentKey

logger: logging.Logger = logging.getLogger(__name__)

RETRY: Final = timedelta(seconds=5)
"""Pause between attempts to renew a lease at a provider that cannot be reached."""


@dataclass
class _Held:
    lease: KeyLease
    key: DataKey
    received: float
    """When, by the clock that only goes forward."""
    tried: float
    """When it was last attempted to renew it, by the same clock."""
    timer: threading.Timer


class LeasedKeys:
    """Keys on lease; use it in a ``with`` block, which overwrites them all at its end.

    Args:
        lender: Asks the provider.
        clock: The time, aware and in UTC.
        monotonic: Seconds that only go forward.
    """

    def __init__(
        self,
        lender: KeyLender,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lender = lender
        self._clock = clock
        self._monotonic = monotonic
        self._held: dict[str, _Held] = {}
        self._lock = threading.RLock()

    def key(self, agreement: str, key: str | None = None) -> DataKey:
        """Return the key of an agreement, from memory or from its provider.

        Args:
            agreement: Agreement id.
            key: Id of the key that is wanted; None for the first one of an agreement.

        Raises:
            PolicyDeniedError: The lease is over and there is no other.
            TransportError: There is no key here and the provider cannot be reached.
            IntegrityError: The provider lends another key than the one that is wanted.
        """
        with self._lock:
            held = self._held.get(agreement)
            if held is None or self._state(held) is LeaseState.OVER:
                self.drop(agreement)
                held = self._receive(agreement, self._lender.lend(agreement, key), key)
            self._confirm(agreement)
            return self._held[agreement].key

    def drop(self, agreement: str) -> bool:
        """Overwrite the key of an agreement; tell whether one was held."""
        with self._lock:
            held = self._held.pop(agreement, None)
            if held is None:
                return False
            held.timer.cancel()
            held.key.clear()
            return True

    def drop_overdue(self) -> int:
        """Overwrite the keys whose time is over, and return how many."""
        with self._lock:
            over = [one for one, held in self._held.items() if self._state(held) is LeaseState.OVER]
            return sum(self.drop(agreement) for agreement in over)

    def close(self) -> None:
        """Overwrite all keys."""
        with self._lock:
            for agreement in list(self._held):
                self.drop(agreement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _confirm(self, agreement: str) -> None:
        """Pass while the key of an agreement may be used, renewing its lease when it is due.

        Raises:
            PolicyDeniedError: It may not be used any more.
        """
        with self._lock:
            held = self._held.get(agreement)
            if held is None:
                raise _over(agreement)
            state = self._state(held)
            if state in (LeaseState.DUE, LeaseState.GRACE):
                self._renew(agreement, held)
                state = self._state(self._held[agreement])
            if state is LeaseState.OVER:
                self.drop(agreement)
                raise _over(agreement)

    def _renew(self, agreement: str, held: _Held) -> None:
        now = self._monotonic()
        if now - held.tried < RETRY.total_seconds():
            return
        held.tried = now
        try:
            self._receive(agreement, self._lender.lend(agreement, held.lease.key), held.lease.key)
        except TransportError as error:
            logger.warning("the lease of agreement %s was not renewed: %s", agreement, error)
        except PolicyDeniedError:
            self.drop(agreement)
            raise

    def _receive(self, agreement: str, lent: LentKey, wanted: str | None) -> _Held:
        lease, before = lent.lease, self._held.get(agreement)
        is_wanted = lease.agreement == agreement and wanted in (None, lease.key)
        if not is_wanted or len(lent.secret) != KEY_BYTES:
            lent.secret[:] = bytes(len(lent.secret))
            raise IntegrityError(
                "the provider lends another key",
                expected=f"{wanted or 'a key'} of {agreement}",
                found=f"{lease.key} of {lease.agreement}",
                hint="fetch the data again under its agreement",
            )
        if before is None:
            key = DataKey(
                lease.key, agreement, lent.secret, may_use=lambda: self._confirm(agreement)
            )
        else:
            before.timer.cancel()
            key = before.key
            # The same key once more.
            lent.secret[:] = bytes(len(lent.secret))
        life = max(0.0, (lease.until - self._clock()).total_seconds())
        timer = threading.Timer(life, self.drop_overdue)
        timer.daemon = True
        now = self._monotonic()
        held = self._held[agreement] = _Held(lease, key, now, now, timer)
        timer.start()
        return held

    def _state(self, held: _Held) -> LeaseState:
        elapsed = timedelta(seconds=self._monotonic() - held.received)
        steady = held.lease.issued_at + elapsed
        return max(
            held.lease.state(self._clock()), held.lease.state(steady), key=list(LeaseState).index
        )


def _over(agreement: str) -> PolicyDeniedError:
    return no_key(
        "key.lease_over",
        f"the lease of the key of agreement {agreement} is over",
        hint="reach the provider, which renews it while the agreement lives",
    )
