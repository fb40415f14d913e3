"""The first tables of deliveries: counters and what was taken of them, meters, pushes."""

import sqlalchemy as sa
from alembic import op


def deliveries() -> None:
    """Make the tables of what is counted, metered, held and pushed."""
    op.create_table(
        "counters",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("counter", sa.String(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger()),
        sa.CheckConstraint("taken >= 0", name="ck_counters_taken"),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_counters_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "agreement_id", "counter", name="pk_counters"),
    )
    op.create_index(
        "ix_counters_end",
        "counters",
        ["ends_at"],
        sqlite_where=sa.text("ends_at IS NOT NULL"),
        postgresql_where=sa.text("ends_at IS NOT NULL"),
    )
    op.create_table(
        "reservations",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("counter", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("committed_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["participant", "agreement_id", "counter"],
            ["counters.participant", "counters.agreement_id", "counters.counter"],
            name="fk_reservations_participant_agreement_id_counter",
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_reservations_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant", "agreement_id", "counter", "session", name="pk_reservations"
        ),
    )
    op.create_index(
        "ix_reservations_session", "reservations", ["participant", "agreement_id", "session"]
    )
    op.create_index(
        "ix_reservations_open",
        "reservations",
        ["reserved_at"],
        sqlite_where=sa.text("committed_at IS NULL"),
        postgresql_where=sa.text("committed_at IS NULL"),
    )
    op.create_table(
        "portions",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("counter", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("spans", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant", "agreement_id", "counter"],
            ["counters.participant", "counters.agreement_id", "counters.counter"],
            name="fk_portions_participant_agreement_id_counter",
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_portions_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant",
            "agreement_id",
            "counter",
            "session",
            "version",
            name="pk_portions",
        ),
    )
    op.create_index("ix_portions_session", "portions", ["participant", "agreement_id", "session"])
    op.create_table(
        "meters",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_meters_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "agreement_id", "session", name="pk_meters"),
    )
    op.create_table(
        "holds",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("transfer_pid", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_holds_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "transfer_pid", name="pk_holds"),
    )
    op.create_index("ix_holds_agreement", "holds", ["participant", "agreement_id"])
    op.create_table(
        "pushes",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("pid", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_pushes_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "pid", name="pk_pushes"),
    )
    op.create_index(
        "ix_pushes_due",
        "pushes",
        ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
