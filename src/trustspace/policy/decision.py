"""The two documents between Python and the policy engine: a request in, a decision out (v1).

The request is in ``request``, the rules it carries in ``rule``, row filters and masks in
``predicate``; all of it is importable from here.

A decision allows only when a permission grants, no prohibition bites and no guard objects. A
denial carries reasons as ids with data; ``REASONS`` lists every id. Text for people is made in
``explain``, so that no engine holds prose.

Example::

    request = DecisionRequest.model_validate_json(path_of_a_case)
    decision = engine.decide(request)
    decision.allow, [reason.id for reason in decision.reasons]
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from trustspace.policy.predicate import (
    MAX_INTEGER,
    Comparison,
    Document,
    FilterLiteral,
    Junction,
    MaskMethod,
    MaskSpec,
    Name,
    Negation,
    Predicate,
    SafeInt,
    Scalar,
    Text,
)
from trustspace.policy.request import (
    AgreementFacts,
    Credential,
    DecisionRequest,
    DutyFacts,
    Fact,
    Fulfilment,
    Point,
    Resource,
    Subject,
)
from trustspace.policy.rule import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_OPERANDS,
    MAX_RULES,
    DutyIR,
    Leaf,
    Limit,
    LogicNode,
    Operator,
    PolicyIR,
    RuleIR,
    Scalars,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER",
    "MAX_NODES",
    "MAX_OPERANDS",
    "MAX_RULES",
    "REASONS",
    "AgreementFacts",
    "Comparison",
    "Credential",
    "Decision",
    "DecisionRequest",
    "DutyFacts",
    "DutyIR",
    "Fact",
    "FilterLiteral",
    "Fulfilment",
    "Junction",
    "Leaf",
    "Limit",
    "LogicNode",
    "MaskMethod",
    "MaskSpec",
    "Negation",
    "Obligation",
    "Operator",
    "Point",
    "PolicyIR",
    "Predicate",
    "Reason",
    "Resource",
    "RuleIR",
    "RuleTrace",
    "Scalar",
    "Subject",
    "Trace",
    "Value",
]

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Rules; `rule` is the rule's id, `at` the leaf, node or duty, `src` its JSON pointer.
        "odrl.no_permission": "no permission covers this action, target and party",
        "odrl.constraint.unsatisfied": "a constraint is false: left, op, expected, actual, unit",
        "odrl.constraint.unknown": "the fact is there but cannot be compared: type, unit, form",
        "odrl.operand.unknown": "the left operand has no meaning to the engine",
        "odrl.logic.unsatisfied": "a xone or andSequence does not hold; op is the connective",
        "fact.unavailable": "the fact of a left operand is missing, stale or in error",
        "odrl.prohibited": "a prohibition bites; expected is the action it forbids",
        "odrl.conflict.invalid": "permission and prohibition collide in a policy that says invalid",
        "odrl.duty.unfulfilled": "a pre-duty has no fulfilment; expected is what it asks for",
        "odrl.obligation.overdue": "an obligation is past its term; expected due, actual now",
        # Guards of the points.
        "agreement.missing": "transfer and access need the facts of the agreement",
        "agreement.not_active": "the agreement is not FINALIZED; actual is its state",
        "agreement.expired": "the agreement is past its end; expected is the end",
        "agreement.party": "the subject is not the agreement's assignee",
        "agreement.target": "the resource is not the agreement's target",
        "agreement.digest": "the policy is not the one that was signed",
        "policy.kind": "a policy of this kind does not go with this point; actual is the kind",
        # The operator's own rules.
        "site.denied": "the operator of this connector denies; at names the site rule",
        # The engine itself; always a denial, never an exception.
        "engine.input": "the request cannot be encoded",
        "engine.input_too_large": "the request is larger than the input cap (bytes)",
        "engine.revision": "request, engine and decision are not of one policy revision",
        "engine.deadline": "the evaluation did not end in time",
        "engine.memory": "the evaluation needed more memory than the cap",
        "engine.fault": "the engine failed in another way",
        "engine.undefined": "the engine gave no decision",
        "engine.schema": "the engine's answer is not a decision document",
        "engine.considered": "the engine did not evaluate exactly the rules it was given",
        "engine.unavailable": "no engine answered",
        "engine.clock": "the clock was set back behind a moment at which something was decided",
        # Raised by whoever enforces a decision, in the same form.
        "pep.unenforceable": "filter, column, mask or obligation cannot be carried out here",
        "pep.limit_reached": "a counter of the decision is used up",
        "pep.lease_expired": "the decision's lease is no longer valid",
    }
)
"""Every reason id with its meaning: the contract with ``explain`` and with the counterparty."""


class Reason(Document):
    """Why a decision denies; an id of ``REASONS`` with data, ``None`` where it has none.

    Attributes:
        id: Stable id.
        at: Id of the leaf, node, duty or site rule.
        rule: Id of the rule.
        left: Left operand.
        op: Operator or connective.
        expected: What the policy asks for.
        actual: What was found; not for the counterparty.
        unit: Unit of ``expected``.
        src: JSON pointer into the policy as it was written.
    """

    id: Name
    at: Name | None
    rule: Name | None
    left: Name | None
    op: Name | None
    expected: Scalar | Scalars | None
    actual: Scalar | Scalars | None
    unit: Name | None
    src: Text | None


class Obligation(Document):
    """A duty that an allow brings with it.

    Attributes:
        id: The duty's id.
        rule: Id of the permission it hangs on, or ``None`` for the policy's own.
        action: Prefixed action.
        when: ``before`` appears only at negotiation: outstanding, not yet owed.
        due: Unix seconds, or ``None`` when it has no term.
        params: Parameters for whoever carries it out.
        on_failure: What to do when it cannot be carried out.
        src: JSON pointer into the policy.
    """

    id: Name
    rule: Name | None
    action: Name
    when: Literal["before", "during", "after"]
    due: SafeInt | None
    params: dict[Name, Scalar | Scalars]
    on_failure: Literal["terminate", "suspend", "report"]
    src: Text


Value = Literal["true", "false", "unknown", "deferred"]
"""What a constraint is worth; ``deferred`` is left to a later point."""


class DutyTrace(Document):
    """How one duty stands.

    Attributes:
        duty: Id of the duty.
        standing: ``unbound`` when its own constraints are false.
        values: What its own constraints are worth, by id.
        consequences: How its consequences stand.
    """

    duty: Name
    standing: Literal["unbound", "fulfilled", "unfulfilled", "overdue"]
    values: dict[Name, Value]
    consequences: tuple[ConsequenceTrace, ...]


class ConsequenceTrace(Document):
    """How a consequence stands, whether or not its duty has lapsed."""

    duty: Name
    standing: Literal["unbound", "fulfilled", "unfulfilled", "overdue"]


class RuleTrace(Document):
    """How one rule came out.

    Attributes:
        rule: Id of the permission, prohibition or obligation.
        kind: Which of them it is.
        active: Whether it concerns the request: action, target, party and refinements match, or,
            of an obligation, whether it binds.
        values: What its constraints are worth, by the id of comparison or logical node.
        duties: Its duties or remedies; of an obligation, itself.
    """

    rule: Name
    kind: Literal["permission", "prohibition", "obligation"]
    active: bool
    values: dict[Name, Value]
    duties: tuple[DutyTrace, ...]


class Trace(Document):
    """How a request came out, rule by rule, in the order of the request."""

    v: Literal[1]
    id: Name
    bundle: Name
    rules: tuple[RuleTrace, ...]


class Decision(Document):
    """Decision document v1.

    Attributes:
        v: Version of the document.
        id: Id of the request.
        allow: The answer; nothing else is a yes.
        effect: ``conditional`` is an allow at negotiation with pre-duties outstanding.
        bundle: Revision of the policy bundle that decided.
        policy: Ids of the policies of the request.
        considered: Ids of all rules that were evaluated, in the order of the request.
        rules: Ids of the permissions that grant.
        reasons: Why not; empty on an allow.
        obligations: What the allow brings with it.
        filters: Row filters, joined by AND.
        columns: Columns that may leave, sorted, or ``None`` for all.
        masks: At most one mask per column, sorted by column.
        limits: Counters to reserve before delivery.
        depends: What a lease on this decision hangs on, sorted: ``now<1800000000``,
            ``agreement:a-1``, ``revocation:vc-1``.
        deferred: Ids ``rule/leaf`` whose truth was left to a later point.
        ttl: Seconds for which the decision may be leased, at most 60; 0 on a denial.
    """

    v: Literal[1]
    id: Name
    allow: bool
    effect: Literal["allow", "conditional", "deny"]
    bundle: Name
    policy: tuple[Name, ...]
    considered: tuple[Name, ...]
    rules: tuple[Name, ...]
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    filters: tuple[Predicate, ...]
    columns: tuple[Name, ...] | None
    masks: tuple[MaskSpec, ...]
    limits: tuple[Limit, ...]
    depends: tuple[Name, ...]
    deferred: tuple[Name, ...]
    ttl: Annotated[int, Field(ge=0, le=60)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        granted = bool(self.rules) and not self.reasons
        if self.allow != (self.effect != "deny") or self.allow != granted:
            msg = "a decision allows exactly when a rule grants and no reason speaks against it"
            raise ValueError(msg)
        return self
