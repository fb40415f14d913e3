"""Delivers what is to be pushed: woken by commits, a few at a time, on from where a crash left it.

What is due lies in the store with the transfer that it belongs to. While an attempt runs its row
stays due, so that a process that dies in the middle finds it when it starts again. Each attempt
asks policy as a pull does, in the one session that the push has: however often it goes on, it is
one use.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from trustspace.connector.delivering.delivery_checks import FORM_UNAVAILABLE, CalledInstead
from trustspace.connector.delivering.order import Order
from trustspace.connector.messaging.worker import RETRIED
from trustspace.connector.pushing import address as addresses
from trustspace.connector.pushing.attempt import Attempt, Sent
from trustspace.connector.pushing.progress import NO_PUSH
from trustspace.connector.pushing.spool import Spool
from trustspace.dataplane.push_target import PARQUET, PushTarget
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import read_source
from trustspace.dsp.messages import TransferState
from trustspace.errors import (
    EgressDeniedError,
    NotFoundError,
    PolicyDeniedError,
    ProtocolError,
    StatusError,
    StoreError,
    TrustspaceError,
)
from trustspace.store import EVERY_PARTICIPANT, Committed, PushRow, Transaction

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.allowance import Allowance
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.pushing.progress import PushProgress
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.transport.http_client import GuardedClient

logger: logging.Logger = logging.getLogger(__name__)

CONCURRENCY: Final = 8
"""Pushes under way at a time."""

PROGRESS_BYTES: Final = 1024 * 1024
"""What an attempt must have brought so that the next ones are counted anew."""

FIRST_DELAY, LAST_DELAY = 0.5, 60.0
"""Back-off in seconds between attempts that brought nothing, with jitter."""


class PushWorker:
    """Delivers the pushes of one running connector."""

    def __init__(
        self,
        context: ConnectorContext,
        deliveries: Deliveries,
        transfers: Transfers,
        progress: PushProgress,
        authentication: Authentication,
        client: GuardedClient,
        *,
        folder: Path,
    ) -> None:
        self._context = context
        self._deliveries = deliveries
        self._transfers = transfers
        self._progress = progress
        self._authentication = authentication
        self._client = client
        self._spool = Spool(folder)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def committed(self, committed: Committed) -> None:
        """Look again when a push moved; called from the store's thread."""
        del committed
        if self._progress.has_moved() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then left for the next start."""
        try:
            while True:
                self._wake.clear()
                await self._sweep()
                try:
                    async with asyncio.timeout(self._context.settings.exchange.sweep_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _sweep(self) -> None:
        now = self._context.now()
        try:
            rows = await self._context.store.read(
                lambda tx: tx.pushes.due(
                    EVERY_PARTICIPANT, now=now, limit=CONCURRENCY + len(self._running)
                )
            )
        except StoreError as error:
            logger.warning("pushes put off: %s", error)
            return
        for row in rows:
            key = (row.participant, row.pid)
            if key not in self._running and len(self._running) < CONCURRENCY:
                task = self._loop.create_task(self._take(row))
                self._running[key] = task
                task.add_done_callback(partial(self._done, key))

    def _done(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("pushing failed unexpectedly", exc_info=error)
            return
        self._wake.set()

    async def _take(self, row: PushRow) -> None:
        """Make one attempt and record what came of it."""
        hosted = self._context.hosted.get(row.participant)
        transfer = await self._context.store.read(
            lambda tx: tx.transfers.get(row.participant, row.pid)
        )
        if hosted is None or transfer is None or transfer.state is not TransferState.STARTED:
            await self._reschedule(row, None)
            return
        try:
            sent = await self._deliver(hosted, transfer, row)
        except TrustspaceError as error:
            await self._failed(hosted, row, error)
            return
        if sent.sha256 is not None:
            await self._complete(hosted, row, sent)
        else:
            logger.info("push %s was cut", row.pid)

    async def _failed(self, hosted: Hosted, row: PushRow, error: TrustspaceError) -> None:
        if isinstance(error, PolicyDeniedError) and error.code.startswith("transfer."):
            return  # Whatever moved the transfer has said what becomes of its push.
        verdict = _verdict(error)
        if verdict is not None:
            await self._give_up(hosted, row, *verdict)
        elif isinstance(error, StoreError):
            logger.warning("push %s put off: %s", row.pid, error)
            await asyncio.sleep(FIRST_DELAY)
        else:
            await self._put_off(hosted, row, str(error))

    async def _deliver(self, hosted: Hosted, transfer: TransferProcess, row: PushRow) -> Sent:
        if row.sha256 is not None:
            return Sent(row.size_bytes, row.sha256)  # All of it is there; only that was not said.
        target = PushTarget.of(addresses.read(hosted, row))
        await self._authentication.check_sink(transfer.counterparty, target.url)
        order = Order(
            transfer_pid=transfer.id,
            agreement_id=transfer.agreement_id,
            consumer=transfer.counterparty,
            session=row.session,
            action=None,
            as_table=await self._form(hosted, transfer, target) == "table",
        )
        grant = await self._deliveries.grant(hosted, order)
        meter_rows = 0
        complete = False
        allowance: Allowance | None = None
        attempt: Attempt | None = None
        try:
            source, form, restriction = read_source(grant.dataset.source), order.form, None
            allowance = self._deliveries.allowance(
                hosted, grant, source, grant.restriction if form == "table" else None
            )
            if form == "table" and target.media_type == PARQUET:
                spooled = await anyio.to_thread.run_sync(
                    self._spool.parquet, row.pid, source, grant.restriction, grant.gate.check
                )
                source, form, meter_rows = spooled.source, "file", spooled.rows
                restriction = Restriction()
                await self._take_rows(row, allowance, meter_rows)
            attempt = Attempt(
                hosted,
                grant,
                target,
                source,
                form,
                restriction or grant.restriction,
                self._client,
                timedelta(seconds=self._context.settings.delivery.push_idle_seconds),
                allowance,
                self._context.sources,
            )
            there = await attempt.ask() if row.version else Sent()
            if there.sha256 is not None:
                return there
            await self._begun(row, attempt, there)
            try:
                sent = await attempt.send(self._deliveries, offset=there.size_bytes)
                complete = sent.sha256 is not None
                return sent
            finally:
                with anyio.CancelScope(shield=True):
                    if attempt.meter.size_bytes:
                        await self._deliveries.delivered(
                            hosted,
                            grant,
                            size_bytes=attempt.meter.size_bytes,
                            rows=attempt.meter.rows or (meter_rows if complete else 0),
                            complete=complete,
                        )
        finally:
            with anyio.CancelScope(shield=True):
                if allowance is not None:
                    size, rows = (0, 0) if attempt is None else attempt.left(meter_rows)
                    await allowance.settle(size=size, rows=rows)
                await self._deliveries.leave(hosted, grant)

    async def _take_rows(self, row: PushRow, allowance: Allowance | None, number: int) -> None:
        """Take the rows of a file that is a table, all or none: a part of it cannot be read.

        Raises:
            PolicyDeniedError: There are not so many left.
        """
        if allowance is None:
            return
        if await anyio.to_thread.run_sync(allowance.rows, 0, number) < number:
            self._spool.forget(row.pid)
            raise allowance.refusal()

    async def _form(self, hosted: Hosted, transfer: TransferProcess, target: PushTarget) -> str:
        """Return the form to deliver: what is asked for, else the file where it may leave."""
        if target.form is not None:
            return target.form

        def query(tx: Transaction) -> tuple[str, ...]:
            agreement = tx.agreements.get(hosted.name, transfer.agreement_id)
            dataset = agreement and tx.datasets.get(hosted.name, agreement.dataset_id)
            return getattr(dataset, "forms", ()) or ()

        forms = await self._context.store.read(query)
        return "table" if "file" not in forms and "table" in forms else "file"

    async def _begun(self, row: PushRow, attempt: Attempt, there: Sent) -> None:
        """Keep which version is on its way, before its first byte leaves."""
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            found = tx.pushes.get(row.participant, row.pid)
            if found is not None:
                begun = replace(
                    found,
                    version=attempt.version,
                    media_type=attempt.source.media_type,
                    size_bytes=there.size_bytes,
                    updated_at=now,
                )
                tx.pushes.put(row.participant, begun)

        await self._context.store.write(hop)

    async def _complete(self, hosted: Hosted, row: PushRow, sent: Sent) -> None:
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            found = tx.pushes.get(row.participant, row.pid)
            transfer = tx.transfers.get(row.participant, row.pid)
            if found is None or transfer is None or transfer.is_terminal:
                return
            done = replace(
                found,
                size_bytes=sent.size_bytes,
                sha256=sent.sha256,
                attempts=0,
                next_at=None,
                last_error="",
                updated_at=now,
            )
            tx.pushes.put(row.participant, done)
            body = {
                "transfer": transfer.id,
                "agreement": transfer.agreement_id,
                "counterparty": transfer.counterparty,
                "session": found.session,
                "bytes": sent.size_bytes,
                "sha256": sent.sha256,
            }
            tx.events.append(row.participant, "delivery.pushed", body, now=now)
            if transfer.state is TransferState.STARTED:
                # One that was suspended meanwhile is completed when it is resumed.
                self._transfers.complete(tx, hosted, transfer, sha256=sent.sha256, now=now)

        await self._context.store.write(hop)
        self._context.gates.close(transfer_pid=row.pid, code="transfer.completed")
        self._spool.forget(row.pid)

    async def _put_off(self, hosted: Hosted, row: PushRow, error: str) -> None:
        """Try again later, or give up when that has been tried often enough."""
        attempts = row.attempts + 1
        if attempts >= self._context.settings.delivery.push_attempts:
            await self._give_up(hosted, row, "push.unreachable", (error,))
            return
        delay = min(LAST_DELAY, FIRST_DELAY * 2**row.attempts) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
        logger.info("push %s put off: %s", row.pid, error)
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            found = tx.pushes.get(row.participant, row.pid)
            if found is None or found.next_at is None:
                return  # It was suspended or ended meanwhile.
            moved = found.size_bytes - row.size_bytes >= PROGRESS_BYTES
            later = replace(
                found,
                attempts=0 if moved else attempts,
                next_at=now + timedelta(seconds=delay),
                last_error=error[:500],
                updated_at=now,
            )
            tx.pushes.put(row.participant, later)

        await self._context.store.write(hop)
        self._loop.call_later(delay, self._wake.set)

    async def _give_up(
        self, hosted: Hosted, row: PushRow, code: str, reasons: tuple[object, ...]
    ) -> None:
        logger.info("push %s given up: %s %s", row.pid, code, reasons)
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            transfer = tx.transfers.get(row.participant, row.pid)
            if transfer is not None and not transfer.is_terminal:
                self._transfers.terminate(
                    tx,
                    hosted,
                    transfer,
                    code=code,
                    reasons=tuple(
                        reason if isinstance(reason, dict) else str(reason) for reason in reasons
                    ),
                    now=now,
                )

        await self._context.store.write(hop)
        self._context.gates.close(transfer_pid=row.pid, code=code)
        self._spool.forget(row.pid)

    async def _reschedule(self, row: PushRow, next_at: None) -> None:
        await self._context.store.write(
            lambda tx: tx.pushes.schedule(row.participant, row.pid, next_at)
        )


def _verdict(error: TrustspaceError) -> tuple[str, tuple[object, ...]] | None:
    """Return code and reasons of a failure that trying again does not mend, or None."""
    words = (str(error),)
    found: tuple[str, tuple[object, ...]] | None = None
    match error:
        case PolicyDeniedError():
            found = error.code, error.reasons or words
        case StatusError() if error.status not in RETRIED and error.status < 500:
            found = "push.refused", words
        case EgressDeniedError():
            found = "push.denied", ("the sink may not be called",)
        case CalledInstead():
            found = FORM_UNAVAILABLE, (NO_PUSH,)
        case ProtocolError():
            found = error.reply[0], words
        case NotFoundError():
            found = "push.failed", words
    return found
