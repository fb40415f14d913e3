"""Duties in normal form, and whether one duty is at least as strict as another.

A duty is stricter when it binds at least as often, asks for at least as much proof, is due no later
and has at least the same consequences. A pre-condition is stricter than what may be done later.

Example::

    asked.is_as_strict_as(stored)  # "pay 600 CNY before use" against "pay 500 CNY before use"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.policy.duty_terms import DutyTerms
from trustspace.policy.implication import any_implies, key

if TYPE_CHECKING:
    from collections.abc import Hashable

    from trustspace.policy.constraint import Normal
    from trustspace.policy.document import Duty


@dataclass(frozen=True)
class NormalDuty:
    """One duty.

    Attributes:
        action: Prefixed action.
        binding: Conditions under which it binds.
        proof: What its proof shows.
        terms: Until when it has to be done; of a pre-condition, none.
        params: For whoever carries it out.
        consequences: What has to be done as well once it has lapsed.
        is_owed: Whether it is owed anyway, and no pre-condition without a term.
        src: JSON pointer of the duty.
    """

    action: str
    binding: tuple[Normal, ...]
    proof: tuple[Normal, ...]
    terms: tuple[Normal, ...]
    params: frozenset[tuple[str, str]]
    consequences: tuple[NormalDuty, ...]
    is_owed: bool
    src: str

    @classmethod
    def of(cls, duty: Duty, *, is_owed: bool) -> NormalDuty:
        """Return a duty in normal form."""
        terms = DutyTerms.of(duty)
        return cls(
            action=duty.action.name,
            binding=terms.binding,
            proof=terms.proof,
            terms=terms.terms,
            params=frozenset(duty.params.items()),
            consequences=tuple(cls.of(each, is_owed=is_owed) for each in duty.consequences),
            is_owed=is_owed,
            src=duty.src,
        )

    @property
    def parts(self) -> tuple[Normal, ...]:
        """All its conditions."""
        return (*self.binding, *self.proof, *self.terms)

    @property
    def key(self) -> Hashable:
        """What equal duties have in common."""
        return (
            self.action,
            *(frozenset(map(key, parts)) for parts in (self.binding, self.proof, self.terms)),
            self.params,
            frozenset(each.key for each in self.consequences),
            self.is_owed,
        )

    def is_as_strict_as(self, stored: NormalDuty) -> bool:
        """Tell whether whoever fulfils this duty fulfils another one."""
        return (
            self.action == stored.action
            and self.is_owed == stored.is_owed
            and self.params >= stored.params
            # It binds whenever the other one does.
            and all(any_implies(stored.binding, part) for part in self.binding)
            and all(any_implies(self.proof, part) for part in stored.proof)
            and self._is_due_as_soon(stored)
            and all(
                any(mine.is_as_strict_as(theirs) for mine in self.consequences)
                for theirs in stored.consequences
            )
        )

    def _is_due_as_soon(self, stored: NormalDuty) -> bool:
        if not self.is_owed and (not self.terms or not stored.terms):
            return not self.terms
        return all(any_implies(self.terms, part) for part in stored.terms)
