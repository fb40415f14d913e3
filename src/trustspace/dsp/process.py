"""What a negotiation and a transfer share: two pids, one counterparty, one table, repeats.

A process is a frozen value. Whatever happens to it is a message of one of the two parties, and
both directions go through ``receive``: a message whose sender is our own role is one that we are
about to send. Hence no rule is written twice, and an error tells who erred: ``LocalProtocolError``
for our own message, ``RemoteProtocolError`` for the counterparty's. Either leaves the value as it
was; success returns a new one.

A counterparty that lost our answer sends the same message again. The same ``@id`` with an equal
body as the last accepted one is such a repeat and returns the value itself.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, Self

from pydantic import AwareDatetime, ConfigDict

from trustspace.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from trustspace.model.participant import ParticipantId, Role
from trustspace.model.value import Value, digest


class ProcessMessage(Protocol):
    """What every message of a process has."""

    @property
    def id(self) -> str | None:
        """The message's own ``@id``."""

    def to_wire(self) -> dict[str, Any]:
        """The message as JSON in wire names."""


class Process(Value):
    """One side's view of a contract negotiation or a transfer process.

    Attributes:
        id: Our own pid.
        role: The side we play; the other one is the counterparty's.
        consumer_pid: The consumer's pid; None until the consumer told it.
        provider_pid: The provider's pid; None until the provider told it.
        counterparty: Participant id of the other side, as authenticated at creation.
        callback_address: Base URL to which we send.
        code: Code of the last termination or suspension.
        reasons: Reasons given with it, any JSON values.
        ended_by: Role of the party that terminated or suspended; None while neither did.
        last_message_id: ``@id`` of the last message accepted from the counterparty.
        last_message_digest: Digest of that message's body without its ``@id``.
        created_at: UTC.
        updated_at: UTC.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    kind: ClassVar[str]
    """``negotiation`` or ``transfer``, the first part of its error codes."""

    id: str
    role: Role
    consumer_pid: str | None = None
    provider_pid: str | None = None
    counterparty: ParticipantId
    callback_address: str
    code: str | None = None
    reasons: tuple[Any, ...] = ()
    ended_by: Role | None = None
    last_message_id: str | None = None
    last_message_digest: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @property
    def peer_pid(self) -> str | None:
        """The counterparty's pid, None until it is known."""
        return self.provider_pid if self.role is Role.CONSUMER else self.consumer_pid

    @property
    def ended_by_counterparty(self) -> bool:
        """Whether it was the counterparty that terminated or suspended."""
        return self.ended_by is self.role.other

    def is_repeat(self, message: ProcessMessage) -> bool:
        """Whether a message from the counterparty is the last accepted one, sent again."""
        return (
            message.id is not None
            and message.id == self.last_message_id
            and self.is_said_again(message)
        )

    def is_said_again(self, message: ProcessMessage) -> bool:
        """Whether a message says what the last accepted one said, whatever its ``@id``."""
        return _digest(message) == self.last_message_digest

    def learn_peer_pid(self, pid: str, *, now: datetime) -> Self:
        """Note the counterparty's pid, told in the answer to our initial message.

        Raises:
            RemoteProtocolError: Another pid is known already, code ``<kind>.pid``.
        """
        if pid == self.peer_pid:
            return self
        if self.peer_pid is not None:
            raise self._fault(
                self.role.other, "pid", f"the counterparty's pid is {self.peer_pid}, not {pid}"
            )
        return self._with({_pid_name(self.role.other): pid, "updated_at": in_utc(now)})

    def _fault(self, sender: Role, what: str, message: str, *, hint: str = "") -> ProtocolError:
        """Return the error for a message of ``sender``: ours or theirs."""
        return fault(self.kind, what, message, local=sender is self.role, hint=hint)

    def _check_pids(self, consumer_pid: str | None, provider_pid: str | None, sender: Role) -> None:
        """Refuse a message that is not about this process."""
        given = {Role.CONSUMER: consumer_pid, Role.PROVIDER: provider_pid}
        if given[self.role] != self.id:
            raise self._fault(
                sender, "pid", f"our pid is {self.id}, the message has {given[self.role]}"
            )
        peer_pid = given[self.role.other]
        known_or_learnt = self.peer_pid or (peer_pid if sender is not self.role else None)
        if peer_pid is None or peer_pid != known_or_learnt:
            raise self._fault(
                sender,
                "pid",
                f"the counterparty's pid is {self.peer_pid}, the message has {peer_pid}",
            )

    def _seen(self, message: ProcessMessage, *, sender: Role, now: datetime) -> dict[str, Any]:
        """Return the members that every accepted message changes."""
        changed: dict[str, Any] = {"updated_at": in_utc(now)}
        if sender is not self.role:
            changed |= receipt(message)
        return changed

    def _with(self, changed: dict[str, Any]) -> Self:
        """Return a copy with some members changed."""
        return self.model_copy(update=changed)


def fault(kind: str, what: str, message: str, *, local: bool, hint: str = "") -> ProtocolError:
    """Return the error of whoever erred, with the code ``<kind>.<what>``."""
    error = LocalProtocolError if local else RemoteProtocolError
    return error(message, code=f"{kind}.{what}", hint=hint)


def receipt(message: ProcessMessage) -> dict[str, str | None]:
    """Return what is kept of an accepted message in order to know its repeat."""
    return {"last_message_id": message.id, "last_message_digest": _digest(message)}


def _digest(message: ProcessMessage) -> str:
    return digest({key: value for key, value in message.to_wire().items() if key != "@id"})


def in_utc(now: datetime) -> datetime:
    """Return an aware time in UTC.

    Raises:
        ValueError: The time has no zone.
    """
    if now.tzinfo is None:
        msg = "a time without a zone cannot be compared; pass an aware datetime"
        raise ValueError(msg)
    return now.astimezone(UTC)


def _pid_name(role: Role) -> str:
    return f"{role.value}_pid"
