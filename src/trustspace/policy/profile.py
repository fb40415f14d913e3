"""What a policy says beyond the protocol's own profile of ODRL, by the places where it says it.

The protocol (DSP 2025-1, "Policies") has constraints, prohibitions and obligations. Whoever does
not know the rest could take a policy for a weaker one, so it is sent only to who knows it, or to
who has sent it back whole.

Example::

    beyond_profile(offer)  # ('/permission/0/duty',)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES, AtomicConstraint
from trustspace.policy.constraint import pointer_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trustspace.model.odrl import Constraint, Policy, Rule


def beyond_profile(policy: Policy) -> tuple[str, ...]:
    """Return the JSON pointers of what the protocol's profile has no place for."""
    return tuple(place for src, rule in policy.rules() for place in _of_rule(rule, src))


def _of_rule(rule: Rule, src: str) -> Iterator[str]:
    for name, given in (
        (ACTION_REFINEMENT, rule.refinements),
        (ASSETS, rule.assets),
        (PARTIES, rule.parties),
        ("duty", rule.duties),
        ("odrl:remedy", rule.remedies),
        ("odrl:consequence", rule.consequences),
    ):
        if given:
            yield f"{src}/{pointer_part(name)}"
    yield from _units(rule.constraints, f"{src}/constraint")


def _units(constraints: Iterable[Constraint], src: str) -> Iterator[str]:
    for index, constraint in enumerate(constraints):
        where = f"{src}/{index}"
        if not isinstance(constraint, AtomicConstraint):
            yield from _units(constraint.parts, f"{where}/{constraint.connective}")
        elif constraint.unit is not None:
            yield f"{where}/odrl:unit"
