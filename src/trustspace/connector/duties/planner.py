"""Plans what is owed, in the transaction that causes it: the signature, a use, the end.

Both sides plan from the same agreement, each for itself. What the provider does with each delivery
is done when it is planned; everything else waits for the worker, or for somebody's evidence.

Example::

    planner.concluded(tx, agreement, now=now)
    planner.used(tx, agreement, "session-1", obligations=decision.obligations, now=now)
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.deciding.known_facts import agreement_rules
from trustspace.connector.duties.evidence import Evidence, stamp
from trustspace.connector.duties.manner import Occasion, Work, every_duty, manner_of
from trustspace.errors import PolicyError
from trustspace.model.participant import Role
from trustspace.store import ONCE, AgreementState, DutyRow, DutyState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trustspace.policy.decision import DutyIR, Obligation
    from trustspace.store import AgreementRow, Transaction

END: Final = "end"
"""Occurrence of what is owed because the agreement has ended."""

GRACE_SECONDS: Final = 3_600
"""How long deletion may take once an agreement has ended whose terms say nothing about it."""

MARGIN: Final = timedelta(seconds=60)
"""How long before the end of its term a deletion begins, or a tenth of the term if that is less."""

METERED_WITHIN: Final = timedelta(hours=1)
"""How long after a delivery began it is looked whether its end was measured."""


class DutyPlanner:
    """Plans duties of both roles."""

    def __init__(self) -> None:
        self._moved = False

    def has_moved(self) -> bool:
        """Tell whether something was planned or settled since this was asked last."""
        moved, self._moved = self._moved, False
        return moved

    def moved(self) -> None:
        """Have the worker look again after the commit."""
        self._moved = True

    def concluded(self, tx: Transaction, agreement: AgreementRow, *, now: datetime) -> None:
        """Plan what is owed from the signature on."""
        for duty, when in _duties(agreement):
            if when is Occasion.AGREEMENT:
                due = None if duty.deadline is None else _moment(duty.deadline)
                self._plan(tx, agreement, duty, ONCE, due=due, now=now)

    def used(
        self,
        tx: Transaction,
        agreement: AgreementRow,
        session: str,
        *,
        obligations: Iterable[Obligation] | None = None,
        event: int = 0,
        use: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> None:
        """Plan what is owed with a use.

        Args:
            tx: The transaction.
            agreement: Under which agreement.
            session: The governed open that the use is.
            obligations: What the decision about it asks for; None where somebody else decided.
            event: Number of the event that logs the use.
            use: What is known of it, for a report.
            now: Current time.
        """
        asked = None if obligations is None else {each.id for each in obligations}
        if asked is not None and not asked:
            return
        for duty, when in _duties(agreement):
            if when is not Occasion.USE or (asked is not None and duty.id not in asked):
                continue
            manner = manner_of(duty.action)
            if manner.work is Work.AT_ONCE:
                if manner.bearer is agreement.role:
                    self._with_delivery(tx, agreement, duty, session, event=event, now=now)
                continue
            if duty.action == "odrl:delete" and _is_owed(tx, agreement, duty):
                continue  # Deleting once removes the copies of every use until then.
            due = None if duty.delay is None else _after(now, duty.delay)
            self._plan(tx, agreement, duty, session, due=due, use=use, now=now)

    def metered(
        self, tx: Transaction, agreement: AgreementRow, session: str, *, now: datetime
    ) -> None:
        """Note that what left in a session was measured."""
        for duty, _ in _duties(agreement):
            if duty.action == "ts:meter":
                row = tx.duties.get(agreement.participant, agreement.id, duty.id, session)
                if row is not None and row.state is DutyState.OPEN:
                    tx.duties.put(agreement.participant, _done(row, f"meter:{session}", now=now))

    def ended(self, tx: Transaction, agreement: AgreementRow, *, now: datetime) -> None:
        """Plan what is owed because an agreement has ended.

        A licence that was withdrawn leaves no time to keep copies: deletion is due at once then,
        however late the terms would allow it.
        """
        is_withdrawn = agreement.state is AgreementState.REVOKED
        was_used = bool(tx.transfers.about(agreement.participant, agreement.id))
        for duty, when in _duties(agreement):
            if duty.action != "odrl:delete" or not was_used:
                continue
            if when is Occasion.END or is_withdrawn:
                self._plan(tx, agreement, duty, END, due=_after(now, GRACE_SECONDS), now=now)

    def lapsed(
        self, tx: Transaction, agreement: AgreementRow, row: DutyRow, *, now: datetime
    ) -> None:
        """Plan what follows when an occurrence was not settled in time."""
        duties = every_duty(agreement_rules(agreement))
        if row.duty_id not in duties:
            return
        lapsed = duties[row.duty_id][0]
        following = [*lapsed.consequences]
        following += [duties[name][0] for name in lapsed.remedies if name in duties]
        for duty in following:
            due = None if duty.delay is None else _after(now, duty.delay)
            if duty.deadline is not None:
                due = _moment(duty.deadline)
            self._plan(tx, agreement, duty, row.occurrence, due=due, now=now)

    # --- within ----------------------------------------------------------------------------------

    def _plan(
        self,
        tx: Transaction,
        agreement: AgreementRow,
        duty: DutyIR,
        occurrence: str,
        *,
        due: datetime | None,
        use: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> None:
        row = _row(agreement, duty, occurrence, due=due, now=now)
        if use:
            row = replace(row, params=dict(row.params) | {"use": dict(use)})
        if tx.duties.add(agreement.participant, row):
            self._moved = True
            tx.events.append(agreement.participant, "duty.owed", about(row), now=now)

    def _with_delivery(
        self,
        tx: Transaction,
        agreement: AgreementRow,
        duty: DutyIR,
        session: str,
        *,
        event: int,
        now: datetime,
    ) -> None:
        row = _row(agreement, duty, session, due=None, now=now)
        if duty.action == "ts:meter":
            tx.duties.add(agreement.participant, replace(row, next_at=now + METERED_WITHIN))
        else:
            tx.duties.add(agreement.participant, _done(row, f"event:{event}", now=now))


def about(row: DutyRow) -> dict[str, Any]:
    """Return what every domain event of a duty says of it."""
    return {
        "agreement": row.agreement_id,
        "duty": row.duty_id,
        "occurrence": row.occurrence,
        "action": row.action,
        "bearer": row.bearer.value,
        "due": None if row.due is None else stamp(row.due),
    }


def duty_of(agreement: AgreementRow, duty_id: str) -> DutyIR | None:
    """Return a duty of an agreement by its id, or None."""
    return next((duty for duty, _ in _duties(agreement) if duty.id == duty_id), None)


def _duties(agreement: AgreementRow) -> list[tuple[DutyIR, Occasion]]:
    try:
        return [*every_duty(agreement_rules(agreement)).values()]
    except PolicyError:
        return []  # What cannot be read gives no access, hence obliges to nothing.


def _row(
    agreement: AgreementRow,
    duty: DutyIR,
    occurrence: str,
    *,
    due: datetime | None,
    now: datetime,
) -> DutyRow:
    manner = manner_of(duty.action)
    next_at = None if due is None else lapses_at(due)
    if manner.bearer is agreement.role and manner.work is Work.TELL:
        next_at = now if due is None or duty.action != "ts:report" else _in_time(due, now)
    elif manner.bearer is agreement.role and manner.work is Work.DELETE and due is not None:
        next_at = now if occurrence == END else _in_time(due, now)
    return DutyRow(
        participant=agreement.participant,
        agreement_id=agreement.id,
        duty_id=duty.id,
        occurrence=occurrence,
        action=duty.action,
        bearer=manner.bearer,
        created_at=now,
        updated_at=now,
        params={name: _plain(each) for name, each in duty.params.items()},
        on_failure=duty.on_failure,
        src=duty.src,
        due=due,
        next_at=next_at,
    )


def lapses_at(due: datetime) -> datetime:
    """Return when what was due is overdue: in the second after, as the engine counts."""
    return due + timedelta(seconds=1)


def _after(now: datetime, seconds: int) -> datetime:
    """Return a moment so many seconds later, a whole second."""
    return _moment(math.ceil(now.timestamp()) + seconds)


def _in_time(due: datetime, now: datetime) -> datetime:
    """Return when to begin so that it is done before its term is over."""
    return due - min(MARGIN, max(due - now, timedelta(0)) / 10)


def _done(row: DutyRow, name: str, *, now: datetime) -> DutyRow:
    evidence = Evidence(name, at=now, by=Role.PROVIDER.value)
    return replace(
        row,
        state=DutyState.FULFILLED,
        evidence=evidence.to_document(),
        fulfilled_at=now,
        updated_at=now,
        next_at=None,
    )


def _is_owed(tx: Transaction, agreement: AgreementRow, duty: DutyIR) -> bool:
    owed = tx.duties.owed(agreement.participant, agreement.id)
    return any(row.duty_id == duty.id for row in owed)


def _plain(value: Any) -> Any:  # noqa: ANN401 - a scalar or several
    return list(value) if isinstance(value, tuple) else value


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
