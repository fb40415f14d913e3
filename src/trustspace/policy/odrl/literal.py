"""Values as documents write them, and as the engine compares them.

A literal is a JSON value, ``{"@value", "@type"}`` or ``{"@id"}``. What it means is said by the left
operand, or by its own type where the operand takes any. Numbers with decimal places become whole
units of a scale, since the engine counts in integers.

Example::

    literal({"@value": "5.00", "@type": "xsd:decimal"}, known("payAmount"), Names())  # 50000
    literal("2027-01-01T00:00:00Z", known("dateTime"), Names())                       # 1798761600
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.decimals import scale_of, units
from trustspace.policy.odrl.names import listed
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.right_operand import typed
from trustspace.policy.rule import MAX_OPERANDS
from trustspace.policy.vocabulary import Kind, LeftOperand

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.policy.odrl.names import Names
    from trustspace.policy.predicate import Scalar

_INTEGERS = frozenset(
    [
        "integer",
        "int",
        "long",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "unsignedInt",
        "unsignedLong",
    ]
)
_DECIMALS = frozenset(["decimal", "double", "float"])
_DURATIONS = frozenset(["duration", "dayTimeDuration"])
_MOMENTS = frozenset(["dateTime", "dateTimeStamp", "date"])

_AS_WRITTEN = frozenset(f"xsd:{name}" for name in ("anyURI", "string", "normalizedString", "token"))


def literal(
    raw: Any,  # noqa: ANN401 - any JSON value
    operand: LeftOperand,
    names: Names,
    *,
    datatype: str | None = None,
    src: str = "",
) -> Scalar | tuple[Scalar, ...]:
    """Return a value, or several, as the engine compares them.

    Args:
        raw: The value as written.
        operand: The left operand that it is compared with.
        names: The spelling of the document.
        datatype: Type of a plain literal, where it is said apart.
        src: JSON pointer to report.

    Raises:
        PolicyError: It is of another kind (``policy.datatype``, ``policy.datetime.no_zone``) or
            too long (``policy.limit``).
    """
    items = listed(raw)
    if not items or len(items) > MAX_OPERANDS:
        code = "policy.limit" if items else "policy.malformed"
        raise PolicyError(
            f"a value or at most {MAX_OPERANDS} of them, found {len(items)}",
            code=code,
            location=src,
        )
    try:
        values = [_one(item, operand, names, datatype) for item in items]
    except PolicyError as error:
        error.location = error.location or src
        raise
    distinct = tuple(dict.fromkeys((type(value), value) for value in values))
    found = tuple(value for _, value in distinct)
    return found if isinstance(raw, list | tuple) or len(found) > 1 else found[0]


def _one(raw: Any, operand: LeftOperand, names: Names, datatype: str | None) -> Scalar:  # noqa: ANN401 - any JSON value
    declared = datatype
    if isinstance(raw, Mapping):
        if isinstance(raw.get("@id"), str):
            return names.identifier(raw["@id"])
        if "@value" not in raw:
            raise _datatype(raw, "a value, {'@value', '@type'} or {'@id'}")
        declared = raw.get("@type") or declared
        raw = raw["@value"]
    if isinstance(raw, Mapping | list) or raw is None:
        raise _datatype(raw, "one value")
    kind: Kind | None = None if operand.kind is Kind.ANY else operand.kind
    if declared is not None:
        stated = _kind_of_type(names.identifier(str(declared)), declared)
        # Where any kind is taken, every number is kept with the same scale.
        kind = kind or (Kind.DECIMAL if stated is Kind.INTEGER else stated)
        _check_type(kind, stated, raw)
    return _READERS.get(kind or _kind_of_value(raw), _text)(raw, operand, names)


def _kind_of_type(name: str, written: object) -> Kind:
    local = name.removeprefix("xsd:")
    for kind, members in (
        (Kind.INTEGER, _INTEGERS),
        (Kind.DECIMAL, _DECIMALS),
        (Kind.DURATION, _DURATIONS),
        (Kind.DATE_TIME, _MOMENTS),
    ):
        if name.startswith("xsd:") and local in members:
            return kind
    if name == "xsd:boolean":
        return Kind.ANY
    if name in _AS_WRITTEN or name in ("odrl:string", "rdf:langString"):
        return Kind.STRING
    raise PolicyError(
        f"the datatype {str(written)[:100]!r} is not known",
        code="policy.unsupported",
        hint="use a datatype of XML Schema, such as xsd:dateTime, xsd:integer or xsd:decimal",
    )


def _check_type(kind: Kind | None, stated: Kind, raw: object) -> None:
    """Refuse a type that contradicts the operand; text may always be read as what is asked."""
    numbers = (Kind.INTEGER, Kind.DECIMAL)
    words = (Kind.STRING, Kind.IRI, Kind.ANY)
    fits = kind is None or stated is kind or (kind in numbers and stated in numbers)
    if not fits and kind in words:
        fits = True
    if not fits and stated is Kind.STRING:
        fits = isinstance(raw, str)
    if not fits:
        raise _datatype(raw, f"a value of type {kind}")


def _kind_of_value(raw: object) -> Kind:
    is_number = isinstance(raw, int | float | Decimal) and not isinstance(raw, bool)
    return Kind.DECIMAL if is_number else Kind.STRING


def _text(raw: Any, operand: LeftOperand, names: Names) -> Scalar:  # noqa: ANN401 - a JSON scalar
    del operand
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw in ("true", "false"):
        return raw == "true"
    return names.identifier(raw) if isinstance(raw, str) else str(raw)


def _number(raw: Any, operand: LeftOperand, names: Names) -> Scalar:  # noqa: ANN401 - a JSON scalar
    del names
    return units(raw, scale=scale_of(operand))


def _integer(raw: Any, operand: LeftOperand, names: Names) -> Scalar:  # noqa: ANN401 - a JSON scalar
    del names
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool):
        raise _datatype(raw, "an integer")
    return _settled(typed(raw if isinstance(raw, int) else str(raw), operand, "odrl:eq"))


def _moment(raw: Any, operand: LeftOperand, names: Names) -> Scalar:  # noqa: ANN401 - a JSON scalar
    del names, operand
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= MAX_INTEGER:
        return raw
    return _settled(typed(str(raw), _DATE_TIME, "odrl:gt"))


def _duration(raw: Any, operand: LeftOperand, names: Names) -> Scalar:  # noqa: ANN401 - a JSON scalar
    del names, operand
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= MAX_INTEGER:
        return raw
    return _settled(typed(str(raw), _DURATION, "odrl:eq"))


def _settled(value: Scalar | tuple[Scalar, ...]) -> Scalar:
    return value[0] if isinstance(value, tuple) else value


def _datatype(found: object, expected: str) -> PolicyError:
    return PolicyError(f"expected {expected}, found {str(found)[:80]!r}", code="policy.datatype")


_DATE_TIME = LeftOperand("odrl:dateTime", Kind.DATE_TIME, "enforced", frozenset())
_DURATION = LeftOperand("odrl:delayPeriod", Kind.DURATION, "contractual", frozenset())

_READERS: Mapping[Kind, Callable[[Any, LeftOperand, Names], Scalar]] = {
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _number,
    Kind.DATE_TIME: _moment,
    Kind.DURATION: _duration,
}
