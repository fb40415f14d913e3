"""How each duty is done here: who owes it, who carries it out, and whose word proves it.

What a consumer says about its own duty is evidence only where nobody else could know better: that
copies were deleted, what was used. That somebody has paid, or has the consent of a third party, is
what the other side confirms.

Example::

    manner_of("odrl:compensate").proven_by  # Role.PROVIDER
    occasion(duty)                          # Occasion.USE
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from trustspace.model.participant import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.policy.decision import DutyIR, PolicyIR


class Work(Enum):
    """What the connector of whoever owes a duty does about it by itself."""

    AT_ONCE = "at once"
    """It is done with the use that causes it."""
    DELETE = "delete"
    """It removes what it holds, then says so."""
    TELL = "tell"
    """It sends a message."""
    WAIT = "wait"
    """Nothing: somebody has to do it and give evidence."""


class Occasion(Enum):
    """What a duty is owed for."""

    AGREEMENT = "agreement"
    """Once, from the signature on."""
    USE = "use"
    """With each use."""
    END = "end"
    """Once the agreement has ended."""
    LAPSE = "lapse"
    """When another duty has lapsed."""


@dataclass(frozen=True)
class Manner:
    """How a duty is done.

    Attributes:
        bearer: Who owes it.
        proven_by: Whose word is evidence of it.
        work: What the bearer's connector does by itself.
    """

    bearer: Role
    proven_by: Role
    work: Work


_BY_CONSUMER = Manner(Role.CONSUMER, Role.CONSUMER, Work.TELL)
_CONFIRMED = Manner(Role.CONSUMER, Role.PROVIDER, Work.WAIT)
_WITH_DELIVERY = Manner(Role.PROVIDER, Role.PROVIDER, Work.AT_ONCE)

MANNERS: Mapping[str, Manner] = MappingProxyType(
    {
        "ts:log": _WITH_DELIVERY,
        "ts:meter": _WITH_DELIVERY,
        "odrl:attribute": _WITH_DELIVERY,
        "ts:notify": Manner(Role.PROVIDER, Role.PROVIDER, Work.TELL),
        "odrl:inform": _BY_CONSUMER,
        "ts:report": _BY_CONSUMER,
        "odrl:delete": Manner(Role.CONSUMER, Role.CONSUMER, Work.DELETE),
        "odrl:compensate": _CONFIRMED,
        "odrl:obtainConsent": _CONFIRMED,
    }
)
"""Duties that are done in a way of their own; every other one is confirmed by the provider."""


def manner_of(action: str) -> Manner:
    """Return how a duty is done."""
    return MANNERS.get(action, _CONFIRMED)


def occasion(duty: DutyIR) -> Occasion:
    """Return what a duty is owed for, that of a lapse aside."""
    if duty.when == "before" or duty.deadline is not None:
        return Occasion.AGREEMENT
    if duty.action == "odrl:delete" and duty.delay is None:
        return Occasion.END
    return Occasion.USE


def every_duty(rules: PolicyIR) -> dict[str, tuple[DutyIR, Occasion]]:
    """Return the duties of permissions and of the policy itself by id, consequences included.

    Remedies of prohibitions are not among them: what is prohibited is refused, so that nothing
    here sees a breach.
    """
    duties = [duty for rule in rules.permissions for duty in rule.duties]
    duties += rules.obligations
    instead = {name for duty in duties for name in duty.remedies}
    found: dict[str, tuple[DutyIR, Occasion]] = {}
    for duty in duties:
        when = Occasion.LAPSE if duty.id in instead else occasion(duty)
        found[duty.id] = (duty, when)
        found |= {each.id: (each, Occasion.LAPSE) for each in duty.consequences}
    return found
