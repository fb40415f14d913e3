"""Constraints of a document in normal form: comparisons and what joins them, refinements too.

Example::

    reader = ConstraintReader(names, operands={})
    parts = reader.parts(rule["constraint"], "/permission/0/constraint")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, Group, Normal, check_form, counted
from trustspace.policy.decimals import scale_of
from trustspace.policy.odrl.literal import literal
from trustspace.policy.odrl.names import is_descriptive, listed
from trustspace.policy.operands import known
from trustspace.policy.right_operand import typed
from trustspace.policy.rule import MAX_ARGUMENTS, MAX_DEPTH, MAX_NODES
from trustspace.policy.vocabulary import (
    COUNTED,
    OPERATORS,
    Kind,
    LeftOperand,
    operator,
    unknown_term,
)

if TYPE_CHECKING:
    from trustspace.policy.constraint import Connective
    from trustspace.policy.odrl.names import Names
    from trustspace.policy.rule import Operator

_CONNECTIVES = {f"odrl:{name}": name for name in ("and", "or", "xone", "andSequence")}

_COMPARISON = frozenset(
    [
        "leftOperand",
        "operator",
        "rightOperand",
        "rightOperandReference",
        "unit",
        "dataType",
        "status",
    ]
)


class Named:
    """What each id of a document stands for: one thing, though it may be written again.

    Two constraints or duties under one id would answer for each other.
    """

    def __init__(self) -> None:
        self._things: dict[str, Any] = {}

    def claim(self, uid: str, thing: Any, src: str) -> None:  # noqa: ANN401 - any JSON value
        """Note what an id stands for.

        Raises:
            PolicyError: It stands for something else already, code ``policy.malformed``.
        """
        if self._things.setdefault(uid, thing) != thing:
            raise _malformed(f"the id {uid[:200]!r} names two different things", src)


@dataclass
class ConstraintReader:
    """Reads constraints and remembers their names.

    Attributes:
        names: The spelling of the document.
        operands: Operands that an author declares beside the known ones.
        resolve: Returns what a reference refers to.
        uids: Names of constraints by pointer, filled while reading.
        size: How many comparisons and connectives were read.
        named: What each id of the document stands for.
    """

    names: Names
    operands: Mapping[str, LeftOperand]
    resolve: Callable[[Any], Any] = lambda item: item
    uids: dict[str, str] = field(default_factory=dict)
    size: int = 0
    named: Named = field(default_factory=Named)

    def parts(self, value: Any, src: str) -> tuple[Normal, ...]:  # noqa: ANN401 - any JSON value
        """Read what stands under ``constraint`` or ``refinement``.

        Raises:
            PolicyError: It is malformed, or a term or value is not understood.
        """
        items = listed(value)
        many = isinstance(value, list | tuple)
        return tuple(
            self._part(item, f"{src}/{index}" if many else src, 0)
            for index, item in enumerate(items)
        )

    def _part(self, item: Any, src: str, depth: int) -> Normal:  # noqa: ANN401 - any JSON value
        item = self.resolve(item)
        if not isinstance(item, Mapping):
            raise _malformed("a constraint is an object", src)
        self.size += 1
        if self.size > MAX_NODES:
            raise PolicyError(
                f"a policy has at most {MAX_NODES} constraints", code="policy.limit", location=src
            )
        members = {name: (given, where) for name, given, where in self.names.members(item, src)}
        uid = members.get("@id", (None, ""))[0]
        if isinstance(uid, str):
            self.named.claim(uid, item, src)
            self.uids[src] = uid
        joined = [name for name in members if name in _CONNECTIVES]
        if joined:
            return self._group(members, joined, src, depth)
        return self._atom(members, src)

    def _group(
        self, members: dict[str, tuple[Any, str]], joined: list[str], src: str, depth: int
    ) -> Group:
        others = [name for name in members if not is_descriptive(name) and name not in joined]
        if len(joined) > 1 or others:
            raise _malformed("a logical constraint has exactly one connective", src)
        value, where = members[joined[0]]
        items = listed(value)
        if not items:
            raise _malformed("a logical constraint joins at least one constraint", where)
        if depth >= MAX_DEPTH or len(items) > MAX_ARGUMENTS:
            raise PolicyError(
                f"logic nests at most {MAX_DEPTH} deep, with at most {MAX_ARGUMENTS} parts each",
                code="policy.limit",
                location=where,
            )
        parts = tuple(
            self._part(item, f"{where}/{index}", depth + 1) for index, item in enumerate(items)
        )
        return Group(cast("Connective", _CONNECTIVES[joined[0]]), parts, src)

    def _atom(self, members: dict[str, tuple[Any, str]], src: str) -> Atom:
        for name, (_, where) in members.items():
            if not is_descriptive(name) and name.removeprefix("odrl:") not in _COMPARISON:
                raise _malformed(f"{name!r} is no member of a constraint", where)
        left = self._name(members, "odrl:leftOperand", src)
        operand = known(left, more=self.operands, location=f"{src}/leftOperand")
        op = self._name(members, "odrl:operator", src)
        if op not in OPERATORS:
            raise unknown_term("operator", op, OPERATORS, f"{src}/operator")
        right, unit = self._measured(members, operand, op, src)
        atom = Atom(operand, cast("Operator", op), right, src, unit=unit)
        if operand.shapes_delivery:
            check_form(atom, f"{src}/rightOperand")
        counts = [value for value in atom.values if isinstance(value, int)]
        if operand.name == "odrl:count" and min(counts, default=0) < 0:
            raise PolicyError(
                "a count is not negative", code="policy.datatype", location=f"{src}/rightOperand"
            )
        return atom

    def _measured(
        self, members: dict[str, tuple[Any, str]], operand: LeftOperand, op: str, src: str
    ) -> tuple[Any, str | None]:
        """Return the right operand and its unit; a number per window holds it in itself."""
        value, where = members.get("odrl:rightOperand", (None, ""))
        text = value.get("@value") if isinstance(value, Mapping) else value
        if operand.name in COUNTED and isinstance(text, str) and "/" in text:
            number, window = counted(text, operand.name, where)
            digits = scale_of(operand) if operand.kind is Kind.DECIMAL else 0
            return number * 10**digits, window
        unit, _ = members.get("odrl:unit", (None, ""))
        return self._right(members, operand, op, src), self._text(unit, src)

    def _right(
        self, members: dict[str, tuple[Any, str]], operand: LeftOperand, op: str, src: str
    ) -> Any:  # noqa: ANN401 - a scalar or several
        given = members.get("odrl:rightOperand")
        reference = members.get("odrl:rightOperandReference")
        if (given is None) == (reference is None):
            raise _malformed("a constraint has one right operand, or one reference to it", src)
        if given is None:
            return ()  # What a reference points to is not fetched, so the value is unknown.
        datatype, _ = members.get("odrl:dataType", (None, ""))
        value, where = given
        if operand.shapes_delivery:
            return typed(value, operand, operator(op, operand, location=src), location=where)
        found = literal(value, operand, self.names, datatype=self._text(datatype, src), src=where)
        several = op in ("odrl:isAnyOf", "odrl:isAllOf", "odrl:isNoneOf")
        if several and not isinstance(found, tuple):
            return (found,)
        return found[0] if isinstance(found, tuple) and len(found) == 1 and not several else found

    def _name(self, members: dict[str, tuple[Any, str]], name: str, src: str) -> str:
        value, where = members.get(name, (None, src))
        items = listed(value)
        item = items[0] if len(items) == 1 else None
        text = item.get("@id") if isinstance(item, Mapping) else item
        if not isinstance(text, str) or not text:
            raise _malformed(f"a constraint has one {name.removeprefix('odrl:')}", where)
        return self.names.term(text)

    def _text(self, value: Any, src: str) -> str | None:  # noqa: ANN401 - any JSON value
        items = listed(value)
        if not items:
            return None
        item = items[0]
        if isinstance(item, Mapping):
            item = item.get("@id", item.get("@value"))
        if len(items) > 1 or not isinstance(item, str):
            raise _malformed("a unit or a datatype is one name", src)
        return self.names.identifier(item)


def _malformed(message: str, src: str) -> PolicyError:
    return PolicyError(message, code="policy.malformed", location=src)
