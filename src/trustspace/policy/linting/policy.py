"""What is wrong with an ODRL policy although it is understood.

Only what is certain is found: that a rule can never apply, that a prohibition leaves nothing of a
permission, that a duty can never be overdue, that a term is a promise and nothing more.

Example::

    lint_policy(document, now=datetime.now(UTC), columns=("grade", "price"))
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trustspace.errors import PolicyError
from trustspace.policy.constraint import Atom, Group, Normal
from trustspace.policy.decimals import as_written
from trustspace.policy.ledger import CONNECTOR, ledger, promises, words
from trustspace.policy.linting.finding import Finding
from trustspace.policy.linting.ranges import (
    CLOCKS,
    clash,
    implies,
    impossible,
    is_span,
    same_thing,
    span,
)
from trustspace.policy.lowering import lower_document
from trustspace.policy.odrl.cases import every_atom
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.operands import EVERY_ACTION
from trustspace.policy.predicate import Comparison, Junction
from trustspace.policy.vocabulary import Kind, spelled
from trustspace.policy.wording import value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from trustspace.policy.document import Document, Rule, Scope
    from trustspace.policy.predicate import Predicate
    from trustspace.policy.rule import DutyIR, PolicyIR
    from trustspace.policy.vocabulary import LeftOperand

_AMOUNTS = frozenset({"odrl:payAmount", "odrl:absoluteSize", "ts:dataSize"})
"""Left operands whose numbers mean nothing without a unit."""

_LISTED_COLUMNS = 20


def lint_policy(
    document: Any,  # noqa: ANN401 - any JSON value
    *,
    now: datetime,
    columns: Sequence[str] | None = None,
    others: Mapping[str, Document] | None = None,
    operands: Mapping[str, LeftOperand] | None = None,
) -> tuple[Finding, ...]:
    """Look a policy over.

    Args:
        document: JSON-LD of any class.
        now: The present time, aware.
        columns: Columns of the table that it is about, where there is one.
        others: Policies that it may inherit from, by id.
        operands: Left operands that the author declares.

    Returns:
        Findings in the order of the rules of the lint. A policy that is not understood has one,
        ``policy.refused``.
    """
    try:
        policy = read_policy(document, operands=operands)
        lowered = lower_document(policy, others).policies[0]
    except PolicyError as error:
        message = f"{error}; {error.hint}" if error.hint else str(error)
        return (Finding("policy.refused", error.location, 0, _refusal(error.code, message)),)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return (Finding("policy.refused", "", 0, _refusal("policy.limit", first["msg"])),)
    return tuple(
        dict.fromkeys(
            (
                *_granting(policy),
                *(one for rule in policy.rules for one in _constraints(rule)),
                *_expired(policy, lowered, int(now.timestamp())),
                *_overlapping(policy),
                *_duties(lowered),
                *_units(policy),
                *(() if columns is None else _columns(policy, columns)),
                *_promised(lowered),
            )
        )
    )


def _refusal(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _granting(policy: Document) -> Iterator[Finding]:
    permissions = [rule for rule in policy.rules if rule.kind == "permission"]
    if not permissions and not policy.inherits:
        yield Finding("policy.grants_nothing")
    for prohibition in (rule for rule in policy.rules if rule.kind == "prohibition"):
        for permission in permissions:
            if _swallows(prohibition, permission):
                yield Finding("prohibition.swallows", permission.src, 0, {"other": prohibition.src})


def _swallows(prohibition: Rule, permission: Rule) -> bool:
    """Return whether a prohibition bites on every use that a permission permits."""
    refined = any(action.refine for action in prohibition.actions)
    forbidden = _covered(prohibition)
    return (
        not refined
        and all(action.name in forbidden for action in permission.actions)
        and _includes(prohibition.targets, permission.targets)
        and _includes(prohibition.assignees, permission.assignees)
        and all(_is_stated(part, permission.parts) for part in prohibition.parts)
    )


def _covered(rule: Rule) -> set[str]:
    return {name for one in rule.actions for name in EVERY_ACTION.get(one.name, {one.name})}


def _includes(wide: Sequence[Scope], narrow: Sequence[Scope]) -> bool:
    if not wide:
        return True
    names = {scope.name for scope in wide if not scope.refine}
    return bool(narrow) and all(scope.name in names for scope in narrow)


def _is_stated(part: Normal, others: Sequence[Normal]) -> bool:
    return isinstance(part, Atom) and any(
        same_thing(part, other) and implies(other, part) for other in _conjuncts(others)
    )


def _conjuncts(parts: Sequence[Normal]) -> Iterator[Atom]:
    """Yield the comparisons that must hold: those of the conjunction, nested ones too."""
    for part in parts:
        if isinstance(part, Atom):
            yield part
        elif part.kind in ("and", "andSequence"):
            yield from _conjuncts(part.parts)


def _alternatives(parts: Sequence[Normal]) -> Iterator[Group]:
    for part in parts:
        if isinstance(part, Group) and part.kind in ("or", "xone"):
            yield part
        elif isinstance(part, Group):
            yield from _alternatives(part.parts)


def _constraints(rule: Rule) -> Iterator[Finding]:
    """Look a rule's constraints, its refinements and those of its duties over, each alone."""
    conjunctions: list[Sequence[Normal]] = [rule.parts]
    conjunctions += [action.refine for action in rule.actions]
    conjunctions += [scope.refine for scope in (*rule.targets, *rule.assignees)]
    if rule.kind != "obligation":
        conjunctions += [duty.parts for duty in rule.duties]
    for parts in conjunctions:
        yield from _conjunction(parts, ())


def _conjunction(parts: Sequence[Normal], given: tuple[Atom, ...]) -> Iterator[Finding]:
    own = [atom for atom in _conjuncts(parts) if not atom.operand.shapes_delivery]
    possible = [atom for atom in own if not impossible(atom)]
    yield from (_never(atom) for atom in own if impossible(atom))
    pairs = [*((one, two) for one in given for two in possible), *combinations(possible, 2)]
    for before, after in pairs:
        if not same_thing(before, after):
            continue
        if clash(before, after):
            yield _clashing(before, after)
        elif implies(before, after):
            yield _because("constraint.redundant", after, before)
        elif implies(after, before) and before in own:
            yield _because("constraint.redundant", before, after)
    for group in _alternatives(parts):
        for each in group.parts:
            yield from _conjunction((each,), (*given, *possible))


def _never(atom: Atom) -> Finding:
    right = value(atom.left, as_written(atom.right, atom.operand), "en") or "a reference"
    fields = {"left": spelled(atom.left), "op": spelled(atom.op), "right": right}
    return Finding("constraint.never_true", atom.src, 0, fields)


def _clashing(before: Atom, after: Atom) -> Finding:
    rule = "window.never_opens" if after.left in CLOCKS else "constraint.contradictory"
    return _because(rule, after, before)


def _because(rule: str, atom: Atom, other: Atom) -> Finding:
    return Finding(rule, atom.src, 0, {"left": spelled(atom.left), "other": other.src})


def _expired(policy: Document, lowered: PolicyIR, now: int) -> Iterator[Finding]:
    for rule in policy.rules:
        if rule.kind != "permission":
            continue
        for atom in _conjuncts(rule.parts):
            if atom.left in CLOCKS and is_span(atom) and not impossible(atom):
                _, last = span(atom)
                if last is not None and last < now:
                    yield Finding("date.expired", atom.src, 0, {"date": _date(last)})
    for duty in _every_duty(lowered):
        if duty.deadline is not None and duty.deadline < now:
            yield Finding("date.expired", duty.src, 0, {"date": _date(duty.deadline)})


def _date(seconds: int) -> str:
    return value("odrl:dateTime", seconds, "en")


def _overlapping(policy: Document) -> Iterator[Finding]:
    permissions = [rule for rule in policy.rules if rule.kind == "permission"]
    for before, after in combinations(permissions, 2):
        common = _covered(before) & _covered(after)
        if (
            common
            and _meet(before.targets, after.targets)
            and _meet(before.assignees, after.assignees)
        ):
            pairs = ((one, two) for one in _deciding(before) for two in _deciding(after))
            if not any(same_thing(one, two) and clash(one, two) for one, two in pairs):
                yield Finding("permission.overlap", after.src, 0, {"other": before.src})


def _deciding(rule: Rule) -> list[Atom]:
    return [
        atom
        for atom in _conjuncts(rule.parts)
        if not atom.operand.shapes_delivery and not impossible(atom)
    ]


def _meet(one: Sequence[Scope], other: Sequence[Scope]) -> bool:
    """Return whether something may be in both: what is not named concerns everything."""
    if not one or not other:
        return True
    names = [{scope.name for scope in scopes} for scopes in (one, other)]
    # A collection may hold what the other rule names.
    return bool(names[0] & names[1]) or None in names[0] | names[1]


def _duties(lowered: PolicyIR) -> Iterator[Finding]:
    for duty in _every_duty(lowered):
        is_open = duty.when == "after" and duty.delay is None and duty.deadline is None
        if is_open and duty.action not in CONNECTOR.performs:
            yield Finding("duty.no_deadline", duty.src, 0, {"action": spelled(duty.action)})


def _every_duty(lowered: PolicyIR) -> Iterator[DutyIR]:
    for rule in (*lowered.permissions, *lowered.prohibitions):
        yield from _with_consequences(rule.duties)
    yield from _with_consequences(lowered.obligations)


def _with_consequences(duties: Sequence[DutyIR]) -> Iterator[DutyIR]:
    for duty in duties:
        yield duty
        yield from _with_consequences(duty.consequences)


def _units(policy: Document) -> Iterator[Finding]:
    for rule in policy.rules:
        duties = [part for duty in rule.duties for part in duty.action.refine]
        for atom in (*every_atom(rule), *_conjuncts(duties)):
            if atom.left in _AMOUNTS and atom.unit is None:
                yield Finding("unit.missing", atom.src, 0, {"left": spelled(atom.left)})


def _columns(policy: Document, columns: Sequence[str]) -> Iterator[Finding]:
    listed = ", ".join(columns[:_LISTED_COLUMNS]) + (", …" * (len(columns) > _LISTED_COLUMNS))
    for atom in (atom for rule in policy.rules for atom in every_atom(rule)):
        for name in dict.fromkeys(_named_columns(atom)):
            if name not in columns:
                fields = {"column": name, "known": listed}
                yield Finding("column.unknown", f"{atom.src}/rightOperand", 0, fields)


def _named_columns(atom: Atom) -> Iterator[str]:
    match atom.operand.kind:
        case Kind.ROW_FILTER:
            yield from _filtered(atom.filter)
        case Kind.MASKS:
            yield from (mask.column for mask in atom.masks)
        case Kind.COLUMNS:
            yield from map(str, atom.values)
        case _:
            return


def _filtered(predicate: Predicate) -> Iterator[str]:
    if isinstance(predicate, Comparison):
        yield predicate.field
    elif isinstance(predicate, Junction):
        for part in predicate.args:
            yield from _filtered(part)
    else:
        yield from _filtered(predicate.arg)


def _promised(lowered: PolicyIR) -> Iterator[Finding]:
    for term in promises(ledger(lowered)):
        fields = {
            "term": spelled(term.term),
            "why_en": words(term, "en"),
            "why_zh": words(term, "zh"),
        }
        yield Finding("term.contractual", term.pointer, 0, fields)
