"""Which transfers are watched, and when the passing of time may change what they hang on.

Example::

    live.put(watched)
    live.due(now)        # keys whose moment has come
    live.next_at         # Unix seconds of the next one, or None
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.dsp.messages import TransferState
from trustspace.policy.decision import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.dsp.transfer import TransferProcess

Key = tuple[str, str]
"""Name of a participant of ours and our pid of its transfer."""

FIRST_WAIT, LAST_WAIT = 2, 60
"""Seconds until what could not be decided is tried again: at first and at last."""

OF_DUTIES = "odrl.obligation.overdue"
"""Code of what is paused for a duty, and goes on when the duty is done."""


@dataclass(slots=True)
class Watched:
    """One transfer.

    Attributes:
        key: Whose, and which.
        counterparty: With whom.
        agreement_id: Under which agreement.
        at: Unix seconds at which it is looked at again, or None.
        wait: Seconds until it was tried again last.
    """

    key: Key
    counterparty: str
    agreement_id: str
    at: float | None = None
    wait: int = 0

    def try_again(self, now: float) -> None:
        """Look at it again before long, and later each time."""
        self.wait = min(LAST_WAIT, self.wait * 2 or FIRST_WAIT)
        self.at = now + self.wait


def is_watched(transfer: TransferProcess) -> bool:
    """Say whether a transfer runs, or was paused because policy said so."""
    return transfer.state is TransferState.STARTED or is_paused_by_policy(transfer)


def is_paused_by_policy(transfer: TransferProcess) -> bool:
    """Say whether we paused a transfer for a reason that may go away."""
    return (
        transfer.state is TransferState.SUSPENDED
        and transfer.ended_by is transfer.role
        and transfer.code in REASONS
        and transfer.code != OF_DUTIES
    )


class LiveTransfers:
    """The transfers that are watched; for one event loop."""

    def __init__(self) -> None:
        self._watched: dict[Key, Watched] = {}
        self._moments: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._watched)

    def get(self, key: Key) -> Watched | None:
        """Return one, or None."""
        return self._watched.get(key)

    def put(self, watched: Watched) -> None:
        """Watch a transfer, or know of its next moment."""
        self._watched[watched.key] = watched
        if watched.at is not None:
            heapq.heappush(self._moments, (watched.at, watched.key))

    def drop(self, key: Key) -> None:
        """Watch a transfer no longer."""
        self._watched.pop(key, None)

    def keys(self) -> list[Key]:
        """Return all."""
        return list(self._watched)

    def with_(self, participant: str, counterparty: str) -> Iterator[Key]:
        """Yield those of a participant with a counterparty."""
        for key, watched in self._watched.items():
            if key[0] == participant and watched.counterparty == counterparty:
                yield key

    @property
    def next_at(self) -> float | None:
        """Unix seconds of the next moment, or None."""
        while self._moments:
            at, key = self._moments[0]
            watched = self._watched.get(key)
            if watched is not None and watched.at == at:
                return at
            heapq.heappop(self._moments)  # Decided since, or over.
        return None

    def due(self, now: float) -> list[Key]:
        """Return those whose moment has come; each is returned once."""
        found = []
        while (at := self.next_at) is not None and at <= now:
            key = heapq.heappop(self._moments)[1]
            self._watched[key].at = None
            found.append(key)
        return found
