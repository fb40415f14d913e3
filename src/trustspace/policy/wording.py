"""Constraints and values in words: what a policy asks for, as a person reads it.

Values may come from a counterparty, so they are shortened and stripped of control characters
before they reach a terminal or a log.

Example::

    demand("odrl:dateTime", "odrl:lt", 1798732800, "en")
    # 'the time must be before 2026-12-31T16:00:00Z'
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.policy.constraint import Atom, Normal
from trustspace.policy.decimals import as_written
from trustspace.policy.messages import Language, is_known, phrase
from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.quantity import MEASURES, write_quantity
from trustspace.policy.vocabulary import DUTY_OPERANDS, LEFT_OPERANDS, Kind, compact, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.policy.normal_duty import NormalDuty

MAX_VALUE_LENGTH = 200
"""Characters of one value in a sentence."""

MAX_LISTED = 20
"""Values of a list that are spelled out."""

_OF_TIME = {
    "odrl:lt": "before",
    "odrl:lteq": "until",
    "odrl:gt": "after",
    "odrl:gteq": "from",
}


def demand(left: str, op: str, right: object, language: Language, *, unit: str = "") -> str:
    """Return a constraint as a sentence without a full stop."""
    name = compact(op)
    operand = term(left, language)
    between = "/" if _kind(left) in (Kind.FREQUENCY, Kind.QUANTITY) else " "
    expected = value(left, right, language) + (f"{between}{printable(unit)}" if unit else "")
    template = _OF_TIME.get(name, name) if _kind(left) is Kind.DATE_TIME else name
    if not is_known(template):
        return f"{operand} {printable(spelled(op))} {expected}"
    return phrase(template, language, term=operand, expected=expected)


def condition(part: Normal, language: Language) -> str:
    """Return a constraint, or what joins several, without a full stop."""
    if isinstance(part, Atom):
        right = as_written(part.right, part.operand)
        return demand(part.left, part.op, right, language, unit=part.unit or "")
    joined = phrase("list", language).join(condition(each, language) for each in part.parts)
    return f"{part.kind} ({joined})"


def rule_words(kind: str, action: str, parts: Sequence[Normal], language: Language) -> str:
    """Return a rule or a duty with its conditions, without a full stop."""
    words = phrase(
        "change.rule", language, term=term(kind, language), expected=term(action, language)
    )
    demands = [condition(part, language) for part in parts]
    return words + (phrase("change.where", language, wanted="; ".join(demands)) if demands else "")


def duty_words(duty: NormalDuty, language: Language) -> str:
    """Return a duty with its conditions and consequences, without a full stop."""
    words = rule_words("duty", duty.action, duty.parts, language)
    following = "; ".join(duty_words(each, language) for each in duty.consequences)
    return words + (phrase("change.consequence", language, wanted=following) if following else "")


def term(name: str, language: Language) -> str:
    """Return an operand or an action in words, or as it is spelled where there are none."""
    known = f"term.{compact(name)}"
    return phrase(known, language) if is_known(known) else printable(spelled(name))


def value(left: str | None, right: object, language: Language) -> str:
    """Return a value of a left operand: dates in UTC, durations in days, lists spelled out."""
    if isinstance(right, list | tuple):
        shown = [value(left, each, language) for each in right[:MAX_LISTED]]
        return phrase("list", language).join([*shown, "…"] if len(right) > MAX_LISTED else shown)
    kind = _kind(left or "")
    if isinstance(right, int) and not isinstance(right, bool):
        if kind is Kind.DATE_TIME:
            return _moment(right)
        if kind is Kind.DURATION:
            return f"P{right // 86_400}D" if right and right % 86_400 == 0 else f"PT{right}S"
        if kind is Kind.QUANTITY:
            return write_quantity(right, None, MEASURES[compact(left or "")])
    return printable(right)


def printable(text: object) -> str:
    """Return a short text without control characters, safe for a terminal."""
    raw = str(text)
    clean = "".join(each if each.isprintable() else "\ufffd" for each in raw[:MAX_VALUE_LENGTH])
    return clean + "…" if len(raw) > MAX_VALUE_LENGTH else clean


def _kind(left: str) -> Kind | None:
    name = compact(left)
    operand = LEFT_OPERANDS.get(name) or DUTY_OPERANDS.get(name) or EVERY_OPERAND.get(name)
    return operand.kind if operand else None


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
