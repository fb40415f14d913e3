"""The async client: what providers push."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack

import anyio.from_thread
import anyio.to_thread

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.receiving import ReceiveOptions, Receiver
from trustspace.client.values import Agreement, Saved, id_of
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    import os

    from trustspace.client.exchange import Exchange

T = TypeVar("T")


class AsyncReceivingMethods(AsyncDriver):
    """Pushed deliveries, at their consumer."""

    async def receive(
        self,
        agreement: Agreement | str,
        path: str | os.PathLike[str] | None = None,
        *,
        sink: str | None = None,
        **options: Unpack[ReceiveOptions],
    ) -> Saved:
        """Have the provider push the data; as `Client.receive`. Progress is told in a thread."""

        def drive(exchange: Exchange[T]) -> T:
            return anyio.from_thread.run(self.drive, exchange)

        with closing(SyncGuardedClient(self._management.egress)) as http:
            receiver = Receiver(drive, self._operations, self._management, http)
            return await anyio.to_thread.run_sync(
                partial(receiver.receive, id_of(agreement), path, sink=sink, options=options)
            )
