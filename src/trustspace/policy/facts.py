"""Asking for a decision: which facts the rules need, the request, and what only Python can check.

The engine compares; Python knows. Region codes are unfolded into their ancestors, the purpose is
read from what was agreed, counters come as numbers, and only facts that the rules name go in. Of
the decision Python checks what the engine cannot: whether this connector is able to carry out the
filters, masks and duties that an allow brings with it. If not, the allow becomes a denial before
any byte leaves.

Example::

    rules = lower(agreement, kind="agreement")
    facts = {"odrl:purpose": purpose_fact(agreed_purposes(agreement)),
             "odrl:count": count_fact({"rule:p1": 9})}
    decision = evaluate(engine, "access", rules, action="odrl:use", subject=subject,
                        resource=resource, agreement=known, facts=facts, now=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict, Unpack

from pydantic import ValidationError

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, read_constraints
from trustspace.policy.decision import (
    AgreementFacts,
    Decision,
    DecisionRequest,
    DutyFacts,
    DutyIR,
    Fact,
    PolicyIR,
    Reason,
    Resource,
    Subject,
)
from trustspace.policy.lasting import time_to_live
from trustspace.policy.lower import policy_digest
from trustspace.policy.mask import METHODS, format_mask
from trustspace.policy.promised import promised
from trustspace.policy.quantity import Measured, What
from trustspace.policy.row_filter import format_where
from trustspace.policy.select import applicable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from trustspace.model.odrl import Agreement, Policy
    from trustspace.policy.decision import Point, RuleIR
    from trustspace.policy.engine import PolicyEngine


class Circumstances(TypedDict):
    """What a decision is asked about, beside point and policies.

    Attributes:
        action: Prefixed action, for example ``odrl:use``.
        subject: Who asks.
        resource: What is asked for.
        now: Aware time of the question.
        agreement: The agreement's facts; required at ``transfer`` and ``access``.
        facts: Facts by left operand; those that no rule names are left out of the request.
        duties: Fulfilled and outstanding duties.
        id: Id of the request; by default made of point and dataset.
    """

    action: str
    subject: Subject
    resource: Resource
    now: datetime
    agreement: NotRequired[AgreementFacts | None]
    facts: NotRequired[Mapping[str, Fact]]
    duties: NotRequired[DutyFacts | None]
    id: NotRequired[str]


@dataclass(frozen=True)
class Capabilities:
    """What whoever enforces a decision is able to carry out.

    Attributes:
        masks: Methods of masks.
        duties: Actions of obligations that are carried out with a use.
        shapes_tables: Whether rows, columns and masks can be applied at all (not to files).
        counts: What can be counted while it leaves.
    """

    masks: frozenset[str] = frozenset(METHODS)
    duties: frozenset[str] = frozenset({"odrl:attribute", "ts:log", "ts:meter"})
    shapes_tables: bool = True
    counts: frozenset[What] = frozenset({"use", "row", "byte", "second"})


TABLES = Capabilities()
"""This connector's data plane with a table."""

FILES = Capabilities(shapes_tables=False, counts=frozenset({"use", "byte", "second"}))
"""This connector's data plane with a file, of which nobody knows the rows."""


def evaluate(
    engine: PolicyEngine,
    point: Point,
    policies: PolicyIR | Sequence[PolicyIR],
    *,
    capabilities: Capabilities = TABLES,
    record: Callable[[DecisionRequest, Decision], object] | None = None,
    **about: Unpack[Circumstances],
) -> Decision:
    """Ask the engine and check that its decision can be carried out here.

    Args:
        engine: The policy engine.
        point: Where the question is asked.
        policies: Lowered policies that apply.
        capabilities: What can be carried out here.
        record: Told what was asked and what came of it.
        about: See `Circumstances`.

    Returns:
        The decision; ``ttl`` is at most 60 s and ends with the next moment at which a rule, the
        agreement or a fact may change. What cannot be carried out is denied,
        ``pep.unenforceable``.

    Raises:
        PolicyError: The request cannot be made, code ``policy.request``.
    """
    request = build_request(point, policies, bundle=engine.revision, **about)
    decision = engine.decide(request)
    if decision.allow:
        unable = tuple(_unenforceable(decision, capabilities))
        ttl = min(decision.ttl, time_to_live(request))
        decision = _denied(decision, unable) if unable else decision.model_copy(update={"ttl": ttl})
    if record is not None:
        record(request, decision)
    return decision


def build_request(
    point: Point,
    policies: PolicyIR | Sequence[PolicyIR],
    *,
    bundle: str,
    **about: Unpack[Circumstances],
) -> DecisionRequest:
    """Return the request to the engine, with only the rules and facts that can matter.

    Args:
        point: Where the question is asked.
        policies: Lowered policies that apply; their rule ids must differ (`lower`, ``prefix``).
        bundle: ``engine.revision``.
        about: See `Circumstances`.

    Raises:
        PolicyError: A part is missing or has the wrong form, code ``policy.request``.
    """
    subject, resource, action = about["subject"], about["resource"], about["action"]
    given = (policies,) if isinstance(policies, PolicyIR) else tuple(policies)
    selected = tuple(
        applicable(policy, action=action, subject=subject, resource=resource) for policy in given
    )
    names = frozenset[str]().union(*(needed(policy) for policy in selected))
    facts = {name: fact for name, fact in about.get("facts", {}).items() if name in names}
    facts = dict.fromkeys(promised(*selected), Fact.unavailable("promised")) | facts
    now = about["now"]
    if now.tzinfo is None:
        raise PolicyError("the time of a request has a zone", code="policy.request")
    try:
        return DecisionRequest(
            v=1,
            id=about.get("id", f"{point}:{resource.id}"),
            point=point,
            now=int(now.timestamp()),
            bundle=bundle,
            action=action,
            subject=subject,
            resource=resource,
            agreement=about.get("agreement"),
            facts=facts,
            duties=about.get("duties") or DutyFacts(fulfilled={}, outstanding={}),
            policies=selected,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PolicyError(
            f"the request cannot be made: {where} {first['msg']}", code="policy.request"
        ) from error


def needed(policy: PolicyIR) -> frozenset[str]:
    """Return the left operands whose facts the rules of a policy compare."""
    rules = _rules(policy)
    return frozenset(
        leaf.left
        for one in (*rules, *policy.duties())
        for leaf in (*one.leaves, *(one.refine if isinstance(one, DutyIR) else ()))
    )


def anyone() -> Subject:
    """Return the subject of a request whose sender is not known."""
    return Subject(id=None, ids=(), groups=(), credentials=())


def participant(name: str, *, aliases: Iterable[str] = (), groups: Iterable[str] = ()) -> Subject:
    """Return a participant as a subject.

    Args:
        name: Verified participant id.
        aliases: Other verified names of the same participant.
        groups: Groups that it is attested to belong to.
    """
    ids = tuple(dict.fromkeys((name, *aliases)))
    return Subject(id=name, ids=ids, groups=tuple(groups), credentials=())


def dataset(name: str, *, collections: Iterable[str] = (), columns: Iterable[str] = ()) -> Resource:
    """Return a dataset as a resource."""
    ids = tuple(dict.fromkeys((name, *collections)))
    return Resource(id=name, ids=ids, columns=tuple(columns), classification=None)


def agreement_facts(
    agreement: Agreement, *, state: str, signed: datetime, expires: datetime | None = None
) -> AgreementFacts:
    """Return what the engine compares an agreement by.

    Args:
        agreement: The agreement as both sides have it.
        state: Its state; only ``FINALIZED`` lets anything through.
        signed: Aware time of the signature.
        expires: Aware time at which it ends as a whole, if it does.
    """
    return AgreementFacts(
        id=agreement.id,
        state=state,
        signed=int(signed.timestamp()),
        expires=None if expires is None else int(expires.timestamp()),
        digest=policy_digest(agreement),
        assigner=agreement.assigner,
        assignee=agreement.assignee,
        target=agreement.target,
    )


def agreed_purposes(policy: Policy) -> tuple[str, ...]:
    """Return the purpose that a policy settles on, or those it leaves to choose from.

    A consumer states its purpose by narrowing the offer to ``purpose eq X``; a peer that does not
    know this leaves the list, and is bound by all of it.

    Raises:
        PolicyError: A constraint cannot be read.
    """
    stated: dict[str, None] = {}
    listed: dict[str, None] = {}
    for index, rule in enumerate(policy.permissions):
        for part in read_constraints(rule.constraints, f"/permission/{index}"):
            if isinstance(part, Atom) and part.left == "odrl:purpose":
                found = {"odrl:eq": stated, "odrl:isAnyOf": listed}.get(part.op, {})
                found.update(dict.fromkeys(str(value) for value in part.values))
    return tuple(stated or listed)


def purpose_fact(purposes: Iterable[str]) -> Fact:
    """Return the fact of ``odrl:purpose``; without a purpose it is missing."""
    stated = tuple(dict.fromkeys(purposes))
    if not stated:
        return Fact.unavailable()
    return Fact.ok(stated[0] if len(stated) == 1 else stated)


def count_fact(used: Mapping[str, int] | None) -> Fact:
    """Return the fact of ``odrl:count``.

    Args:
        used: Uses so far by counter (``rule:p1``), or ``None`` when the counters do not answer.
    """
    return Fact.unavailable("error") if used is None else Fact.ok(dict(used))


def elapsed_fact(first: datetime | None, rules: PolicyIR, *, now: datetime) -> Fact:
    """Return the fact of ``odrl:elapsedTime``: seconds since the first use.

    Args:
        first: Aware time of the first use; None when there was none, so that it would be now.
        rules: The rules that compare it; the next moment at which one of them may turn ends it.
        now: Aware time of the question.
    """
    begun = int((first or now).timestamp())
    elapsed = max(0, int(now.timestamp()) - begun)
    ahead = [
        begun + bound + more
        for rule in _rules(rules)
        for leaf in rule.leaves
        if leaf.left == "odrl:elapsedTime" and isinstance(bound := leaf.right, int)
        for more in (0, 1)
        if bound + more > elapsed
    ]
    return Fact.ok(elapsed).model_copy(update={"expires": min(ahead, default=None)})


def place_fact(code: str | None) -> Fact:
    """Return the fact of a place with all regions that hold it.

    Args:
        code: ISO 3166 (``CN``, ``CN-SH``) or GB/T 2260 (``310115``) code, or ``None`` when it is
            not attested.
    """
    return Fact.unavailable() if not code else Fact.ok(code, within=regions_around(code))


def regions_around(code: str) -> tuple[str, ...]:
    """Return a region and all regions that hold it, the smallest first.

    ``CN-SH`` lies in ``CN``; ``310115`` lies in ``3101``, ``31`` and ``CN`` (GB/T 2260).
    """
    if code.isascii() and code.isdigit() and len(code) in (2, 4, 6):
        return (*(code[:length] for length in range(len(code), 0, -2)), "CN")
    parts = code.split("-")
    return tuple("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def _rules(policy: PolicyIR) -> tuple[RuleIR, ...]:
    return (*policy.permissions, *policy.prohibitions)


def _unenforceable(decision: Decision, capabilities: Capabilities) -> Iterator[Reason]:
    for mask in decision.masks:
        if not capabilities.shapes_tables or mask.method not in capabilities.masks:
            yield _unable("ts:mask", format_mask(mask))
    if not capabilities.shapes_tables:
        yield from (_unable("ts:rowFilter", format_where(each)) for each in decision.filters)
        if decision.columns is not None:
            yield _unable("ts:columns", decision.columns)
    for limit in decision.limits:
        measured = Measured.of(limit.unit)
        if measured.what not in capabilities.counts:
            yield _unable(measured.left, limit.max)
    for duty in decision.obligations:
        # What is done before or after a use is for others to do: it is asked for, and recorded.
        if duty.when == "during" and duty.action not in capabilities.duties:
            yield _unable(None, duty.action, at=duty.id, src=duty.src)


def _unable(
    left: str | None,
    expected: str | int | tuple[str, ...],
    *,
    at: str | None = None,
    src: str | None = None,
) -> Reason:
    return Reason(
        id="pep.unenforceable",
        at=at,
        rule=None,
        left=left,
        op=None,
        expected=expected,
        actual=None,
        unit=None,
        src=src,
    )


def _denied(decision: Decision, reasons: tuple[Reason, ...]) -> Decision:
    nothing = dict.fromkeys(("rules", "obligations", "filters", "masks", "limits", "depends"), ())
    refusal = {"allow": False, "effect": "deny", "reasons": reasons, "columns": None, "ttl": 0}
    return decision.model_copy(update={**nothing, **refusal})
