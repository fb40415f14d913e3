"""The monitor: what runs is decided again at the moment when something it hangs on changes.

It is woken by a transfer that moves, by facts that the owner attests or a provider says, by other
rules, and by the clock at the next moment that a decision names; nothing is looked at in between.
Deliveries are cut as soon as the engine has said no; the messages follow.

Example::

    monitor = Monitor(context, transfers)
    stack.callback(store.on_commit(monitor.committed))
    await monitor.run()
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from trustspace.connector.monitoring.live import Key, LiveTransfers, Watched
from trustspace.connector.monitoring.review import Judged, Review
from trustspace.dsp.messages import TransferState
from trustspace.errors import StoreError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.store import Committed, Transaction

logger: logging.Logger = logging.getLogger(__name__)

SLICE = 200
"""Transfers that are decided at a time."""

STEPS = 50
"""Transfers that are moved in one transaction."""

LONGEST_SLEEP = 60.0
"""A clock may be set; nobody waits longer than this for what its new time ends."""

CONSUMER_WAITS = 1.0
"""Seconds that a consumer leaves its provider to say first that time is up."""

AGAIN = 0.5
"""Seconds until a database is asked again that did not answer."""

PAGE = 500


class Monitor:
    """Watches the live transfers of one connector; for one event loop."""

    def __init__(self, context: ConnectorContext, transfers: Transfers) -> None:
        self._context = context
        self._review = Review(context, transfers)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._live = LiveTransfers()
        self._changed: dict[Key, None] = {}
        self._other: set[Key] = set()
        self._moving: set[Key] = set()
        self._first: list[Key] = []
        self._lock = threading.Lock()
        transfers.on_move(self._moves)
        context.engine.on_change(self.rules_changed)
        context.facts.on_change(self._said)

    def __len__(self) -> int:
        """Return how many transfers are watched."""
        return len(self._live)

    # --- what wakes it ---------------------------------------------------------------------------

    def committed(self, what: Committed) -> None:
        """Look at what moved; called from the store's thread."""
        if not what.subjects or not self._moving:
            return
        with self._lock:
            moved = self._moving & what.subjects
            self._moving -= moved
        if moved and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_at, moved)

    def rules_changed(self) -> None:
        """Look at everything; called from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._everything_changes)

    def facts_changed(self, participant: str, counterparty: str) -> None:
        """Look at what runs with a counterparty; called from the loop."""
        # With whom those run that are decided about for the first time is not known yet.
        self._changes([*self._live.with_(participant, counterparty), *self._first])

    def _everything_changes(self) -> None:
        self._changes([*self._live.keys(), *self._first])

    def _said(self, participant_id: str, counterparty: str) -> None:
        """Hear of another fact from a provider."""
        for name, hosted in self._context.hosted.items():
            if hosted.id == participant_id:
                self.facts_changed(name, counterparty)

    def _moves(self, participant: str, pid: str) -> None:
        """Hear of a move that is about to be committed; called from the store's thread."""
        with self._lock:
            self._moving.add((participant, pid))

    def _changes(self, keys: list[Key]) -> None:
        """Look at what hangs on something that is not as it was."""
        self._other.update(keys)
        self._look_at(keys)

    def _look_at(self, keys: Iterable[Key]) -> None:
        self._changed |= dict.fromkeys(keys)
        if self._changed:
            self._wake.set()

    # --- the loop --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch until cancelled."""
        is_loaded = False
        while True:
            self._wake.clear()
            try:
                if not is_loaded:
                    await self._load()
                    is_loaded = True
                await self._decide()
            except StoreError as error:
                logger.warning("watching is put off: %s", error)
                await asyncio.sleep(AGAIN)
                continue
            try:
                async with asyncio.timeout(self._seconds_left()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _load(self) -> None:
        """Find what runs since before the start."""

        def query(tx: Transaction) -> list[Key]:
            found = []
            for name in list(self._context.hosted):
                for state in (TransferState.STARTED, TransferState.SUSPENDED):
                    cursor = None
                    while True:
                        page = tx.transfers.list(name, state=state, limit=PAGE, cursor=cursor)
                        found += [(name, transfer.id) for transfer in page.items]
                        cursor = page.cursor
                        if cursor is None:
                            break
            return found

        self._look_at(await self._context.store.read(query))

    def _seconds_left(self) -> float:
        at = self._live.next_at
        if self._changed:
            return 0.0
        if at is None:
            return LONGEST_SLEEP if len(self._live) else 24 * 3600.0
        return min(LONGEST_SLEEP, max(0.0, at - self._context.now().timestamp())) + 0.005

    async def _decide(self) -> None:
        """Decide about everything that changed or whose moment has come."""
        changed, self._changed = self._changed, {}
        keys = list(changed | dict.fromkeys(self._live.due(self._context.now().timestamp())))
        self._first = [key for key in keys if self._live.get(key) is None]
        steps: list[Judged] = []
        try:
            for start in range(0, len(keys), SLICE):
                judged, gone = await self._review.judge(keys[start : start + SLICE])
                for key in gone:
                    self._live.drop(key)
                self._cut(judged)
                self._note(judged)
                steps += judged
            self._first = []
            for start in range(0, len(steps), STEPS):
                await self._review.carry_out(steps[start : start + STEPS])
        except StoreError:
            self._changed |= dict.fromkeys(keys)
            raise

    def _cut(self, judged: list[Judged]) -> None:
        """Stop what may not go on, and have what may decided again: it may have become less."""
        gates = self._context.gates
        gates.close_all({one.question.key[1]: one.code for one in judged if one.is_cut})
        kept = {one.question.key for one in judged if one.outcome == "keep"}
        gates.ask_again({pid for _, pid in kept & self._other})
        self._other -= {one.question.key for one in judged}

    def _note(self, judged: list[Judged]) -> None:
        now = self._context.now().timestamp()
        for one in judged:
            transfer = one.question.transfer
            known = self._live.get(one.question.key)
            watched = known or Watched(
                one.question.key, transfer.counterparty, transfer.agreement_id
            )
            late = CONSUMER_WAITS if transfer.role is Role.CONSUMER else 0.0
            watched.at = None if one.change is None else one.change + late
            if one.is_undecided:
                watched.try_again(now)
            else:
                watched.wait = 0
            self._live.put(watched)
