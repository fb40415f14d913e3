"""What becomes of a process when a message of ours was delivered, refused or given up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

from trustspace.connector.context import LEASE_SECONDS, ConnectorContext, Hosted, new_pid
from trustspace.connector.duties.message import DUTY
from trustspace.connector.ending.message import AGREEMENT
from trustspace.connector.transferring.idle_pulls import IDLE
from trustspace.dsp.messages import (
    ContractNegotiationEventMessage,
    NegotiationEvent,
    NegotiationState,
    TransferState,
)
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.dsp.wire import as_identifier
from trustspace.errors import NotFoundError, RemoteProtocolError, TransportError, TrustspaceError
from trustspace.model.participant import Role
from trustspace.store.rows import EVERY_PARTICIPANT, OutboxRow

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.duties.telling import Telling
    from trustspace.connector.ending.steps import Endings
    from trustspace.connector.messaging.outgoing import AnyProcess
    from trustspace.connector.messaging.peers import Peers
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.store import Transaction

logger: logging.Logger = logging.getLogger(__name__)

OVERDUE_ROWS = 100

ASK_SECONDS = 5.0
"""How long a counterparty may take to tell a process's state."""

_FOLLOWED_BY = {
    NegotiationState.ACCEPTED: NegotiationState.AGREED,
    NegotiationState.AGREED: NegotiationState.VERIFIED,
    NegotiationState.VERIFIED: NegotiationState.FINALIZED,
}
"""What the counterparty makes of a state by its next step."""


_TURN = {
    Role.CONSUMER: NegotiationState.REQUESTED,
    Role.PROVIDER: NegotiationState.OFFERED,
}
"""In which state of ours a person of the counterparty may be asked, by our role."""


class Outcomes:
    """Records what sending came to; each method is one transaction."""

    def __init__(
        self,
        context: ConnectorContext,
        negotiations: Negotiations,
        transfers: Transfers,
        endings: Endings,
        duties: Telling,
    ) -> None:
        self._context = context
        self._negotiations = negotiations
        self._transfers = transfers
        # What is told beside the protocol has no process that it could end.
        self._beside: Mapping[str, Endings | Telling] = {AGREEMENT: endings, DUTY: duties}

    async def delivered(self, row: OutboxRow, answer: Any) -> OutboxRow | None:  # noqa: ANN401 - any JSON value
        """Forget a delivered message, learn the counterparty's pid from the answer.

        Returns:
            The next message of the same process, leased to us, or None.
        """
        now = self._context.now()

        def hop(tx: Transaction) -> OutboxRow | None:
            beside = self._beside.get(row.process_kind)
            if beside is not None:
                if tx.outbox.done(row.participant, row.message_id):
                    beside.delivered(tx, row, answer, now=now)
                return self._next(tx, row, now=now)
            if "consumerPid" in row.body and "providerPid" in row.body:
                # Both pids are known. A row that is gone was answered, and what follows is sent.
                gone = not tx.outbox.done(row.participant, row.message_id)
                return None if gone else self._next(tx, row, now=now)
            process = self._process(tx, row)
            pid = _peer_pid(process, answer)
            wrong = _other_process(process, answer)
            if wrong is not None and process is not None:
                self._give_up(tx, row, code=f"{process.kind}.pid", reasons=(wrong,), now=now)
            elif process is None or pid is None or process.peer_pid is not None:
                tx.outbox.done(row.participant, row.message_id)
            elif self._is_taken(tx, row.participant, process, pid):
                reasons = ("the counterparty's pid names another process already",)
                self._give_up(tx, row, code=f"{process.kind}.pid", reasons=reasons, now=now)
            else:
                tx.outbox.done(row.participant, row.message_id)
                self._update(tx, row.participant, process.learn_peer_pid(pid, now=now), now=now)
            return self._next(tx, row, now=now)

        return await self._context.store.write(hop)

    async def undeliverable(
        self, row: OutboxRow, *, code: str, reasons: tuple[str, ...]
    ) -> OutboxRow | None:
        """Give a message up; its process ends unless it has ended already."""
        now = self._context.now()

        def hop(tx: Transaction) -> OutboxRow | None:
            self._give_up(tx, row, code=code, reasons=reasons, now=now)
            return self._next(tx, row, now=now)

        return await self._context.store.write(hop)

    async def refused(
        self,
        row: OutboxRow,
        *,
        status: int,
        body: Any,  # noqa: ANN401 - any JSON value
        their_state: str | None,
    ) -> OutboxRow | None:
        """Take a refusal: an equal state or the one after means that an earlier attempt arrived."""
        now = self._context.now()
        code, reasons = _given_reasons(status, body)

        def hop(tx: Transaction, believed: str | None) -> OutboxRow | None:
            process = self._process(tx, row)
            if process is not None and _has_arrived(process, believed):
                tx.outbox.done(row.participant, row.message_id)
                self._conclude(tx, row.participant, process, believed, now=now)
            else:
                self._give_up(tx, row, code=code, reasons=reasons, now=now)
            return self._next(tx, row, now=now)

        try:
            return await self._context.store.write(partial(hop, believed=their_state))
        except RemoteProtocolError as error:
            logger.info("%s cannot be what was said: %s", row.process_pid, error)
            return await self._context.store.write(partial(hop, believed=None))

    async def overdue(self) -> list[tuple[str, AnyProcess]]:
        """Return negotiations and transfers that stayed unfinished past the deadline.

        Each comes with its participant; `end` is what ends it.
        """
        now = self._context.now()
        return await self._context.store.read(
            lambda tx: [
                *tx.negotiations.overdue(EVERY_PARTICIPANT, now=now, limit=OVERDUE_ROWS),
                *tx.transfers.overdue(EVERY_PARTICIPANT, now=now, limit=OVERDUE_ROWS),
            ]
        )

    async def end(self, peers: Peers, participant: str, seen: AnyProcess) -> None:
        """End an overdue process, unless it moved since it was seen.

        A consumer that waits for the last message asks the provider first: it may be final there.
        """
        if isinstance(seen, TransferProcess) and seen.state is TransferState.STARTED:
            # Of started transfers only pulls at their provider have a deadline.
            complete = partial(self._complete_idle, participant=participant, seen=seen)
            await self._context.store.write(complete)
            return
        their_state = None
        try:
            their_state = await peers.state_of(
                participant,
                seen,
                seconds=min(ASK_SECONDS, self._context.settings.exchange.answer_seconds),
            )
        except (TransportError, NotFoundError) as error:
            logger.info("state of %s unknown: %s", seen.id, error)
        ending = partial(self._end_as_seen, participant=participant, seen=seen)
        try:
            await self._context.store.write(partial(ending, their_state=their_state))
        except RemoteProtocolError as error:
            logger.info("%s cannot be what was said: %s", seen.id, error)
            await self._context.store.write(partial(ending, their_state=None))
        except TrustspaceError as error:
            logger.warning("the end of %s is put off: %s", seen.id, error)

    def _complete_idle(self, tx: Transaction, *, participant: str, seen: TransferProcess) -> None:
        """Complete a running pull that nobody has used for long, unless it was used just now."""
        hosted = self._context.hosted.get(participant)
        now = self._context.now()
        ends_at = tx.transfers.deadline(participant, seen.id)
        found = tx.transfers.get(participant, seen.id)
        if hosted is None or found is None or found != seen or ends_at is None or ends_at > now:
            return
        reasons = (f"no data was asked for within {self._context.idle.total_seconds():g} s",)
        self._transfers.complete(tx, hosted, found, code=IDLE, reasons=reasons, now=now)
        self._context.gates.close(transfer_pid=found.id, code=IDLE)

    def _end_as_seen(
        self, tx: Transaction, *, participant: str, seen: AnyProcess, their_state: str | None
    ) -> None:
        hosted = self._context.hosted.get(participant)
        process: AnyProcess | None = (
            tx.negotiations.get(participant, seen.id)
            if isinstance(seen, ContractNegotiation)
            else tx.transfers.get(participant, seen.id)
        )
        if hosted is None or process is None or process != seen:
            return
        now = self._context.now()
        if self._is_considered(process, their_state, now=now):
            deadline = min(now + self._context.deadline, self._patience(process))
            tx.negotiations.update(participant, process, deadline=deadline)
            return
        if not self._conclude(tx, participant, process, their_state, now=now):
            reasons = ("no answer within the deadline",)
            self._terminate(tx, hosted, process, code="deadline", reasons=reasons, now=now)

    def _patience(self, process: AnyProcess) -> datetime:
        """Return how long a person of the counterparty may take."""
        return process.updated_at + self._context.approval_deadline

    def _is_considered(
        self, process: AnyProcess, their_state: str | None, *, now: datetime
    ) -> TypeGuard[ContractNegotiation]:
        """Say whether the counterparty has our message and may be asking a person."""
        return (
            isinstance(process, ContractNegotiation)
            and _TURN.get(process.role) is process.state
            and their_state == process.state
            and now < self._patience(process)
        )

    def _conclude(
        self,
        tx: Transaction,
        participant: str,
        process: AnyProcess,
        their_state: str | None,
        *,
        now: datetime,
    ) -> bool:
        """Take the provider's word for the last step; tells whether there was one to take.

        Raises:
            RemoteProtocolError: The agreement cannot be concluded.
        """
        hosted = self._context.hosted.get(participant)
        if (
            hosted is None
            or not isinstance(process, ContractNegotiation)
            or process.role is not Role.CONSUMER
            or process.state is not NegotiationState.VERIFIED
            or their_state != NegotiationState.FINALIZED
        ):
            return False
        event = ContractNegotiationEventMessage(
            id=new_pid(),
            consumer_pid=process.consumer_pid or "",
            provider_pid=process.provider_pid or "",
            event_type=NegotiationEvent.FINALIZED,
        )
        sender = process.counterparty
        self._negotiations.receive(tx, hosted, process.id, event, sender=sender, now=now)
        return True

    def _give_up(
        self,
        tx: Transaction,
        row: OutboxRow,
        *,
        code: str,
        reasons: tuple[Any, ...],
        now: datetime,
    ) -> None:
        if not tx.outbox.done(row.participant, row.message_id):
            return  # The counterparty answered to it meanwhile, or its process has ended.
        process = self._process(tx, row)
        hosted = self._context.hosted.get(row.participant)
        body = {
            "message": row.message_id,
            "process": row.process_pid,
            "counterparty": row.audience,
            "code": code,
            "reasons": list(reasons),
        }
        tx.events.append(row.participant, "message.undelivered", body, now=now)
        if row.process_kind in self._beside:
            self._beside[row.process_kind].undelivered(tx, row)
        if hosted is not None and process is not None and not process.is_terminal:
            self._terminate(tx, hosted, process, code=code, reasons=reasons, now=now)

    def _terminate(
        self,
        tx: Transaction,
        hosted: Hosted,
        process: AnyProcess,
        *,
        code: str,
        reasons: tuple[Any, ...],
        now: datetime,
    ) -> None:
        if isinstance(process, ContractNegotiation):
            self._negotiations.terminate(tx, hosted, process, code=code, reasons=reasons, now=now)
        else:
            self._transfers.terminate(tx, hosted, process, code=code, reasons=reasons, now=now)
            self._context.gates.close(transfer_pid=process.id, code=code)

    def _process(self, tx: Transaction, row: OutboxRow) -> AnyProcess | None:
        if row.process_kind in self._beside:
            return None
        if row.process_kind == ContractNegotiation.kind:
            return tx.negotiations.get(row.participant, row.process_pid)
        return tx.transfers.get(row.participant, row.process_pid)

    def _is_taken(self, tx: Transaction, participant: str, process: AnyProcess, pid: str) -> bool:
        processes = tx.negotiations if isinstance(process, ContractNegotiation) else tx.transfers
        found = processes.find_by_peer(participant, process.role, process.counterparty, pid)
        return found is not None

    def _update(
        self, tx: Transaction, participant: str, process: AnyProcess, *, now: datetime
    ) -> None:
        deadline = None if process.is_terminal else now + self._context.deadline
        if isinstance(process, ContractNegotiation):
            tx.negotiations.update(participant, process, deadline=deadline)
        else:
            tx.transfers.update(participant, process, deadline=deadline)

    def _next(self, tx: Transaction, row: OutboxRow, *, now: datetime) -> OutboxRow | None:
        return tx.outbox.lease_next(
            row.participant,
            row.process_pid,
            owner=self._context.owner,
            lease_seconds=LEASE_SECONDS,
            now=now,
        )


def _has_arrived(process: AnyProcess, their_state: str | None) -> bool:
    """Say whether the counterparty's state shows that it has our last message."""
    if process.state == their_state:
        return True
    if not isinstance(process, ContractNegotiation):
        return False
    following = _FOLLOWED_BY.get(process.state)
    return following is not None and following == their_state


def _peer_pid(process: AnyProcess | None, answer: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the counterparty's pid from an acknowledgement, which need not have a body."""
    if process is None or not isinstance(answer, Mapping):
        return None
    pid = answer.get("providerPid" if process.role is Role.CONSUMER else "consumerPid")
    return as_identifier(pid)


def _other_process(process: AnyProcess | None, answer: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Say what is wrong with an acknowledgement of a process that is not the one we opened."""
    if process is None or not isinstance(answer, Mapping):
        return None
    told = as_identifier(answer.get(f"{process.role.value}Pid"))
    if told is None or told == process.id:
        return None
    return f"the answer is about the process {told[:200]}, expected {process.id}"


def _given_reasons(status: int, body: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ANN401 - any JSON value
    """Return code and reasons of an error body, or the status when there is none."""
    if isinstance(body, Mapping):
        code, reasons = body.get("code"), body.get("reason")
        if isinstance(code, str) and isinstance(reasons, list) and reasons:
            return code[:200], tuple(reasons[:64])
    return "counterparty.refused", (f"the counterparty answered {status}",)
