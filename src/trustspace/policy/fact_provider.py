"""Where facts come from that a connector does not know itself: the port of their providers.

A provider serves a few left operands. It is asked before a decision that needs one of them, never
while the store is written; what it answers stands for at most its `max_age`. What is missing, over,
malformed or late is unknown, and unknown never grants.

Example::

    class Reactors:
        operands = (own_operand({"name": "acme:reactorClass", "kind": "string"}),)
        max_age = timedelta(minutes=5)

        def facts(self, question: FactQuestion) -> Mapping[str, object]:
            return {"acme:reactorClass": REGISTER[question.counterparty]}

A package offers its provider under the entry point group ``trustspace.facts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from datetime import timedelta

    from trustspace.policy.left_operand import LeftOperand

GROUP = "trustspace.facts"
"""The group of entry points."""


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """What is asked.

    Attributes:
        participant: Id of the participant that decides.
        counterparty: Id of whom the facts are about.
        dataset: Id of the dataset that it is about.
        operands: Prefixed names of the operands wanted; others are ignored in the answer.
    """

    participant: str
    counterparty: str
    dataset: str
    operands: tuple[str, ...]


class FactProvider(Protocol):
    """A source of facts.

    Attributes:
        operands: What it serves: operands that it declares, or names of known ones.
        max_age: How long an answer stands; an answer that states ``at`` counts from there.
    """

    @property
    def operands(self) -> Sequence[LeftOperand | str]:
        """What it serves."""
        ...

    @property
    def max_age(self) -> timedelta:
        """How long an answer stands."""
        ...

    def facts(
        self, question: FactQuestion
    ) -> Mapping[str, object] | Awaitable[Mapping[str, object]]:
        """Return facts by operand, as `trustspace.policy.given_fact` reads them.

        A plain function runs in a thread of its own. Whatever it raises makes all it was asked for
        unknown.
        """
        ...
