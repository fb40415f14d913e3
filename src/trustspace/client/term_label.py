"""How far one term of an offer or an agreement binds, as clients have it.

Example::

    [one.term for one in agreement.terms if one.provider == "contractual"]
    catalogue.datasets[0].terms  # of what somebody else offers, worked out here
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from trustspace.model.value import Value

if TYPE_CHECKING:
    from trustspace.model.odrl import Offer

Label = Literal["enforced", "attested", "contractual"]
"""How far a term binds."""


class TermLabel(Value):
    """How far one term of a policy binds.

    ``enforced``: software can stop what it forbids; ``attested``: evidence will exist;
    ``contractual``: it is only promised.

    Attributes:
        pointer: JSON pointer of the term in the policy.
        term: Its prefixed name, for example ``odrl:count``.
        provider: Whether it holds until the data leaves.
        consumer: Whether it holds for what was delivered.
        why: Id of the reason.
        words: The reason in words, where they were asked for.
    """

    pointer: str
    term: str
    provider: Label
    consumer: Label
    why: str
    words: str | None = None


def labels_of(offer: Offer, dataset: str) -> tuple[TermLabel, ...]:
    """Work out how far the terms of somebody's offer would bind.

    Raises:
        PolicyError: It has a term that no connector of this kind can evaluate.
    """
    # Apart, because it takes long to import and few ask for it.
    lower = import_module("trustspace.policy.lower").lower
    ledger = import_module("trustspace.policy.ledger").ledger
    rules = lower(offer, kind="offer", target=dataset)
    return tuple(TermLabel.read(one.to_document()) for one in ledger(rules))
