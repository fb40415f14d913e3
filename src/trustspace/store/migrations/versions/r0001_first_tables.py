"""The first tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from trustspace.errors import StoreError
from trustspace.store.migrations.decision_tables import decisions
from trustspace.store.migrations.delivery_tables import deliveries
from trustspace.store.migrations.duty_tables import duties
from trustspace.store.migrations.offer_tables import index_of_others, offers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of the first version."""
    _hosting()
    offers()
    index_of_others()
    _exchanges()
    _messages()
    deliveries()
    decisions()
    duties()


def downgrade() -> None:
    """Refuse: rows would be lost."""
    raise StoreError("there is no way back from the first revision")


def _hosting() -> None:
    op.create_table(
        "participants",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("participant", name="pk_participants"),
        sa.UniqueConstraint("did", name="uq_participants_did"),
    )
    op.create_table(
        "settings",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "key", name="pk_settings"),
    )
    op.create_table(
        "counterparties",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_counterparties_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "counterparty", name="pk_counterparties"),
    )


def _exchanges() -> None:
    op.create_table(
        "negotiations",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("pid", sa.String(), nullable=False),
        sa.Column("peer_pid", sa.String()),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("awaiting", sa.String()),
        sa.CheckConstraint("role in ('consumer', 'provider')", name="ck_negotiations_role"),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_negotiations_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "pid", name="pk_negotiations"),
    )
    op.create_index("ix_negotiations_age", "negotiations", ["participant", "created_at", "pid"])
    op.create_index(
        "ix_negotiations_awaiting",
        "negotiations",
        ["participant", "awaiting", "created_at", "pid"],
        sqlite_where=sa.text("awaiting IS NOT NULL"),
        postgresql_where=sa.text("awaiting IS NOT NULL"),
    )
    op.create_index("ix_negotiations_dataset_id", "negotiations", ["participant", "dataset_id"])
    op.create_index(
        "ix_negotiations_deadline",
        "negotiations",
        ["deadline"],
        sqlite_where=sa.text("deadline IS NOT NULL"),
        postgresql_where=sa.text("deadline IS NOT NULL"),
    )
    op.create_index(
        "ix_negotiations_state", "negotiations", ["participant", "state", "created_at", "pid"]
    )
    op.create_index(
        "uq_negotiations_peer",
        "negotiations",
        ["participant", "role", "counterparty", "peer_pid"],
        unique=True,
    )
    op.create_table(
        "negotiation_keys",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("negotiation_pid", sa.String()),
        sa.Column("agreed_pid", sa.String()),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_negotiation_keys_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant", "counterparty", "dataset_id", "purpose", name="pk_negotiation_keys"
        ),
    )
    op.create_index(
        "ix_negotiation_keys_address", "negotiation_keys", ["participant", "address", "dataset_id"]
    )
    op.create_index(
        "ix_negotiation_keys_dataset", "negotiation_keys", ["participant", "dataset_id"]
    )
    op.create_table(
        "agreements",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("negotiation_pid", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger()),
        sa.Column("ended_by", sa.String()),
        sa.Column("proposal", sa.Text()),
        sa.Column("first_used_at", sa.BigInteger()),
        sa.CheckConstraint("role in ('consumer', 'provider')", name="ck_agreements_role"),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_agreements_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "id", name="pk_agreements"),
    )
    op.create_index("ix_agreements_age", "agreements", ["participant", "signed_at", "id"])
    op.create_index("ix_agreements_dataset", "agreements", ["participant", "dataset_id"])
    op.create_index("ix_agreements_negotiation", "agreements", ["participant", "negotiation_pid"])
    op.create_index(
        "ix_agreements_end",
        "agreements",
        ["ends_at"],
        sqlite_where=sa.text("state = 'FINALIZED' AND ends_at IS NOT NULL"),
        postgresql_where=sa.text("state = 'FINALIZED' AND ends_at IS NOT NULL"),
    )
    op.create_table(
        "transfers",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("pid", sa.String(), nullable=False),
        sa.Column("peer_pid", sa.String()),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("role in ('consumer', 'provider')", name="ck_transfers_role"),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_transfers_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "pid", name="pk_transfers"),
    )
    op.create_index("ix_transfers_age", "transfers", ["participant", "created_at", "pid"])
    op.create_index("ix_transfers_agreement_id", "transfers", ["participant", "agreement_id"])
    op.create_index(
        "ix_transfers_deadline",
        "transfers",
        ["deadline"],
        sqlite_where=sa.text("deadline IS NOT NULL"),
        postgresql_where=sa.text("deadline IS NOT NULL"),
    )
    op.create_index(
        "ix_transfers_state", "transfers", ["participant", "state", "created_at", "pid"]
    )
    op.create_index(
        "uq_transfers_peer",
        "transfers",
        ["participant", "role", "counterparty", "peer_pid"],
        unique=True,
    )


def _messages() -> None:
    op.create_table(
        "outbox",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("process_kind", sa.String(), nullable=False),
        sa.Column("process_pid", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("lease_owner", sa.String()),
        sa.Column("leased_until", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_outbox_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "message_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due", "outbox", ["next_at"])
    op.create_index(
        "uq_outbox_process", "outbox", ["participant", "process_pid", "position"], unique=True
    )
    op.create_table(
        "events",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.CheckConstraint("seq > 0", name="ck_events_seq"),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_events_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "seq", name="pk_events"),
    )
    op.create_table(
        "tokens",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_tokens_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "issuer", "jti", name="pk_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tokens_expiry", "tokens", ["expires_at"])
    op.create_table(
        "idempotency",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_idempotency_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_expiry", "idempotency", ["expires_at"])
