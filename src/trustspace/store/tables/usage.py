"""What is counted and metered under agreements.

Example::

    connection.execute(select(counters).where(counters.c.participant == "garden"))
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
)

from trustspace.store.columns import Instant
from trustspace.store.tables.layout import metadata, participant_column

counters: Table = Table(
    "counters",
    metadata,
    participant_column(),
    Column("agreement_id", String, primary_key=True),
    Column("counter", String, primary_key=True),
    Column("taken", BigInteger, nullable=False),
    CheckConstraint("taken >= 0", name="taken"),
)

reservations: Table = Table(
    "reservations",
    metadata,
    participant_column(),
    Column("agreement_id", String, primary_key=True),
    Column("counter", String, primary_key=True),
    Column("session", String, primary_key=True),
    Column("reserved_at", Instant, nullable=False),
    Column("committed_at", Instant),
    ForeignKeyConstraint(
        ["participant", "agreement_id", "counter"],
        ["counters.participant", "counters.agreement_id", "counters.counter"],
    ),
    Index("ix_reservations_session", "participant", "agreement_id", "session"),
)
_open = reservations.c.committed_at.is_(None)
Index(
    "ix_reservations_open",
    reservations.c.reserved_at,
    sqlite_where=_open,
    postgresql_where=_open,
)

meters: Table = Table(
    "meters",
    metadata,
    participant_column(),
    Column("agreement_id", String, primary_key=True),
    Column("session", String, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)
