"""The first table of what was decided.

Example::

    decisions()  # within a migration
"""

import sqlalchemy as sa
from alembic import op


def decisions() -> None:
    """Make the table of decisions."""
    op.create_table(
        "decisions",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("subject", sa.String()),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("agreement", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("effect", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("bundle", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("request", sa.Text()),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_decisions_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "slot", name="pk_decisions"),
    )
