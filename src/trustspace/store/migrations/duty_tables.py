"""The first tables of what is owed under agreements.

Example::

    duties()  # within a migration
"""

import sqlalchemy as sa
from alembic import op


def duties() -> None:
    """Make the table of duties."""
    op.create_table(
        "duties",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("duty_id", sa.String(), nullable=False),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("bearer", sa.String(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("on_failure", sa.String(), nullable=False),
        sa.Column("src", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("fulfilled_at", sa.BigInteger()),
        sa.Column("evidence", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("message_id", sa.String()),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.CheckConstraint("bearer in ('consumer', 'provider')", name="ck_duties_bearer"),
        sa.CheckConstraint(
            "state in ('open', 'overdue', 'failed', 'fulfilled', 'remedied')",
            name="ck_duties_state",
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_duties_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant", "agreement_id", "duty_id", "occurrence", name="pk_duties"
        ),
    )
    _index("ix_duties_due", ["next_at"], "next_at IS NOT NULL")
    _index(
        "ix_duties_owed",
        ["participant", "agreement_id"],
        "state IN ('open', 'overdue', 'failed')",
    )
    _index("ix_duties_message", ["participant", "message_id"], "message_id IS NOT NULL")
    op.create_index("ix_duties_newest", "duties", ["participant", "created_at"])


def _index(name: str, columns: list[str], where: str) -> None:
    """Make an index over some of the rows."""
    op.create_index(
        name, "duties", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
