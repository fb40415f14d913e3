"""A provider's suspension stands until the provider lifts it, whatever the consumer does meanwhile.

The protocol lets either side resume. A consumer that could lift its provider's suspension, or walk
round it with a new transfer, would make it worthless; so a suspension by the provider is kept with
the agreement, and while it stands nothing starts under it that the provider does not start itself.
It ends when the provider resumes or ends the transfer, or lifts it by name.

Example::

    suspensions.follow(tx, hosted, transfer, now=now)      # after each step of the provider's own
    suspensions.standing(tx, hosted, agreement_id)         # the suspension, or None
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.dsp.messages import TransferMessage, TransferStartMessage, TransferState
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import HoldRow, Transaction

SUSPENDED_BY_PROVIDER = "transfer.suspended_by_provider"
"""Code of what is refused while a suspension by the provider stands."""

ONLY_PROVIDER = "the provider suspended the transfer, so only the provider resumes it"


def is_suspended_by_provider(transfer: TransferProcess) -> bool:
    """Whether only the provider may resume a transfer."""
    return transfer.state is TransferState.SUSPENDED and transfer.ended_by is Role.PROVIDER


def check_resumed(transfer: TransferProcess, message: TransferMessage) -> None:
    """Refuse a consumer's start of what we suspended as its provider.

    Raises:
        RemoteProtocolError: It is one.
    """
    if (
        transfer.role is Role.PROVIDER
        and is_suspended_by_provider(transfer)
        and isinstance(message, TransferStartMessage)
    ):
        raise RemoteProtocolError(ONLY_PROVIDER, code=SUSPENDED_BY_PROVIDER)


def check_resumable(transfer: TransferProcess) -> None:
    """Refuse to start as a consumer what the provider suspended; it would not let us.

    Raises:
        LocalProtocolError: We are the consumer, and it did.
    """
    if transfer.role is Role.CONSUMER and is_suspended_by_provider(transfer):
        raise LocalProtocolError(
            ONLY_PROVIDER,
            code=SUSPENDED_BY_PROVIDER,
            hint="ask the provider, or terminate the transfer",
        )


def follow(tx: Transaction, hosted: Hosted, transfer: TransferProcess, *, now: datetime) -> None:
    """Keep or lift a suspension after a step that we took ourselves."""
    if transfer.role is not Role.PROVIDER:
        return
    if not is_suspended_by_provider(transfer):
        tx.holds.drop(hosted.name, transfer.id)
        return
    tx.holds.put(
        hosted.name,
        transfer.agreement_id,
        transfer.id,
        code=transfer.code or SUSPENDED_BY_PROVIDER,
        reasons=transfer.reasons,
        now=now,
    )


def standing(tx: Transaction, hosted: Hosted, agreement_id: str) -> HoldRow | None:
    """Return the suspension that stands under an agreement, or None."""
    return tx.holds.first(hosted.name, agreement_id)


def reasons_of(hold: HoldRow) -> tuple[Any, ...]:
    """Return why nothing starts, for the consumer."""
    return hold.reasons or ("the provider suspended the agreement's transfers",)


class Suspensions:
    """The owner's side of suspensions."""

    def __init__(self, context: ConnectorContext, agreed: Agreements) -> None:
        self._context = context
        self._agreed = agreed

    async def release(self, hosted: Hosted, agreement_id: str) -> dict[str, Any]:
        """Lift every suspension under an agreement; transfers that are paused stay paused.

        Raises:
            NotFoundError: There is no such agreement.
        """
        now = self._context.now()

        def hop(tx: Transaction) -> int:
            self._agreed.get(tx, hosted, agreement_id)
            lifted = tx.holds.drop_all(hosted.name, agreement_id)
            if lifted:
                body = {"agreement": agreement_id, "suspensions": lifted}
                tx.events.append(hosted.name, "agreement.released", body, now=now)
            return lifted

        lifted = await self._context.store.write(hop)
        return {"agreement": agreement_id, "released": lifted}
