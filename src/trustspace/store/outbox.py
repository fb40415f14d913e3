"""Messages that have to leave: written with the state they tell of, sent by a worker under a lease.

`Outbox.add` writes the sender's lease together with the message, so a worker that hears of the
commit sends at once and looks nothing up. The messages of one process keep their order: while an
earlier one is pending, a later one has no lease and is not due; `Outbox.lease_next` gives it out
once its turn has come. What a crash left behind becomes due when its lease runs out, and
`Outbox.lease_due` finds it. A message may leave twice (a crash between sending and `Outbox.done`),
never be lost; its ``@id`` is the same both times.

Example::

    tx.outbox.add("garden", process_kind="negotiation", process_pid=pid, message_id=message.id,
                  url=url, audience=bank_did, body=body, deadline=deadline, lease_owner="worker-1",
                  lease_seconds=30, now=now)
    …
    tx.outbox.done("garden", message.id)
    row = tx.outbox.lease_next("garden", pid, owner="worker-1", lease_seconds=30, now=now)
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from trustspace.store import tables
from trustspace.store.rows import EVERY_PARTICIPANT, OutboxRow, Sweep, columns
from trustspace.store.statement import RowMapping, Statement
from trustspace.store.unit_of_work import Repository

_o = tables.outbox
_earlier = tables.outbox.alias("earlier")

_INSERT = Statement(insert(_o))
_LAST_POSITION = Statement(
    select(func.max(_o.c.position)).where(
        _o.c.participant == bindparam("participant"), _o.c.process_pid == bindparam("process_pid")
    )
)
_of_process = (
    select(_o)
    .where(
        _o.c.participant == bindparam("participant"), _o.c.process_pid == bindparam("process_pid")
    )
    .order_by(_o.c.position)
)
_OF_PROCESS = Statement(_of_process)
_HEAD = Statement(_of_process.limit(1))
_is_free = or_(_o.c.leased_until.is_(None), _o.c.leased_until <= bindparam("now"))
_due = (
    select(_o)
    .where(
        _o.c.next_at <= bindparam("now"),
        _is_free,
        ~exists().where(
            _earlier.c.participant == _o.c.participant,
            _earlier.c.process_pid == _o.c.process_pid,
            _earlier.c.position < _o.c.position,
        ),
    )
    .order_by(_o.c.next_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE = Statement(_due)
_DUE_OF_ONE = Statement(_due.where(_o.c.participant == bindparam("participant")))
_mine = (_o.c.participant == bindparam("p_participant"), _o.c.message_id == bindparam("p_id"))
_LEASE = Statement(
    update(_o)
    .where(*_mine)
    .values(lease_owner=bindparam("p_owner"), leased_until=bindparam("p_until"))
)
_RETRY = Statement(
    update(_o)
    .where(*_mine)
    .values(
        next_at=bindparam("p_next"),
        attempts=_o.c.attempts + 1,
        last_error=bindparam("p_error"),
        lease_owner=None,
        leased_until=None,
    )
)
_give_back = (
    update(_o)
    .where(_o.c.lease_owner == bindparam("p_owner"))
    .values(lease_owner=None, leased_until=None)
)
_GIVE_BACK = Statement(_give_back)
_GIVE_BACK_OF_ONE = Statement(_give_back.where(_o.c.participant == bindparam("p_participant")))
_DONE = Statement(delete(_o).where(*_mine))
_DROP = Statement(
    delete(_o).where(
        _o.c.participant == bindparam("p_participant"), _o.c.process_pid == bindparam("p_pid")
    )
)
_COUNT = select(func.count()).where(_o.c.participant == bindparam("participant"))


class Outbox(Repository):
    """Pending messages of every participant."""

    def add(  # noqa: PLR0913 - one message has that many parts, all named
        self,
        participant: str,
        *,
        process_kind: str,
        process_pid: str,
        message_id: str,
        url: str,
        audience: str,
        body: Mapping[str, Any],
        deadline: datetime,
        lease_owner: str,
        lease_seconds: float,
        now: datetime,
    ) -> OutboxRow:
        """Note a message that has to leave, leased to its sender when it is the process's turn.

        Args:
            participant: Who sends.
            process_kind: ``negotiation`` or ``transfer``.
            process_pid: Our pid of the process.
            message_id: The message's ``@id``; names the row.
            url: Where it goes.
            audience: DID of the receiver.
            body: The message in wire form.
            deadline: After it the message is not worth sending.
            lease_owner: Who will send it.
            lease_seconds: For how long others keep off.
            now: Current time.

        Returns:
            The row; its ``lease_owner`` is None when an earlier message of the process is pending.

        Raises:
            ConflictError: The message is noted already.
        """
        last = self._last_position(participant, process_pid)
        row = OutboxRow(
            participant=participant,
            message_id=message_id,
            process_kind=process_kind,
            process_pid=process_pid,
            position=last + 1,
            url=url,
            audience=audience,
            body=dict(body),
            created_at=now,
            deadline=deadline,
            next_at=now,
            attempts=0,
            last_error="",
            lease_owner=None if last else lease_owner,
            leased_until=None if last else now + timedelta(seconds=lease_seconds),
        )
        self._unit.execute(_INSERT, columns(row))
        self._unit.outbox.append(row)
        self._unit.pending[participant, process_pid] = row.position
        return row

    def lease_due(
        self, participant: Sweep, *, owner: str, lease_seconds: float, now: datetime, limit: int
    ) -> tuple[OutboxRow, ...]:
        """Lease messages that are due, at most one of each process, the longest due first."""
        values: dict[str, Any] = {"now": now, "limit": limit}
        statement = _DUE
        if participant is not EVERY_PARTICIPANT:
            statement = _DUE_OF_ONE
            values["participant"] = participant
        found = self._unit.execute(statement, values).mappings()
        return tuple(self._lease(row, owner, now, lease_seconds) for row in found)

    def lease_next(
        self, participant: str, process_pid: str, *, owner: str, lease_seconds: float, now: datetime
    ) -> OutboxRow | None:
        """Lease the first pending message of a process when it is due and nobody holds it."""
        values = {"participant": participant, "process_pid": process_pid}
        found = self._unit.execute(_HEAD, values).mapping()
        if found is None or found["next_at"] > now:
            return None
        if found["leased_until"] is not None and found["leased_until"] > now:
            return None
        return self._lease(found, owner, now, lease_seconds)

    def give_back(self, participant: Sweep, *, owner: str) -> int:
        """End every lease of an owner that stops or has started anew; tells how many there were."""
        values: dict[str, Any] = {"p_owner": owner}
        statement = _GIVE_BACK
        if participant is not EVERY_PARTICIPANT:
            statement = _GIVE_BACK_OF_ONE
            values["p_participant"] = participant
        return int(self._unit.execute(statement, values).rowcount)

    def done(self, participant: str, message_id: str) -> bool:
        """Forget a message that has arrived; tells whether it was pending."""
        self._unit.pending.clear()
        return self._changed(_DONE, {"p_participant": participant, "p_id": message_id})

    def retry(self, participant: str, message_id: str, *, next_at: datetime, error: str) -> bool:
        """Give a message back until a later time; tells whether it was pending.

        Args:
            participant: Who sends.
            message_id: The message.
            next_at: When it is due again.
            error: What happened, in one sentence.
        """
        values = {
            "p_participant": participant,
            "p_id": message_id,
            "p_next": next_at,
            "p_error": error,
        }
        return self._changed(_RETRY, values)

    def of_process(self, participant: str, process_pid: str) -> tuple[OutboxRow, ...]:
        """Return the pending messages of a process in their order."""
        values = {"participant": participant, "process_pid": process_pid}
        found = self._unit.execute(_OF_PROCESS, values).mappings()
        return tuple(OutboxRow(**row) for row in found)

    def pending(self, participant: str, *, limit: int) -> tuple[OutboxRow, ...]:
        """Return pending messages, the oldest first."""
        statement = (
            select(_o)
            .where(_o.c.participant == participant)
            .order_by(_o.c.created_at, _o.c.position)
            .limit(limit)
        )
        return tuple(OutboxRow(**row) for row in self._unit.execute(statement).mappings())

    def drop_for_process(self, participant: str, process_pid: str) -> int:
        """Forget every pending message of a process; tells how many there were.

        One that is just being sent cannot be called back.
        """
        values = {"p_participant": participant, "p_pid": process_pid}
        dropped = int(self._unit.execute(_DROP, values).rowcount)
        self._unit.pending[participant, process_pid] = 0
        return dropped

    def count(self, participant: str) -> int:
        """Return how many messages are pending."""
        return int(self._unit.execute(_COUNT, {"participant": participant}).scalar_one())

    def _last_position(self, participant: str, process_pid: str) -> int:
        """Return the position of a process's last pending message; 0 when there is none."""
        known = self._unit.pending.get((participant, process_pid))
        if known is not None:
            return known
        values = {"participant": participant, "process_pid": process_pid}
        return int(self._unit.execute(_LAST_POSITION, values).scalar() or 0)

    def _lease(
        self, found: RowMapping, owner: str, now: datetime, lease_seconds: float
    ) -> OutboxRow:
        row = OutboxRow(**found)
        until = now + timedelta(seconds=lease_seconds)
        values = {
            "p_participant": row.participant,
            "p_id": row.message_id,
            "p_owner": owner,
            "p_until": until,
        }
        self._unit.execute(_LEASE, values)
        return replace(row, lease_owner=owner, leased_until=until)

    def _changed(self, statement: Statement, values: Mapping[str, Any]) -> bool:
        return bool(self._unit.execute(statement, values).rowcount)
