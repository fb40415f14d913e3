"""Constraints in normal form: known terms, typed values, conjunctions flattened, pointers kept.

What peers write differently but mean alike has one form here: any spelling of a term, a list of
one or its only element, ``and`` nested in a rule's implicit conjunction. Lowering numbers this
form for the engine; narrowing compares two of them.

Example::

    parts = read_constraints(offer.permissions[0].constraints, "/permission/0")
    parts[0].left, parts[0].op, parts[0].right  # 'odrl:dateTime', 'odrl:lt', 1798732800
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import AtomicConstraint, Constraint, LogicalConstraint
from trustspace.policy.mask import parse_mask
from trustspace.policy.operands import resolved
from trustspace.policy.quantity import MEASURES, read_quantity
from trustspace.policy.right_operand import typed
from trustspace.policy.row_filter import MAX_COLUMN_LENGTH, parse_where
from trustspace.policy.rule import MAX_DEPTH, MAX_OPERANDS, Operator
from trustspace.policy.vocabulary import (
    COUNTED,
    Kind,
    LeftOperand,
    operator,
    spelled,
)
from trustspace.policy.window import read_frequency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from trustspace.policy.predicate import MaskSpec, Predicate, Scalar

Connective = Literal["and", "or", "xone", "andSequence"]

_DESCRIPTIVE_MEMBERS = frozenset({"@id", "@type"})
"""Members that name a rule or constraint and change nothing about it."""


@dataclass(frozen=True)
class Atom:
    """One comparison.

    Attributes:
        operand: What is known of the left operand.
        op: Prefixed operator.
        right: Typed right operand; a tuple for the set operators.
        src: JSON pointer into the policy as it was written.
        unit: Unit of the right operand, or ``None``.
    """

    operand: LeftOperand
    op: Operator
    right: Scalar | tuple[Scalar, ...]
    src: str
    unit: str | None = None

    @property
    def left(self) -> str:
        """Prefixed name of the left operand."""
        return self.operand.name

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The right operand as a tuple."""
        return self.right if isinstance(self.right, tuple) else (self.right,)

    @property
    def filter(self) -> Predicate:
        """The row filter of a ``ts:rowFilter``."""
        return parse_where(str(self.right))

    @property
    def masks(self) -> tuple[MaskSpec, ...]:
        """The masks of a ``ts:mask``."""
        return tuple(parse_mask(str(value)) for value in self.values)


@dataclass(frozen=True)
class Group:
    """One logical constraint that is not part of a rule's conjunction."""

    kind: Connective
    parts: tuple[Atom | Group, ...]
    src: str


Normal = Atom | Group


def read_constraints(
    constraints: Sequence[Constraint],
    location: str,
    *,
    duty: bool = False,
    signed: datetime | None = None,
    member: str = "constraint",
) -> tuple[Normal, ...]:
    """Return the conjuncts of a rule in normal form.

    Args:
        constraints: Constraints as on the wire.
        location: JSON pointer of the rule.
        duty: Whether the rule is a duty, which has operands of its own beside.
        signed: When the agreement was signed, where that is known.
        member: Name of the member that holds them, for the pointers.

    Raises:
        PolicyError: A term is unsupported, a value of the wrong kind, or the logic too deep.
    """
    reader = _Reader(duty, signed)
    return tuple(
        part
        for index, constraint in enumerate(constraints)
        for part in reader.conjuncts(constraint, f"{location}/{pointer_part(member)}/{index}", 0)
    )


def atoms(parts: Sequence[Normal]) -> Iterator[Atom]:
    """Yield every comparison, nested ones too."""
    for part in parts:
        if isinstance(part, Atom):
            yield part
        else:
            yield from atoms(part.parts)


def count_nodes(constraints: Sequence[Constraint]) -> int:
    """Count comparisons and logical constraints, nested ones too."""
    # A stack, not recursion: the depth of the logic is checked later.
    stack = list(constraints)
    count = 0
    while stack:
        count += 1
        constraint = stack.pop()
        if not isinstance(constraint, AtomicConstraint):
            stack.extend(constraint.parts)
    return count


def refuse_unknown_members(extra: dict[str, object] | None, location: str) -> None:
    """Refuse members that would be silently ignored.

    Peers are seen to write an empty list under a name that no context defines (``constraints``); it
    states nothing, and is gone as soon as somebody processes the policy as JSON-LD.

    Raises:
        UnsupportedTermError: There is one.
    """
    for name, value in (extra or {}).items():
        if name not in _DESCRIPTIVE_MEMBERS and not _states_nothing(name, value):
            hint = _HINTS.get(name.rpartition(":")[2].rpartition("/")[2], "")
            raise UnsupportedTermError(
                f"{name[:200]!r} is not supported here",
                code="policy.unsupported",
                location=f"{location}/{pointer_part(name)}",
                hint=hint or "leave it out: what is not understood is not ignored",
            )


def _states_nothing(name: str, value: object) -> bool:
    return value == [] and ":" not in name and name not in _HINTS


def pointer_part(name: str) -> str:
    """Return a member's name as a part of a JSON pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


_HINTS = {
    "target": "the target belongs to the policy, not to the rule (DSP 2025-1, 'Policies')",
    "refinement": "on the wire, conditions on the action stand under"
    " https://w3id.org/trustspace/ns#actionRefinement",
    "remedy": "a prohibition has it under odrl:remedy",
    "consequence": "a duty has it under odrl:consequence",
    "inheritFrom": "write the inherited rules into the policy",
    "unit": "write odrl:unit beside a number",
    "rightOperandReference": "write the value as rightOperand",
    "duty": "only a permission has duties; what is owed is an obligation of the policy",
}


@dataclass(frozen=True)
class _Reader:
    duty: bool
    signed: datetime | None

    def conjuncts(self, constraint: Constraint, location: str, depth: int) -> Iterator[Normal]:
        if isinstance(constraint, AtomicConstraint):
            yield self.atom(constraint, location, conjunctive=True)
            return
        if constraint.connective != "and":
            yield self.group(constraint, location, depth)
            return
        for part, where in self._parts(constraint, location, depth):
            yield from self.conjuncts(part, where, depth + 1)

    def group(self, constraint: LogicalConstraint, location: str, depth: int) -> Group:
        parts = tuple(
            self.atom(part, where, conjunctive=False)
            if isinstance(part, AtomicConstraint)
            else self.group(part, where, depth + 1)
            for part, where in self._parts(constraint, location, depth)
        )
        return Group(constraint.connective, parts, location)

    def _parts(
        self, constraint: LogicalConstraint, location: str, depth: int
    ) -> list[tuple[Constraint, str]]:
        refuse_unknown_members(constraint.model_extra, location)
        if depth >= MAX_DEPTH or len(constraint.parts) > MAX_OPERANDS:
            raise PolicyError(
                f"logic nests at most {MAX_DEPTH} deep, with at most {MAX_OPERANDS} parts each",
                code="policy.limit",
                location=location,
            )
        return [
            (part, f"{location}/{constraint.connective}/{index}")
            for index, part in enumerate(constraint.parts)
        ]

    def atom(self, constraint: AtomicConstraint, location: str, *, conjunctive: bool) -> Atom:
        refuse_unknown_members(constraint.model_extra, location)
        operand = resolved(
            constraint.left_operand, location=f"{location}/leftOperand", duty=self.duty
        )
        op = operator(constraint.operator, operand, location=f"{location}/operator")
        where = f"{location}/rightOperand"
        if not conjunctive and (operand.shapes_delivery or operand.name in COUNTED):
            raise UnsupportedTermError(
                f"{spelled(operand.name)!r} cannot be one of several alternatives",
                code="policy.unsupported",
                location=location,
                hint="state it as a constraint of the rule, or as rules of their own",
            )
        right = typed(constraint.right_operand, operand, op, location=where, signed=self.signed)
        unit = constraint.unit
        if unit is not None and (operand.kind not in _MEASURED or operand.name in COUNTED):
            raise UnsupportedTermError(
                f"{spelled(operand.name)!r} has no unit",
                code="policy.unsupported",
                location=f"{location}/odrl:unit",
                hint="leave it out, or write it with the value",
            )
        if operand.kind in (Kind.FREQUENCY, Kind.QUANTITY):
            right, unit = counted(str(right), operand.name, where)
        atom = Atom(operand, cast("Operator", op), right, location, unit)
        check_form(atom, where)
        return atom


_MEASURED = (Kind.DECIMAL, Kind.INTEGER, Kind.ANY)
"""Kinds of values that may have a unit."""


def counted(text: str, left: str, location: str) -> tuple[int, str | None]:
    """Read a frequency or an amount at a place: the number, and the window as its unit.

    Raises:
        PolicyError: It is none, code ``policy.datatype``.
    """
    try:
        what = MEASURES.get(left)
        return read_frequency(text) if what is None else read_quantity(text, what)
    except PolicyError as error:
        error.location = location
        raise


def check_form(atom: Atom, location: str) -> None:
    """Read filters, masks and column names once, so that an error names its place.

    Raises:
        PolicyError: One cannot be read.
    """
    try:
        if atom.operand.kind is Kind.ROW_FILTER:
            _ = atom.filter
        elif atom.operand.kind is Kind.MASKS:
            _ = atom.masks
    except PolicyError as error:
        error.location = location
        raise
    if atom.operand.kind is Kind.COLUMNS and not all(
        str(value).strip() and len(str(value)) <= MAX_COLUMN_LENGTH for value in atom.values
    ):
        raise PolicyError(
            f"a column has a name of at most {MAX_COLUMN_LENGTH} characters",
            code="policy.datatype",
            location=location,
        )
    if atom.left in COUNTED and highest_count(atom) < 1:
        raise PolicyError("a limit allows at least one", code="policy.datatype", location=location)


def highest_count(atom: Atom) -> int:
    """Return the highest number that a comparison of what is counted allows."""
    bound = cast("int", atom.right)
    return bound - 1 if atom.op == "odrl:lt" else bound
