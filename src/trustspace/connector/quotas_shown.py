"""How much of each limit of an agreement is used and left, as the management API shows it.

A consumer counts its own opens; what rows and bytes its provider has counted it does not know, so
these have no number there.

Example::

    quotas_of(tx, row, limits, now=now)[0]
    # {'term': 'ts:dataRecord', 'unit': 'row', 'window': 'P1D', 'max': 1000, 'used': 300, …
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.quotas import opens_next, standing
from trustspace.model.participant import Role
from trustspace.policy.messages import phrase
from trustspace.policy.quantity import Measured, write_quantity
from trustspace.policy.wording import term

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trustspace.policy.decision import Limit
    from trustspace.policy.messages import Language
    from trustspace.store import AgreementRow, Transaction


def quotas_of(
    tx: Transaction, row: AgreementRow, limits: Iterable[Limit], *, now: datetime
) -> list[dict[str, Any]]:
    """Show each limit: what it counts, and how much is used and left in the window that is now."""
    several = tuple(limits)
    taken = standing(tx, (row.participant, row.id), several, now=now)
    found = []
    for limit in several:
        measured = Measured.of(limit.unit)
        is_known = row.role is Role.PROVIDER or measured.what == "use"
        used = taken.get(limit.counter, 0) if is_known else None
        opens = opens_next(limit, now)
        found.append(
            {
                "counter": limit.counter,
                "term": measured.left,
                "unit": measured.what,
                "window": measured.window,
                "max": limit.max,
                "used": used,
                "left": None if used is None else max(0, limit.max - used),
                "opens_at": None if opens is None else opens.isoformat(),
            }
        )
    return found


def in_words(quotas: Iterable[dict[str, Any]], language: Language) -> list[str]:
    """Return one sentence for each limit."""
    sentences = []
    for quota in quotas:
        what, window = quota["unit"], quota["window"]
        name = "quota.unknown" if quota["used"] is None else "quota"
        sentence = phrase(
            name,
            language,
            term=term(quota["term"], language),
            actual=write_quantity(quota["used"] or 0, None, what),
            expected=write_quantity(quota["max"], window, what),
        )
        if window is not None:
            sentence += phrase("quota.opens", language, moment=quota["opens_at"])
        sentences.append(sentence)
    return sentences
