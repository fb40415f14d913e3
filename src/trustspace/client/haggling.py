"""Haggling over an offer: what a provider answers to a request, and what a program may say to it.

`negotiate` calls a strategy each time the provider offers other terms than were asked for.

Example::

    def strategy(offer: CounterOffer) -> Answer:
        if all(change.left == "odrl:count" for change in offer.differences):
            return Accept()
        return Reject("we need the data for credit scoring")

    agreement = client.negotiate(address, "rose-prices", terms=terms, strategy=strategy)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypedDict

from pydantic import Field

from trustspace.model.participant import Role
from trustspace.model.value import JsonObject, Value


class PolicyChange(Value):
    """One thing that differs between two versions of terms, for who gets the data.

    Attributes:
        change: ``added`` or ``removed`` term or rule, or a term that is ``wider``, ``narrower`` or
            ``changed`` so that neither contains the other.
        pointer: JSON pointer into the later version; into the earlier one for what was removed.
        left: Left operand concerned, or None where it is a whole rule.
        en: In English words.
        zh: In Chinese words.
    """

    change: Literal["added", "removed", "wider", "narrower", "changed"]
    pointer: str = ""
    left: str | None = None
    en: str
    zh: str


class Approval(Value):
    """A negotiation that waits for one of ours.

    Attributes:
        id: Id of the negotiation.
        role: Ours in it.
        awaiting: ``approval`` of a person, or the ``client`` that asked.
        rounds: How often the provider has answered a request with an offer.
        asked: What the consumer asks for, None where it has not asked.
        offered: What the provider offers.
        differences: What the one who spoke last changed.
        since: When it came.
        until: When it is ended for want of an answer.
    """

    id: str
    role: Role
    counterparty: str
    dataset: str
    state: str
    awaiting: Literal["approval", "client"] | None = None
    rounds: int = 0
    asked: JsonObject | None = None
    offered: JsonObject | None = None
    differences: tuple[PolicyChange, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


class CounterOffer(Value):
    """A provider's answer to our request: other terms than we asked for.

    Attributes:
        negotiation: Id of the negotiation.
        counterparty: DID of the provider.
        round: Which of the provider's offers this is, 1 for the first.
        asked: What we asked for last, as an ODRL offer.
        offered: What is offered now.
        differences: What the provider changed in what we asked for.
    """

    negotiation: str
    counterparty: str
    dataset: str
    round: int
    asked: JsonObject = Field(default_factory=dict)
    offered: JsonObject = Field(default_factory=dict)
    differences: tuple[PolicyChange, ...] = ()

    @classmethod
    def of(cls, entry: Approval) -> CounterOffer:
        """Return what waits for a program as the program sees it."""
        return cls(
            negotiation=entry.id,
            counterparty=entry.counterparty,
            dataset=entry.dataset,
            round=entry.rounds,
            asked=entry.asked or {},
            offered=entry.offered or {},
            differences=entry.differences,
        )


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept what is offered."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Ask for other terms.

    Attributes:
        terms: What `trustspace.terms` returns, its keyword arguments, or an ODRL policy.
    """

    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """End the negotiation.

    Attributes:
        reason: Why, for the provider to read.
    """

    reason: str = ""


Answer: TypeAlias = Accept | Counter | Reject
"""What may be said to an offer."""

Strategy: TypeAlias = Callable[[CounterOffer], Answer]
"""Answers offers; runs in the thread that called."""

AsyncStrategy: TypeAlias = Callable[[CounterOffer], Answer | Awaitable[Answer]]
"""Answers offers; may be a coroutine function."""


class Haggling(TypedDict, total=False):
    """What is asked for instead of an offer as it stands, and what is said to other offers.

    Attributes:
        terms: Terms to ask for instead of the offer's own.
        strategy: Answers what the provider offers instead; without one an offer that gives all
            that was asked for is accepted, and others as the connector's settings say.
    """

    terms: Mapping[str, Any]
    strategy: Strategy


class AsyncHaggling(TypedDict, total=False):
    """As `Haggling`, where the strategy may be a coroutine function."""

    terms: Mapping[str, Any]
    strategy: AsyncStrategy


@dataclass(frozen=True, slots=True)
class Consult:
    """What an operation asks the caller's strategy."""

    strategy: AsyncStrategy
    offer: CounterOffer
