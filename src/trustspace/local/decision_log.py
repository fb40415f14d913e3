"""The decision log of a home whose connector does not run.

Example::

    log = logged(Path("garden-home"), last=1_000)
    len(log.requests)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.connector.deciding.kept_rules import RuleFiles, recall
from trustspace.connector.home import open_home
from trustspace.store import EVERY_PARTICIPANT, Store

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.policy.rollout.module import RuleModule
    from trustspace.store import Transaction


@dataclass(frozen=True)
class Logged:
    """What a home has kept.

    Attributes:
        requests: What was asked last, JSON.
        module: The rules in force; None for the shipped ones.
    """

    requests: tuple[str, ...]
    module: RuleModule | None


def logged(path: Path, *, last: int) -> Logged:
    """Read a home's decision log.

    Args:
        path: The home.
        last: Most requests of each participant.

    Raises:
        ConfigurationError: There is no home, or its rules cannot be read.
        StoreError: The database cannot be opened.
    """
    home = open_home(path)

    def query(tx: Transaction) -> tuple[str, ...]:
        names = [row.participant for row in tx.participants.list(EVERY_PARTICIPANT)]
        rows = (row for name in names for row in tx.decisions.last(name, last))
        return tuple(row.request for row in rows if row.request is not None)

    with Store.open(home.database_url, synchronous=home.settings.synchronous) as store:
        kept = store.read_sync(recall)
        return Logged(store.read_sync(query), RuleFiles(home).read(kept))
