"""What was said, walked through the state machines again: which step was legal, and which was not.

A record is one request between two connectors as one of them saw it, with the answer. Whoever
wants to know why an exchange stopped reads the steps: each says what the rules make of the message,
and what its receiver made of it.

Example::

    for step in walk(records):
        print(step.message, step.outcome, step.state, step.why)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeGuard

from trustspace.dsp.dialects import STRICT, recognise
from trustspace.dsp.messages import (
    ContractOfferMessage,
    ContractRequestMessage,
    NegotiationMessage,
    TransferMessage,
    TransferRequestMessage,
)
from trustspace.dsp.negotiation import ContractNegotiation, describe
from trustspace.dsp.transfer import TransferProcess
from trustspace.dsp.wire import parse_any
from trustspace.errors import ProtocolError
from trustspace.model.participant import Role
from trustspace.model.value import canonical

Moving = NegotiationMessage | TransferMessage
Opening = ContractRequestMessage | ContractOfferMessage | TransferRequestMessage
AnyProcess = ContractNegotiation | TransferProcess


class Outcome(StrEnum):
    """What became of a recorded message."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"
    ILLEGAL = "illegal"
    UNKNOWN = "unknown"
    ASIDE = "aside"


@dataclass(frozen=True)
class Recorded:
    """One request and its answer.

    Attributes:
        at: When it began, aware.
        outgoing: Whether the side that recorded it sent it.
        message: Body of the request.
        status: HTTP status of the answer; None when there was none.
        answer: Body of the answer.
    """

    at: datetime
    outgoing: bool
    message: Any = None
    status: int | None = None
    answer: Any = None


@dataclass(frozen=True)
class Step:
    """What the rules make of one record.

    Attributes:
        record: The record.
        message: Name of the message; empty when it has none.
        sender: Role of the party that sent it, where that can be told.
        pid: The recording side's own id of the process.
        outcome: ``accepted`` and ``repeated`` are as they should be; ``refused`` means that the
            receiver refused and nothing changed; ``illegal`` that it was taken although the rules
            forbid it; ``unknown`` that the process began before the records do; ``aside`` that the
            request moves no process.
        state: State of the process after it, where it is known.
        why: Why it was refused or is illegal.
    """

    record: Recorded
    message: str
    outcome: Outcome
    sender: Role | None = None
    pid: str = ""
    state: str | None = None
    why: str = ""


def walk(records: Iterable[Recorded]) -> tuple[Step, ...]:
    """Walk records through the state machines, in the order in which they began."""
    walker = _Walker()
    return tuple(walker.step(record) for record in sorted(records, key=lambda each: each.at))


@dataclass
class _Walker:
    """The processes as far as the records tell, under both their pids."""

    processes: dict[tuple[bool, str | None], AnyProcess] = field(default_factory=dict)
    applied: set[tuple[str, bytes]] = field(default_factory=set)

    def step(self, record: Recorded) -> Step:
        if not isinstance(record.message, Mapping):
            return Step(record, "", Outcome.ASIDE)
        name = str(record.message.get("@type", ""))
        if record.message.get("omitted") is True:
            return Step(record, name, Outcome.UNKNOWN, why="the message was too large to be kept")
        try:
            message = parse_any(record.message)
        except ProtocolError as error:
            return _against_the_rules(Step(record, name, Outcome.ILLEGAL), error)
        if isinstance(message, Moving):
            return self._step(record, message)
        return Step(record, name, Outcome.ASIDE)

    def _step(self, record: Recorded, message: Moving) -> Step:
        process = self._find(message)
        if process is not None:
            return self._go_on(record, message, process)
        if _opens(message):
            return self._open(record, message)
        why = "the process began before the records do"
        return Step(record, _name(message), Outcome.UNKNOWN, why=why)

    def _open(self, record: Recorded, message: Opening) -> Step:
        sender = Role.PROVIDER if isinstance(message, ContractOfferMessage) else Role.CONSUMER
        role = sender if record.outgoing else sender.other
        step = Step(record, _name(message), Outcome.ACCEPTED, sender)
        if _is_refused(record):
            return _refused(step)
        told = record.answer if isinstance(record.answer, Mapping) else {}
        receiver_pid = told.get(f"{sender.other}Pid")
        sender_pid = getattr(message, f"{sender}_pid")
        own_pid = sender_pid if record.outgoing else receiver_pid
        if not isinstance(own_pid, str):
            why = "the answer does not tell the receiver's pid"
            return replace(step, outcome=Outcome.UNKNOWN, why=why)
        process = _create(message, role=role, own_pid=own_pid, now=record.at)
        if record.outgoing and isinstance(receiver_pid, str):
            process = process.learn_peer_pid(receiver_pid, now=record.at)
        return self._applied(step, process)

    def _go_on(self, record: Recorded, message: Moving, process: AnyProcess) -> Step:
        sender = process.role if record.outgoing else process.role.other
        state = process.state.value
        step = Step(record, _name(message), Outcome.REPEATED, sender, process.id, state)
        if (process.id, canonical(record.message)) in self.applied:
            return step
        # What the other side's dialect is forgiven in an exchange, it is forgiven here.
        forgiving = not record.outgoing and (recognise(record.message) or STRICT).forgiving
        said: Any = message  # Of the process's kind, by which it was found.
        if forgiving and isinstance(process, ContractNegotiation):
            process = process.before(said)
        try:
            moved: AnyProcess = process.receive(
                said, sender=sender, now=record.at, forgiving=forgiving
            )
        except ProtocolError as error:
            return _against_the_rules(step, error)
        if moved is process:
            return step
        return _refused(step) if _is_refused(record) else self._applied(step, moved)

    def _applied(self, step: Step, process: AnyProcess) -> Step:
        self.applied.add((process.id, canonical(step.record.message)))
        is_transfer = isinstance(process, TransferProcess)
        for pid in (process.id, process.peer_pid):
            self.processes[is_transfer, pid] = process
        status = step.record.status
        why = "" if status is not None and status < 300 else f"the answer was {_said(step.record)}"
        return replace(
            step,
            outcome=Outcome.ACCEPTED,
            pid=process.id,
            state=process.state.value,
            why=why,
        )

    def _find(self, message: Moving) -> AnyProcess | None:
        is_transfer = isinstance(message, TransferMessage)
        pids = (message.consumer_pid, getattr(message, "provider_pid", None))
        keys = [(is_transfer, pid) for pid in pids if pid is not None]
        return next((self.processes[key] for key in keys if key in self.processes), None)


def _create(message: Opening, *, role: Role, own_pid: str, now: datetime) -> AnyProcess:
    known: dict[str, Any] = {
        "role": role,
        "own_pid": own_pid,
        "counterparty": "",
        "callback_address": "",
        "now": now,
    }
    if isinstance(message, TransferRequestMessage):
        return TransferProcess.create(message, **known)
    return ContractNegotiation.create(message, **known)


def _opens(message: Moving) -> TypeGuard[Opening]:
    if isinstance(message, ContractRequestMessage | ContractOfferMessage):
        return message.is_initial
    return isinstance(message, TransferRequestMessage)


def _name(message: Moving) -> str:
    return message.type if isinstance(message, TransferMessage) else describe(message)


def _is_refused(record: Recorded) -> bool:
    """Say whether the receiver refused for good; who is asked to try again has moved already."""
    status = record.status
    return status is not None and status >= 400 and not (record.outgoing and status >= 500)


def _refused(step: Step) -> Step:
    why = f"the rules allow it, the receiver refused it: {_said(step.record)}"
    return replace(step, outcome=Outcome.REFUSED, why=why)


def _against_the_rules(step: Step, error: ProtocolError) -> Step:
    why = f"{error}; {error.hint}" if error.hint else str(error)
    outcome = Outcome.REFUSED if _is_refused(step.record) else Outcome.ILLEGAL
    return replace(step, outcome=outcome, why=why)


def _said(record: Recorded) -> str:
    """Return status and reasons of an answer."""
    answer = record.answer if isinstance(record.answer, Mapping) else {}
    reasons = [answer.get("code"), *_listed(answer.get("reason"))]
    words = "; ".join(str(reason) for reason in reasons if reason)
    return f"{record.status or 'none'} {words}".rstrip()


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, list) else [value]
