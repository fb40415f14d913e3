"""What this connector's participants keep sealed, and how it goes when its agreement ends.

The sealed stores lie in the home, where the programs of the owner write to them
(`trustspace.client.handles.kept_data`). When an agreement has ended, whether or not its terms say
so, nothing of it may be used any more, so its key is destroyed and its files go, and the record of
that is signed: the proof stands in the event log, and goes to the provider where a duty asks for
it. What a crash interrupted is finished at the next start.

Example::

    copies = SealedCopies(context, incoming)
    await copies.remove(hosted, agreement)   # {'sealed': 2, 'proof': 'eyJ…'}
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from trustspace.connector.duties.copies import TRIGGERS
from trustspace.connector.using.deletion_proof import prove
from trustspace.errors import TrustspaceError
from trustspace.store import AgreementState
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.store import AgreementRow, Committed, Transaction
    from trustspace.usage.deletion_record import DeletionRecord
    from trustspace.usage.sealed_store import SealedStore

logger: logging.Logger = logging.getLogger(__name__)

DELETED: Final = "sealed.deleted"
"""Kind of the event that holds a proof."""

AGAIN: Final = 1.0
"""Seconds until a deletion is tried again that did not succeed."""


class SealedCopies:
    """The sealed stores of every hosted participant.

    Args:
        context: The connector.
        incoming: What arrived for the participants.
    """

    def __init__(self, context: ConnectorContext, incoming: Incoming) -> None:
        self._context = context
        self._incoming = incoming

    def store(self, hosted: Hosted) -> SealedStore:
        """Return a participant's sealed store; nothing is made by that.

        Raises:
            ConfigurationError: The setting that says where the key is, is wrong.
        """
        return self._incoming.store(hosted)

    async def remove(self, hosted: Hosted, agreement: AgreementRow) -> Mapping[str, int | str]:
        """Delete what is kept under an agreement; a second time changes nothing.

        While the agreement stands, something may be kept under it again.

        Returns:
            Number of files, and the proof where there were any.

        Raises:
            ConfigurationError: Something could not be removed; it is tried again later.
        """
        trigger = TRIGGERS[agreement.state]

        def delete() -> DeletionRecord | None:
            return self._incoming.delete(
                hosted, agreement.id, trigger=trigger, is_final=trigger is not Trigger.AFTER_USE
            )

        record = await anyio.to_thread.run_sync(delete)
        if record is None:
            return {"sealed": 0}
        proof = await self.note(hosted, record)
        return {"sealed": record.files.sealed + record.files.partial, "proof": proof}

    async def note(self, hosted: Hosted, record: DeletionRecord) -> str:
        """Put the proof of a deletion into the event log, unless it is there; return it."""
        proof = await self._context.store.write(lambda tx: self._note(tx, hosted, record))
        deletion = Deletion(self.store(hosted))
        await anyio.to_thread.run_sync(deletion.noted, record)
        return proof

    def _note(self, tx: Transaction, hosted: Hosted, record: DeletionRecord) -> str:
        for event in tx.events.about(hosted.name, record.agreement, kind=DELETED):
            if event.body["digest"] == record.digest:
                return str(event.body["proof"])
        proof = prove(record, hosted)
        body = {
            "agreement": record.agreement,
            "trigger": record.trigger.value,
            "objects": len(record.objects),
            "bytes": sum(each.size_bytes for each in record.objects),
            "digest": record.digest,
            "proof": proof,
        }
        tx.events.append(hosted.name, DELETED, body, now=self._context.now())
        return proof


class SealedWatch:
    """Deletes what is kept when its agreement ends; for one event loop.

    Args:
        context: The connector.
        copies: The sealed stores.
        agreed: The agreements.
    """

    def __init__(self, context: ConnectorContext, copies: SealedCopies, agreed: Agreements) -> None:
        self._context = context
        self._copies = copies
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ended: set[tuple[str, str]] = set()
        agreed.on_ended(self._hear)

    def committed(self, committed: Committed) -> None:
        """Look when an agreement has ended; called from the store's thread."""
        del committed
        if self._ended and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Delete what has to go, until cancelled."""
        await self._look_at_everything()
        while True:
            self._wake.clear()
            waiting = await self._look()
            try:
                async with asyncio.timeout(AGAIN if waiting else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _hear(self, row: AgreementRow) -> None:
        """Note an agreement that ends; called from the store's thread, before the commit."""
        self._ended.add((row.participant, row.id))

    async def _look(self) -> bool:
        """Delete what is under ended agreements; tells whether something has to be tried again."""
        for key in list(self._ended):
            hosted = self._context.hosted.get(key[0])
            if hosted is None or await self._delete(hosted, key[1]):
                self._ended.discard(key)
        return bool(self._ended)

    async def _delete(self, hosted: Hosted, agreement_id: str) -> bool:
        """Delete what is under one agreement if it has ended; tells whether that is settled."""
        row = await self._row(hosted.name, agreement_id)
        if row is None or row.state is AgreementState.FINALIZED:
            return row is None
        try:
            await self._copies.remove(hosted, row)
        except (TrustspaceError, OSError) as error:
            logger.warning("what is kept under %s could not be deleted: %s", row.id, error)
            return False
        return True

    async def _look_at_everything(self) -> None:
        """Look at what was kept, and at what was deleted, when this process was not there."""

        def left(hosted: Hosted) -> tuple[list[str], list[DeletionRecord]]:
            store = self._copies.store(hosted)
            deletion = Deletion(store)
            deletion.resume()
            return [one.agreement for one in store.keys.records()], deletion.unnoted()

        for hosted in list(self._context.hosted.values()):
            try:
                held, unnoted = await anyio.to_thread.run_sync(left, hosted)
                for record in unnoted:
                    await self._copies.note(hosted, record)
            except (TrustspaceError, OSError) as error:
                logger.warning("what %s keeps could not be looked at: %s", hosted.name, error)
                continue
            for agreement_id in held:
                row = await self._row(hosted.name, agreement_id)
                if row is None or row.state is not AgreementState.FINALIZED:
                    self._ended.add((hosted.name, agreement_id))

    async def _row(self, name: str, agreement_id: str) -> AgreementRow | None:
        return await self._context.store.read(lambda tx: tx.agreements.get(name, agreement_id))
