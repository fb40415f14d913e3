"""The async client: catalogues of counterparties, and the index of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.sync.catalogue import EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.client.crawled import Crawl, IndexSource
    from trustspace.client.operations.catalogue import CrawlProgress
    from trustspace.client.values import CatalogView, OfferedDataset


class AsyncCatalogueMethods(AsyncDriver):
    """Catalogues of counterparties, and the index of them."""

    async def catalog(
        self,
        address: str,
        *,
        limit: int | None = None,
        filter: Sequence[Mapping[str, Any]] = (),  # noqa: A002 - the protocol's own word
    ) -> CatalogView:
        """Return what a counterparty offers to us; as `Client.catalog`."""
        return await self.drive(self._operations.catalog(address, limit=limit, filter=filter))

    async def crawl(
        self, addresses: Sequence[str] = (), *, progress: CrawlProgress | None = None
    ) -> Crawl:
        """Bring catalogues of counterparties into the index; as `Client.crawl`."""
        return await self.drive(self._operations.crawl(addresses, progress=progress, every=EVERY))

    async def search(
        self, *words: str, provider: str | None = None, limit: int | None = None
    ) -> tuple[OfferedDataset, ...]:
        """Return datasets of the index that have every word; as `Client.search`."""
        return await self.drive(self._operations.search(*words, provider=provider, limit=limit))

    async def sources(self) -> tuple[IndexSource, ...]:
        """Return the catalogues in the index; as `Client.sources`."""
        return await self.drive(self._operations.sources())

    async def forget(self, source: str) -> None:
        """Take a catalogue, and those nested in it, out of the index; as `Client.forget`."""
        await self.drive(self._operations.forget(source))
