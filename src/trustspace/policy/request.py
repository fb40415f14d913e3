"""The request to the policy engine (input document v1): who asks for what, under which policies.

Strict: unknown members are refused and every member is required, because in a rule engine a
missing member is not an error but a comparison that quietly does not happen. Facts are what Python
worked out and verified; a left operand without a fact is unknown, and unknown never grants.

Example::

    Fact.ok("CN-SH", within=("CN-SH", "CN"))        # where the data plane stands
    Fact.ok({"rule:p1": 9})                         # uses so far, by counter
    Fact.unavailable("error")                       # the counter store is down
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trustspace.policy.predicate import MAX_INTEGER, Count, Document, Name, SafeInt, Scalar
from trustspace.policy.rule import PolicyIR, Scalars, repeated

Point = Literal["catalog", "negotiation", "transfer", "access", "monitor", "evaluation"]
"""Where the question is asked; each has its own guards and its own table of deferred operands.

``evaluation`` is the bare question, outside any exchange: facts of any name are compared.
"""

MAX_JSON_DEPTH = 16


def _shallow(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Refuse what is not JSON of bounded depth with integers only and clean text."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_JSON_DEPTH:
            msg = f"JSON deeper than {MAX_JSON_DEPTH}"
            raise ValueError(msg)
        if isinstance(item, dict):
            stack.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list | tuple):
            stack.extend((part, depth + 1) for part in item)
        elif isinstance(item, str):
            _decodable(item)
        elif item is not None and not (isinstance(item, int) and abs(item) <= MAX_INTEGER):
            msg = f"a claim holds {type(item).__name__}; expected text, integer or truth value"
            raise ValueError(msg)
    return value


def _decodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = "text holds a lone surrogate"
        raise ValueError(msg) from None


class Credential(Document):
    """A verified credential of the subject; ``claims`` is JSON without floats."""

    type: Name
    issuer: Name
    status: Literal["active", "suspended", "revoked", "unknown"]
    claims: Annotated[dict[str, Any], AfterValidator(_shallow)]


class Subject(Document):
    """Who asks: verified, never self-declared.

    Attributes:
        id: Participant id, or ``None`` for an anonymous reader of the catalogue.
        ids: All names of the same participant (DID, BPN, …), ``id`` included.
        groups: Groups the participant belongs to, attested by the owner or a credential.
        credentials: What was verified about the participant.
    """

    id: Name | None
    ids: tuple[Name, ...]
    groups: tuple[Name, ...]
    credentials: tuple[Credential, ...]


class Resource(Document):
    """What is asked for.

    Attributes:
        id: Dataset id.
        ids: ``id`` and every collection that holds it.
        columns: Columns the request touches; empty for files.
        classification: Level of protection, or ``None``.
    """

    id: Name
    ids: tuple[Name, ...]
    columns: Annotated[tuple[Name, ...], Field(max_length=10_000)]
    classification: Name | None


class AgreementFacts(Document):
    """What the store knows of the agreement.

    Attributes:
        id: The agreement's ``@id``.
        state: State of the agreement; only ``FINALIZED`` lets anything through.
        signed: Unix seconds (UTC) of the signature.
        expires: Unix seconds from which the agreement as a whole is over, or ``None``.
        digest: ``sha256:…`` of the agreement as both sides signed it.
        assigner: Participant id of the provider.
        assignee: Participant id of the consumer.
        target: Dataset id.
    """

    id: Name
    state: Name
    signed: Count
    expires: Count | None
    digest: Name
    assigner: Name
    assignee: Name
    target: Name


class Fact(Document):
    """The value of a left operand, or why there is none.

    Attributes:
        status: Only ``ok`` is compared; everything else makes the leaf unknown, but what is
            ``deferred`` in a catalogue or a negotiation is left to a later point, and what was
            ``promised`` holds by reference to the agreement: nobody decides it.
        value: A scalar, several (``odrl:language`` of a text in two languages), a mapping of
            counters (``odrl:count``), or ``None`` when there is none.
        unit: Unit of the value or ``None``; ordered comparison needs the leaf's unit.
        within: Ancestors for ``isPartOf`` and ``isA``, the value itself included
            (``("CN-SH", "CN")``); ``None`` when not worked out, which makes these unknown.
        parts: Parts for ``hasPart``, or ``None``.
        expires: Unix seconds from which the fact no longer stands; bounds the lease.
        depends: What the fact hangs on, for example ``revocation:vc-1``.
        at: Unix seconds at which the fact came about, for ``andSequence``, or ``None``.
    """

    status: Literal["ok", "missing", "stale", "error", "deferred", "promised"]
    value: Scalar | Scalars | dict[Name, SafeInt] | None
    unit: Name | None
    within: Scalars | None
    parts: Scalars | None
    expires: Count | None
    depends: tuple[Name, ...]
    at: Count | None

    @classmethod
    def ok(
        cls,
        value: Scalar | tuple[Scalar, ...] | dict[str, int],
        *,
        unit: str | None = None,
        within: tuple[Scalar, ...] | None = None,
        parts: tuple[Scalar, ...] | None = None,
        expires: int | None = None,
        depends: tuple[str, ...] = (),
        at: int | None = None,
    ) -> Self:
        """Return a fact that holds."""
        return cls(
            status="ok",
            value=value,
            unit=unit,
            within=within,
            parts=parts,
            expires=expires,
            depends=depends,
            at=at,
        )

    @classmethod
    def unavailable(
        cls, status: Literal["missing", "stale", "error", "deferred", "promised"] = "missing"
    ) -> Self:
        """Return a fact that cannot be compared."""
        return cls(
            status=status,
            value=None,
            unit=None,
            within=None,
            parts=None,
            expires=None,
            depends=(),
            at=None,
        )


class Fulfilment(Document):
    """Proof that a duty was done.

    Attributes:
        at: Unix seconds (UTC).
        evidence: Id of the evidence.
        facts: Facts of the proof by left operand, for the duty's refinements: a receipt's
            ``odrl:payAmount``.
    """

    at: Count
    evidence: Name
    facts: dict[Name, Fact]


class DutyFacts(Document):
    """What is known of duties, by duty id.

    Attributes:
        fulfilled: Duties with proof.
        outstanding: Obligations already owed, with the Unix seconds at which they fall due.
    """

    fulfilled: dict[Name, Fulfilment]
    outstanding: dict[Name, Count]


class DecisionRequest(Document):
    """Input document v1.

    Attributes:
        v: Version of the document.
        id: Id of this request; the decision carries it back.
        point: Where the question is asked.
        now: Unix seconds (UTC); the engine has no clock.
        bundle: Revision of the policy bundle the asker means: ``engine.revision``.
        action: Prefixed action, for example ``odrl:use``.
        subject: Who asks.
        resource: What is asked for.
        agreement: Required at ``transfer`` and ``access``, ``None`` before.
        facts: Facts by left operand; absent means missing.
        duties: Fulfilled and outstanding duties.
        policies: The policies that apply, usually one; all their prohibitions count.
    """

    v: Literal[1]
    id: Name
    point: Point
    now: Count
    bundle: Name
    action: Name
    subject: Subject
    resource: Resource
    agreement: AgreementFacts | None
    facts: dict[Name, Fact]
    duties: DutyFacts
    policies: tuple[PolicyIR, ...]

    @model_validator(mode="after")
    def _has_no_id_twice(self) -> Self:
        if repeated([i for policy in self.policies for i in policy.ids()]):
            msg = "ids of rules and duties are unique within a request"
            raise ValueError(msg)
        return self

    def rule_ids(self) -> tuple[str, ...]:
        """Return what ``Decision.considered`` must hold."""
        return tuple(i for policy in self.policies for i in policy.rule_ids())
