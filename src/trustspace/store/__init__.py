"""What a host keeps: participants, offers, negotiations, agreements, transfers, messages, events.

Example::

    from trustspace.store import Store

    with Store.open("sqlite:///store.db") as store:
        store.write_sync(lambda tx: tx.settings.put(HOST, "greeting", "hello"))
"""

from trustspace.store.database import Store
from trustspace.store.decisions import DecisionRow
from trustspace.store.duties import ONCE, OWED, DutyRow, DutyState
from trustspace.store.holds import HoldRow
from trustspace.store.pushes import PushRow
from trustspace.store.rows import (
    EVERY_PARTICIPANT,
    HOST,
    AgreementRow,
    AgreementState,
    Committed,
    CounterpartyRow,
    CrawlRow,
    DatasetRow,
    EventRow,
    Everyone,
    IdempotencyRow,
    IndexedRow,
    MeterRow,
    OutboxRow,
    Page,
    ParticipantRow,
    PolicyRow,
    Sweep,
)
from trustspace.store.transaction import Transaction

__all__ = [
    "EVERY_PARTICIPANT",
    "HOST",
    "ONCE",
    "OWED",
    "AgreementRow",
    "AgreementState",
    "Committed",
    "CounterpartyRow",
    "CrawlRow",
    "DatasetRow",
    "DecisionRow",
    "DutyRow",
    "DutyState",
    "EventRow",
    "Everyone",
    "HoldRow",
    "IdempotencyRow",
    "IndexedRow",
    "MeterRow",
    "OutboxRow",
    "Page",
    "ParticipantRow",
    "PolicyRow",
    "PushRow",
    "Store",
    "Sweep",
    "Transaction",
]
