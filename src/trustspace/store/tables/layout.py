"""What all tables have in common: how their constraints are named, and whose a row is."""

from sqlalchemy import Column, ForeignKey, MetaData, String

metadata: MetaData = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def participant_column() -> Column[str]:
    """Return the leading column of a primary key: the participant context."""
    return Column("participant", String, ForeignKey("participants.participant"), primary_key=True)
