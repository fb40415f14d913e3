"""What the engine is told of the duties under an agreement: what is proven, and what runs out when.

Only what matters is read: what is owed, and the evidence of what is owed once. However many uses
were logged and deleted again before, a decision costs the same.

Example::

    fulfilment(tx, hosted, agreement, now=now).outstanding  # {'d1': 1792592000}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.connector.deciding.known_facts import agreement_rules
from trustspace.connector.duties.evidence import Evidence, fulfilment_of
from trustspace.connector.duties.manner import Occasion, every_duty
from trustspace.policy.decision import DutyFacts, Fulfilment
from trustspace.store import DutyState

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.policy.decision import PolicyIR
    from trustspace.store import AgreementRow, DutyRow, Transaction


def fulfilment(
    tx: Transaction,
    hosted: Hosted,
    agreement: AgreementRow,
    rules: PolicyIR | None = None,
    *,
    now: datetime,
) -> DutyFacts:
    """Return the state of the duties under an agreement for a decision.

    Args:
        tx: The transaction.
        hosted: The provider.
        agreement: The agreement.
        rules: Its rules, where they have been read already.
        now: Current time.

    Raises:
        PolicyError: The agreement's rules cannot be read.
    """
    duties = every_duty(rules or agreement_rules(agreement))
    if not duties:
        return DutyFacts(fulfilled={}, outstanding={})
    owed = tx.duties.owed(hosted.name, agreement.id)
    outstanding: dict[str, int] = {}
    for row in owed:
        due = _due(row, now)
        if due is not None and row.duty_id in duties:
            outstanding[row.duty_id] = min(due, outstanding.get(row.duty_id, due))
    fulfilled: dict[str, Fulfilment] = {}
    for name, (_, occasion) in duties.items():
        if occasion in (Occasion.AGREEMENT, Occasion.LAPSE):
            proven = _proof(tx.duties.list(hosted.name, agreement.id, duty_id=name))
        else:
            proven = _proof([row for row in owed if row.duty_id == name])
        if proven is not None:
            fulfilled[name] = fulfilment_of(proven)
    return DutyFacts(fulfilled=fulfilled, outstanding=outstanding)


def _due(row: DutyRow, now: datetime) -> int | None:
    """Return until when an occurrence has to be settled, or None when nothing hangs on it.

    What was found to be overdue stays so when the clock is set back.
    """
    if row.state is DutyState.FAILED and row.on_failure == "report":
        return None
    if row.state is DutyState.OPEN:
        return None if row.due is None else int(row.due.timestamp())
    past = int(now.timestamp()) - 1
    return max(0, past if row.due is None else min(int(row.due.timestamp()), past))


def _proof(rows: tuple[DutyRow, ...] | list[DutyRow]) -> Evidence | None:
    """Return the evidence of the last occurrence, unless one is there without any."""
    found: Evidence | None = None
    for row in rows:
        if row.state is DutyState.REMEDIED:
            continue
        proven = None if row.evidence is None else Evidence.of(row.evidence)
        if proven is None or proven.is_claimed:
            return None
        found = proven
    return found
