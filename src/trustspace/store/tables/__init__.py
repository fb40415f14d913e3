"""The store's tables.

Every row belongs to one participant context: ``participant`` leads every primary key, and a foreign
key ties it to a hosted participant (settings excepted, which the host itself may own too). Nothing
here is peculiar to SQLite: documents are text, instants integers (`trustspace.store.columns`),
partial indexes, row-value comparisons and ``ON CONFLICT`` exist on PostgreSQL as well (the last one
in the same words, though SQLAlchemy has an insert of its own for each).

Example::

    connection.execute(select(datasets).where(datasets.c.participant == "garden"))
"""

from trustspace.store.tables.catalogue import (
    crawls,
    datasets,
    former_offers,
    indexed_datasets,
    policies,
)
from trustspace.store.tables.decision import decisions
from trustspace.store.tables.duty import duties
from trustspace.store.tables.layout import metadata
from trustspace.store.tables.participant import counterparties, participants, settings
from trustspace.store.tables.process import (
    agreements,
    events,
    holds,
    negotiation_keys,
    negotiations,
    outbox,
    pushes,
    transfers,
)
from trustspace.store.tables.replay import idempotency, tokens
from trustspace.store.tables.usage import counters, meters, portions, reservations

__all__ = [
    "agreements",
    "counterparties",
    "counters",
    "crawls",
    "datasets",
    "decisions",
    "duties",
    "events",
    "former_offers",
    "holds",
    "idempotency",
    "indexed_datasets",
    "metadata",
    "meters",
    "negotiation_keys",
    "negotiations",
    "outbox",
    "participants",
    "policies",
    "portions",
    "pushes",
    "reservations",
    "settings",
    "tokens",
    "transfers",
]
