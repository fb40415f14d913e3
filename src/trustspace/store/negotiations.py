"""Contract negotiations, and those of them that wait for somebody of ours.

Example::

    page = tx.negotiations.awaiting("garden", "approval", limit=100)
    tx.negotiations.count_awaiting("bank", "approval", counterparty="did:web:garden.example")
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from trustspace.dsp.negotiation import Awaited, ContractNegotiation
from trustspace.store import tables
from trustspace.store.keyset import before, cut
from trustspace.store.processes import Processes
from trustspace.store.rows import Page

_n = tables.negotiations.c


class Negotiations(Processes[ContractNegotiation]):
    """Negotiations of every participant."""

    __slots__ = ()

    def awaiting(
        self, participant: str, who: Awaited, *, limit: int = 100, cursor: str | None = None
    ) -> Page[tuple[ContractNegotiation, datetime | None]]:
        """Return negotiations that wait for somebody, newest first, each with its deadline.

        Raises:
            NotFoundError: The cursor is not one of ours.
        """
        statement = select(_n.body, _n.deadline).where(
            _n.participant == participant, _n.awaiting == who
        )
        statement = before(statement, _n.created_at, _n.pid, cursor).limit(limit + 1)
        found = [
            (ContractNegotiation.model_validate_json(body), deadline)
            for body, deadline in self._unit.execute(statement)
        ]
        return cut(found, limit, lambda each: (each[0].created_at, each[0].id))

    def count_awaiting(self, participant: str, who: Awaited, *, counterparty: str) -> int:
        """Return how many negotiations with one counterparty wait for somebody."""
        statement = select(func.count()).where(
            _n.participant == participant, _n.awaiting == who, _n.counterparty == counterparty
        )
        return int(self._unit.execute(statement).scalar_one())

    def deadline(self, participant: str, pid: str) -> datetime | None:
        """Return when a negotiation is ended for want of a step."""
        statement = select(_n.deadline).where(_n.participant == participant, _n.pid == pid)
        moment: datetime | None = self._unit.execute(statement).scalar()
        return moment

    def _columns(self, value: ContractNegotiation, deadline: datetime | None) -> dict[str, Any]:
        return super()._columns(value, deadline) | {"awaiting": value.awaiting}
