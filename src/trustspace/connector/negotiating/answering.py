"""How requests for a dataset are answered, as its owner chose when it was published.

Example::

    Answering("counter", rounds=5)  # a request for more is answered with the offer, 5 times at most
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Negotiation = Literal["automatic", "approval", "counter"]
"""How requests for a dataset are answered: by policy alone; by a person once policy allows it; by
policy, where a request for more is answered with the offer."""

ROUNDS = 3
"""How often a request for more is answered with the offer, unless the owner says otherwise."""


@dataclass(frozen=True)
class Answering:
    """How requests for a dataset are answered.

    Attributes:
        negotiation: By whom.
        rounds: How often one negotiation is answered with the offer.
    """

    negotiation: Negotiation = "automatic"
    rounds: int = ROUNDS
