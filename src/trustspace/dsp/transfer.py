"""The transfer process as a pure state machine (DSP 2025-1, "Transfer Process Protocol").

One table, keyed by sender, as for negotiations. Either party may suspend, resume, complete and
terminate; only the provider starts.

Example::

    transfer = TransferProcess.create(
        request, role=Role.PROVIDER, own_pid="urn:uuid:p1", counterparty="did:web:bank.example",
        callback_address=request.callback_address, now=now,
    )
    transfer = transfer.receive(start_message, sender=Role.PROVIDER, now=now)
    transfer.state  # STARTED
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple, Self

from trustspace.dsp import messages
from trustspace.dsp.messages import (
    TransferCompletionMessage,
    TransferMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferState,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from trustspace.dsp.process import Process, fault, in_utc, receipt
from trustspace.model.data_address import DataAddress
from trustspace.model.participant import ParticipantId, Role


class Transition(NamedTuple):
    """One row of the table.

    Attributes:
        source: State before; None when the message opens the transfer.
        sender: Role of the party that sends.
        message: Class of the message.
        target: State after.
        section: Where the specification says so.
    """

    source: TransferState | None
    sender: Role
    message: type[TransferMessage]
    target: TransferState
    section: str


_S = TransferState
_C, _P = Role.CONSUMER, Role.PROVIDER
_DIAGRAM = "Transfer Process Protocol, State Machine"
_RESUME = "Transfer Start Message"

ROWS: Final[tuple[Transition, ...]] = (
    Transition(None, _C, TransferRequestMessage, _S.REQUESTED, "Transfer Request Message"),
    Transition(_S.REQUESTED, _P, TransferStartMessage, _S.STARTED, "Transfer Start Message"),
    Transition(_S.STARTED, _C, TransferSuspensionMessage, _S.SUSPENDED, _DIAGRAM),
    Transition(_S.STARTED, _P, TransferSuspensionMessage, _S.SUSPENDED, _DIAGRAM),
    Transition(_S.STARTED, _C, TransferCompletionMessage, _S.COMPLETED, _DIAGRAM),
    Transition(_S.STARTED, _P, TransferCompletionMessage, _S.COMPLETED, _DIAGRAM),
    Transition(_S.SUSPENDED, _C, TransferStartMessage, _S.STARTED, _RESUME),
    Transition(_S.SUSPENDED, _P, TransferStartMessage, _S.STARTED, _RESUME),
    Transition(_S.REQUESTED, _C, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
    Transition(_S.REQUESTED, _P, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
    Transition(_S.STARTED, _C, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
    Transition(_S.STARTED, _P, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
    Transition(_S.SUSPENDED, _C, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
    Transition(_S.SUSPENDED, _P, TransferTerminationMessage, _S.TERMINATED, _DIAGRAM),
)
"""Every transition; whatever is not here is an error that leaves the state as it was."""

TransferKey = tuple[TransferState | None, Role, type[TransferMessage]]

TRANSITIONS: Final[Mapping[TransferKey, TransferState]] = MappingProxyType(
    {(row.source, row.sender, row.message): row.target for row in ROWS}
)
"""State after, by state before, sender and message."""

TERMINAL: Final = frozenset({_S.COMPLETED, _S.TERMINATED})
"""States that are never left."""


class TransferProcess(Process):
    """One side's view of a transfer process; see ``Process`` for what it shares.

    Attributes:
        state: The state both sides are in, as far as we know.
        agreement_id: The agreement under which data is transferred.
        format: Transfer format, for example ``HttpData-PULL``.
        data_address: Of a push, where the provider delivers (from the request); of a pull, where
            the consumer fetches (from the provider's last start).
    """

    kind: ClassVar[str] = "transfer"

    state: TransferState
    agreement_id: str
    format: str
    data_address: DataAddress | None = None

    @classmethod
    def create(
        cls,
        message: TransferRequestMessage,
        *,
        role: Role,
        own_pid: str,
        counterparty: ParticipantId,
        callback_address: str,
        now: datetime,
    ) -> Self:
        """Open a transfer with a request, ours or the counterparty's.

        Args:
            message: The consumer's request.
            role: The side we play; the consumer's when we open.
            own_pid: Our pid: the one in our message, or one minted for the counterparty's.
            counterparty: Participant id of the other side.
            callback_address: Base URL to which we will send.
            now: Current time, aware.

        Raises:
            LocalProtocolError: Our own message has another pid.
        """
        ours = role is Role.CONSUMER
        if ours and message.consumer_pid != own_pid:
            raise fault(
                cls.kind,
                "pid",
                f"our pid is {own_pid}, the message has {message.consumer_pid}",
                local=True,
            )
        return cls(
            id=own_pid,
            role=role,
            consumer_pid=message.consumer_pid,
            provider_pid=None if ours else own_pid,
            counterparty=counterparty,
            callback_address=callback_address,
            state=TRANSITIONS[None, Role.CONSUMER, TransferRequestMessage],
            agreement_id=message.agreement_id,
            format=message.format,
            data_address=message.data_address,
            created_at=in_utc(now),
            updated_at=in_utc(now),
            **({} if ours else receipt(message)),
        )

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen any more."""
        return self.state in TERMINAL

    def receive(
        self, message: TransferMessage, *, sender: Role, now: datetime, forgiving: bool = False
    ) -> Self:
        """Apply a message: the counterparty's, or one that we are about to send.

        A request received again for the same consumer pid, agreement and format is a repeat
        whatever its ``@id`` (DSP 2025-1, "Transfer Request Message": idempotent).

        Args:
            message: The message.
            sender: Role of the party that sends it.
            now: Current time, aware.
            forgiving: Take the counterparty's last message, said again under another ``@id``, as
                the repeat that it is; a start may bring a fresh token.

        Returns:
            The transfer after it; the same value when the counterparty repeats itself.

        Raises:
            LocalProtocolError: We may not send this now.
            RemoteProtocolError: The counterparty may not. In both cases the code is
                ``transfer.pid`` or ``transfer.state``.
        """
        if sender is not self.role and self._is_known(message, sender):
            return self
        if isinstance(message, TransferRequestMessage):
            raise self._fault(sender, "state", "the transfer has been requested already")
        self._check_pids(message.consumer_pid, message.provider_pid, sender)
        target = TRANSITIONS.get((self.state, sender, type(message)))
        if target is None and forgiving and sender is not self.role:
            if self.is_said_again(message):
                return self
            target = self._after_another_start(message, sender)
        if target is None:
            raise self._fault(
                sender,
                "state",
                f"the {sender} cannot send {message.type} in state {self.state}",
                hint=f"allowed now: {', '.join(self._allowed(sender)) or 'nothing'}",
            )
        changed = self._seen(message, sender=sender, now=now) | {
            "state": target,
            "consumer_pid": message.consumer_pid,
            "provider_pid": message.provider_pid,
        }
        return self._with(changed | self._content(message, sender))

    def acknowledgement(self) -> messages.TransferProcess:
        """Return the answer to a message that was accepted, or to a GET.

        Raises:
            LocalProtocolError: The counterparty has not told its pid yet.
        """
        if self.consumer_pid is None or self.provider_pid is None:
            raise self._fault(self.role, "pid", "the counterparty has not told its pid yet")
        return messages.TransferProcess(
            consumer_pid=self.consumer_pid, provider_pid=self.provider_pid, state=self.state
        )

    def _is_known(self, message: TransferMessage, sender: Role) -> bool:
        return self.is_repeat(message) or (
            isinstance(message, TransferRequestMessage)
            and sender is Role.CONSUMER
            and message.consumer_pid == self.consumer_pid
            and message.agreement_id == self.agreement_id
            and message.format == self.format
            and message.data_address in (None, self.data_address)
        )

    def _after_another_start(self, message: TransferMessage, sender: Role) -> TransferState | None:
        """A provider that starts what runs already has made another token for it."""
        is_start = isinstance(message, TransferStartMessage) and sender is Role.PROVIDER
        return self.state if is_start and self.state is TransferState.STARTED else None

    def _allowed(self, sender: Role) -> list[str]:
        return [
            row.message.__name__
            for row in ROWS
            if row.source is self.state and row.sender is sender
        ]

    def _content(self, message: TransferMessage, sender: Role) -> dict[str, Any]:
        """Return what the message's own members change."""
        if isinstance(message, TransferStartMessage):
            # A consumer that resumes has no address to tell; what it sends is not ours to follow.
            told = message.data_address if sender is Role.PROVIDER else None
            return {
                "code": None,
                "reasons": (),
                "ended_by": None,
                "data_address": told or self.data_address,
            }
        if isinstance(message, TransferSuspensionMessage | TransferTerminationMessage):
            return {"code": message.code, "reasons": message.reasons, "ended_by": sender}
        return {}
