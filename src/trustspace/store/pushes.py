"""How far each pushed delivery is, on both sides, so that a crash goes on and not back.

At the provider a row says where to deliver (sealed by whoever writes it), in which session, and
when to try next; at the consumer it says what has arrived. Rows stay as long as their transfer.

Example::

    tx.pushes.put("garden", PushRow("garden", pid, session=session, address=sealed, next_at=now))
    for row in tx.pushes.due(EVERY_PARTICIPANT, now=now, limit=10):
        ...
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.errors import NotFoundError
from trustspace.store import tables
from trustspace.store.rows import EVERY_PARTICIPANT, Sweep
from trustspace.store.unit_of_work import Repository

_p = tables.pushes

_insert = insert(_p)
_KEPT = (
    "session",
    "address",
    "media_type",
    "version",
    "size_bytes",
    "sha256",
    "attempts",
    "next_at",
    "last_error",
    "updated_at",
)
_PUT = _insert.on_conflict_do_update(
    index_elements=[_p.c.participant, _p.c.pid],
    set_={name: _insert.excluded[name] for name in _KEPT},
)
_GET = select(_p).where(
    _p.c.participant == bindparam("p_participant"), _p.c.pid == bindparam("p_pid")
)
_SCHEDULE = (
    update(_p)
    .where(_p.c.participant == bindparam("p_participant"), _p.c.pid == bindparam("p_pid"))
    .values(next_at=bindparam("p_next_at"))
)
_t = tables.transfers
_UNFINISHED = (
    select(func.count())
    .select_from(_p.join(_t, and_(_t.c.participant == _p.c.participant, _t.c.pid == _p.c.pid)))
    .where(
        _t.c.participant == bindparam("participant"),
        _t.c.role == "provider",
        _t.c.counterparty == bindparam("counterparty"),
        _t.c.pid != bindparam("but"),
        _t.c.state.not_in(("COMPLETED", "TERMINATED")),
    )
)
_DUE = (
    select(_p)
    .where(_p.c.next_at.is_not(None), _p.c.next_at <= bindparam("p_now"))
    .order_by(_p.c.next_at, _p.c.pid)
    .limit(bindparam("p_limit"))
)
_DUE_OF_ONE = _DUE.where(_p.c.participant == bindparam("p_participant"))


@dataclass(frozen=True, slots=True)
class PushRow:
    """One pushed delivery.

    Attributes:
        pid: Our pid of its transfer.
        session: The governed open that it is; empty at the consumer.
        address: Where it goes, sealed; empty where that follows from the pid.
        media_type: What is, or was, delivered; empty until that is known.
        version: Digest of the file whose bytes are on their way; empty for what cannot be resumed.
        size_bytes: Bytes that are known to have arrived.
        sha256: Digest of what arrived, lower-case hex; None until all of it did.
        attempts: Attempts in a row that brought nothing.
        next_at: When to try next; None for not by itself.
        last_error: What the last attempt came to; empty when it came to nothing bad.
    """

    participant: str
    pid: str
    updated_at: datetime
    session: str = ""
    address: str = field(default="", repr=False)
    media_type: str = ""
    version: str = ""
    size_bytes: int = 0
    sha256: str | None = None
    attempts: int = 0
    next_at: datetime | None = None
    last_error: str = ""


class Pushes(Repository):
    """Pushed deliveries."""

    def put(self, participant: str, row: PushRow) -> None:
        """Keep a delivery, new or moved on."""
        values = {name: getattr(row, name) for name in row.__slots__}
        self._unit.execute(_PUT, {**values, "participant": participant})

    def get(self, participant: str, pid: str) -> PushRow | None:
        """Return the delivery of a transfer, or None."""
        values = {"p_participant": participant, "p_pid": pid}
        row = self._unit.execute(_GET, values).mappings().first()
        return None if row is None else PushRow(**row)

    def unfinished(self, participant: str, counterparty: str, *, but: str) -> int:
        """Count the pushes to a counterparty that have not ended, without one of them."""
        values = {"participant": participant, "counterparty": counterparty, "but": but}
        return int(self._unit.execute(_UNFINISHED, values).scalar() or 0)

    def schedule(self, participant: str, pid: str, next_at: datetime | None) -> None:
        """Say when to try next; None for not by itself.

        Raises:
            NotFoundError: There is no such delivery.
        """
        values = {"p_participant": participant, "p_pid": pid, "p_next_at": next_at}
        if not self._unit.execute(_SCHEDULE, values).rowcount:
            raise NotFoundError(f"no push {pid!r}")

    def due(self, participant: Sweep, *, now: datetime, limit: int) -> tuple[PushRow, ...]:
        """Return the deliveries whose time has come, the oldest first."""
        values: dict[str, Any] = {"p_now": now, "p_limit": limit}
        statement = _DUE
        if participant is not EVERY_PARTICIPANT:
            statement = _DUE_OF_ONE
            values["p_participant"] = participant
        return tuple(PushRow(**row) for row in self._unit.execute(statement, values).mappings())
