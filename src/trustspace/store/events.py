"""What happened to a participant, one row per event, numbered without a gap.

The number is taken from the rows themselves inside the writing transaction; a hop that fails takes
its numbers back. Bodies are kept in canonical form (RFC 8785), so that hashing what is stored is
hashing what happened.

Example::

    seq = tx.events.append("garden", "agreement.finalized", {"agreement": agreement_id}, now=now)
    for event in tx.events.after("garden", seq=0, limit=100):
        print(event.seq, event.kind, event.body)
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from trustspace.model.value import canonical
from trustspace.store import tables
from trustspace.store.rows import EventRow
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

SUBJECTS = ("negotiation", "transfer")
"""Members of a body that name the process which moved."""

_e = tables.events

_LAST = Statement(select(func.max(_e.c.seq)).where(_e.c.participant == bindparam("participant")))
_INSERT = Statement(insert(_e))
_AFTER = Statement(
    select(_e.c.participant, _e.c.seq, _e.c.kind, _e.c.at, _e.c.body.label("canonical"))
    .where(_e.c.participant == bindparam("participant"), _e.c.seq > bindparam("after"))
    .order_by(_e.c.seq)
    .limit(bindparam("limit"))
)

_NAMING = (
    select(_e.c.participant, _e.c.seq, _e.c.kind, _e.c.at, _e.c.body.label("canonical"))
    .where(_e.c.participant == bindparam("participant"), _e.c.body.like(bindparam("pattern")))
    .order_by(_e.c.seq.desc())
    .limit(1)
)

_ABOUT = (
    select(_e.c.participant, _e.c.seq, _e.c.kind, _e.c.at, _e.c.body.label("canonical"))
    .where(
        _e.c.participant == bindparam("participant"),
        _e.c.kind.like(bindparam("kind")),
        _e.c.body.like(bindparam("pattern"), escape="~"),
    )
    .order_by(_e.c.seq)
    .limit(bindparam("limit"))
)


class Events(Repository):
    """The events of every participant."""

    def append(self, participant: str, kind: str, body: Mapping[str, Any], *, now: datetime) -> int:
        """Note an event.

        Args:
            participant: To whom it happened.
            kind: What happened, dotted, for example ``agreement.finalized``.
            body: JSON object.
            now: When.

        Returns:
            Its number: 1 for the participant's first event, then one more each.
        """
        # Within a hop nobody else writes, so only its first event has to look.
        last = self._unit.events.get(participant)
        seq = (self.last(participant) if last is None else last) + 1
        self._unit.execute(
            _INSERT,
            {
                "participant": participant,
                "seq": seq,
                "kind": kind,
                "at": now,
                "body": canonical(dict(body)).decode(),
            },
        )
        self._unit.events[participant] = seq
        for name in SUBJECTS:
            if isinstance(subject := body.get(name), str):
                self._unit.subjects.add((participant, subject))
        return seq

    def last(self, participant: str) -> int:
        """Return the number of the last event; 0 when there is none."""
        return int(self._unit.execute(_LAST, {"participant": participant}).scalar() or 0)

    def after(self, participant: str, seq: int, limit: int) -> tuple[EventRow, ...]:
        """Return the events that follow a number, in order."""
        values = {"participant": participant, "after": seq, "limit": limit}
        return tuple(EventRow(**row) for row in self._unit.execute(_AFTER, values).mappings())

    def find(self, participant: str, member: str, value: str) -> EventRow | None:
        """Return the last event whose body has a text under a name; every event is looked at.

        Args:
            participant: To whom it happened.
            member: Name of the member.
            value: Its text, without a quote, a backslash, a percent sign or an underscore.
        """
        values = {"participant": participant, "pattern": f'%"{member}":"{value}"%'}
        row = self._unit.execute(_NAMING, values).mappings().first()
        return None if row is None else EventRow(**row)

    def about(
        self, participant: str, agreement_id: str, *, kind: str = "%", limit: int = 10_000
    ) -> tuple[EventRow, ...]:
        """Return the events that name an agreement, in order; every event is looked at.

        Args:
            participant: To whom they happened.
            agreement_id: The agreement.
            kind: Their kind, or ``%`` for all.
            limit: Most of them.
        """
        named = canonical({"agreement": agreement_id}).decode()[1:-1]
        for letter in "~%_":
            named = named.replace(letter, f"~{letter}")
        values = {
            "participant": participant,
            "kind": kind,
            "pattern": f"%{named}%",
            "limit": limit,
        }
        return tuple(EventRow(**row) for row in self._unit.execute(_ABOUT, values).mappings())
