"""What the repositories return beside the values of `trustspace.dsp`: plain frozen rows.

Every row names its participant context. Instants are aware and UTC.

Example::

    row = DatasetRow(participant="garden", id="rose-prices", title="Rose prices", offer_id="urn:…",
                     policy_digest="sha256:…", source={"kind": "file"}, media_type="text/csv",
                     forms=("file",), published_at=now)
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

from trustspace.model.participant import Role
from trustspace.model.value import JsonObject

T = TypeVar("T")

HOST = ""
"""Owner of settings that belong to the host itself; no participant's name is empty."""


class Everyone(Enum):
    """Stands where a participant's name would, in sweeps over all participants of this host."""

    PARTICIPANTS = "every participant"


EVERY_PARTICIPANT = Everyone.PARTICIPANTS
"""Spelled out so that a look across participants is never an accident."""

Sweep = str | Everyone
"""One participant's name, or `EVERY_PARTICIPANT`."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list, newest first.

    Attributes:
        items: What is on this page.
        cursor: Give it back for the next page; None on the last one.
    """

    items: tuple[T, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """A participant context hosted here: short name, DID and root URL."""

    participant: str
    did: str
    address: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy document under its digest.

    Attributes:
        revision: The last change of what is on offer under it, 0 before the first.
    """

    participant: str
    digest: str
    body: JsonObject
    revision: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A published dataset.

    Attributes:
        source: How the data plane reaches the bytes; never leaves this host.
        forms: Forms it can be had in, ``file`` and ``table``.
        negotiation: How requests are answered: ``automatic``, ``approval`` or ``counter``.
        rounds: How often a request that asks for more is answered with the offer.
        withdrawn_at: None while it is on offer.
        size_bytes: Bytes that a consumer would get; None where that is not known or depends.
        accept_contractual: Terms that may be promises and nothing more.
        revision: Number of its last change among all of the participant's, given by the store.
        added_revision: Number of the change that brought it.
    """

    participant: str
    id: str
    title: str
    offer_id: str
    policy_digest: str
    source: JsonObject
    media_type: str
    forms: tuple[str, ...]
    published_at: datetime
    withdrawn_at: datetime | None = None
    negotiation: str = "automatic"
    rounds: int = 3
    description: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""
    size_bytes: int | None = None
    accept_contractual: tuple[str, ...] = ()
    revision: int = field(default=0, compare=False)
    added_revision: int = field(default=0, compare=False)


class AgreementState(StrEnum):
    """Whether an agreement gives access: only ``FINALIZED`` does; the others are final."""

    FINALIZED = "FINALIZED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """An agreement as both parties signed it, and whether it still holds.

    Attributes:
        role: Our role in it.
        body: The agreement in wire form.
        digest: ``sha256:<hex>`` of the body's canonical form.
        reason: Why it no longer holds; empty while it does.
        updated_at: When the state last changed; the signing at first.
        ends_at: When its terms end its time; None for never.
        ended_by: Who ended it: ``us``, ``counterparty``, ``both`` or ``time``; None while it holds.
        proposal: The last proposal to end it by agreement: ``id``, ``by`` (``us`` or
            ``counterparty``), ``reason``, ``at`` and ``state``; None when there was none.
        first_used_at: When something was first delivered under it; None for not yet.
    """

    participant: str
    id: str
    role: Role
    counterparty: str
    dataset_id: str
    negotiation_pid: str
    body: JsonObject
    digest: str
    signed_at: datetime
    state: AgreementState = AgreementState.FINALIZED
    reason: str = ""
    updated_at: datetime | None = None
    ends_at: datetime | None = None
    ended_by: str | None = None
    proposal: JsonObject | None = None
    first_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NegotiationKeyRow:
    """What was asked of a provider for a dataset and a purpose, and how.

    Attributes:
        purpose: Empty when none was named.
        address: URL or DID under which the provider was asked.
        negotiation_pid: Our pid of the negotiation asked for last; None when there is none to join
            and none whose agreement may be found.
        agreed_pid: Our pid of an earlier negotiation whose agreement may be found.
    """

    participant: str
    counterparty: str
    dataset_id: str
    purpose: str
    address: str
    negotiation_pid: str | None
    agreed_pid: str | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that has to leave; it stays until `Outbox.done` or a drop.

    Attributes:
        message_id: The message's ``@id``, the same over retries.
        position: Order among the pending messages of its process.
        audience: DID of the receiver, for the token.
        deadline: After it the message is not worth sending.
        attempts: Sendings that failed so far.
        lease_owner: Who may send it until ``leased_until``; None when nobody holds it, or when an
            earlier message of its process is still pending.
    """

    participant: str
    message_id: str
    process_kind: str
    process_pid: str
    position: int
    url: str
    audience: str
    body: JsonObject
    created_at: datetime
    deadline: datetime
    next_at: datetime
    attempts: int
    last_error: str
    lease_owner: str | None
    leased_until: datetime | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One domain event; ``canonical`` is its body as stored, in JCS form (RFC 8785)."""

    participant: str
    seq: int
    kind: str
    at: datetime
    canonical: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body, decoded."""
        return json.loads(self.canonical)


@dataclass(frozen=True, slots=True)
class MeterRow:
    """What one session of an agreement received; ``size_bytes`` counts bytes sent."""

    participant: str
    agreement_id: str
    session: str
    requests: int
    size_bytes: int
    rows: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class IdempotencyRow:
    """The answer given to a management request under its idempotency key."""

    participant: str
    key: str
    request_digest: str
    status: int
    body: Any
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CounterpartyRow:
    """Facts about a counterparty that the owner of this participant attests."""

    participant: str
    counterparty: str
    facts: JsonObject
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CrawlRow:
    """A catalogue of somebody else as it was last brought into the index.

    Attributes:
        source: Base URL of its protocol endpoints.
        provider: Whose it is.
        parent: Source of the catalogue that nests it; empty for one that was asked for itself.
        cursor: Where its feed of changes goes on, empty where it has none.
        etag: Entity tag of its first page, empty where it sent none.
        digest: Digest of all it showed.
        skipped: Datasets that could not be read, each with ``id`` and ``reason``.
        crawled_at: The last crawl, whether or not it brought anything.
        changed_at: The last crawl that changed the index.
    """

    participant: str
    source: str
    provider: str
    parent: str
    cursor: str
    etag: str
    digest: str
    skipped: tuple[Any, ...]
    crawled_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class IndexedRow:
    """A dataset of somebody else in the index.

    Attributes:
        source: The catalogue that showed it, see `CrawlRow`.
        provider: Whose it is, which in a nested catalogue is not whose the catalogue is.
        base: Base URL to negotiate at.
        digest: Digest of the body, to tell changes by.
        body: What is shown of it.
        text: What is searched.
    """

    participant: str
    source: str
    provider: str
    id: str
    base: str
    digest: str
    body: JsonObject
    text: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit recorded, for those who wait for it.

    Attributes:
        events: Participants with new events, each with its highest ``seq``.
        subjects: Participants with our pids of the processes that these events name.
        outbox: Rows added; one whose ``lease_owner`` is set may be sent at once.
    """

    events: dict[str, int] = field(default_factory=dict)
    outbox: tuple[OutboxRow, ...] = ()
    subjects: frozenset[tuple[str, str]] = frozenset()


def columns(
    row: DatasetRow | AgreementRow | NegotiationKeyRow | OutboxRow | CrawlRow | IndexedRow,
) -> dict[str, Any]:
    """Return a row's columns by name, not copied (``asdict`` copies every document within)."""
    return {name: getattr(row, name) for name in row.__slots__}
