"""Counted uses of an agreement, and what was delivered under it.

One unit is reserved per session before the first byte and committed with it. A session reserves
once: asking again, also after a restart, finds its own reservation and takes nothing. A unit counts
from its reservation on, so a crash between reserving and committing never gives one use too many;
an open reservation goes back only when `Counters.release` or `Counters.release_stale` is called, a
committed one never.

Example::

    if not tx.counters.reserve("garden", agreement_id, "count", session, maximum=100, now=now):
        deny()
    tx.counters.commit("garden", agreement_id, "count", session, now=now)
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Table, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.errors import NotFoundError
from trustspace.store import tables
from trustspace.store.rows import EVERY_PARTICIPANT, MeterRow, Sweep
from trustspace.store.unit_of_work import Repository

_n = tables.counters
_r = tables.reservations
_m = tables.meters

_one_counter = (
    _n.c.participant == bindparam("p_participant"),
    _n.c.agreement_id == bindparam("p_agreement"),
    _n.c.counter == bindparam("p_counter"),
)
_one_session = (
    _r.c.participant == bindparam("p_participant"),
    _r.c.agreement_id == bindparam("p_agreement"),
    _r.c.counter == bindparam("p_counter"),
    _r.c.session == bindparam("p_session"),
)
_SESSION = select(_r.c.session).where(*_one_session)
_BEGIN = insert(_n).on_conflict_do_nothing()
# Compare and count in one statement: two that want the last unit cannot both find it free.
_TAKE = (
    update(_n)
    .where(*_one_counter, _n.c.taken < bindparam("p_maximum"))
    .values(taken=_n.c.taken + 1)
)
_GIVE_BACK = update(_n).where(*_one_counter).values(taken=_n.c.taken - 1)
_RESERVE = insert(_r)
_COMMIT = (
    update(_r)
    .where(*_one_session, _r.c.committed_at.is_(None))
    .values(committed_at=bindparam("p_now"))
)
_RELEASE = delete(_r).where(*_one_session, _r.c.committed_at.is_(None))
_REFUND = delete(_r).where(*_one_session)
_USED = select(_n.c.counter, _n.c.taken).where(
    _n.c.participant == bindparam("participant"), _n.c.agreement_id == bindparam("agreement_id")
)
_TAKEN = select(_n.c.taken).where(*_one_counter)
_COMMITTED = (
    select(_r.c.counter, func.count())
    .where(
        _r.c.participant == bindparam("participant"),
        _r.c.agreement_id == bindparam("agreement_id"),
        _r.c.committed_at.is_not(None),
    )
    .group_by(_r.c.counter)
)
_HELD = (
    select(_r.c.counter, func.count())
    .where(
        _r.c.participant == bindparam("participant"),
        _r.c.agreement_id == bindparam("agreement_id"),
        _r.c.session == bindparam("session"),
    )
    .group_by(_r.c.counter)
)
_STALE = (
    select(_r.c.participant, _r.c.agreement_id, _r.c.counter, _r.c.session)
    .where(_r.c.committed_at.is_(None), _r.c.reserved_at < bindparam("reserved_before"))
    .order_by(_r.c.reserved_at)
)
_STALE_OF_ONE = _STALE.where(_r.c.participant == bindparam("participant"))

_ENDED = (
    select(_n.c.participant, _n.c.agreement_id, _n.c.counter)
    .where(_n.c.ends_at < bindparam("ended_before"))
    .order_by(_n.c.ends_at)
    .limit(bindparam("limit"))
)
_ENDED_OF_ONE = _ENDED.where(_n.c.participant == bindparam("participant"))


def _forget(table: Table) -> Delete:
    """Return the removal of a number of sessions of a counter."""
    c = table.c
    of_counter = (
        c.participant == bindparam("p_participant"),
        c.agreement_id == bindparam("p_agreement"),
        c.counter == bindparam("p_counter"),
    )
    some = select(c.session).where(*of_counter).limit(bindparam("p_limit"))
    return delete(table).where(*of_counter, c.session.in_(some.scalar_subquery()))


_FORGET_USES = _forget(_r)
_FORGET_PORTIONS = _forget(tables.portions)
_FORGET_COUNTER = delete(_n).where(*_one_counter)

_insert_meter = insert(_m)
_METER = _insert_meter.on_conflict_do_update(
    index_elements=["participant", "agreement_id", "session"],
    set_={
        "requests": _m.c.requests + _insert_meter.excluded.requests,
        "size_bytes": _m.c.size_bytes + _insert_meter.excluded.size_bytes,
        "rows": _m.c.rows + _insert_meter.excluded.rows,
        "last_at": _insert_meter.excluded.last_at,
    },
)
_METERS = (
    select(_m)
    .where(
        _m.c.participant == bindparam("participant"),
        _m.c.agreement_id == bindparam("agreement_id"),
    )
    .order_by(_m.c.first_at, _m.c.session)
)


class Counters(Repository):
    """Units taken of the counters of agreements."""

    def reserve(
        self,
        participant: str,
        agreement_id: str,
        counter: str,
        session: str,
        *,
        maximum: int,
        now: datetime,
        ends_at: datetime | None = None,
    ) -> bool:
        """Take one unit for a session, unless it has one.

        Args:
            participant: Whose counter.
            agreement_id: Under which agreement.
            counter: Which of its counters.
            session: Who takes it; the same session takes once.
            maximum: Units there are.
            now: Current time.
            ends_at: When the counter's window ends; None for a counter without.

        Returns:
            Whether the session has a unit now; False when all are taken.
        """
        one = _key(participant, agreement_id, counter)
        if self._unit.execute(_SESSION, {**one, "p_session": session}).first() is not None:
            return True
        taking = {**one, "p_maximum": maximum}
        if not self._unit.execute(_TAKE, taking).rowcount:
            key = {"participant": participant, "agreement_id": agreement_id, "counter": counter}
            begun = {**key, "taken": 0, "ends_at": ends_at}
            is_new = self._unit.execute(_BEGIN, begun).rowcount
            if not (is_new and self._unit.execute(_TAKE, taking).rowcount):
                return False
        self._unit.execute(
            _RESERVE,
            {
                "participant": participant,
                "agreement_id": agreement_id,
                "counter": counter,
                "session": session,
                "reserved_at": now,
                "committed_at": None,
            },
        )
        return True

    def commit(
        self, participant: str, agreement_id: str, counter: str, session: str, *, now: datetime
    ) -> None:
        """Make a session's unit final; a second time changes nothing.

        Raises:
            NotFoundError: The session has no unit (never reserved, or released).
        """
        one = {**_key(participant, agreement_id, counter), "p_session": session}
        if self._unit.execute(_COMMIT, {**one, "p_now": now}).rowcount:
            return
        if self._unit.execute(_SESSION, one).first() is None:
            raise NotFoundError(f"session {session!r} has no unit of {counter!r} reserved")

    def release(self, participant: str, agreement_id: str, counter: str, session: str) -> bool:
        """Give a session's unit back unless it is final; tells whether it was given back."""
        key = _key(participant, agreement_id, counter)
        if not self._unit.execute(_RELEASE, {**key, "p_session": session}).rowcount:
            return False
        self._unit.execute(_GIVE_BACK, key)
        return True

    def refund(self, participant: str, agreement_id: str, counter: str, session: str) -> bool:
        """Give a session's unit back though it is final; tells whether it had one.

        For what was counted before it happened, and then did not happen.
        """
        key = _key(participant, agreement_id, counter)
        if not self._unit.execute(_REFUND, {**key, "p_session": session}).rowcount:
            return False
        self._unit.execute(_GIVE_BACK, key)
        return True

    def release_stale(self, participant: Sweep, *, reserved_before: datetime) -> int:
        """Give back units reserved before an instant and never committed; tells how many."""
        values: dict[str, Any] = {"reserved_before": reserved_before}
        statement = _STALE
        if participant is not EVERY_PARTICIPANT:
            statement = _STALE_OF_ONE
            values["participant"] = participant
        found = self._unit.execute(statement, values).all()
        return sum(self.release(*row) for row in found)

    def forget(self, participant: Sweep, *, ended_before: datetime, limit: int) -> bool:
        """Remove counters of windows that ended before an instant.

        Args:
            participant: Whose; or `EVERY_PARTICIPANT`.
            ended_before: The instant.
            limit: Sessions and counters to remove at most.

        Returns:
            Whether there may be more.
        """
        values: dict[str, Any] = {"ended_before": ended_before, "limit": limit}
        statement = _ENDED
        if participant is not EVERY_PARTICIPANT:
            statement = _ENDED_OF_ONE
            values["participant"] = participant
        for ended in self._unit.execute(statement, values).all():
            one = _key(*ended)
            for forget in (_FORGET_USES, _FORGET_PORTIONS):
                limit -= self._unit.execute(forget, {**one, "p_limit": max(limit, 0)}).rowcount
            if limit <= 0:
                return True
            self._unit.execute(_FORGET_COUNTER, one)
            limit -= 1
        return limit <= 0

    def used(self, participant: str, agreement_id: str) -> dict[str, int]:
        """Return the units taken of each counter, reserved ones included."""
        values = {"participant": participant, "agreement_id": agreement_id}
        return {row[0]: row[1] for row in self._unit.execute(_USED, values)}

    def taken(self, participant: str, agreement_id: str, counter: str) -> int | None:
        """Return the units taken of one counter; None when none ever was."""
        found = self._unit.execute(_TAKEN, _key(participant, agreement_id, counter)).first()
        return None if found is None else int(found[0])

    def committed(self, participant: str, agreement_id: str) -> dict[str, int]:
        """Return the final units of each counter that has any."""
        values = {"participant": participant, "agreement_id": agreement_id}
        return {row[0]: row[1] for row in self._unit.execute(_COMMITTED, values)}

    def held(self, participant: str, agreement_id: str, session: str) -> dict[str, int]:
        """Return the units that one session has taken of each counter."""
        values = {"participant": participant, "agreement_id": agreement_id, "session": session}
        return {row[0]: row[1] for row in self._unit.execute(_HELD, values)}


class Meters(Repository):
    """What was delivered, summed by session."""

    def add(
        self,
        participant: str,
        agreement_id: str,
        session: str,
        *,
        size_bytes: int,
        rows: int,
        now: datetime,
    ) -> None:
        """Add one request's delivery to its session."""
        self._unit.execute(
            _METER,
            {
                "participant": participant,
                "agreement_id": agreement_id,
                "session": session,
                "requests": 1,
                "size_bytes": size_bytes,
                "rows": rows,
                "first_at": now,
                "last_at": now,
            },
        )

    def list(self, participant: str, agreement_id: str) -> tuple[MeterRow, ...]:
        """Return the sessions of an agreement, the oldest first."""
        values = {"participant": participant, "agreement_id": agreement_id}
        return tuple(MeterRow(**row) for row in self._unit.execute(_METERS, values).mappings())


def _key(participant: str, agreement_id: str, counter: str) -> dict[str, Any]:
    return {"p_participant": participant, "p_agreement": agreement_id, "p_counter": counter}
