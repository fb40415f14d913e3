"""What is known of one left operand: its kind, its operators, and where its truth is found out.

Example::

    LeftOperand("odrl:count", Kind.INTEGER, "enforced", frozenset({"odrl:lteq"}))
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What kind of value a left operand is compared with."""

    DATE_TIME = "dateTime"
    """A point in time, seconds since 1970-01-01T00:00:00Z inside the engine."""
    INTEGER = "integer"
    """An integer within the exact range of a JSON number."""
    STRING = "string"
    """Text or a code, one or several."""
    IRI = "iri"
    """An identifier; terms of known namespaces are compared in prefixed form."""
    DECIMAL = "decimal"
    """A number with decimal places, in whole units of its scale inside the engine."""
    ANY = "any"
    """Whatever type the value is written with."""
    DURATION = "duration"
    """An ISO 8601 duration of days and smaller, seconds inside the engine."""
    FREQUENCY = "frequency"
    """A number of uses per window (``10000/P1D``), a number with a unit inside the engine."""
    QUANTITY = "quantity"
    """An amount with its unit, in all or per window (``10GB/P1D``), a number inside the engine."""
    ROW_FILTER = "rowFilter"
    """A row predicate in the grammar of `trustspace.policy.row_filter`."""
    COLUMNS = "columns"
    """Column names."""
    MASKS = "masks"
    """``column:method`` pairs."""


Label = Literal["enforced", "attested", "contractual"]
"""How far a term binds: this software can stop it, evidence will exist, or it is only promised."""
Point = Literal["catalog", "negotiation", "transfer", "access", "monitor"]
"""Where a decision is asked for."""

ORDERED = frozenset({"odrl:lt", "odrl:lteq", "odrl:gt", "odrl:gteq"})
EQUALITY = frozenset({"odrl:eq", "odrl:neq"})
MEMBERSHIP = frozenset({"odrl:isAnyOf", "odrl:isAllOf", "odrl:isNoneOf"})
ANCESTRY = frozenset({"odrl:isPartOf", "odrl:isA", "odrl:hasPart"})
OPERATORS = ORDERED | EQUALITY | MEMBERSHIP | ANCESTRY
"""The twelve operators of ODRL that the engine evaluates (DSP 2025-1 without ``term-lteq``)."""


@dataclass(frozen=True)
class LeftOperand:
    """What the connector knows about one left operand.

    Attributes:
        name: Prefixed name, as in the engine's documents.
        kind: Kind of the right operand.
        label: How far a constraint on it binds at the provider (`trustspace.policy.ledger`).
        operators: Operators that have a meaning with it.
        deferred: Points where a constraint on it is checked for form, not for truth.
        shapes_delivery: Whether it narrows what is delivered instead of deciding whether.
        stated: Whether its value comes with the question, because the owner attests it or a
            provider of facts says it; no rule of the engine has to know it.
    """

    name: str
    kind: Kind
    label: Label
    operators: frozenset[str]
    deferred: frozenset[Point] = frozenset()
    shapes_delivery: bool = False
    stated: bool = False


CODES = frozenset({"odrl:eq", "odrl:neq"}) | MEMBERSHIP
"""Operators over names and codes."""
