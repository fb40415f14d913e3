"""One spelling for the terms of a policy that is exchanged: ODRL bare, others absolute.

Example::

    on_wire({"action": "odrl:use"})  # {'action': 'use'}
"""

from __future__ import annotations

import json

from trustspace.policy.vocabulary import to_wire


def on_wire(node: object) -> object:
    """Return a part of a policy with its terms as they are spelled on the wire."""
    if isinstance(node, list):
        return [on_wire(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name: _member_on_wire(name, each) for name, each in node.items()}


def _member_on_wire(name: str, each: object) -> object:
    if name in ("action", "leftOperand", "operator") and isinstance(each, str):
        return to_wire(each)
    if name == "rightOperand":
        found = [_lexical(one) for one in each] if isinstance(each, list) else _lexical(each)
        return on_wire(found)
    return on_wire(each)


def _lexical(operand: object) -> object:
    """Return an operand that is a number as text with its datatype, as `terms` writes it.

    There are peers that know operands as text alone: a number comes back from them as another
    operand than the one that they hold the agreement to.
    """
    if not isinstance(operand, dict) or set(operand) != {"@value", "@type"}:
        return operand
    value = operand["@value"]
    if not isinstance(value, int | float):
        return operand
    return {**operand, "@value": json.dumps(value)}
