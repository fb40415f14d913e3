"""The owner of the connector under test: takes the scripted steps, each a moment after its state.

It hears of states as any owner does, by domain events, and acts by the calls that any owner has.
The moment matters: a kit registers for our next message only after it has noticed the last one, and
a message that comes earlier is lost. So the wait begins when the answer to the counterparty or our
own last message is out, and the step is taken only if nothing has moved meanwhile.

Example::

    owner = ScriptedOwner(connector.plane, hosted, delay=timedelta(milliseconds=350))
    await owner.run()  # until cancelled
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.errors import TrustspaceError
from trustspace.model.participant import Role
from trustspace.testing.tck.script import State, step_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from trustspace.connector.context import Hosted
    from trustspace.connector.control_plane import ControlPlane
    from trustspace.store import Transaction

logger: logging.Logger = logging.getLogger(__name__)

EVENTS = 1_000
WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.02
"""How often it is looked whether our last message is out."""


@dataclass(frozen=True)
class _Reached:
    """A state that a process has come to."""

    pid: str
    state: State
    visit: int


class ScriptedOwner:
    """Takes the steps of the script.

    Args:
        plane: The connector's control plane.
        hosted: Whose owner it is.
        delay: How long it waits before each step.
    """

    def __init__(self, plane: ControlPlane, hosted: Hosted, *, delay: timedelta) -> None:
        self._plane = plane
        self._hosted = hosted
        self._delay = delay.total_seconds()
        self._visits: Counter[tuple[str, State]] = Counter()

    async def run(self) -> None:
        """Act until cancelled."""
        heard = 0
        async with asyncio.TaskGroup() as steps:
            while True:
                found = await self._plane.events(
                    self._hosted, after=heard, limit=EVENTS, wait=WAIT_SECONDS
                )
                for event in found["items"]:
                    self._hear(event["kind"], event["body"], steps)
                heard = found["next"]

    def _hear(self, kind: str, body: Mapping[str, Any], steps: asyncio.TaskGroup) -> None:
        process, _, _ = kind.partition(".")
        if process not in ("negotiation", "transfer"):
            return
        is_negotiation = process == "negotiation"
        state = (NegotiationState if is_negotiation else TransferState)(body["state"])
        pid = body[process]
        self._visits[pid, state] += 1
        reached = _Reached(pid, state, self._visits[pid, state])
        subject = body["dataset" if is_negotiation else "agreement"]
        step = step_of(subject, Role(body["role"]), state, visit=reached.visit)
        if step is not None:
            steps.create_task(self._act(reached, step))

    async def _act(self, reached: _Reached, step: str) -> None:
        try:
            await self._told(reached.pid)
            await asyncio.sleep(self._delay)
            await self._plane.context.store.write(lambda tx: self._take(tx, reached, step))
        except TrustspaceError as error:
            logger.warning("%s: no %s: %s", reached.pid, step, error)

    async def _told(self, pid: str) -> None:
        """Wait until no message of a process waits to be sent."""
        while True:
            waiting = await self._plane.context.store.read(
                lambda tx: tx.outbox.of_process(self._hosted.name, pid)
            )
            if not waiting:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _take(self, tx: Transaction, reached: _Reached, step: str) -> None:
        """Take a step if the process is still where it was."""
        processes: Any = (
            tx.negotiations if isinstance(reached.state, NegotiationState) else tx.transfers
        )
        found = processes.get(self._hosted.name, reached.pid)
        is_there = found is not None and found.state is reached.state
        if not is_there or self._visits[reached.pid, reached.state] != reached.visit:
            logger.info("%s has left %s before %s", reached.pid, reached.state, step)
            return
        now = self._plane.context.now()
        if isinstance(reached.state, NegotiationState):
            self._plane.steps.negotiation(
                tx, self._hosted, reached.pid, step, reason="", policy=None, now=now
            )
        else:
            self._plane.steps.transfer(tx, self._hosted, reached.pid, step, reason="", now=now)
