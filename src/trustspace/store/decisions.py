"""What was decided last, with what was asked: a ring of as many rows as its owner keeps.

A new decision takes the place of the oldest one, so that nothing has to be cleared away and the
table never grows past its bound.

Example::

    tx.decisions.put("garden", row, keep=1_000)
    tx.decisions.get("garden", decision_id)
    for row in tx.decisions.last("garden", 100): ...
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from trustspace.store import tables
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_d = tables.decisions

_insert = insert(_d)
_KEPT = tuple(column.name for column in _d.c if not column.primary_key)
_PUT = Statement(
    _insert.on_conflict_do_update(
        index_elements=[_d.c.participant, _d.c.slot],
        set_={name: _insert.excluded[name] for name in _KEPT},
    )
)
_NUMBER = select(func.max(_d.c.number)).where(_d.c.participant == bindparam("participant"))
_GET = select(_d).where(
    _d.c.participant == bindparam("participant"), _d.c.id == bindparam("decision_id")
)
_LAST = (
    select(_d)
    .where(_d.c.participant == bindparam("participant"))
    .order_by(_d.c.number.desc())
    .limit(bindparam("limit"))
)
_CUT = delete(_d).where(
    _d.c.participant == bindparam("p_participant"), _d.c.slot >= bindparam("p_keep")
)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision.

    Attributes:
        number: Counts the participant's decisions, from 1.
        id: Id of the decision.
        at: When.
        point: Where the question was asked, for example ``access``.
        subject: Who asked; None for somebody who is not known.
        dataset: What was asked for.
        agreement: Under which agreement; None before there is one.
        action: What was to be done.
        effect: ``allow``, ``conditional`` or ``deny``.
        code: Id of the first reason of a denial; empty otherwise.
        bundle: Revision of the rules that decided.
        digest: Digest of what was asked, whole.
        request: What was asked, JSON; None where it was too large to be kept.
        decision: What was answered, JSON.
    """

    number: int
    id: str
    at: datetime
    point: str
    subject: str | None
    dataset: str
    agreement: str | None
    action: str
    effect: str
    code: str
    bundle: str
    digest: str
    request: str | None
    decision: str


class Decisions(Repository):
    """The last decisions of every participant."""

    def put(self, participant: str, row: DecisionRow, *, keep: int) -> None:
        """Keep a decision in the place of the oldest.

        Args:
            participant: Whose rules decided.
            row: The decision.
            keep: How many are kept, at least 1.
        """
        values = {name: getattr(row, name) for name in row.__slots__}
        self._unit.execute(_PUT, {"participant": participant, "slot": row.number % keep, **values})

    def number(self, participant: str) -> int:
        """Return the highest number; 0 when there is none."""
        return int(self._unit.execute(_NUMBER, {"participant": participant}).scalar() or 0)

    def get(self, participant: str, decision_id: str) -> DecisionRow | None:
        """Return a decision, or None when it is not, or no longer, kept."""
        values = {"participant": participant, "decision_id": decision_id}
        row = self._unit.execute(_GET, values).mappings().first()
        return None if row is None else _row(dict(row))

    def last(self, participant: str, limit: int) -> tuple[DecisionRow, ...]:
        """Return the last decisions, newest first."""
        values = {"participant": participant, "limit": limit}
        return tuple(_row(dict(row)) for row in self._unit.execute(_LAST, values).mappings())

    def cut(self, participant: str, keep: int) -> None:
        """Forget what lies beyond a smaller bound."""
        self._unit.execute(_CUT, {"p_participant": participant, "p_keep": keep})


def _row(values: dict[str, object]) -> DecisionRow:
    named = {name: values[name] for name in DecisionRow.__slots__}
    return DecisionRow(**named)  # type: ignore[arg-type]
