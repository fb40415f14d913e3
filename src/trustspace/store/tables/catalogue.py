"""Policies and datasets that are offered, and the catalogues of others.

Example::

    connection.execute(select(policies).where(policies.c.participant == "garden"))
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from trustspace.store.columns import Document, Instant, Lines, Words
from trustspace.store.tables.layout import metadata, participant_column

policies: Table = Table(
    "policies",
    metadata,
    participant_column(),
    Column("digest", String, primary_key=True),
    Column("body", Document, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

datasets: Table = Table(
    "datasets",
    metadata,
    participant_column(),
    Column("id", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("offer_id", String, nullable=False),
    Column("policy_digest", String, nullable=False),
    Column("source", Document, nullable=False),
    Column("media_type", String, nullable=False),
    Column("forms", Words, nullable=False),
    Column("negotiation", String, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    Column("description", Text, nullable=False),
    Column("keywords", Lines, nullable=False),
    Column("creator", String, nullable=False),
    Column("size_bytes", BigInteger),
    Column("accept_contractual", Words, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("added_revision", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["participant", "policy_digest"], ["policies.participant", "policies.digest"]
    ),
)
_on_offer = datasets.c.withdrawn_at.is_(None)
Index(
    "ix_datasets_on_offer",
    datasets.c.participant,
    datasets.c.id,
    sqlite_where=_on_offer,
    postgresql_where=_on_offer,
)
Index(
    "ix_datasets_policy",
    datasets.c.participant,
    datasets.c.policy_digest,
    datasets.c.revision,
    sqlite_where=_on_offer,
    postgresql_where=_on_offer,
)
Index("ix_datasets_offer", datasets.c.participant, datasets.c.offer_id)
Index("ix_datasets_revision", datasets.c.participant, datasets.c.revision)

former_offers: Table = Table(
    "former_offers",
    metadata,
    participant_column(),
    Column("dataset_id", String, primary_key=True),
    Column("until_revision", BigInteger, primary_key=True, autoincrement=False),
    Column("policy_digest", String, nullable=False),
)


crawls: Table = Table(
    "crawls",
    metadata,
    participant_column(),
    Column("source", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("etag", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("skipped", Document, nullable=False),
    Column("crawled_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

indexed_datasets: Table = Table(
    "indexed_datasets",
    metadata,
    participant_column(),
    Column("source", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("base", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["participant", "source"], ["crawls.participant", "crawls.source"]),
    Index("ix_indexed_datasets_provider", "participant", "provider", "id"),
)
