"""What the engine found, in the names of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.policy.decimals import as_written
from trustspace.policy.mask import format_mask
from trustspace.policy.operands import EVERY_OPERAND, known
from trustspace.policy.row_filter import format_where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.policy.decision import Decision, DutyTrace, Reason, RuleTrace, Trace
    from trustspace.policy.document import Document
    from trustspace.policy.lowering import Lowered
    from trustspace.policy.rule import DutyIR, RuleIR
    from trustspace.policy.vocabulary import LeftOperand

Json = dict[str, Any]

_STATES = {"true": True, "false": False}


def shown_rules(told: Trace | None, document: Document, lowered: Lowered) -> list[Json]:
    """Return how every rule of the document came out.

    A rule that was taken apart is active when one of its parts is; its constraints are those of
    its first part, and of an active one where there is one.
    """
    if told is None:
        return []
    parts = {part.id: part for policy in lowered.policies for part in _all(policy)}
    shown: dict[int, Json] = {}
    for trace in told.rules:
        rule = lowered.rules[trace.rule]
        entry = _shown(trace, parts[trace.rule], document, lowered)
        entry = {"rule": rule.uid, "kind": trace.kind} | entry
        before = shown.get(id(rule))
        if before is None or (entry["active"] and not before["active"]):
            shown[id(rule)] = entry
    return list(shown.values())


def written(decision: Decision, operands: Mapping[str, LeftOperand]) -> tuple[Reason, ...]:
    """Return the reasons of a denial with their values as a document would write them."""
    return tuple(
        reason
        if reason.left is None or reason.left not in {*EVERY_OPERAND, *operands}
        else reason.model_copy(
            update={
                name: as_written(getattr(reason, name), known(reason.left, more=operands))
                for name in ("expected", "actual")
            }
        )
        for reason in decision.reasons
    )


def denied_reasons(reasons: Sequence[Reason], lowered: Lowered) -> list[Json]:
    """Return the reasons of a denial, with rules by their names."""
    found = []
    for reason in reasons:
        entry = {
            name: list(member) if isinstance(member, tuple) else member
            for name, member in reason.model_dump().items()
            if member is not None
        }
        if reason.rule in lowered.rules:
            entry["rule"] = lowered.rules[reason.rule].uid
        if reason.at in lowered.duties:
            entry["at"] = lowered.duties[reason.at].uid
        elif reason.at in lowered.rules:
            entry["at"] = lowered.rules[reason.at].uid
        found.append(entry)
    return found


def owed(decision: Decision, lowered: Lowered) -> list[Json]:
    """Return what a permit brings with it: duties with or after the use."""
    return [
        {
            "duty": lowered.duties[one.id].uid,
            "action": one.action,
            "when": one.when,
            "due": one.due,
            "params": dict(one.params),
        }
        for one in decision.obligations
    ]


def shape_of(decision: Decision) -> Json | None:
    """Return what a permit leaves of rows and columns, or None where it leaves everything."""
    if not decision.filters and not decision.masks and decision.columns is None:
        return None
    return {
        "filters": [format_where(each) for each in decision.filters],
        "columns": None if decision.columns is None else list(decision.columns),
        "masks": [format_mask(each) for each in decision.masks],
    }


def _all(policy: Any) -> tuple[RuleIR | DutyIR, ...]:  # noqa: ANN401 - a PolicyIR
    return (*policy.permissions, *policy.prohibitions, *policy.obligations)


def _shown(trace: RuleTrace, part: RuleIR | DutyIR, document: Document, lowered: Lowered) -> Json:
    return {
        "active": trace.active,
        "constraints": _values(trace.values, part, document),
        "duties": [_duty(each, lowered, document) for each in trace.duties],
    }


def _values(values: Mapping[str, str], part: RuleIR | DutyIR, document: Document) -> Json:
    sources = {leaf.id: leaf.src for leaf in part.leaves}
    sources |= {node.id: node.src for level in part.logic for node in level}
    return {
        document.uids.get(sources[name], sources[name]): _STATES.get(value, "unknown")
        for name, value in values.items()
    }


def _duty(trace: DutyTrace, lowered: Lowered, document: Document) -> Json:
    duty = lowered.duties[trace.duty]
    entry: Json = {"duty": duty.uid, "action": duty.action.name, "state": trace.standing}
    if trace.values:
        binding = next(
            each
            for policy in lowered.policies
            for rule in _all(policy)
            for each in getattr(rule, "duties", (rule,))
            if each.id == trace.duty
        )
        entry["constraints"] = _values(trace.values, binding, document)
    if trace.consequences:
        entry["consequences"] = [
            {"duty": lowered.duties[each.duty].uid, "state": each.standing}
            for each in trace.consequences
        ]
    return entry
