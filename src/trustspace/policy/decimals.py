"""Numbers with decimal places, as whole units of a scale: the engine counts in integers.

Example::

    units("5.00", scale=MONEY_SCALE)                 # 50000
    as_written(50_000, EVERY_OPERAND["odrl:payAmount"])  # 5
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.vocabulary import Kind

if TYPE_CHECKING:
    from trustspace.policy.vocabulary import LeftOperand

SCALE = 6
"""Decimal places of a number."""

MONEY_SCALE = 4
"""Decimal places of ``odrl:payAmount``; its range is the larger for it."""


def scale_of(operand: LeftOperand) -> int:
    """Return the decimal places that the numbers of an operand are kept with."""
    return MONEY_SCALE if operand.name == "odrl:payAmount" else SCALE


def units(raw: object, *, scale: int) -> int:
    """Return a number in whole units of a scale.

    Raises:
        PolicyError: It is none, or has more decimal places, code ``policy.datatype``.
    """
    try:
        if isinstance(raw, bool):
            raise _datatype(raw, "a number")
        exact = Decimal(str(raw).strip()) * 10**scale
    except InvalidOperation as error:
        raise _datatype(raw, "a number") from error
    if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > MAX_INTEGER:
        raise _datatype(raw, f"a number of at most {scale} decimal places")
    return int(exact)


def as_written(value: Any, operand: LeftOperand) -> Any:  # noqa: ANN401 - a scalar or several
    """Return a value of the engine's as a document would write it: numbers with their point."""
    if operand.kind not in (Kind.DECIMAL, Kind.ANY) or isinstance(value, bool):
        return value
    if isinstance(value, tuple | list):
        return tuple(as_written(each, operand) for each in value)
    if not isinstance(value, int):
        return value
    exact = Decimal(value).scaleb(-scale_of(operand)).normalize()
    return int(exact) if exact == exact.to_integral_value() else f"{exact:f}"


def _datatype(found: object, expected: str) -> PolicyError:
    return PolicyError(f"expected {expected}, found {str(found)[:80]!r}", code="policy.datatype")
