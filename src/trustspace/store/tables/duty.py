"""What is owed under agreements, one row for each time that it is.

Example::

    connection.execute(select(duties).where(duties.c.participant == "garden"))
"""

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table

from trustspace.store.columns import Document, Instant
from trustspace.store.tables.layout import metadata, participant_column

duties: Table = Table(
    "duties",
    metadata,
    participant_column(),
    Column("agreement_id", String, primary_key=True),
    Column("duty_id", String, primary_key=True),
    Column("occurrence", String, primary_key=True),
    Column("action", String, nullable=False),
    Column("bearer", String, nullable=False),
    Column("params", Document, nullable=False),
    Column("on_failure", String, nullable=False),
    Column("src", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due", Instant),
    Column("updated_at", Instant, nullable=False),
    Column("fulfilled_at", Instant),
    Column("evidence", Document),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),
    Column("message_id", String),
    Column("last_error", String, nullable=False),
    CheckConstraint("bearer in ('consumer', 'provider')", name="bearer"),
    CheckConstraint(
        "state in ('open', 'overdue', 'failed', 'fulfilled', 'remedied')", name="state"
    ),
)
_is_due = duties.c.next_at.is_not(None)
Index("ix_duties_due", duties.c.next_at, sqlite_where=_is_due, postgresql_where=_is_due)
_is_owed = duties.c.state.in_(["open", "overdue", "failed"])
Index(
    "ix_duties_owed",
    duties.c.participant,
    duties.c.agreement_id,
    sqlite_where=_is_owed,
    postgresql_where=_is_owed,
)
_is_told = duties.c.message_id.is_not(None)
Index(
    "ix_duties_message",
    duties.c.participant,
    duties.c.message_id,
    sqlite_where=_is_told,
    postgresql_where=_is_told,
)
Index("ix_duties_newest", duties.c.participant, duties.c.created_at)
