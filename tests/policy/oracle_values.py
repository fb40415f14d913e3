"""Operators and connectives of the oracle.

Values are tagged with their type before they are compared, because in Python ``True == 1``.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def tagged(value: Any) -> list[tuple[str, Any]]:
    """Return a value or a list of values as (type, value) pairs."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [(type(item).__name__, item) for item in items]


def operator(op: str, fact: Json, right: Any) -> str:
    """Return ``true``, ``false`` or ``unknown`` for one comparison."""
    op = op.removeprefix("odrl:")
    side = {"isPartOf": "within", "isA": "within", "hasPart": "parts"}.get(op, "value")
    left_side, asked = fact[side], tagged(right)
    found = tagged(left_side)
    if op in ("lt", "lteq", "gt", "gteq"):
        if type(left_side) is not int or type(right) is not int:
            return "unknown"
        answers = {
            "lt": left_side < right,
            "lteq": left_side <= right,
            "gt": left_side > right,
            "gteq": left_side >= right,
        }
        return str(answers[op]).lower()
    if left_side == [] and asked and op in ("isAnyOf", "isAllOf", "hasPart"):
        return "false"
    types = {kind for kind, _ in found + asked}
    if not found or not asked or len(types) != 1 or not types <= {"str", "int", "bool"}:
        return "unknown"
    have, want = set(found), set(asked)
    return str(
        {
            "eq": have == want,
            "neq": have != want,
            "isAnyOf": bool(have & want),
            "isNoneOf": not have & want,
            "isAllOf": have <= want,
            "isPartOf": bool(have & want),
            "isA": bool(have & want),
            "hasPart": want <= have,
        }[op]
    ).lower()


def combine(kind: str, parts: list[str]) -> str:
    """Return the value of a logical constraint."""
    if kind in {"and", "all"}:
        order = ["false", "unknown", "deferred"]
        return next((value for value in order if value in parts), "true")
    if kind == "or":
        order = ["true", "unknown", "deferred"]
        return next((value for value in order if value in parts), "false")
    if kind == "xone":
        doubt = next((value for value in ("unknown", "deferred") if value in parts), None)
        return doubt or ("true" if parts.count("true") == 1 else "false")
    return "false" if "false" in parts else "unknown"
