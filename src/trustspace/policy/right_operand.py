"""Right operands: from the wire's strings and typed values to what the engine compares.

On the wire a right operand is a string, ``{"@value", "@type"}`` or a list of these. The left
operand says which kind of value is meant; a value of another kind is refused when the policy is
written or negotiated, because a comparison of unlike values never holds and would only surprise
later. Points in time become Unix seconds, durations seconds.

Example::

    operand = left_operand("dateTime")
    typed({"@value": "2027-01-01T00:00:00+08:00", "@type": "xsd:dateTime"}, operand, "odrl:lt")
    # 1798732800
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.decimals import scale_of, units
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.rule import MAX_OPERANDS
from trustspace.policy.vocabulary import (
    ANCESTRY,
    EQUALITY,
    MEMBERSHIP,
    NAMESPACES,
    Kind,
    LeftOperand,
    compact,
    spelled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.policy.predicate import Scalar

_TYPES: dict[Kind, frozenset[str]] = {
    Kind.DATE_TIME: frozenset({"xsd:dateTime", "xsd:dateTimeStamp", "xsd:date"}),
    Kind.INTEGER: frozenset(
        {
            "xsd:integer",
            "xsd:int",
            "xsd:long",
            "xsd:short",
            "xsd:nonNegativeInteger",
            "xsd:positiveInteger",
            "xsd:unsignedInt",
            "xsd:unsignedLong",
        }
    ),
    Kind.QUANTITY: frozenset(
        {"xsd:string", "xsd:integer", "xsd:long", "xsd:nonNegativeInteger", "xsd:positiveInteger"}
        | {"xsd:duration", "xsd:dayTimeDuration"}
    ),
    Kind.DECIMAL: frozenset({"xsd:decimal", "xsd:double", "xsd:float", "xsd:integer"}),
    Kind.IRI: frozenset({"xsd:string", "xsd:anyURI"}),
    Kind.DURATION: frozenset({"xsd:duration", "xsd:dayTimeDuration"}),
}
_TEXT_TYPES = frozenset({"xsd:string"})

_MOMENT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:T(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?P<fraction>\.[0-9]{1,12})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,16}")
_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9]{1,6})W)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9})S)?)?"
)
_AFTER_SIGNING = re.compile(r"contract[Aa]greement\+(?P<number>-?[0-9]{1,9})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def typed(
    right: object,
    operand: LeftOperand,
    operator: str,
    *,
    location: str = "",
    signed: datetime | None = None,
) -> Scalar | tuple[Scalar, ...]:
    """Return a right operand as the engine compares it.

    Args:
        right: Right operand as on the wire.
        operand: The left operand it is compared with.
        operator: Prefixed operator; the operators over sets give a tuple without repetitions.
        location: JSON pointer of the right operand.
        signed: When the agreement was signed, for ``contractAgreement+30d``; without it such a
            value stays text (``contractAgreement+2592000s``), which no clock satisfies.

    Raises:
        PolicyError: The value is of another kind, code ``policy.datatype``,
            ``policy.datetime.no_zone``, ``policy.unsupported`` or ``policy.limit``.
    """
    items = right if isinstance(right, list) else [right]
    if len(items) > MAX_OPERANDS:
        raise PolicyError(
            f"a right operand has at most {MAX_OPERANDS} values, found {len(items)}",
            code="policy.limit",
            location=location,
        )
    read = _decimal_reader(operand) if operand.kind is Kind.DECIMAL else None
    read = read or _READERS.get(operand.kind, _text)
    try:
        values = tuple(read(_plain(item, operand.kind), operator, signed) for item in items)
    except PolicyError as error:
        error.location = location
        raise
    takes_several = operator in MEMBERSHIP or operator in ANCESTRY
    if not values or (len(values) > 1 and not takes_several):
        raise PolicyError(
            f"{spelled(operator)} takes {'a value' if takes_several else 'one value'}, "
            f"found {len(values)}",
            code="policy.datatype",
            location=location,
        )
    distinct = tuple(dict.fromkeys(values))
    return distinct if operator in MEMBERSHIP or len(distinct) > 1 else distinct[0]


def seconds_of(duration: str) -> int:
    """Return the seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    Raises:
        PolicyError: It is not such a duration, code ``policy.datatype``.
    """
    match = _DURATION.fullmatch(duration)
    if match is None or duration[-1] in "PT":
        raise _datatype(duration, "a duration such as P30D or PT12H", _month_hint(duration))
    parts = {unit: int(text) for unit, text in match.groupdict(default="0").items()}
    return int(timedelta(**parts).total_seconds())


def iso_duration(length: timedelta) -> str:
    """Write a duration of whole seconds in ISO 8601, in days where it is whole days.

    Raises:
        PolicyError: It is negative or has a fraction of a second, code ``policy.datatype``.
    """
    seconds = length.days * 86_400 + length.seconds
    if seconds < 0 or length.microseconds:
        raise _datatype(str(length), "a duration of whole seconds, not negative")
    return f"PT{seconds}S" if seconds % 86_400 or not seconds else f"P{seconds // 86_400}D"


def name_of(text: str) -> str:
    """Return a value with the prefix of its namespace when it is a term of a known one."""
    for namespace in NAMESPACES.values():
        if text.startswith(namespace):
            return compact(text)
    return text


def _plain(item: object, kind: Kind) -> str | int:
    """Return the bare value of a typed value after its type was checked."""
    if isinstance(item, dict):
        return _plain_of_object(item, kind)
    if isinstance(item, str):
        return _clean(item)
    if isinstance(item, int | float) and not isinstance(item, bool):
        if kind in (Kind.INTEGER, Kind.QUANTITY) and isinstance(item, int):
            return item
        if kind is Kind.DECIMAL:
            return str(item)
    raise _datatype(item, "a string or {'@value', '@type'}")


def _plain_of_object(item: dict[str, Any], kind: Kind) -> str | int:
    if set(item) == {"@id"} and kind is Kind.IRI:
        return _plain(item["@id"], Kind.IRI)
    if "@value" not in item or not set(item) <= {"@value", "@type"}:
        raise _datatype(item, "a string or {'@value', '@type'}")
    declared = item.get("@type")
    usable = _TYPES.get(kind, _TEXT_TYPES)
    if declared is not None and (not isinstance(declared, str) or compact(declared) not in usable):
        raise _datatype(declared, f"a value of type {' or '.join(sorted(usable))}")
    if isinstance(item["@value"], dict):
        raise _datatype(item, "a string or {'@value', '@type'}")
    return _plain(item["@value"], kind)


def _clean(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PolicyError("a value is Unicode text", code="policy.datatype")
    return text


def _text(value: str | int, _operator: str, _signed: datetime | None) -> str:
    return str(value)


def _iri(value: str | int, _operator: str, _signed: datetime | None) -> str:
    return name_of(str(value))


def _integer(value: str | int, _operator: str, _signed: datetime | None) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value) is None:
        raise _datatype(value, "an integer")
    if abs(int(value)) > MAX_INTEGER:
        raise _datatype(value, f"an integer within +-{MAX_INTEGER}")
    return int(value)


def _decimal_reader(operand: LeftOperand) -> Callable[[str | int, str, datetime | None], Scalar]:
    return lambda value, _operator, _signed: units(value, scale=scale_of(operand))


def _duration(value: str | int, _operator: str, _signed: datetime | None) -> int:
    return seconds_of(str(value))


def _date_time(value: str | int, operator: str, signed: datetime | None) -> int | str:
    text = str(value)
    relative = _AFTER_SIGNING.fullmatch(text)
    if relative:
        delay = int(relative["number"]) * _SECONDS[relative["unit"]]
        if signed is None:
            return f"contractAgreement+{delay}s"
        return math.floor((signed - _EPOCH).total_seconds()) + delay
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _datatype(text, "a time such as 2027-01-01T00:00:00Z")
    if match["time"] is None or match["zone"] is None:
        raise PolicyError(
            f"a time needs a zone, found {text!r}",
            code="policy.datetime.no_zone",
            hint=f"write {_with_zone(match)}",
        )
    try:
        moment = datetime.fromisoformat(f"{match['date']}T{match['time']}{match['zone']}")
    except ValueError as error:
        raise _datatype(text, "a time such as 2027-01-01T00:00:00Z") from error
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    return _on_whole_seconds(seconds, match["fraction"], operator)


def _on_whole_seconds(seconds: int, fraction: str | None, operator: str) -> int:
    """Round so that the comparison with a clock of whole seconds stays the same."""
    if not fraction or not Fraction(f"0{fraction}"):
        return seconds
    if operator in EQUALITY:
        raise _datatype(fraction, "whole seconds")
    return seconds + 1 if operator in ("odrl:lt", "odrl:gteq") else seconds


def _with_zone(match: re.Match[str]) -> str:
    moment = f"{match['date']}T{match['time'] or '00:00:00'}"
    return f"{moment}Z for UTC or {moment}+08:00 for Beijing"


def _month_hint(duration: str) -> str:
    counts_months = re.match(r"P[0-9]+[YM]", duration) is not None
    return "years and months differ in length: write days" if counts_months else ""


def _datatype(found: object, expected: str, hint: str = "") -> PolicyError:
    return PolicyError(
        f"expected {expected}, found {str(found)[:80]!r}", code="policy.datatype", hint=hint
    )


_READERS: dict[Kind, Callable[[str | int, str, datetime | None], Scalar]] = {
    Kind.IRI: _iri,
    Kind.INTEGER: _integer,
    Kind.DURATION: _duration,
    Kind.DATE_TIME: _date_time,
}
