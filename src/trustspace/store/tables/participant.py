"""Participants, their settings, and what they know of others.

Example::

    connection.execute(select(participants).where(participants.c.participant == "garden"))
"""

from sqlalchemy import (
    Column,
    String,
    Table,
    Text,
)

from trustspace.store.columns import Document, Instant
from trustspace.store.tables.layout import metadata, participant_column

participants: Table = Table(
    "participants",
    metadata,
    Column("participant", String, primary_key=True),
    Column("did", String, nullable=False, unique=True),
    Column("address", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)

settings: Table = Table(
    "settings",
    metadata,
    Column("participant", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

counterparties: Table = Table(
    "counterparties",
    metadata,
    participant_column(),
    Column("counterparty", String, primary_key=True),
    Column("facts", Document, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
