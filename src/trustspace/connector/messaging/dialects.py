"""Which dialect is spoken with whom: the owner's word, else what the counterparty was seen to say.

The table of dialects is pure (`trustspace.dsp.dialects`); here is who gets which row. What was
seen is kept in memory only: the next message shows it again.

Example::

    dialects = PeerDialects({"http://localhost:8282": "edc"})
    dialects.of("garden", "edc-provider", "http://localhost:8282/protocol/2025-1")  # EDC
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trustspace.dsp.dialects import DIALECTS, STRICT, Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.model.participant import ParticipantId

KEPT = 10_000
"""Counterparties whose dialect is remembered."""


class PeerDialects:
    """Dialects of counterparties.

    Args:
        settings: Names by the id of a counterparty or the origin of its address.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {key.rstrip("/"): DIALECTS[name] for key, name in (settings or {}).items()}
        self._chosen: dict[tuple[str, ParticipantId], Dialect] = {}
        self._shown: OrderedDict[ParticipantId, Dialect] = OrderedDict()

    def choose(self, participant: str, counterparty: ParticipantId, name: str | None) -> None:
        """Take the word of a participant's owner; None takes it back."""
        self._chosen.pop((participant, counterparty), None)
        if name is not None:
            self._chosen[participant, counterparty] = DIALECTS[name]

    def note(self, counterparty: ParticipantId, shown: Dialect | None) -> None:
        """Remember what a counterparty showed; None is nothing."""
        if shown is None:
            return
        self._shown[counterparty] = shown
        self._shown.move_to_end(counterparty)
        while len(self._shown) > KEPT:
            self._shown.popitem(last=False)

    def of(
        self,
        participant: str,
        counterparty: ParticipantId,
        url: str = "",
        *,
        shown: Dialect | None = None,
    ) -> Dialect:
        """Return the dialect to speak.

        Args:
            participant: Who speaks.
            counterparty: With whom.
            url: Where, if that is known.
            shown: What the counterparty shows in what is just looked at.
        """
        return (
            self._chosen.get((participant, counterparty))
            or self._settings.get(counterparty)
            or self._settings.get(_origin(url))
            or shown
            or self._shown.get(counterparty)
            or STRICT
        )


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
