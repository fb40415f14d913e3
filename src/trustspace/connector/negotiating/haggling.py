"""Where haggling ends: what a consumer may accept by itself, and how long anybody goes on.

A consumer accepts an answer to its request by itself only when it could enforce the offer and the
offer gives all that was asked for: what it asked for equals the offer or is narrower. Hence it
never takes on a condition, a prohibition or a duty that it did not ask for.

Example::

    falls_short(asked, offered)  # None: accept
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.denial import GONE, Refusal, unsupported
from trustspace.errors import PolicyError
from trustspace.policy.lower import lower
from trustspace.policy.narrow import difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.model.odrl import Offer

ROUNDS = "negotiation.rounds"
"""Code of a negotiation that ends because offers and requests went back and forth too often."""

WAITING = "negotiation.waiting"
"""Code of what is refused because too much of the same counterparty waits for a person."""

SHORT = "offer.short"
"""Code of an offer that gives less than was asked for."""


def falls_short(asked: Offer, offered: Offer | None) -> Refusal | None:
    """Return what an offer lacks of what was asked for; None when it can be accepted."""
    if offered is None:
        return GONE
    try:
        lower(offered, kind="offer")
    except PolicyError as error:
        return unsupported(error)
    differing = difference(offered, asked)
    if not differing:
        return None
    return Refusal(SHORT, tuple(one.reason() | {"id": SHORT} for one in differing))


def too_many_rounds(
    negotiation: ContractNegotiation, reasons: Sequence[dict[str, Any]] = ()
) -> Refusal:
    """Return the refusal of another round."""
    offers = "one offer" if negotiation.rounds == 1 else f"{negotiation.rounds} offers"
    return Refusal.of(ROUNDS, f"there is no agreement after {offers}", *reasons)


def too_many_waiting(waiting: int) -> Refusal:
    """Return the refusal of one more negotiation that would wait for a person."""
    return Refusal.of(
        WAITING, f"{waiting} negotiations of yours wait for a person here; let some of them end"
    )
