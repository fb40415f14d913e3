"""A session's right to data, as long as its lease and its gate stand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trustspace.connector.delivering.gates import Gate
    from trustspace.connector.delivering.order import Order
    from trustspace.dataplane.restriction import Restriction
    from trustspace.policy.decision import Limit
    from trustspace.policy.lease import Lease
    from trustspace.policy.quantity import What
    from trustspace.store import AgreementRow, DatasetRow
    from trustspace.store.portions import Account


@dataclass
class Counting:
    """Whether the units of a session are final, which they become once.

    Attributes:
        stopped: Where a limit of rows or bytes has stopped a table.
    """

    is_done: bool = False
    stopped: dict[What, int] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


@dataclass
class Grant:
    """A session's right to data, as long as its lease and its gate stand.

    Attributes:
        order: What was asked.
        agreement: Under which agreement.
        dataset: Which dataset.
        lease: The decision on loan.
        restriction: Filters, columns and masks to carry out.
        gate: Where the delivery is cut.
        amounts: Limits of rows and bytes, of which is taken as they leave.
        running: Accounts of which it took the seconds of its lease.
        counting: Whether its units are final; shared by all grants of the session.
    """

    order: Order
    agreement: AgreementRow
    dataset: DatasetRow
    lease: Lease
    restriction: Restriction = field(repr=False)
    gate: Gate
    amounts: tuple[Limit, ...] = ()
    running: tuple[Account, ...] = ()
    counting: Counting = field(default_factory=Counting)

    @property
    def is_counted(self) -> bool:
        """Whether its units are final."""
        return self.counting.is_done
