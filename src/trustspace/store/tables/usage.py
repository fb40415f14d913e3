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
    Text,
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
    Column("ends_at", Instant),
    CheckConstraint("taken >= 0", name="taken"),
)
_has_an_end = counters.c.ends_at.is_not(None)
Index(
    "ix_counters_end",
    counters.c.ends_at,
    sqlite_where=_has_an_end,
    postgresql_where=_has_an_end,
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

portions: Table = Table(
    "portions",
    metadata,
    participant_column(),
    Column("agreement_id", String, primary_key=True),
    Column("counter", String, primary_key=True),
    Column("session", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("spans", Text, nullable=False),
    ForeignKeyConstraint(
        ["participant", "agreement_id", "counter"],
        ["counters.participant", "counters.agreement_id", "counters.counter"],
    ),
    Index("ix_portions_session", "participant", "agreement_id", "session"),
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
