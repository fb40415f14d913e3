"""Where pushed deliveries arrive: sealed in the home, until their owner takes them.

A delivery is sealed while it arrives, under the key of its agreement, so that what lies here for a
while, or is left by a crash, is of no use without it. What arrived is given to the owner while the
agreement stands, and goes with it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio.to_thread

from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.dsp.messages import TransferState
from trustspace.errors import NotFoundError, PolicyDeniedError, TrustspaceError
from trustspace.model.participant import Role
from trustspace.usage.deletion import Deletion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import PushRow, Transaction
    from trustspace.usage.deletion_record import DeletionRecord, Trigger
    from trustspace.usage.sealed_home import SealedHome
    from trustspace.usage.sealed_reader import SealedReader
    from trustspace.usage.sealed_store import SealedStore
    from trustspace.usage.sealed_writer import SealedWriter

PIECE_BYTES = 1024 * 1024


class Incoming:
    """What arrived for the participants of this connector.

    Args:
        context: The connector.
        agreed: Its agreements.
        home: Where it is sealed.
    """

    def __init__(self, context: ConnectorContext, agreed: Agreements, home: SealedHome) -> None:
        self._context = context
        self._agreed = agreed
        self._home = home
        self._stores: dict[str, SealedStore] = {}

    def store(self, hosted: Hosted) -> SealedStore:
        """Return what was delivered to a participant.

        Raises:
            ConfigurationError: The setting that says where the key is, is wrong.
        """
        if hosted.name not in self._stores:
            made = self._home.store(hosted.name, participant=hosted.id)
            return self._stores.setdefault(hosted.name, made)
        return self._stores[hosted.name]

    def close(self) -> None:
        """Overwrite the keys in memory."""
        for store in self._stores.values():
            store.close()

    def sink(self, hosted: Hosted, transfer: TransferProcess) -> SealedWriter:
        """Open the place of a transfer for writing; blocks.

        Raises:
            ConfigurationError: It cannot be written, or is being written.
            PolicyDeniedError: What was delivered under the agreement has been deleted.
        """
        return self.store(hosted).writer(transfer.agreement_id, transfer.id)

    def discard(self, hosted: Hosted, agreement: str, pid: str) -> None:
        """Remove what arrived of a transfer, whole or in part, as far as that can be done."""
        with contextlib.suppress(TrustspaceError):
            self.store(hosted).remove(agreement, pid)

    def delete(
        self, hosted: Hosted, agreement: str, *, trigger: Trigger, is_final: bool
    ) -> DeletionRecord | None:
        """Delete all that arrived under an agreement; None where nothing ever did; blocks.

        Raises:
            ConfigurationError: Something cannot be removed; the next attempt goes on.
        """
        store = self.store(hosted)
        if not store.folder.of(agreement).exists():
            return None
        return Deletion(store).delete(agreement, trigger=trigger, is_final=is_final)

    def follow(self, hosted: Hosted, transfer: TransferProcess) -> None:
        """Remove what arrived of a transfer that was terminated."""
        is_ours = transfer.role is Role.CONSUMER and transfer.format == PUSH
        if is_ours and transfer.state is TransferState.TERMINATED:
            self.discard(hosted, transfer.agreement_id, transfer.id)

    async def read(self, hosted: Hosted, pid: str) -> tuple[PushRow, AsyncIterator[bytes]]:
        """Return what arrived of a transfer, for its owner.

        Raises:
            NotFoundError: Nothing has arrived, or it was taken already.
            PolicyDeniedError: The agreement has ended; the file goes with it.
        """

        def find(tx: Transaction) -> TransferProcess | None:
            return tx.transfers.get(hosted.name, pid)

        def query(tx: Transaction) -> PushRow | None:
            if transfer is None:
                return None
            self._agreed.live(tx, hosted, transfer.agreement_id)
            return tx.pushes.get(hosted.name, pid)

        transfer = await self._context.store.read(find)
        try:
            row = await self._context.store.read(query)
        except PolicyDeniedError:
            if transfer is not None:
                self.discard(hosted, transfer.agreement_id, pid)
            raise
        if transfer is None or row is None or row.sha256 is None or row.last_error:
            raise NotFoundError("nothing has arrived of this transfer", hint=_hint(row))
        store, agreement = self.store(hosted), transfer.agreement_id
        try:
            file = await anyio.to_thread.run_sync(store.reader, agreement, pid)
        except NotFoundError as error:
            raise NotFoundError(
                "nothing is here of this transfer", hint="it was taken already: ask for it again"
            ) from error
        return row, _pieces(file)


async def _pieces(file: SealedReader) -> AsyncIterator[bytes]:
    try:
        for offset in range(0, file.size_bytes, PIECE_BYTES):
            size = min(PIECE_BYTES, file.size_bytes - offset)
            yield await anyio.to_thread.run_sync(file.read_at, offset, size)
    finally:
        file.close()


def _hint(row: PushRow | None) -> str:
    return row.last_error if row is not None else "ask for it with the format HttpData-PUSH"
