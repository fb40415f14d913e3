"""The last decisions of every participant, in a ring.

Example::

    connection.execute(select(decisions).where(decisions.c.participant == "garden"))
"""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from trustspace.store.columns import Instant
from trustspace.store.tables.layout import metadata, participant_column

decisions: Table = Table(
    "decisions",
    metadata,
    participant_column(),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("id", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("point", String, nullable=False),
    Column("subject", String),
    Column("dataset", String, nullable=False),
    Column("agreement", String),
    Column("action", String, nullable=False),
    Column("effect", String, nullable=False),
    Column("code", String, nullable=False),
    Column("bundle", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("request", Text),
    Column("decision", Text, nullable=False),
)
