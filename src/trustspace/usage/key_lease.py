"""How long a key that the provider lends may be used: pure rules, for both sides.

Where an agreement asks for it (`ts:keyLease`), the data key does not lie with the consumer. The
provider lends it for a short time and renews the lease while the agreement lives, so that its end
takes the data away even from a consumer that is offline. `ts:keyGrace` says how long a key may be
used behind its lease while the provider cannot be reached; without it, not at all. A refusal of the
provider ends the lease at once, whatever the grace.

Example::

    terms = LeaseTerms(length=timedelta(hours=1), grace=timedelta(minutes=10))
    lease = terms.grant("d1", "urn:uuid:a1", now=now, until=agreement_end)
    lease.state(now)  # LeaseState.FRESH
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

LEASE_TERM: Final = "ts:keyLease"
"""Left operand: longest life of a lease, in ISO 8601."""
GRACE_TERM: Final = "ts:keyGrace"
"""Left operand: longest use behind a lease while the provider cannot be reached."""

RENEWED_AFTER: Final = 2 / 3
"""Part of a lease's life after which it is renewed, while a provider can still restart."""
SKEW: Final = timedelta(seconds=30)
"""Difference of two clocks that is borne; beyond it a clock was set back."""


class LeaseState(StrEnum):
    """What a lease allows."""

    FRESH = "fresh"
    """Use the key."""
    DUE = "due"
    """Use the key, and renew the lease."""
    GRACE = "grace"
    """Renew the lease; use the key only where the provider cannot be reached."""
    OVER = "over"
    """Drop the key."""


@dataclass(frozen=True, slots=True)
class KeyLease:
    """Leave to use one key for a time.

    Attributes:
        key: Id of the data key.
        agreement: Agreement id.
        issued_at: When the time began.
        expires_at: When it ends.
        until: When it ends including the grace; no later than the agreement.
    """

    key: str
    agreement: str
    issued_at: datetime
    expires_at: datetime
    until: datetime

    @property
    def renew_at(self) -> datetime:
        """When to ask for the next lease."""
        return self.issued_at + (self.expires_at - self.issued_at) * RENEWED_AFTER

    def state(self, now: datetime) -> LeaseState:
        """Say what the lease allows.

        Args:
            now: Aware, UTC.
        """
        # A clock that was set back would prolong the lease.
        if now < self.issued_at - SKEW or now >= self.until:
            return LeaseState.OVER
        if now >= self.expires_at:
            return LeaseState.GRACE
        return LeaseState.DUE if now >= self.renew_at else LeaseState.FRESH

    def to_wire(self) -> dict[str, str]:
        """Return the lease as JSON: times in ISO 8601, UTC."""
        return {
            "key": self.key,
            "agreement": self.agreement,
            "issuedAt": self.issued_at.isoformat(),
            "expiresAt": self.expires_at.isoformat(),
            "until": self.until.isoformat(),
        }

    @classmethod
    def read(cls, document: Mapping[str, str]) -> KeyLease:
        """Read what `to_wire` gave.

        Raises:
            ValueError: It is something else.
        """
        try:
            lease = cls(
                document["key"],
                document["agreement"],
                *(datetime.fromisoformat(document[n]) for n in ("issuedAt", "expiresAt", "until")),
            )
            is_ordered = lease.issued_at <= lease.expires_at <= lease.until
            is_aware = lease.issued_at.utcoffset() is not None
        except (LookupError, TypeError) as error:
            msg = "not a lease"
            raise ValueError(msg) from error
        if not (is_ordered and is_aware):
            msg = "a lease without order or zone"
            raise ValueError(msg)
        return lease


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """What an agreement says about its key.

    Attributes:
        length: Longest life of a lease.
        grace: Longest use behind it while the provider cannot be reached.
    """

    length: timedelta
    grace: timedelta = timedelta(0)

    def grant(
        self, key: str, agreement: str, *, now: datetime, until: datetime | None = None
    ) -> KeyLease:
        """Return the lease that a provider gives now.

        Args:
            key: Id of the data key.
            agreement: Agreement id.
            now: Aware, UTC.
            until: When the agreement ends; None when that is not known.
        """
        expires, end = now + self.length, now + self.length + self.grace
        if until is not None:
            expires, end = min(expires, until), min(end, until)
        return KeyLease(key, agreement, now, expires, end)


@dataclass(frozen=True)
class LentKey:
    """A key and the leave to use it.

    Attributes:
        lease: How long.
        secret: The key; whoever receives it overwrites it in the end.
    """

    lease: KeyLease
    secret: bytearray

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lease!r})"


class KeyLender(Protocol):
    """Asks the provider of an agreement for its key; the connector has the one that is used."""

    def lend(self, agreement: str, key: str | None) -> LentKey:
        """Return the key with a new lease.

        Args:
            agreement: Agreement id.
            key: Id of the key that is wanted; None for the first one of an agreement.

        Raises:
            PolicyDeniedError: The agreement has ended, or the provider refuses.
            TransportError: The provider cannot be reached.
        """
        ...
