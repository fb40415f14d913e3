"""Agreements under which a provider lets nothing start: one row per transfer that it suspended.

The row outlives the transfer: a consumer that ends a suspended transfer and asks for another one
gets no further than before. Only the provider takes it away.

Example::

    tx.holds.put("garden", agreement_id, pid, code="owner", reasons=["audit"], now=now)
    tx.holds.first("garden", agreement_id).reasons  # ('audit',)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from trustspace.store import tables
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_h = tables.holds
_mine = _h.c.participant == bindparam("p_participant")

_insert = insert(_h)
_PUT = _insert.on_conflict_do_update(
    index_elements=[_h.c.participant, _h.c.transfer_pid],
    set_={name: _insert.excluded[name] for name in ("code", "reasons", "since")},
)
_FIRST = Statement(
    select(_h)
    .where(_mine, _h.c.agreement_id == bindparam("p_agreement"))
    .order_by(_h.c.since, _h.c.transfer_pid)
    .limit(1)
)
_DROP = Statement(delete(_h).where(_mine, _h.c.transfer_pid == bindparam("p_pid")))
_DROP_ALL = delete(_h).where(_mine, _h.c.agreement_id == bindparam("p_agreement"))


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A suspension by the provider that stands.

    Attributes:
        transfer_pid: Our pid of the transfer that was suspended.
        code: Why, for programs.
        reasons: Why, as told to the consumer.
        since: When, UTC.
    """

    participant: str
    transfer_pid: str
    agreement_id: str
    code: str
    reasons: tuple[Any, ...]
    since: datetime


class Holds(Repository):
    """Suspensions by a provider."""

    def put(
        self,
        participant: str,
        agreement_id: str,
        transfer_pid: str,
        *,
        code: str,
        reasons: Sequence[Any],
        now: datetime,
    ) -> None:
        """Keep a suspension; a later one of the same transfer replaces it."""
        self._unit.execute(
            _PUT,
            {
                "participant": participant,
                "transfer_pid": transfer_pid,
                "agreement_id": agreement_id,
                "code": code,
                "reasons": list(reasons),
                "since": now,
            },
        )

    def first(self, participant: str, agreement_id: str) -> HoldRow | None:
        """Return the oldest suspension that stands under an agreement, or None."""
        values = {"p_participant": participant, "p_agreement": agreement_id}
        row = self._unit.execute(_FIRST, values).mapping()
        return None if row is None else HoldRow(**{**row, "reasons": tuple(row["reasons"])})

    def drop(self, participant: str, transfer_pid: str) -> None:
        """Forget the suspension of a transfer; none is no error."""
        self._unit.execute(_DROP, {"p_participant": participant, "p_pid": transfer_pid})

    def drop_all(self, participant: str, agreement_id: str) -> int:
        """Forget every suspension under an agreement; tells how many there were."""
        values = {"p_participant": participant, "p_agreement": agreement_id}
        return int(self._unit.execute(_DROP_ALL, values).rowcount)
