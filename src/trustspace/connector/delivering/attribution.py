"""The words by which data is attributed to whom it comes from, sent with each delivery.

Where an agreement obliges to attribution, every answer that carries data names whom to attribute it
to, in a header that a program can pass on; what it does with it is its own.

Example::

    attribution_headers(hosted, grant)  # {'Trustspace-Attribution': 'Rose%20prices%2C%20did%3A…'}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.grant import Grant

HEADER: Final = "Trustspace-Attribution"
"""Percent-encoded UTF-8."""


def attribution_headers(hosted: Hosted, grant: Grant) -> dict[str, str]:
    """Return the header that a delivery carries, or none where nothing obliges to it."""
    found = [duty for duty in grant.lease.decision.obligations if duty.action == "odrl:attribute"]
    if not found:
        return {}
    party = found[0].params.get("odrl:attributedParty", hosted.id)
    named = ", ".join(map(str, party)) if isinstance(party, tuple) else str(party)
    text = f"{grant.dataset.title or grant.dataset.id}, {named}"
    return {HEADER: quote(text[:1_000], safe="")}
