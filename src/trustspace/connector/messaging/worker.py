"""Sends what was committed: woken by the commit, order kept per process, nothing lost by a crash.

A row committed by this process arrives already leased and goes out at once. The sweep only picks
up what a crash, a failed attempt or an expired lease left. An attempt ends in one of four ways::

    2xx                     delivered; the row goes, the counterparty's pid is learnt
    no answer, 5xx, 409…    tried again with back-off and jitter until the row's deadline
    404 to a later message  tried again a few times: there are peers that listen only after a moment
    4xx                     the process is compared with the counterparty's and, unless that shows
                            the message arrived, ends with the reason that was given
    deadline                the process ends with the code `deadline`
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from trustspace.connector.context import LEASE_SECONDS, ConnectorContext
from trustspace.connector.duties.message import DUTY
from trustspace.connector.ending.message import AGREEMENT
from trustspace.connector.messaging.peers import Peers, json_or_none
from trustspace.errors import NotFoundError, StoreError, TransportError
from trustspace.store import EVERY_PARTICIPANT, Committed, OutboxRow, Transaction

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from trustspace.connector.messaging.outcomes import Outcomes
    from trustspace.connector.messaging.outgoing import AnyProcess
    from trustspace.transport.http_response import Response

logger: logging.Logger = logging.getLogger(__name__)

CONCURRENCY = 64
"""Messages in flight at a time."""

CONCURRENCY_OF_ONE = 16
"""Messages in flight to one counterparty, so that one that does not answer leaves room."""

FIRST_DELAY, LAST_DELAY = 0.2, 30.0
"""Back-off in seconds: first and longest wait between attempts, each with jitter."""

RETRIED = frozenset({408, 409, 425, 429})
"""Client errors that ask for patience; 409 is how existing connectors say "not saved yet"."""

ABSENT_ATTEMPTS = 4
"""Attempts at a process that its counterparty says it does not have, within some two seconds."""

OPENING_ATTEMPTS = 5
"""Attempts at opening a process against a 409: no step of the counterparty's is to be waited for,
hence it is a refusal before long. Existing connectors refuse so the data of an agreement that their
policy does not allow any more."""

SWEEP_ROWS = 200

CLEAN_EVERY = timedelta(minutes=1)
RESERVED_FOR = timedelta(minutes=10)
"""How long a unit of a counter may stay reserved without a byte being sent."""

WINDOWS_KEPT_FOR = timedelta(days=1)
"""How long counters outlive their windows, for sessions that go on."""

FORGOTTEN_AT_ONCE = 1_000
"""Sessions and counters of past windows that one sweep removes."""


class Worker:
    """The sender of one running connector."""

    def __init__(self, context: ConnectorContext, peers: Peers, outcomes: Outcomes) -> None:
        self._context = context
        self._peers = peers
        self._outcomes = outcomes
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._slots_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._held: set[str] = set()
        self._ending: set[tuple[str, str]] = set()
        self._stopping = False
        self._clean_at = context.now()

    def committed(self, committed: Committed) -> None:
        """Take what a commit recorded; called from the store's thread."""
        ours = [row for row in committed.outbox if row.lease_owner == self._context.owner]
        if ours and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, ours)

    async def run(self) -> None:
        """Sweep until cancelled; attempts under way are then given a moment to end."""
        try:
            while True:
                # Cleared before: who asks for a sweep during one gets the next at once.
                self._wake.clear()
                await self._sweep()
                try:
                    async with asyncio.timeout(self._context.settings.exchange.sweep_seconds):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            self._stopping = True
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _sweep(self) -> None:
        now = self._context.now()
        try:
            rows = await self._context.store.write(
                lambda tx: tx.outbox.lease_due(
                    EVERY_PARTICIPANT,
                    owner=self._context.owner,
                    lease_seconds=LEASE_SECONDS,
                    now=now,
                    limit=SWEEP_ROWS,
                )
            )
            self._take(rows)
            for participant, process in await self._outcomes.overdue():
                if (participant, process.id) not in self._ending:
                    self._begin(self._end(participant, process))
            # Many windows that have ended are removed bit by bit: others write meanwhile.
            if now >= self._clean_at and not await self._context.store.write(
                partial(forget_what_is_over, now=now)
            ):
                self._clean_at = now + CLEAN_EVERY
        except StoreError as error:
            logger.warning("sweep put off: %s", error)

    def _take(self, rows: list[OutboxRow] | tuple[OutboxRow, ...]) -> None:
        if self._stopping:
            return
        for row in rows:
            # One that waits for its turn here may have outlived its lease.
            if row.message_id not in self._held:
                self._held.add(row.message_id)
                self._begin(self._deliver(row))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sent)

    async def _end(self, participant: str, process: AnyProcess) -> None:
        """End an overdue process; who does not tell its state delays no other one."""
        key = (participant, process.id)
        self._ending.add(key)
        try:
            await self._outcomes.end(self._peers, participant, process)
        finally:
            self._ending.discard(key)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("sending failed unexpectedly", exc_info=error)

    async def _deliver(self, row: OutboxRow) -> None:
        """Send one message and, when its process has further ones, those after it."""
        own = self._slots_of.setdefault(row.audience, asyncio.Semaphore(CONCURRENCY_OF_ONE))
        following: OutboxRow | None = row
        while following is not None:
            held = following.message_id
            self._held.add(held)
            try:
                async with own, self._slots:
                    following = await self._attempt(following)
            finally:
                self._held.discard(held)

    async def _attempt(self, row: OutboxRow) -> OutboxRow | None:
        """Send one message; returns the next one of its process, leased to us."""
        try:
            response = await self._peers.post(
                row, seconds=self._context.settings.exchange.answer_seconds
            )
        except NotFoundError:
            return await self._outcomes.undeliverable(row, code="participant.gone", reasons=())
        except TransportError as error:
            return await self._put_off(row, str(error), retryable=error.retryable)
        if response.status in range(200, 300):
            return await self._outcomes.delivered(row, json_or_none(response))
        is_patient = response.status in RETRIED and not _is_final(row, response)
        if is_patient or response.status >= 500 or _is_early(row, response):
            return await self._put_off(row, f"status {response.status}", retryable=True)
        return await self._refused(row, response.status, json_or_none(response))

    async def _put_off(self, row: OutboxRow, error: str, *, retryable: bool) -> OutboxRow | None:
        """Try again later, or give up when there is no later."""
        delay = min(LAST_DELAY, FIRST_DELAY * 2**row.attempts) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret
        next_at = self._context.now() + timedelta(seconds=delay)
        if not retryable or next_at >= row.deadline:
            code = "deadline" if retryable else "unreachable"
            return await self._outcomes.undeliverable(row, code=code, reasons=(error,))
        logger.info("message %s to %s put off: %s", row.message_id, row.audience, error)
        await self._context.store.write(
            lambda tx: tx.outbox.retry(
                row.participant, row.message_id, next_at=next_at, error=error
            )
        )
        self._loop.call_later(delay, self._wake.set)
        return None

    async def _refused(self, row: OutboxRow, status: int, body: Any) -> OutboxRow | None:  # noqa: ANN401 - any JSON value
        """Decide what a refusal means: the message may have arrived with an earlier attempt."""
        their_state = await self._peers.state_after(
            row, seconds=self._context.settings.exchange.answer_seconds
        )
        return await self._outcomes.refused(row, status=status, body=body, their_state=their_state)


def _is_early(row: OutboxRow, response: Response) -> bool:
    """Say whether a counterparty that knows no such process may know it in a moment."""
    return response.status == 404 and _is_later(row) and row.attempts < ABSENT_ATTEMPTS - 1


def _is_final(row: OutboxRow, response: Response) -> bool:
    """Say whether a conflict over a process that does not exist yet has lasted long enough."""
    opens = not _is_later(row) and row.process_kind not in (AGREEMENT, DUTY)
    return response.status == 409 and opens and row.attempts >= OPENING_ATTEMPTS - 1


def _is_later(row: OutboxRow) -> bool:
    """Say whether a message is about a process that both sides have."""
    return "consumerPid" in row.body and "providerPid" in row.body


def forget_what_is_over(tx: Transaction, *, now: datetime) -> bool:
    """Remove what no time needs any more; tells whether there may be more of it."""
    tx.tokens.purge(EVERY_PARTICIPANT, now=now)
    tx.idempotency.purge(EVERY_PARTICIPANT, now=now)
    # A unit is final with the first byte, moments after it was reserved, or a crash came between.
    tx.counters.release_stale(EVERY_PARTICIPANT, reserved_before=now - RESERVED_FOR)
    return tx.counters.forget(
        EVERY_PARTICIPANT, ended_before=now - WINDOWS_KEPT_FOR, limit=FORGOTTEN_AT_ONCE
    )
