"""The first tables of offers, ours and those of others.

Example::

    offers()  # within a migration
"""

import sqlalchemy as sa
from alembic import op


def offers() -> None:
    """Make the tables of what is offered here."""
    op.create_table(
        "policies",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_policies_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "digest", name="pk_policies"),
    )
    op.create_table(
        "datasets",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("offer_id", sa.String(), nullable=False),
        sa.Column("policy_digest", sa.String(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("forms", sa.Text(), nullable=False),
        sa.Column("negotiation", sa.String(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger()),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("keywords", sa.Text(), nullable=False),
        sa.Column("creator", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("accept_contractual", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("added_revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant", "policy_digest"],
            ["policies.participant", "policies.digest"],
            name="fk_datasets_participant_policy_digest",
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_datasets_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "id", name="pk_datasets"),
    )
    op.create_index("ix_datasets_offer", "datasets", ["participant", "offer_id"])
    op.create_index(
        "ix_datasets_on_offer",
        "datasets",
        ["participant", "id"],
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_index(
        "ix_datasets_policy",
        "datasets",
        ["participant", "policy_digest", "revision"],
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_index("ix_datasets_revision", "datasets", ["participant", "revision"])
    op.create_table(
        "former_offers",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("until_revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("policy_digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_former_offers_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant", "dataset_id", "until_revision", name="pk_former_offers"
        ),
    )


def index_of_others() -> None:
    """Make the tables of what others offer."""
    op.create_table(
        "crawls",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=False),
        sa.Column("crawled_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_crawls_participant"
        ),
        sa.PrimaryKeyConstraint("participant", "source", name="pk_crawls"),
    )
    op.create_table(
        "indexed_datasets",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant", "source"],
            ["crawls.participant", "crawls.source"],
            name="fk_indexed_datasets_participant_source",
        ),
        sa.ForeignKeyConstraint(
            ["participant"], ["participants.participant"], name="fk_indexed_datasets_participant"
        ),
        sa.PrimaryKeyConstraint(
            "participant", "source", "provider", "id", name="pk_indexed_datasets"
        ),
    )
    op.create_index(
        "ix_indexed_datasets_provider", "indexed_datasets", ["participant", "provider", "id"]
    )
