"""Tokens and requests that were seen already.

Example::

    connection.execute(select(tokens).where(tokens.c.participant == "garden"))
"""

from sqlalchemy import (
    Column,
    Index,
    Integer,
    String,
    Table,
)

from trustspace.store.columns import Document, Instant
from trustspace.store.tables.layout import metadata, participant_column

tokens: Table = Table(
    "tokens",
    metadata,
    participant_column(),
    Column("issuer", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index("ix_tokens_expiry", "expires_at"),
    sqlite_with_rowid=False,
)

idempotency: Table = Table(
    "idempotency",
    metadata,
    participant_column(),
    Column("key", String, primary_key=True),
    Column("request_digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Document),
    Column("expires_at", Instant, nullable=False),
    Index("ix_idempotency_expiry", "expires_at"),
)
