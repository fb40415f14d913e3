"""What the management interface tells, as frozen values.

Every value keeps the members it does not know, and `to_wire()` gives the JSON back. Times are
UTC. A governed handle and the operations bound to a client are not here: these are only facts.

Example::

    transfer = Transfer.read({"id": "urn:uuid:t1", "role": "consumer", "state": "STARTED", ...})
    transfer.is_terminal  # False
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from trustspace.client.duty import OwedDuty
from trustspace.client.quota import Quota
from trustspace.client.term_label import TermLabel, labels_of
from trustspace.model.odrl import Offer
from trustspace.model.participant import Participant, Role
from trustspace.model.value import JsonObject, Value

Instant = datetime
"""A moment in UTC; ISO 8601 on the wire."""

Offers = tuple[Offer, ...]
"""Offers of one dataset, the preferred one first."""

Reasons = tuple[JsonObject | str, ...]
"""Why something was refused: objects with ``id``, ``src``, ``left``, ``op``, ``expected``, or
plain words from a peer that sends no more."""


class ListPage(Value):
    """A part of a list.

    Attributes:
        next: Where the next part begins, or None after the last one.
    """

    items: tuple[JsonObject, ...]
    next: str | None = Field(default=None, coerce_numbers_to_str=True)


class ParticipantInfo(Participant):
    """A participant context of the connector that is spoken to.

    Attributes:
        dsp: Base URL of its Dataspace Protocol endpoints.
        development: Whether it runs on loopback over plain HTTP.
        region: Where it says it is, for example ``CN-SH``.
    """

    dsp: str
    development: bool = False
    region: str | None = None


class Column(Value):
    """One column of a dataset that can be read as a table."""

    name: str
    type: str


class DatasetInfo(Value):
    """A dataset as its provider sees it.

    Attributes:
        offer: Id of its offer.
        policy: The offer as an ODRL policy.
        policy_digest: ``sha256:<hex>`` of the policy's canonical form.
        forms: ``file``, ``table`` or both: how a consumer may have it.
        negotiation: How requests are answered: ``automatic``, ``approval`` or ``counter``.
        rounds: How often one that asks for more is answered with the offer.
        size: Bytes of the source, or None where the source does not tell.
        sha256: Digest of the source at publication in hex, or None.
        changed: Whether the call that returned this value changed anything.
        terms: How far each term of the offer binds.
        accept_contractual: Terms that its owner lets be promises and nothing more.
    """

    id: str
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    creator: str | None = None
    media_type: str | None = None
    offer: str | None = None
    policy: JsonObject = Field(default_factory=dict)
    policy_digest: str | None = None
    forms: tuple[str, ...] = ()
    negotiation: Literal["automatic", "approval", "counter"] = "automatic"
    rounds: int | None = None
    size: int | None = None
    sha256: str | None = None
    columns: tuple[Column, ...] | None = None
    changed: bool = False
    published_at: Instant | None = None
    withdrawn_at: Instant | None = None
    terms: tuple[TermLabel, ...] = ()
    accept_contractual: tuple[str, ...] = ()


class OfferedDataset(Value):
    """A dataset as a counterparty's catalogue offers it.

    Attributes:
        participant_id: Whose it is, which in a nested catalogue is somebody else.
        address: Where it is negotiated.
        size: Bytes, or None where the catalogue does not tell.
    """

    id: str
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    creator: str | None = None
    media_type: str | None = None
    size: int | None = None
    offers: Offers = ()
    formats: tuple[str, ...] = ()
    participant_id: str | None = None
    address: str | None = None

    @property
    def terms(self) -> tuple[TermLabel, ...]:
        """How far each term of the preferred offer would bind.

        Raises:
            PolicyError: The offer has a term that no connector of this kind can evaluate.
        """
        return labels_of(self.offers[0], self.id) if self.offers else ()


class CatalogView(Value):
    """What a counterparty's catalogue shows to us.

    Attributes:
        participant_id: DID of the counterparty.
        address: Where its catalogue was found.
        skipped: What could not be read: ``id`` and ``reason`` of each.
        next: Opaque position of the next page, or None after the last one.
    """

    participant_id: str
    address: str
    datasets: tuple[OfferedDataset, ...] = ()
    skipped: tuple[JsonObject, ...] = ()
    next: str | None = None


class _Process(Value):
    """What negotiations and transfers have in common."""

    id: str
    role: Role
    counterparty: str
    state: str
    code: str | None = None
    reasons: Reasons = ()
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Negotiation(_Process):
    """A contract negotiation (DSP 2025-1, "Contract Negotiation Protocol").

    Attributes:
        agreement: Id of the agreement once there is one.
        ended_by: Who terminated it, or None.
        awaiting: ``approval`` while a person of ours is to decide, ``client`` while the program
            that asked is, else None.
        rounds: How often the provider has answered a request with an offer.
        reused: In the answer to a call that asked for it: whether it was there already.
    """

    dataset: str
    agreement: str | None = None
    ended_by: Literal["us", "counterparty"] | None = None
    awaiting: Literal["approval", "client"] | None = None
    rounds: int = 0
    reused: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("FINALIZED", "TERMINATED")


class Transfer(_Process):
    """A transfer process (DSP 2025-1, "Transfer Process Protocol").

    Attributes:
        bytes: Metered at the provider, only there.
        rows: Metered at the provider, only there.
        sink: Of a push, where it goes.
        pushed: Of a push, bytes that are known to have arrived.
        sha256: Of a push, digest of what arrived.
        error: Of a push, what the last attempt came to when it did not come to an end.
    """

    agreement: str
    dataset: str | None = None
    sink: str | None = None
    pushed: int | None = None
    sha256: str | None = None
    error: str | None = None
    format: str | None = None
    bytes: int | None = None
    rows: int | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("COMPLETED", "TERMINATED")


class EndProposal(Value):
    """A proposal to end an agreement.

    Attributes:
        by: Who made it.
        state: ``standing``; ``accepted``, ``rejected``, or ``undelivered`` when the counterparty
            could not be told.
        answer: Words of the rejection.
    """

    id: str
    by: Literal["us", "counterparty"]
    reason: str = ""
    at: Instant | None = None
    state: str
    answer: str = ""


class Agreement(Value):
    """An agreement and what has been used of it.

    Attributes:
        state: ``FINALIZED``, ``REVOKED``, ``EXPIRED`` or ``TERMINATED``.
        reason: Why it is not in force any more, in the words of who ended it.
        policy: The ODRL agreement.
        digest: ``sha256:<hex>`` of its canonical form.
        purpose: The purpose it was agreed for, or None.
        notes: What has to be known before the data is used.
        address: Address of the counterparty.
        used: Uses per counter.
        limits: Maximum per counter.
        quotas: The same with what each counts, its window, what is left and when it opens again.
        terms: How far each of its terms binds.
        owed: What is owed under it and not settled.
        ends_at: When its terms end its time, or None.
        ended_by: ``us``, ``counterparty``, ``both`` or ``time``; None while it is in force.
        proposal: The last proposal to end it, or None.
        reused: Of what `negotiate` returns: whether that call began no negotiation, because there
            was an agreement already, or another call was negotiating it.
    """

    id: str
    role: Role
    counterparty: str
    dataset: str
    state: str
    reason: str | None = None
    policy: JsonObject = Field(default_factory=dict)
    digest: str | None = None
    signed_at: Instant | None = None
    purpose: str | None = None
    notes: tuple[str, ...] = ()
    address: str | None = None
    used: dict[str, int] = Field(default_factory=dict)
    limits: dict[str, int] = Field(default_factory=dict)
    quotas: tuple[Quota, ...] = ()
    terms: tuple[TermLabel, ...] = ()
    owed: tuple[OwedDuty, ...] = Field(default=(), alias="duties")
    bytes: int | None = None
    rows: int | None = None
    ends_at: Instant | None = None
    ended_by: str | None = None
    proposal: EndProposal | None = None
    reused: bool | None = None

    @property
    def is_in_force(self) -> bool:
        """Whether data may flow under it."""
        return self.state == "FINALIZED"


class EndpointDataReference(Value):
    """Where the data of a started transfer is fetched, and with which token.

    Attributes:
        authorization: Value of the ``Authorization`` header; a secret.
        expires_at: When the token dies.
    """

    endpoint: str
    authorization: str = Field(repr=False)
    expires_at: Instant | None = None
    agreement: str
    transfer: str


class Event(Value):
    """One domain event of a participant.

    Attributes:
        seq: Position in the participant's log, without gaps.
        kind: What happened, for example ``agreement.signed``.
    """

    seq: int
    at: Instant
    kind: str
    body: JsonObject = Field(default_factory=dict)


class Explanation(Value):
    """Why something was decided as it was, in words.

    Attributes:
        kind: ``negotiation``, ``transfer``, ``agreement``, ``dataset`` or ``decision``.
        outcome: How it stands.
        sentences: One per rule that mattered, in the language asked for.
        reasons: The same as objects.
        terms: Of an agreement or a dataset: how far each term binds, with the reason in words.
        duties: Of an agreement: what is owed under it and not settled.
        decision: Of a decision: when, who, what was asked, whole, and which rules decided.
    """

    id: str
    kind: str
    outcome: str
    sentences: tuple[str, ...] = ()
    reasons: Reasons = ()
    terms: tuple[TermLabel, ...] = ()
    duties: tuple[OwedDuty, ...] = ()
    decision: dict[str, Any] | None = None


class CounterpartyFacts(Value):
    """What the owner attests about a counterparty, for example ``{"spatial": "CN-SH"}``."""

    id: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class CounterpartyDialect(Value):
    """How a counterparty speaks the protocol."""

    dialect: str


class Receipt(Value):
    """How a delivery ended at the consumer, for its connector's log.

    Attributes:
        session: Id of the governed open.
        outcome: ``delivered``, ``refused`` before a byte, or ``cut`` after some.
        sha256: Digest of what was written last, where something was.
        reasons: Why it was refused or cut.
    """

    session: str
    outcome: Literal["delivered", "refused", "cut"]
    bytes: int = 0
    rows: int = 0
    sha256: str | None = None
    reasons: Reasons = ()


class Saved(Value):
    """What was written to disk.

    Attributes:
        bytes: Size of the file written.
        rows: Rows written, or None when the file was not read as a table.
        sha256: Digest of the bytes written, in hex.
        seconds: Time from the first request to the closed file.
    """

    bytes: int
    rows: int | None = None
    sha256: str
    seconds: float


def id_of(thing: Agreement | Transfer | str) -> str:
    """Return the id of an agreement or a transfer, however it is given."""
    return thing if isinstance(thing, str) else thing.id
