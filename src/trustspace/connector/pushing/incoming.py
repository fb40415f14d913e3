"""Where pushed deliveries arrive: one file per transfer in the home, until its owner takes it.

The name of a file comes of our own pid and nothing else, so that nobody outside chooses where to
write. What arrived is given to the owner while the agreement stands, and goes with it.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

import anyio.to_thread

from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.dataplane.published_file import PublishedFile, open_regular
from trustspace.dataplane.sink import FileSink
from trustspace.dsp.messages import TransferState
from trustspace.errors import NotFoundError, PolicyDeniedError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import PushRow, Transaction

PIECE_BYTES = 1024 * 1024


class Incoming:
    """The folder of what arrives.

    Args:
        context: The connector.
        agreed: Its agreements.
        folder: Where files are; made when it is needed.
    """

    def __init__(self, context: ConnectorContext, agreed: Agreements, folder: Path) -> None:
        self._context = context
        self._agreed = agreed
        self._folder = folder

    def path(self, hosted: Hosted, pid: str) -> Path:
        """Return the file of a transfer."""
        name = hashlib.sha256(f"{hosted.id} {pid}".encode()).hexdigest()[:32]
        return self._folder / name

    def sink(self, hosted: Hosted, pid: str) -> FileSink:
        """Open the file of a transfer for writing; blocks.

        Raises:
            ConfigurationError: It cannot be written, or is being written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileSink(self.path(hosted, pid))

    def discard(self, hosted: Hosted, pid: str) -> None:
        """Remove what arrived of a transfer, whole or in part, as far as that can be done."""
        with contextlib.suppress(OSError):
            self.remove(hosted, pid)

    def remove(self, hosted: Hosted, pid: str) -> int:
        """Remove what arrived of a transfer, whole or in part; tells how many files there were.

        Raises:
            OSError: One is there that cannot be removed.
        """
        path = self.path(hosted, pid)
        removed = 0
        for name in (path.name, f"{path.name}.part", f"{path.name}.part.version"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(name).unlink()
                removed += 1
        return removed

    def follow(self, hosted: Hosted, transfer: TransferProcess) -> None:
        """Remove what arrived of a transfer that was terminated."""
        is_ours = transfer.role is Role.CONSUMER and transfer.format == PUSH
        if is_ours and transfer.state is TransferState.TERMINATED:
            self.discard(hosted, transfer.id)

    async def read(self, hosted: Hosted, pid: str) -> tuple[PushRow, AsyncIterator[bytes]]:
        """Return what arrived of a transfer, for its owner.

        Raises:
            NotFoundError: Nothing has arrived, or it was taken already.
            PolicyDeniedError: The agreement has ended; the file goes with it.
        """

        def query(tx: Transaction) -> PushRow | None:
            transfer = tx.transfers.get(hosted.name, pid)
            if transfer is None:
                return None
            self._agreed.live(tx, hosted, transfer.agreement_id)
            return tx.pushes.get(hosted.name, pid)

        try:
            row = await self._context.store.read(query)
        except PolicyDeniedError:
            self.discard(hosted, pid)
            raise
        if row is None or row.sha256 is None or row.last_error:
            raise NotFoundError("nothing has arrived of this transfer", hint=_hint(row))
        try:
            file = await anyio.to_thread.run_sync(open_regular, str(self.path(hosted, pid)))
        except OSError as error:
            raise NotFoundError(
                "nothing is here of this transfer", hint="it was taken already: ask for it again"
            ) from error
        return row, _pieces(file)


async def _pieces(file: PublishedFile) -> AsyncIterator[bytes]:
    try:
        for offset in range(0, file.size_bytes, PIECE_BYTES):
            size = min(PIECE_BYTES, file.size_bytes - offset)
            yield await anyio.to_thread.run_sync(file.read_at, offset, size)
    finally:
        file.close()


def _hint(row: PushRow | None) -> str:
    return row.last_error if row is not None else "ask for it with the format HttpData-PUSH"
