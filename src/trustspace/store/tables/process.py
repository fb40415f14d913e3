"""Negotiations, agreements, transfers, and the messages they send.

Example::

    connection.execute(select(negotiations).where(negotiations.c.participant == "garden"))
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
)

from trustspace.store.columns import Document, Instant
from trustspace.store.tables.layout import metadata, participant_column


def _process(name: str, subject: str) -> Table:
    table = Table(
        name,
        metadata,
        participant_column(),
        Column("pid", String, primary_key=True),
        Column("peer_pid", String),
        Column("role", String, nullable=False),
        Column("counterparty", String, nullable=False),
        Column("state", String, nullable=False),
        Column(subject, String, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("updated_at", Instant, nullable=False),
        Column("deadline", Instant),
        Column("body", Text, nullable=False),
        CheckConstraint("role in ('consumer', 'provider')", name="role"),
    )
    c = table.c
    # A peer's pid names one process of one peer in one role; absent until its first message.
    Index(f"uq_{name}_peer", c.participant, c.role, c.counterparty, c.peer_pid, unique=True)
    Index(f"ix_{name}_age", c.participant, c.created_at, c.pid)
    Index(f"ix_{name}_state", c.participant, c.state, c.created_at, c.pid)
    Index(f"ix_{name}_{subject}", c.participant, c[subject])
    Index(
        f"ix_{name}_deadline",
        c.deadline,
        sqlite_where=c.deadline.is_not(None),
        postgresql_where=c.deadline.is_not(None),
    )
    return table


negotiations: Table = _process("negotiations", "dataset_id")
negotiations.append_column(Column("awaiting", String))
_is_awaited = negotiations.c.awaiting.is_not(None)
Index(
    "ix_negotiations_awaiting",
    negotiations.c.participant,
    negotiations.c.awaiting,
    negotiations.c.created_at,
    negotiations.c.pid,
    sqlite_where=_is_awaited,
    postgresql_where=_is_awaited,
)
transfers: Table = _process("transfers", "agreement_id")

negotiation_keys: Table = Table(
    "negotiation_keys",
    metadata,
    participant_column(),
    Column("counterparty", String, primary_key=True),
    Column("dataset_id", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("negotiation_pid", String),
    Column("agreed_pid", String),
    Column("asked_at", Instant, nullable=False),
    Index("ix_negotiation_keys_address", "participant", "address", "dataset_id"),
    Index("ix_negotiation_keys_dataset", "participant", "dataset_id"),
)

agreements: Table = Table(
    "agreements",
    metadata,
    participant_column(),
    Column("id", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("counterparty", String, nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("negotiation_pid", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("ends_at", Instant),
    Column("ended_by", String),
    Column("proposal", Document),
    Column("first_used_at", Instant),
    CheckConstraint("role in ('consumer', 'provider')", name="role"),
    Index("ix_agreements_age", "participant", "signed_at", "id"),
    Index("ix_agreements_dataset", "participant", "dataset_id"),
    Index("ix_agreements_negotiation", "participant", "negotiation_pid"),
)
_will_end = and_(agreements.c.state == "FINALIZED", agreements.c.ends_at.is_not(None))
Index(
    "ix_agreements_end",
    agreements.c.ends_at,
    sqlite_where=_will_end,
    postgresql_where=_will_end,
)

holds: Table = Table(
    "holds",
    metadata,
    participant_column(),
    Column("transfer_pid", String, primary_key=True),
    Column("agreement_id", String, nullable=False),
    Column("code", String, nullable=False),
    Column("reasons", Document, nullable=False),
    Column("since", Instant, nullable=False),
    Index("ix_holds_agreement", "participant", "agreement_id"),
)

pushes: Table = Table(
    "pushes",
    metadata,
    participant_column(),
    Column("pid", String, primary_key=True),
    Column("session", String, nullable=False),
    Column("address", Text, nullable=False),
    Column("media_type", String, nullable=False),
    Column("version", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),
    Column("last_error", String, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
_is_due = pushes.c.next_at.is_not(None)
Index("ix_pushes_due", pushes.c.next_at, sqlite_where=_is_due, postgresql_where=_is_due)

outbox: Table = Table(
    "outbox",
    metadata,
    participant_column(),
    Column("message_id", String, primary_key=True),
    Column("process_kind", String, nullable=False),
    Column("process_pid", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("url", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", String, nullable=False),
    Column("lease_owner", String),
    Column("leased_until", Instant),
    Index("uq_outbox_process", "participant", "process_pid", "position", unique=True),
    Index("ix_outbox_due", "next_at"),
)

events: Table = Table(
    "events",
    metadata,
    participant_column(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
)
