"""Amounts taken of the counters of agreements: rows, bytes and running time, piece by piece.

A portion is a stretch of something that has positions: rows of a table, bytes of a file, seconds of
the clock. It is taken before it leaves, final at once, and never twice by one session: a session
that comes back for what it has had, after a break or by another range, takes only what is new. What
was taken and then did not leave is given back by name of its positions.

Example::

    got = tx.portions.take("garden", account, (0, 500), maximum=1_000)
    got.stop, got.fresh                   # (500, ((0, 500),))
    tx.portions.give_back("garden", account, got.fresh)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.store import tables
from trustspace.store.unit_of_work import Repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

Span = tuple[int, int]
"""Positions from the first to the one behind the last."""

MAX_SPANS = 64
"""Stretches that are remembered of one session; of more the smallest are forgotten, and count again
when they are asked for again."""

_n = tables.counters
_p = tables.portions

_one_counter = (
    _n.c.participant == bindparam("p_participant"),
    _n.c.agreement_id == bindparam("p_agreement"),
    _n.c.counter == bindparam("p_counter"),
)
_of_session = (
    _p.c.participant == bindparam("p_participant"),
    _p.c.agreement_id == bindparam("p_agreement"),
    _p.c.session == bindparam("p_session"),
    _p.c.version == bindparam("p_version"),
    _p.c.account == bindparam("p_account"),
)
_KNOWN = select(_p.c.counter, _p.c.spans).where(*_of_session)
_BEGIN = insert(_n).on_conflict_do_nothing()
# Compare and count in one statement, as for uses.
_TAKE = (
    update(_n)
    .where(*_one_counter, _n.c.taken + bindparam("p_number") <= bindparam("p_maximum"))
    .values(taken=_n.c.taken + bindparam("p_number"))
)
_TAKEN = select(_n.c.taken).where(*_one_counter)
_GIVE_BACK = update(_n).where(*_one_counter).values(taken=_n.c.taken - bindparam("p_number"))
_insert = insert(_p)
_KEEP = _insert.on_conflict_do_update(
    index_elements=["participant", "agreement_id", "counter", "session", "version"],
    set_={"spans": _insert.excluded.spans},
)
_FORGET = delete(_p).where(*_of_session, _p.c.counter == bindparam("p_counter"))
_HELD = select(_p.c.account, _p.c.spans).where(
    _p.c.participant == bindparam("participant"),
    _p.c.agreement_id == bindparam("agreement_id"),
    _p.c.session == bindparam("session"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """Who takes, and of which counter of a participant.

    Attributes:
        agreement_id: Under which agreement.
        name: Name of the limit, which its counters of all windows have in common.
        counter: Its counter that is now, of which is taken.
        session: Who takes.
        version: What the positions are positions in; others are other positions.
        ends_at: When the counter's window ends; None for a counter without.
    """

    agreement_id: str
    name: str
    counter: str
    session: str
    version: str
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking.

    Attributes:
        stop: Position up to which the session has everything that it asked for.
        fresh: What of it was counted now.
    """

    stop: int
    fresh: tuple[Span, ...]


class Portions(Repository):
    """Portions taken of the counters of agreements."""

    def take(self, participant: str, account: Account, span: Span, *, maximum: int) -> Taken:
        """Take a stretch, or as much of its beginning as is left.

        Args:
            participant: Whose counter.
            account: Of which counter, and who takes.
            span: The stretch.
            maximum: What there is of the counter.
        """
        known = self._known(participant, account)
        held = [each for spans in known.values() for each in spans]
        missing = without((span,), held)
        wanted = _length(missing)
        granted = self._count(participant, account, wanted, maximum) if wanted else 0
        fresh = _first(missing, granted)
        if fresh:
            self._keep(participant, account, joined([*known.get(account.counter, ()), *fresh]))
        stop = span[1] if granted == wanted else _first_missing(missing, granted)
        return Taken(stop, fresh)

    def give_back(self, participant: str, account: Account, spans: Iterable[Span]) -> int:
        """Give stretches back that did not leave; tells how much of them the session had."""
        own = self._known(participant, account).get(account.counter, ())
        left = without(own, tuple(spans))
        returned = _length(own) - _length(left)
        if returned:
            self._keep(participant, account, left)
            self._unit.execute(_GIVE_BACK, {**_key(participant, account), "p_number": returned})
        return returned

    def held(self, participant: str, agreement_id: str, session: str) -> dict[str, int]:
        """Return how much a session has taken of each limit, by the limit's name."""
        values = {"participant": participant, "agreement_id": agreement_id, "session": session}
        found: dict[str, int] = {}
        for name, spans in self._unit.execute(_HELD, values):
            found[name] = found.get(name, 0) + _length(_read(spans))
        return found

    def _known(self, participant: str, account: Account) -> dict[str, tuple[Span, ...]]:
        """Return what the session has, by the counter of which it was taken."""
        rows = self._unit.execute(_KNOWN, _session(participant, account))
        return {row[0]: _read(row[1]) for row in rows}

    def _count(self, participant: str, account: Account, wanted: int, maximum: int) -> int:
        """Count as much as is left of what is wanted; returns how much."""
        key = {**_key(participant, account), "p_maximum": maximum}
        while wanted > 0:
            if self._unit.execute(_TAKE, {**key, "p_number": wanted}).rowcount:
                return wanted
            row = self._unit.execute(_TAKEN, _key(participant, account)).first()
            if row is None:
                begun = {
                    "participant": participant,
                    "agreement_id": account.agreement_id,
                    "counter": account.counter,
                    "taken": 0,
                    "ends_at": account.ends_at,
                }
                self._unit.execute(_BEGIN, begun)
            wanted = min(wanted, maximum - (0 if row is None else int(row[0])))
        return 0

    def _keep(self, participant: str, account: Account, spans: tuple[Span, ...]) -> None:
        if not spans:
            key = {**_session(participant, account), "p_counter": account.counter}
            self._unit.execute(_FORGET, key)
            return
        largest = sorted(spans, key=lambda span: span[0] - span[1])[:MAX_SPANS]
        self._unit.execute(
            _KEEP,
            {
                "participant": participant,
                "agreement_id": account.agreement_id,
                "counter": account.counter,
                "session": account.session,
                "version": account.version,
                "account": account.name,
                "spans": ",".join(f"{start}-{stop}" for start, stop in sorted(largest)),
            },
        )


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return stretches in order, those that touch as one, empty ones left out."""
    merged: list[Span] = []
    for start, stop in sorted(span for span in spans if span[0] < span[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


def without(spans: Iterable[Span], others: Iterable[Span]) -> tuple[Span, ...]:
    """Return what stretches hold that others do not."""
    left = list(joined(spans))
    for cut_from, cut_to in joined(others):
        left = [
            part
            for start, stop in left
            for part in ((start, min(stop, cut_from)), (max(start, cut_to), stop))
            if part[0] < part[1]
        ]
    return tuple(left)


def _first(spans: Sequence[Span], number: int) -> tuple[Span, ...]:
    """Return the first so many positions of stretches."""
    found: list[Span] = []
    for start, stop in spans:
        if number <= 0:
            break
        found.append((start, min(stop, start + number)))
        number -= stop - start
    return tuple(found)


def _first_missing(spans: Sequence[Span], number: int) -> int:
    """Return the position behind the first so many positions of stretches."""
    for start, stop in spans:
        if number < stop - start:
            return start + number
        number -= stop - start
    return spans[-1][1]


def _length(spans: Iterable[Span]) -> int:
    return sum(stop - start for start, stop in spans)


def _read(text: str) -> tuple[Span, ...]:
    pairs = (part.split("-") for part in text.split(","))
    return tuple((int(start), int(stop)) for start, stop in pairs)


def _key(participant: str, account: Account) -> dict[str, Any]:
    return {
        "p_participant": participant,
        "p_agreement": account.agreement_id,
        "p_counter": account.counter,
    }


def _session(participant: str, account: Account) -> dict[str, Any]:
    return {
        "p_participant": participant,
        "p_agreement": account.agreement_id,
        "p_session": account.session,
        "p_version": account.version,
        "p_account": account.name,
    }
