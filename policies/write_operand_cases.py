"""Write the cases of every left operand: true, false and unknown, permitted and prohibited.

::

    python policies/write_operand_cases.py            # writes policies/operands/operands.json
    python policies/write_operand_cases.py --check    # compares instead

Each operand has a permission that needs it and a prohibition that bites by it, in ODRL, with cases
for ``trustspace policy test``: what is not known permits nothing and prohibits everything.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.vocabulary import Kind, LeftOperand, spelled

FILE = Path(__file__).resolve().parent / "operands" / "operands.json"
ACTION = "read"

Json = dict[str, Any]

VALUES: dict[Kind, tuple[Any, Any, str]] = {
    Kind.DATE_TIME: ("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z", "xsd:dateTime"),
    Kind.INTEGER: (3, 4, "xsd:integer"),
    Kind.DECIMAL: ("2.5", "2.25", "xsd:decimal"),
    Kind.DURATION: ("P3D", "P4D", "xsd:duration"),
    Kind.IRI: ("urn:value:1", "urn:value:2", ""),
    Kind.STRING: ("CN", "DE", ""),
    Kind.ANY: ("a", "b", ""),
}
"""By kind: a value, another one, and the datatype that the value is written with."""

CLOCKS = frozenset({"odrl:dateTime", "edc:inForceDate"})
"""The time of the world is their value."""


def groups() -> list[Json]:
    """Return the cases of every operand that decides."""
    return [
        group
        for operand in EVERY_OPERAND.values()
        if not operand.shapes_delivery and operand.kind in VALUES
        for group in (permitted(operand), prohibited(operand))
    ]


def permitted(operand: LeftOperand) -> Json:
    """Return a permission that needs the operand to have a value, with its cases."""
    policy = {**_policy(operand, "permission"), "permission": [_rule(operand)]}
    return {"policy": policy, "cases": _cases(operand, ("permit", "deny", "deny"))}


def prohibited(operand: LeftOperand) -> Json:
    """Return a prohibition that bites where the operand has a value, with its cases."""
    policy = {
        **_policy(operand, "prohibition"),
        "permission": [{"action": ACTION}],
        "prohibition": [_rule(operand)],
    }
    return {"policy": policy, "cases": _cases(operand, ("deny", "permit", "deny"))}


def _policy(operand: LeftOperand, kind: str) -> Json:
    return {"@type": "Set", "uid": f"urn:trustspace:{kind}:{spelled(operand.name)}"}


def _rule(operand: LeftOperand) -> Json:
    value, _, datatype = VALUES[operand.kind]
    right = {"@value": str(value), "@type": datatype} if datatype else value
    return {
        "action": ACTION,
        "constraint": [
            {"leftOperand": spelled(operand.name), "operator": "eq", "rightOperand": right}
        ],
    }


def _cases(operand: LeftOperand, expected: tuple[str, str, str]) -> list[Json]:
    value, other, _ = VALUES[operand.kind]
    found = []
    for name, given, expect in zip(
        ("is", "is another", "is not known"), (value, other, None), expected, strict=True
    ):
        request: Json = {"action": ACTION}
        case: Json = {"name": f"{spelled(operand.name)} {name}", "request": request}
        if given is not None and operand.name in CLOCKS:
            case["world"] = {"time": given}
        elif given is not None:
            request["context"] = {spelled(operand.name): given}
        found.append({**case, "expect": expect})
    return found


def text() -> str:
    """Return the file, one group a line."""
    lines = ",\n".join(json.dumps(group, ensure_ascii=False) for group in groups())
    return f"[\n{lines}\n]\n"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    if "--check" in arguments:
        is_current = FILE.is_file() and FILE.read_text(encoding="utf-8") == text()
        sys.stdout.write("" if is_current else f"stale: {FILE}\n")
        return 0 if is_current else 1
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
