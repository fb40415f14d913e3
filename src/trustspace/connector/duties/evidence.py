"""Evidence that a duty was done: how it is kept, and what the engine compares of it.

Example::

    evidence = Evidence("receipt-7", at=now, by="did:web:garden",
                        facts={"odrl:payAmount": Shown("500", "CNY")})
    shows(evidence, duty)          # whether it is what the duty asks for
    fulfilment_of(evidence)        # what the engine is told
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.decision import Fact, Fulfilment
from trustspace.policy.odrl.literal import literal
from trustspace.policy.odrl.names import Names
from trustspace.policy.operands import known

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.policy.decision import DutyIR, Leaf

LONGEST_ID = 512
"""Characters of the id of a piece of evidence."""

MOST_FACTS = 20
"""Facts that one piece of evidence may show."""


def stamp(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC with ``Z``."""
    return moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Shown:
    """A value that evidence shows: as text, with its unit or an empty one."""

    value: str
    unit: str = ""


@dataclass(frozen=True)
class Evidence:
    """What proves that a duty was done.

    Attributes:
        id: Its id or reference, for example the number of a receipt.
        at: When the duty was done.
        by: Who says so: the id of a participant.
        facts: What it shows by left operand.
        is_claimed: Whether the one who owes the duty says so, and the other side has to confirm.
        more: Anything else that is kept with it, for people.
    """

    id: str
    at: datetime
    by: str
    facts: Mapping[str, Shown] = field(default_factory=dict)
    is_claimed: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Return it as it is stored and shown."""
        shown = {
            name: {"value": fact.value} | ({"unit": fact.unit} if fact.unit else {})
            for name, fact in self.facts.items()
        }
        document: dict[str, Any] = {"id": self.id, "at": stamp(self.at), "by": self.by}
        if shown:
            document["facts"] = shown
        if self.is_claimed:
            document["claimed"] = True
        return document | dict(self.more)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read what was stored."""
        facts = {
            name: Shown(fact["value"], fact.get("unit", ""))
            for name, fact in document.get("facts", {}).items()
        }
        own = ("id", "at", "by", "facts", "claimed")
        return cls(
            document["id"],
            datetime.fromisoformat(document["at"]).astimezone(UTC),
            document["by"],
            facts,
            is_claimed=bool(document.get("claimed", False)),
            more={name: each for name, each in document.items() if name not in own},
        )

    def says_the_same(self, other: Evidence) -> bool:
        """Whether another one is the same piece of evidence, told once more."""
        mine = (self.id, self.by, dict(self.facts), self.is_claimed)
        return mine == (other.id, other.by, dict(other.facts), other.is_claimed)


def read_facts(given: Mapping[str, Any]) -> dict[str, Shown]:
    """Read what a person or a counterparty says that evidence shows.

    Args:
        given: Values by left operand: a value, or ``{"value": …, "unit": …}``.

    Raises:
        ConfigurationError: A name is no left operand, or a value is not one of its kind.
    """
    if len(given) > MOST_FACTS:
        raise ConfigurationError(
            f"evidence shows at most {MOST_FACTS} facts, found {len(given)}", setting="facts"
        )
    return dict(_read_fact(name, each) for name, each in given.items())


def _read_fact(name: str, given: object) -> tuple[str, Shown]:
    members = given if isinstance(given, Mapping) else {"value": given}
    shown = Shown(str(members.get("value", ""))[:200], str(members.get("unit") or "")[:50])
    try:
        left = known(name).name
        _value(left, shown)
    except PolicyError as error:
        raise ConfigurationError(
            f"{name[:80]!r} cannot be shown by evidence: {error}",
            setting=f"facts.{name[:80]}",
            hint=error.hint or "for a payment: an amount such as 500 or 99.50, and its currency",
        ) from error
    return left, shown


def fulfilment_of(evidence: Evidence) -> Fulfilment:
    """Return what the engine is told of a piece of evidence."""
    return Fulfilment(
        at=max(0, int(evidence.at.timestamp())),
        evidence=evidence.id,
        facts={name: _fact(name, shown) for name, shown in evidence.facts.items()},
    )


def _fact(left: str, shown: Shown) -> Fact:
    value = _value(left, shown)
    several = value if isinstance(value, tuple) else (value,)
    return Fact.ok(value, unit=shown.unit or None, parts=several)


def _value(left: str, shown: Shown) -> Any:  # noqa: ANN401 - a scalar or several
    return literal(shown.value, known(left), Names())


_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "odrl:eq": operator.eq,
    "odrl:neq": operator.ne,
    "odrl:lt": operator.lt,
    "odrl:lteq": operator.le,
    "odrl:gt": operator.gt,
    "odrl:gteq": operator.ge,
}


def shows(evidence: Evidence, duty: DutyIR) -> bool:
    """Whether evidence shows what a duty asks for, as far as can be said without the engine.

    The engine decides about each access; this only says how the duty is listed meanwhile.
    """
    return all(_holds(leaf, evidence.facts.get(leaf.left)) for leaf in duty.refine)


def _holds(leaf: Leaf, shown: Shown | None) -> bool:
    if shown is None or shown.unit != (leaf.unit or ""):
        return False
    compare, value = _COMPARED.get(leaf.op), _value(leaf.left, shown)
    is_number = isinstance(value, int) and isinstance(leaf.right, int)
    if compare is None or not (is_number or leaf.op in ("odrl:eq", "odrl:neq")):
        return True
    return compare(value, leaf.right)
