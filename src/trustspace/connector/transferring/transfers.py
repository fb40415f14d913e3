"""Transfer processes of both roles, each step one function on a transaction.

A pull: the consumer requests, the provider decides and starts with an endpoint and a short token.
Tokens are at rest nowhere: the provider makes one when the message is sent, and another one when it
is sent again after a restart (`trustspace.connector.transferring.tokens`); the consumer keeps the
endpoint and asks for fresh tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trustspace.connector.context import ConnectorContext, Hosted, new_pid
from trustspace.connector.deciding.denial import Refusal
from trustspace.connector.delivering.delivery_checks import FORM_UNAVAILABLE
from trustspace.connector.messaging.outgoing import post, record
from trustspace.connector.negotiating.agreements import Agreements, ended_code
from trustspace.connector.pushing.progress import (
    NO_PUSH,
    SHA256,
    TOO_MANY,
    PushProgress,
    can_be_pushed,
    check_format,
    is_one_too_many,
)
from trustspace.connector.transferring import suspensions
from trustspace.connector.transferring.idle_pulls import is_kept_while_used
from trustspace.connector.transferring.suspensions import SUSPENDED_BY_PROVIDER
from trustspace.connector.transferring.tokens import without_token
from trustspace.connector.transferring.transfer_format import PULL
from trustspace.dsp.messages import (
    TransferCompletionMessage,
    TransferMessage,
    TransferRequestMessage,
    TransferStartMessage,
    TransferState,
    TransferSuspensionMessage,
    TransferTerminationMessage,
)
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import LocalProtocolError, NotFoundError
from trustspace.model.participant import ParticipantId, Role
from trustspace.store.rows import AgreementState

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.dsp.dialects import Dialect
    from trustspace.store import Transaction

Reasons = Sequence[Mapping[str, Any] | str]

RUNNING = (TransferState.REQUESTED, TransferState.STARTED, TransferState.SUSPENDED)


class Transfers:
    """Steps of transfer processes."""

    def __init__(
        self,
        context: ConnectorContext,
        decide: DecisionPoint,
        agreed: Agreements,
        pushes: PushProgress,
    ) -> None:
        self._context = context
        self._decide = decide
        self._agreed = agreed
        self._pushes = pushes
        self._on_move: Callable[[str, str], object] = lambda _participant, _pid: None

    def on_move(self, call: Callable[[str, str], object]) -> None:
        """Have a function called with participant and pid of what moves, before the commit."""
        self._on_move = call

    # --- what the counterparty sends -----------------------------------------------------------

    def open(
        self,
        tx: Transaction,
        hosted: Hosted,
        message: TransferRequestMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> TransferProcess:
        """Accept a consumer's request; a repeat finds the transfer that it opened.

        Raises:
            NotFoundError: There is no such agreement with the sender; the answer is the same.
            RemoteProtocolError: The format is not one of the dataset's distributions.
        """
        dialect = self._context.dialects.of(hosted.name, sender, message.callback_address)
        if dialect.superfluous_address and message.format == PULL:
            message = message.model_copy(update={"data_address": None})
        known = tx.transfers.find_by_peer(hosted.name, Role.PROVIDER, sender, message.consumer_pid)
        if known is not None:
            again = known.receive(
                message, sender=Role.CONSUMER, now=now, forgiving=dialect.forgiving
            )
            self._start_again(tx, hosted, again, now=now)
            return again
        agreement = tx.agreements.get(hosted.name, message.agreement_id)
        if (
            agreement is None
            or agreement.role is not Role.PROVIDER
            or agreement.counterparty != sender
        ):
            raise NotFoundError("there is no such agreement")
        check_format(message)
        transfer = TransferProcess.create(
            message,
            role=Role.PROVIDER,
            own_pid=new_pid(),
            counterparty=sender,
            callback_address=message.callback_address,
            now=now,
        )
        deadline = now + self._context.deadline
        tx.transfers.insert(hosted.name, without_token(transfer), deadline=deadline)
        self._pushes.open(tx, hosted, transfer, message, now=now)
        record(tx, hosted, transfer, now=now)
        if self._context.reaction.goes_on(transfer):
            self._answer_request(tx, hosted, transfer, now=now)
        return transfer

    def receive(
        self,
        tx: Transaction,
        hosted: Hosted,
        pid: str,
        message: TransferMessage,
        *,
        sender: ParticipantId,
        now: datetime,
    ) -> TransferProcess:
        """Apply a counterparty's message to a transfer of theirs.

        Raises:
            NotFoundError: There is no such transfer, or it is not the sender's.
            RemoteProtocolError: The message is illegal now.
            PolicyDeniedError: The consumer resumes what the agreement no longer allows.
        """
        transfer = self.of_counterparty(tx, hosted, pid, sender=sender)
        if _is_start_again(transfer, message):
            return transfer
        dialect = self._dialect(hosted, transfer)
        moved = transfer.receive(
            message, sender=transfer.role.other, now=now, forgiving=dialect.forgiving
        )
        if moved is transfer:
            return moved
        suspensions.check_resumed(transfer, message)
        is_resumed = moved.role is Role.PROVIDER and isinstance(message, TransferStartMessage)
        if is_resumed:
            self._agreed.live(tx, hosted, moved.agreement_id)
        tx.outbox.drop_for_process(hosted.name, pid)
        self._save(tx, hosted, moved, now=now)
        if is_resumed and dialect.waits_for_restart:
            self._start_again(tx, hosted, moved, now=now)
        self._pushes.told(tx, hosted, moved, message, now=now)
        self._agreed.note_end(tx, hosted, moved, now=now)
        return moved

    def of_counterparty(
        self, tx: Transaction, hosted: Hosted, pid: str, *, sender: ParticipantId
    ) -> TransferProcess:
        """Return a transfer to the counterparty that is a party to it.

        Raises:
            NotFoundError: There is none, or not with this sender; the answer is the same.
        """
        transfer = tx.transfers.get(hosted.name, pid)
        if transfer is None or transfer.counterparty != sender:
            raise NotFoundError("there is no such transfer")
        return transfer

    # --- our own steps -------------------------------------------------------------------------

    def start(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> TransferProcess:
        """Start (provider) or resume (either side); the provider's address is added when sent.

        Raises:
            LocalProtocolError: The step is illegal now, or only the provider may take it.
            PolicyDeniedError: The agreement has ended.
        """
        suspensions.check_resumable(transfer)
        self._agreed.live(tx, hosted, transfer.agreement_id)
        message = TransferStartMessage(id=new_pid(), **_pids(transfer))
        return self._send(tx, hosted, transfer, message, now=now)

    def suspend(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        *,
        code: str,
        reasons: Reasons = (),
        now: datetime,
    ) -> TransferProcess:
        """Pause; tokens stop working at once."""
        message = TransferSuspensionMessage(
            id=new_pid(), code=code, reasons=tuple(reasons), **_pids(transfer)
        )
        return self._send(tx, hosted, transfer, message, now=now, ended_by="us")

    def complete(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        *,
        code: str | None = None,
        reasons: Reasons = (),
        sha256: str | None = None,
        now: datetime,
    ) -> TransferProcess:
        """Say that everything wanted has been delivered.

        Args:
            tx: The transaction.
            hosted: Whose transfer.
            transfer: The transfer.
            code: Why, for our own record; the protocol's message has no place for it.
            reasons: In words, likewise.
            sha256: Digest of what was pushed, hex, told to the consumer.
            now: Current time.
        """
        told = {} if sha256 is None else {SHA256: sha256}
        message = TransferCompletionMessage.model_validate(
            {"@id": new_pid(), "consumerPid": transfer.consumer_pid or ""}
            | {"providerPid": transfer.provider_pid or ""}
            | told
        )
        why = {"code": code, "reasons": tuple(reasons), "ended_by": transfer.role}
        noted = transfer if code is None else transfer.model_copy(update=why)
        return self._send(tx, hosted, noted, message, now=now)

    def terminate(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        *,
        code: str,
        reasons: Reasons = (),
        now: datetime,
    ) -> TransferProcess:
        """End for good, telling the counterparty why where it can be told.

        Raises:
            LocalProtocolError: It has ended already.
        """
        if transfer.is_terminal:
            raise LocalProtocolError(
                f"the transfer is {transfer.state.lower()} already", code="transfer.state"
            )
        tx.outbox.drop_for_process(hosted.name, transfer.id)
        if transfer.peer_pid is None:
            ended = transfer.model_copy(
                update={
                    "state": TransferState.TERMINATED,
                    "code": code,
                    "reasons": tuple(reasons),
                    "ended_by": transfer.role,
                    "updated_at": now,
                }
            )
            self._save(tx, hosted, ended, now=now, ended_by="us")
            return ended
        message = TransferTerminationMessage(
            id=new_pid(), code=code, reasons=tuple(reasons), **_pids(transfer)
        )
        return self._send(tx, hosted, transfer, message, now=now, ended_by="us")

    def end_all(
        self,
        tx: Transaction,
        hosted: Hosted,
        agreement_id: str,
        *,
        code: str,
        reasons: Reasons,
        now: datetime,
    ) -> None:
        """Terminate every running transfer of an agreement and cut its deliveries."""
        for transfer in tx.transfers.about(hosted.name, agreement_id):
            if transfer.state in RUNNING:
                self.terminate(tx, hosted, transfer, code=code, reasons=reasons, now=now)

    def _dialect(self, hosted: Hosted, process: TransferProcess) -> Dialect:
        address = process.callback_address
        return self._context.dialects.of(hosted.name, process.counterparty, address)

    # --- within --------------------------------------------------------------------------------

    def _answer_request(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> None:
        agreement = self._agreed.get(tx, hosted, transfer.agreement_id)
        refusal = self._decide.transfer(tx, hosted, agreement, now=now)
        hold = suspensions.standing(tx, hosted, transfer.agreement_id)
        if refusal is None and hold is not None:
            refusal = Refusal(SUSPENDED_BY_PROVIDER, suspensions.reasons_of(hold))
        if refusal is None and not can_be_pushed(tx, hosted, transfer):
            refusal = Refusal(FORM_UNAVAILABLE, (NO_PUSH,))
        most = self._context.settings.delivery.pushes
        if refusal is None and is_one_too_many(tx, hosted, transfer, most=most):
            refusal = Refusal(TOO_MANY, ({"id": TOO_MANY, "expected": most},))
        if refusal is None:
            self.start(tx, hosted, transfer, now=now)
            return
        # A consumer that has not heard yet how the agreement ended learns it from the code.
        is_live = agreement.state is AgreementState.FINALIZED
        code = refusal.code if is_live else ended_code(agreement)
        self.terminate(tx, hosted, transfer, code=code, reasons=refusal.reasons, now=now)

    def _start_again(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> None:
        """Send the start once more to a consumer that asks again, or waits for it to resume."""
        if transfer.state is TransferState.STARTED and not tx.outbox.of_process(
            hosted.name, transfer.id
        ):
            message = TransferStartMessage(id=new_pid(), **_pids(transfer))
            post(self._context, tx, hosted, transfer, message, now=now)

    def _send(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        message: TransferMessage,
        *,
        now: datetime,
        **more: object,
    ) -> TransferProcess:
        moved = transfer.receive(message, sender=transfer.role, now=now)
        post(self._context, tx, hosted, moved, message, now=now)
        self._save(tx, hosted, moved, now=now, **more)
        suspensions.follow(tx, hosted, moved, now=now)
        return moved

    def _save(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        *,
        now: datetime,
        **more: object,
    ) -> None:
        self._on_move(hosted.name, transfer.id)
        deadline = self._deadline(tx, hosted, transfer, now=now)
        tx.transfers.update(hosted.name, without_token(transfer), deadline=deadline)
        self._pushes.follow(tx, hosted, transfer, now=now)
        if transfer.state in (TransferState.TERMINATED, TransferState.SUSPENDED):
            more.setdefault("ended_by", "counterparty")
        record(tx, hosted, transfer, now=now, **more)

    def _deadline(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime
    ) -> datetime | None:
        """Return when something is done about a transfer that has not moved."""
        if transfer.state is TransferState.REQUESTED:
            return now + self._context.deadline
        if is_kept_while_used(tx, hosted, transfer):
            return now + self._context.idle
        return None


def _is_start_again(transfer: TransferProcess, message: TransferMessage) -> bool:
    """Say whether a start is the last one, sent again.

    A provider that was restarted meanwhile makes another token for it, so the body differs; taken
    for a new start it would resume what the consumer has suspended since.
    """
    return (
        isinstance(message, TransferStartMessage)
        and message.id is not None
        and message.id == transfer.last_message_id
    )


def _pids(transfer: TransferProcess) -> dict[str, str]:
    return {
        "consumer_pid": transfer.consumer_pid or "",
        "provider_pid": transfer.provider_pid or "",
    }
