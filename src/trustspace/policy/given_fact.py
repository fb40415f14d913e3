"""Facts that somebody states: what an owner attests, what a provider answers.

A statement is a value, several, or an object that says more. It becomes a fact only when it is well
formed, of the kind that the operand is compared with, and not over::

    {"cx:Membership": "active"}
    {"cx:BusinessPartnerGroup": ["gold", "pilot"]}
    {"ts:credential": {"value": "MembershipCredential", "until": "2027-01-01T00:00:00Z",
                       "revocation": "vc-1"}}

Example::

    fact_of(LEFT_OPERANDS["cx:Membership"], "active", now=1_790_000_000)   # Fact.ok("active", …)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from trustspace.errors import PolicyError
from trustspace.policy.facts import regions_around
from trustspace.policy.left_operand import Kind, LeftOperand
from trustspace.policy.request import Fact
from trustspace.policy.right_operand import typed

if TYPE_CHECKING:
    from trustspace.policy.predicate import Scalar

MAX_VALUES = 100
MAX_TEXT = 1_000
"""Characters of one value."""

_MEMBERS = frozenset({"value", "unit", "within", "parts", "until", "at", "revocation"})
_MOMENT = LeftOperand("odrl:dateTime", Kind.DATE_TIME, "attested", frozenset())
_PLACES = frozenset({"odrl:spatial", "ts:destination"})


def fact_of(operand: LeftOperand, stated: object, *, now: int, longest: int | None = None) -> Fact:
    """Return the fact of a statement.

    Args:
        operand: What it is about.
        stated: The statement, JSON, or a `Fact` that a provider made itself.
        now: Unix seconds.
        longest: Seconds for which it stands at most, counted from ``at`` or from now.

    Returns:
        The fact; ``missing`` where nothing is stated, ``stale`` where it is over.

    Raises:
        PolicyError: The statement has the wrong form or kind, code ``fact.malformed``.
    """
    if stated is None:
        return Fact.unavailable()
    try:
        fact = _given(operand, stated) if isinstance(stated, Fact) else _read(operand, stated)
    except PolicyError as error:
        raise _malformed(operand, error.args[0]) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _malformed(operand, first["msg"]) from error
    if fact.status != "ok":
        return fact
    ends = [] if fact.expires is None else [fact.expires]
    if longest is not None:
        ends.append((now if fact.at is None else min(fact.at, now)) + longest)
    if not ends:
        return fact
    if min(ends) <= now:
        return Fact.unavailable("stale")
    return fact.model_copy(update={"expires": min(ends)})


def _given(operand: LeftOperand, fact: Fact) -> Fact:
    """Check a fact that a provider made itself."""
    if fact.status == "deferred":
        msg = "what is asked for is not left to later"
        raise PolicyError(msg, code="fact.malformed")
    if fact.status != "ok":
        return fact
    is_number = operand.kind in (Kind.INTEGER, Kind.DATE_TIME)
    values = fact.value if isinstance(fact.value, tuple) else (fact.value,)
    wanted = int if is_number else str
    if not all(type(value) is wanted for value in values):
        msg = f"expected {operand.kind}, found {str(fact.value)[:80]!r}"
        raise PolicyError(msg, code="fact.malformed")
    return fact


def _read(operand: LeftOperand, stated: object) -> Fact:
    members: Mapping[object, object] = stated if isinstance(stated, Mapping) else {"value": stated}
    if "value" not in members or not set(members) <= _MEMBERS:
        msg = f"expected an object of {', '.join(sorted(_MEMBERS))}"
        raise PolicyError(msg, code="fact.malformed")
    if members["value"] is None:
        return Fact.unavailable()
    values = _values(operand, members["value"])
    within = members.get("within")
    parts = members.get("parts")
    return Fact.ok(
        values if len(values) != 1 else values[0],
        unit=_text(members.get("unit")),
        within=_around(operand, values) if within is None else _values(operand, within),
        parts=values if parts is None else _values(operand, parts),
        expires=_moment(members.get("until")),
        at=_moment(members.get("at")),
        depends=_depends(members.get("revocation")),
    )


def _values(operand: LeftOperand, given: object) -> tuple[Scalar, ...]:
    listed = given if isinstance(given, list | tuple) else [given]
    if len(listed) > MAX_VALUES or any(
        isinstance(one, str) and not 0 < len(one) <= MAX_TEXT for one in listed
    ):
        msg = f"expected at most {MAX_VALUES} values of 1 to {MAX_TEXT} characters"
        raise PolicyError(msg, code="fact.malformed")
    if not listed:
        return ()
    found = typed(list(listed), operand, "odrl:isAnyOf")
    values = found if isinstance(found, tuple) else (found,)
    if operand.kind is Kind.DATE_TIME and not all(isinstance(one, int) for one in values):
        raise PolicyError("expected a time", code="fact.malformed")
    return values


def _around(operand: LeftOperand, values: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    """Return a value with all that holds it; of places the regions around them."""
    if operand.name not in _PLACES:
        return values
    return tuple(dict.fromkeys(each for one in values for each in regions_around(str(one))))


def _moment(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    found = typed(given, _MOMENT, "odrl:lt")
    if not isinstance(found, int):
        raise PolicyError("expected a time", code="fact.malformed")
    return found


def _text(given: object) -> str | None:
    if given is None or (isinstance(given, str) and 0 < len(given) <= MAX_TEXT):
        return given
    raise PolicyError("expected a text", code="fact.malformed")


def _depends(given: object) -> tuple[str, ...]:
    name = _text(given)
    return () if name is None else (f"revocation:{name}",)


def _malformed(operand: LeftOperand, what: str) -> PolicyError:
    return PolicyError(f"the value of {operand.name} cannot be used: {what}", code="fact.malformed")
