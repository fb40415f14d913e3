"""Normalised rules: what lowering makes of an ODRL policy, and all that the engine sees of it.

The shape is flat because Rego has no recursion. The constraints of a rule are *leaves*; logical
constraints are *nodes* in up to four levels, and a node names leaves or nodes of lower levels::

    leaves  c1 c2 c3
    logic   [[n1 = or(c2, c3)], [n2 = and(c1, n1)]]
    top     [n2]                       the implicit conjunction over what the policy wrote

Names are prefixed (``odrl:dateTime``, ``ts:train``) or absolute IRIs; actions are closed over the
action tree and dates are Unix seconds (UTC) before they come here. Every member is required: a
default would turn a forgotten member into a weaker rule.

Example::

    Leaf(id="c1", left="odrl:dateTime", op="odrl:lt", right=1798732800, unit=None,
         src="/permission/0/constraint/0")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trustspace.policy.predicate import (
    Count,
    Document,
    MaskSpec,
    Name,
    Predicate,
    Scalar,
    Text,
    bounded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_RULES = 64
"""Permissions, prohibitions and obligations of one policy together."""

MAX_NODES = 2_000
"""Leaves and logical nodes of one policy together."""

MAX_DEPTH = 4
"""Levels of logical constraints."""

MAX_OPERANDS = 200
"""Elements of one right operand or of one multi-valued fact (sorting in Wasm is quadratic)."""

MAX_ARGUMENTS = 1_000
"""Parts of one logical constraint."""

MAX_COLUMNS = 1_000
"""Columns that one rule lists, and masks that it sets."""

Operator = Literal[
    "odrl:eq",
    "odrl:neq",
    "odrl:lt",
    "odrl:lteq",
    "odrl:gt",
    "odrl:gteq",
    "odrl:isA",
    "odrl:hasPart",
    "odrl:isPartOf",
    "odrl:isAllOf",
    "odrl:isAnyOf",
    "odrl:isNoneOf",
]

Scalars = Annotated[tuple[Scalar, ...], Field(max_length=MAX_OPERANDS)]


class Leaf(Document):
    """One comparison.

    Attributes:
        id: Unique within its rule or duty.
        left: Prefixed name of the left operand.
        op: Prefixed name of the operator.
        right: Typed right operand; a list for the set operators.
        unit: Unit of the right operand (``CNY``, ``byte``) or ``None``; the fact needs the same.
        src: JSON pointer into the policy as it was written.
    """

    id: Name
    left: Name
    op: Operator
    right: Scalar | Scalars
    unit: Name | None
    src: Text


class LogicNode(Document):
    """One logical constraint.

    Attributes:
        id: Unique within its rule, among leaves too.
        kind: The connective.
        args: Ids of leaves or of nodes of lower levels; never empty.
        src: JSON pointer into the policy as it was written.
    """

    id: Name
    kind: Literal["and", "or", "xone", "andSequence"]
    args: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_ARGUMENTS)]
    src: Text


class Limit(Document):
    """A counter that must be reserved before anything is delivered.

    Attributes:
        counter: Key of the counter within the agreement, for example ``rule:p1``; of a window
            (``rule:p1:P1D``) there is one for each, which whoever reserves names by its begin.
        max: Highest value the counter may reach.
        unit: What is counted (`trustspace.policy.quantity`): ``count``, ``row``, ``byte``,
            ``second``, or within a window ``P1D``, ``row/P1D`` …
    """

    counter: Name
    max: Count
    unit: Name


class _Constrained(Document):
    """What has constraints: comparisons, and what joins them."""

    id: Name
    leaves: tuple[Leaf, ...]
    logic: Annotated[tuple[tuple[LogicNode, ...], ...], Field(max_length=MAX_DEPTH)]
    top: tuple[Name, ...]

    @model_validator(mode="after")
    def _refers_only_to_what_it_holds(self) -> Self:
        known = [leaf.id for leaf in self.leaves]
        used = [*self.top, *self._more_ids()]
        for level in self.logic:
            below = set(known)
            for node in level:
                if not below.issuperset(node.args):
                    msg = f"node {node.id} names what is not on a lower level"
                    raise ValueError(msg)
                used.extend(node.args)
            known.extend(node.id for node in level)
        if repeated(known) or repeated(used) or set(known) != set(used):
            msg = f"in rule {self.id} each leaf and node is named exactly once"
            raise ValueError(msg)
        return self

    def _more_ids(self) -> tuple[str, ...]:
        """Return the ids that are named beside the constraints as written."""
        return ()


class DutyIR(_Constrained):
    """A duty of a permission, a remedy of a prohibition, or an obligation of the policy.

    Attributes:
        id: Unique within a request; the key of its fulfilment.
        action: Prefixed action, for example ``odrl:delete``.
        when: ``before`` is a pre-condition; ``during`` is done with each use; ``after`` is owed.
        delay: Seconds after the use until it is due; ``None`` when it has no term.
        deadline: Unix seconds until which it has to be done, or ``None``.
        leaves: Comparisons of its own constraints: while they are false it does not bind.
        logic: Levels of logical nodes over them, lowest first.
        top: Ids that must all hold for it to bind.
        refine: Conditions on a fulfilment, decided over the facts of the fulfilment's record.
        params: Parameters for whoever carries it out, for example ``{"to": "did:web:c"}``.
        on_failure: What the connector does when it cannot be carried out or lapses.
        remedies: Ids of duties whose fulfilment lifts this one's being overdue.
        consequences: Duties that have to be done as well once this one has lapsed; they have none.
        src: JSON pointer into the policy as it was written.
    """

    action: Name
    when: Literal["before", "during", "after"]
    delay: Count | None
    deadline: Count | None
    refine: Annotated[tuple[Leaf, ...], Field(max_length=MAX_OPERANDS)]
    params: dict[Name, Scalar | Scalars]
    on_failure: Literal["terminate", "suspend", "report"]
    remedies: tuple[Name, ...]
    consequences: tuple[DutyIR, ...]
    src: Text

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if any(each.consequences for each in self.consequences):
            msg = f"a consequence of {self.id} has consequences"
            raise ValueError(msg)
        return self

    def ids(self) -> Iterator[str]:
        """Yield its id and those of its consequences."""
        yield self.id
        yield from (each.id for each in self.consequences)

    def size(self) -> int:
        """Count comparisons and logical nodes, those of consequences included."""
        own = len(self.leaves) + sum(len(level) for level in self.logic) + len(self.refine)
        return own + sum(each.size() for each in self.consequences)


class RuleIR(_Constrained):
    """A permission or a prohibition.

    Attributes:
        id: Unique within a request (permissions, prohibitions and duties of all its policies).
        actions: Every action the rule covers, closed over the action tree.
        target: Dataset or collection id, or ``None`` for whatever the policy is about.
        assignee: Participant id or group, or ``None`` for anyone.
        counter: Key into the facts that count, or ``None`` when nothing is counted.
        leaves: All comparisons of the rule and of its refinements.
        logic: Levels of logical nodes, lowest first.
        top: Ids that must all hold: the constraints as written.
        refine: Ids that must all hold for the rule to concern this request at all.
        duties: Duties of a permission; remedies of a prohibition, owed once it was breached.
        filters: Row filters, joined by AND; opaque to the engine.
        columns: Columns that may leave, or ``None`` for all of them.
        masks: Masks; ``drop`` for the columns that may not leave.
        limits: Counters to reserve.
        depends: What a lease on this rule hangs on besides its facts, for example
            ``revocation:vc-1``.
        src: JSON pointer into the policy as it was written.
    """

    actions: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_OPERANDS)]
    target: Name | None
    assignee: Name | None
    counter: Name | None
    refine: tuple[Name, ...]
    duties: tuple[DutyIR, ...]
    filters: Annotated[tuple[Predicate, ...], AfterValidator(bounded)]
    columns: Annotated[tuple[Name, ...], Field(max_length=MAX_COLUMNS)] | None
    masks: Annotated[tuple[MaskSpec, ...], Field(max_length=MAX_COLUMNS)]
    limits: tuple[Limit, ...]
    depends: tuple[Name, ...]
    src: Text

    def _more_ids(self) -> tuple[str, ...]:
        return self.refine

    def size(self) -> int:
        """Count leaves and logical nodes, those of duties included."""
        nodes = sum(len(level) for level in self.logic)
        return len(self.leaves) + nodes + sum(duty.size() for duty in self.duties)


class PolicyIR(Document):
    """A normalised policy.

    Attributes:
        uid: The policy's ``@id``.
        digest: ``sha256:…`` of the policy as it was written (JCS).
        kind: ``offer`` and ``agreement`` as on the wire; ``set`` for an operator's own policy.
        conflict: ``prohibit``: a prohibition wins; ``invalid``: a conflict voids the policy.
        permissions: Without one that grants, everything is denied.
        prohibitions: One that bites denies.
        obligations: Reported on every allow; overdue they deny.
    """

    uid: Name
    digest: Name
    kind: Literal["offer", "agreement", "set"]
    conflict: Literal["prohibit", "invalid"]
    permissions: tuple[RuleIR, ...]
    prohibitions: tuple[RuleIR, ...]
    obligations: tuple[DutyIR, ...]

    @model_validator(mode="after")
    def _is_within_the_limits(self) -> Self:
        rules = [*self.permissions, *self.prohibitions]
        if len(rules) + len(self.obligations) > MAX_RULES:
            msg = f"a policy has at most {MAX_RULES} rules"
            raise ValueError(msg)
        size = sum(rule.size() for rule in rules) + sum(duty.size() for duty in self.obligations)
        if size > MAX_NODES:
            msg = f"a policy has at most {MAX_NODES} constraints"
            raise ValueError(msg)
        return self

    def ids(self) -> Iterator[str]:
        """Yield the ids of rules in the order in which a decision names them, then of duties."""
        yield from self.rule_ids()
        for rule in (*self.permissions, *self.prohibitions):
            yield from (name for duty in rule.duties for name in duty.ids())
        yield from (each.id for duty in self.obligations for each in duty.consequences)

    def duties(self) -> Iterator[DutyIR]:
        """Yield the duties and remedies of rules, the obligations, and what follows from them."""
        for rule in (*self.permissions, *self.prohibitions):
            for duty in rule.duties:
                yield from (duty, *duty.consequences)
        for duty in self.obligations:
            yield from (duty, *duty.consequences)

    def rule_ids(self) -> Iterator[str]:
        """Yield the ids that a decision's ``considered`` must hold, in its order."""
        yield from (rule.id for rule in self.permissions)
        yield from (rule.id for rule in self.prohibitions)
        yield from (duty.id for duty in self.obligations)


def repeated(ids: Sequence[str]) -> bool:
    """Return whether an id occurs twice."""
    return len(set(ids)) != len(ids)
