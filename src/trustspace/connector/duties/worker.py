"""Carries duties out when their time comes, and notes those whose time is over.

What is due lies in the store. An attempt changes the row in the same transaction as the message
that it sends, so that a process that dies before, between or after finds the row as it then is:
removing copies twice removes nothing, and a message told twice settles nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.context import Hosted, new_pid
from trustspace.connector.duties.evidence import Evidence
from trustspace.connector.duties.manner import Work, manner_of
from trustspace.connector.duties.message import DutyStep
from trustspace.connector.duties.planner import lapses_at
from trustspace.errors import StoreError, TrustspaceError
from trustspace.store import EVERY_PARTICIPANT, Committed, DutyState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.duties.copies import KeptCopies
    from trustspace.connector.duties.notices import Notices
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.duties.settlement import Settlement
    from trustspace.connector.duties.telling import Telling
    from trustspace.store import AgreementRow, DutyRow, Transaction

logger: logging.Logger = logging.getLogger(__name__)

ROWS: Final = 100

LONGEST_SLEEP: Final = timedelta(seconds=30)
"""A clock may be set; nobody waits longer than this for what its new time brings."""

AGAIN: Final = 0.5
"""Seconds until the store is asked again that did not answer."""


class DutyWorker:
    """Carries out the duties of one running connector; for one event loop."""

    def __init__(
        self,
        context: ConnectorContext,
        planner: DutyPlanner,
        settlement: Settlement,
        telling: Telling,
        copies: Sequence[KeptCopies],
        notices: Notices,
    ) -> None:
        self._context = context
        self._planner = planner
        self._settlement = settlement
        self._telling = telling
        self._copies = copies
        self._notices = notices
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()

    def committed(self, committed: Committed) -> None:
        """Look again when a duty moved; called from the store's thread."""
        del committed
        if self._planner.has_moved() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Carry out what is due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                seconds = await self._look()
            except StoreError as error:
                logger.warning("duties are put off: %s", error)
                seconds = AGAIN
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> float:
        """Carry out what is due; return for how many seconds nothing will be."""
        now = self._context.now()
        rows = await self._context.store.read(
            lambda tx: tx.duties.due(EVERY_PARTICIPANT, now=now, limit=ROWS)
        )
        for row in rows:
            try:
                await self._take(row)
            except (TrustspaceError, OSError) as error:
                logger.warning("duty %s of %s: %s", row.duty_id, row.agreement_id, error)
                await self._attempt_failed(row, str(error))
        if len(rows) == ROWS:
            return 0.0
        following = await self._context.store.read(lambda tx: tx.duties.next_at(EVERY_PARTICIPANT))
        if following is None:
            return LONGEST_SLEEP.total_seconds()
        left = max(following - self._context.now(), timedelta(0))
        return min(LONGEST_SLEEP, left).total_seconds() + 0.01

    async def _take(self, row: DutyRow) -> None:
        """Do what an occurrence needs now."""
        hosted = self._context.hosted.get(row.participant)
        agreement = await self._context.store.read(
            lambda tx: tx.agreements.get(row.participant, row.agreement_id)
        )
        if hosted is None or agreement is None:
            await self._context.store.write(lambda tx: _rest(tx, row))
            return
        work = manner_of(row.action).work if row.bearer is agreement.role else Work.WAIT
        if work is Work.DELETE and row.is_owed:
            await self._delete(hosted, agreement, row)
        elif work is Work.TELL and row.is_owed and self._notices.address_of(row):
            await self._notify(hosted, agreement, row)
        else:
            await self._context.store.write(
                lambda tx: self._step(tx, hosted, agreement, row, tells=work is not Work.WAIT)
            )

    async def _delete(self, hosted: Hosted, agreement: AgreementRow, row: DutyRow) -> None:
        removed: dict[str, Any] = {}
        at = self._context.now()
        for place in self._copies:
            removed |= await place.remove(hosted, agreement)
        evidence = Evidence(new_pid(), at=at, by=hosted.id, more={"removed": removed})
        await self._context.store.write(
            lambda tx: self._done(tx, hosted, agreement, row, evidence, tells=True)
        )

    async def _notify(self, hosted: Hosted, agreement: AgreementRow, row: DutyRow) -> None:
        name = await self._notices.send(hosted, agreement, row)
        evidence = Evidence(name, at=self._context.now(), by=hosted.id)
        await self._context.store.write(
            lambda tx: self._done(tx, hosted, agreement, row, evidence, tells=False)
        )

    def _done(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        evidence: Evidence,
        *,
        tells: bool,
    ) -> None:
        """Settle what was done, with everything that was owed before it began."""
        now = self._context.now()
        rows = [
            each
            for each in tx.duties.owed(hosted.name, agreement.id)
            if each.duty_id == row.duty_id
            and (each.occurrence == row.occurrence or (tells and each.created_at <= evidence.at))
        ]
        settled = [
            self._settlement.fulfil(tx, hosted, agreement, each, evidence, now=now) for each in rows
        ]
        if tells and settled:
            self._say(tx, hosted, agreement, settled, evidence, now=now)

    def _step(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        seen: DutyRow,
        *,
        tells: bool,
    ) -> None:
        """Do what takes the store alone."""
        now = self._context.now()
        row = tx.duties.get(seen.participant, seen.agreement_id, seen.duty_id, seen.occurrence)
        if row is None or row.next_at is None or row.next_at > now:
            return  # Somebody else has seen to it.
        if row.action == "ts:meter" and row.is_owed:
            self._unmeasured(tx, hosted, agreement, row, now=now)
        elif _is_over(row, now) and (not tells or row.message_id is not None):
            self._settlement.lapse(tx, hosted, agreement, replace(row, next_at=None), now=now)
        elif not tells or row.message_id is not None:
            tx.duties.put(row.participant, replace(row, next_at=None))
        elif row.is_owed:
            self._tell_of_uses(tx, hosted, agreement, row, now=now)
        elif row.evidence is not None:
            self._say(tx, hosted, agreement, [row], Evidence.of(row.evidence), now=now)

    def _tell_of_uses(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        *,
        now: datetime,
    ) -> None:
        """Tell of every use that has not been told yet."""
        rows = [
            each
            for each in tx.duties.owed(hosted.name, agreement.id)
            if each.duty_id == row.duty_id and each.message_id is None
        ]
        evidence = Evidence(new_pid(), at=now, by=hosted.id, more=_uses(rows))
        self._say(tx, hosted, agreement, rows, evidence, now=now)

    def _say(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        rows: Sequence[DutyRow],
        evidence: Evidence,
        *,
        now: datetime,
    ) -> None:
        step = DutyStep.FULFILMENT
        message = self._telling.tell(tx, hosted, agreement, step, rows, evidence, now=now)
        for row in rows:
            moved = replace(row, message_id=message, next_at=_watch(row, now), updated_at=now)
            tx.duties.put(row.participant, moved)
            if message is None and row.is_owed:
                untold = replace(moved, last_error="the counterparty takes no such messages")
                self._settlement.fail(tx, hosted, agreement, untold, now=now)

    def _unmeasured(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement: AgreementRow,
        row: DutyRow,
        *,
        now: datetime,
    ) -> None:
        """Look whether a delivery was measured whose end nobody noted: the process was killed."""
        sessions = {meter.session for meter in tx.meters.list(hosted.name, agreement.id)}
        if row.occurrence in sessions:
            evidence = Evidence(f"meter:{row.occurrence}", at=now, by=hosted.id)
            self._settlement.fulfil(tx, hosted, agreement, row, evidence, now=now)
            return
        cut = replace(row, last_error="the delivery ended without being measured")
        self._settlement.fail(tx, hosted, agreement, cut, now=now)

    async def _attempt_failed(self, row: DutyRow, error: str) -> None:
        def hop(tx: Transaction) -> None:
            now = self._context.now()
            found = tx.duties.get(row.participant, row.agreement_id, row.duty_id, row.occurrence)
            if found is not None and found.next_at is not None:
                self._telling.failed(tx, found, error, now=now)

        await self._context.store.write(hop)


def _rest(tx: Transaction, row: DutyRow) -> None:
    """Look at an occurrence no more whose participant or agreement is gone."""
    found = tx.duties.get(row.participant, row.agreement_id, row.duty_id, row.occurrence)
    if found is not None:
        tx.duties.put(row.participant, replace(found, next_at=None))


def _is_over(row: DutyRow, now: datetime) -> bool:
    return row.state is DutyState.OPEN and row.due is not None and lapses_at(row.due) <= now


def _watch(row: DutyRow, now: datetime) -> datetime | None:
    """Return when to look again at what is on its way: at the end of its time."""
    if not row.is_owed or row.due is None or row.due <= now:
        return None
    return lapses_at(row.due)


def _uses(rows: Sequence[DutyRow]) -> dict[str, Any]:
    """Return what a report says of the uses that it is about."""
    known = [use for row in rows if isinstance(use := row.params.get("use"), dict)]
    return {
        "uses": len(rows),
        "bytes": sum(int(use.get("bytes", 0)) for use in known),
        "rows": sum(int(use.get("rows", 0)) for use in known),
        "first": min(row.created_at for row in rows).isoformat(),
        "last": max(row.created_at for row in rows).isoformat(),
    }
