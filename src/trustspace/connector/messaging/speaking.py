"""The owner's word on how a counterparty speaks, kept with the participant's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.dsp.dialects import DIALECTS
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.store import Transaction

CHOSEN = "dialects"
"""Setting of a participant: dialects by the ids of counterparties, in JSON."""


@dataclass
class Speaking:
    """Dialects that owners choose."""

    context: ConnectorContext

    async def load(self) -> None:
        """Take up what was chosen before the last end."""
        names = list(self.context.hosted)
        chosen = await self.context.store.read(
            lambda tx: {name: _chosen(tx, name) for name in names}
        )
        for name, dialects in chosen.items():
            for counterparty, dialect in dialects.items():
                self.context.dialects.choose(name, counterparty, dialect)

    async def choose(self, hosted: Hosted, counterparty: str, name: str | None) -> dict[str, Any]:
        """Say how a counterparty speaks; None leaves it to what it shows.

        Raises:
            ConfigurationError: There is no such dialect.
        """
        if name is not None and name not in DIALECTS:
            raise ConfigurationError(
                f"there is no dialect {name[:100]!r}",
                setting="dialect",
                hint=f"use {' or '.join(DIALECTS)}",
            )

        def hop(tx: Transaction) -> None:
            chosen = _chosen(tx, hosted.name)
            chosen.pop(counterparty, None)
            if name is not None:
                chosen[counterparty] = name
            tx.settings.put(hosted.name, CHOSEN, json.dumps(chosen, sort_keys=True))

        await self.context.store.write(hop)
        self.context.dialects.choose(hosted.name, counterparty, name)
        return self.spoken(hosted, counterparty)

    def spoken(self, hosted: Hosted, counterparty: str) -> dict[str, Any]:
        """Show which dialect is spoken with a counterparty."""
        return {
            "id": counterparty,
            "dialect": self.context.dialects.of(hosted.name, counterparty).name,
        }


def _chosen(tx: Transaction, participant: str) -> dict[str, str]:
    stored: dict[str, str] = json.loads(tx.settings.get(participant, CHOSEN) or "{}")
    return {key: name for key, name in stored.items() if name in DIALECTS}
