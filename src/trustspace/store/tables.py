"""The store's tables.

Every row belongs to one participant context: ``participant`` leads every primary key, and a foreign
key ties it to a hosted participant (settings excepted, which the host itself may own too). Nothing
here is peculiar to SQLite: documents are text, instants integers (`trustspace.store.columns`),
partial indexes, row-value comparisons and ``ON CONFLICT`` exist on PostgreSQL as well (the last one
in the same words, though SQLAlchemy has an insert of its own for each).

Example::

    connection.execute(select(datasets).where(datasets.c.participant == "garden"))
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
)

from trustspace.store.columns import Document, Instant, Lines, Words

metadata: MetaData = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _participant() -> Column[str]:
    return Column("participant", String, ForeignKey("participants.participant"), primary_key=True)


participants: Table = Table(
    "participants",
    metadata,
    Column("participant", String, primary_key=True),
    Column("did", String, nullable=False, unique=True),
    Column("address", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)

settings: Table = Table(
    "settings",
    metadata,
    Column("participant", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

counterparties: Table = Table(
    "counterparties",
    metadata,
    _participant(),
    Column("counterparty", String, primary_key=True),
    Column("facts", Document, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

policies: Table = Table(
    "policies",
    metadata,
    _participant(),
    Column("digest", String, primary_key=True),
    Column("body", Document, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

datasets: Table = Table(
    "datasets",
    metadata,
    _participant(),
    Column("id", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("offer_id", String, nullable=False),
    Column("policy_digest", String, nullable=False),
    Column("source", Document, nullable=False),
    Column("media_type", String, nullable=False),
    Column("forms", Words, nullable=False),
    Column("negotiation", String, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("withdrawn_at", Instant),
    Column("description", Text, nullable=False),
    Column("keywords", Lines, nullable=False),
    Column("creator", String, nullable=False),
    Column("size_bytes", BigInteger),
    Column("accept_contractual", Words, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("added_revision", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["participant", "policy_digest"], ["policies.participant", "policies.digest"]
    ),
)
_on_offer = datasets.c.withdrawn_at.is_(None)
Index(
    "ix_datasets_on_offer",
    datasets.c.participant,
    datasets.c.id,
    sqlite_where=_on_offer,
    postgresql_where=_on_offer,
)
Index(
    "ix_datasets_policy",
    datasets.c.participant,
    datasets.c.policy_digest,
    datasets.c.revision,
    sqlite_where=_on_offer,
    postgresql_where=_on_offer,
)
Index("ix_datasets_offer", datasets.c.participant, datasets.c.offer_id)
Index("ix_datasets_revision", datasets.c.participant, datasets.c.revision)

former_offers: Table = Table(
    "former_offers",
    metadata,
    _participant(),
    Column("dataset_id", String, primary_key=True),
    Column("until_revision", BigInteger, primary_key=True, autoincrement=False),
    Column("policy_digest", String, nullable=False),
)


def _process(name: str, subject: str) -> Table:
    table = Table(
        name,
        metadata,
        _participant(),
        Column("pid", String, primary_key=True),
        Column("peer_pid", String),
        Column("role", String, nullable=False),
        Column("counterparty", String, nullable=False),
        Column("state", String, nullable=False),
        Column(subject, String, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("updated_at", Instant, nullable=False),
        Column("deadline", Instant),
        Column("body", Text, nullable=False),
        CheckConstraint("role in ('consumer', 'provider')", name="role"),
    )
    c = table.c
    # A peer's pid names one process of one peer in one role; absent until its first message.
    Index(f"uq_{name}_peer", c.participant, c.role, c.counterparty, c.peer_pid, unique=True)
    Index(f"ix_{name}_age", c.participant, c.created_at, c.pid)
    Index(f"ix_{name}_state", c.participant, c.state, c.created_at, c.pid)
    Index(f"ix_{name}_{subject}", c.participant, c[subject])
    Index(
        f"ix_{name}_deadline",
        c.deadline,
        sqlite_where=c.deadline.is_not(None),
        postgresql_where=c.deadline.is_not(None),
    )
    return table


negotiations: Table = _process("negotiations", "dataset_id")
negotiations.append_column(Column("awaiting", String))
_is_awaited = negotiations.c.awaiting.is_not(None)
Index(
    "ix_negotiations_awaiting",
    negotiations.c.participant,
    negotiations.c.awaiting,
    negotiations.c.created_at,
    negotiations.c.pid,
    sqlite_where=_is_awaited,
    postgresql_where=_is_awaited,
)
transfers: Table = _process("transfers", "agreement_id")

negotiation_keys: Table = Table(
    "negotiation_keys",
    metadata,
    _participant(),
    Column("counterparty", String, primary_key=True),
    Column("dataset_id", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("negotiation_pid", String),
    Column("agreed_pid", String),
    Column("asked_at", Instant, nullable=False),
    Index("ix_negotiation_keys_address", "participant", "address", "dataset_id"),
    Index("ix_negotiation_keys_dataset", "participant", "dataset_id"),
)

agreements: Table = Table(
    "agreements",
    metadata,
    _participant(),
    Column("id", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("counterparty", String, nullable=False),
    Column("dataset_id", String, nullable=False),
    Column("negotiation_pid", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("digest", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("ends_at", Instant),
    Column("ended_by", String),
    Column("proposal", Document),
    CheckConstraint("role in ('consumer', 'provider')", name="role"),
    Index("ix_agreements_age", "participant", "signed_at", "id"),
    Index("ix_agreements_dataset", "participant", "dataset_id"),
    Index("ix_agreements_negotiation", "participant", "negotiation_pid"),
)
_will_end = and_(agreements.c.state == "FINALIZED", agreements.c.ends_at.is_not(None))
Index(
    "ix_agreements_end",
    agreements.c.ends_at,
    sqlite_where=_will_end,
    postgresql_where=_will_end,
)

holds: Table = Table(
    "holds",
    metadata,
    _participant(),
    Column("transfer_pid", String, primary_key=True),
    Column("agreement_id", String, nullable=False),
    Column("code", String, nullable=False),
    Column("reasons", Document, nullable=False),
    Column("since", Instant, nullable=False),
    Index("ix_holds_agreement", "participant", "agreement_id"),
)

pushes: Table = Table(
    "pushes",
    metadata,
    _participant(),
    Column("pid", String, primary_key=True),
    Column("session", String, nullable=False),
    Column("address", Text, nullable=False),
    Column("media_type", String, nullable=False),
    Column("version", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant),
    Column("last_error", String, nullable=False),
    Column("updated_at", Instant, nullable=False),
)
_is_due = pushes.c.next_at.is_not(None)
Index("ix_pushes_due", pushes.c.next_at, sqlite_where=_is_due, postgresql_where=_is_due)

outbox: Table = Table(
    "outbox",
    metadata,
    _participant(),
    Column("message_id", String, primary_key=True),
    Column("process_kind", String, nullable=False),
    Column("process_pid", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("url", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", String, nullable=False),
    Column("lease_owner", String),
    Column("leased_until", Instant),
    Index("uq_outbox_process", "participant", "process_pid", "position", unique=True),
    Index("ix_outbox_due", "next_at"),
)

events: Table = Table(
    "events",
    metadata,
    _participant(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", Text, nullable=False),
    CheckConstraint("seq > 0", name="seq"),
)

crawls: Table = Table(
    "crawls",
    metadata,
    _participant(),
    Column("source", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("etag", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("skipped", Document, nullable=False),
    Column("crawled_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

indexed_datasets: Table = Table(
    "indexed_datasets",
    metadata,
    _participant(),
    Column("source", String, primary_key=True),
    Column("provider", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("base", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", Document, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(["participant", "source"], ["crawls.participant", "crawls.source"]),
    Index("ix_indexed_datasets_provider", "participant", "provider", "id"),
)

counters: Table = Table(
    "counters",
    metadata,
    _participant(),
    Column("agreement_id", String, primary_key=True),
    Column("counter", String, primary_key=True),
    Column("taken", BigInteger, nullable=False),
    CheckConstraint("taken >= 0", name="taken"),
)

reservations: Table = Table(
    "reservations",
    metadata,
    _participant(),
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
    _participant(),
    Column("agreement_id", String, primary_key=True),
    Column("session", String, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)

tokens: Table = Table(
    "tokens",
    metadata,
    _participant(),
    Column("issuer", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index("ix_tokens_expiry", "expires_at"),
    sqlite_with_rowid=False,
)

idempotency: Table = Table(
    "idempotency",
    metadata,
    _participant(),
    Column("key", String, primary_key=True),
    Column("request_digest", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Document),
    Column("expires_at", Instant, nullable=False),
    Index("ix_idempotency_expiry", "expires_at"),
)
