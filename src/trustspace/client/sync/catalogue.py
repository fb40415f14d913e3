"""The sync client: catalogues of counterparties, and the index of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.client.crawled import Crawl, IndexSource
    from trustspace.client.operations.catalogue import CrawlProgress
    from trustspace.client.values import CatalogView, OfferedDataset

EVERY = timedelta(seconds=1)
"""How often a crawl's progress is told."""


class CatalogueMethods(Driver):
    """Catalogues of counterparties, and the index of them."""

    def catalog(
        self,
        address: str,
        *,
        limit: int | None = None,
        filter: Sequence[Mapping[str, Any]] = (),  # noqa: A002 - the protocol's own word
    ) -> CatalogView:
        """Return what a counterparty offers to us.

        Args:
            address: Its root URL or its DID.
            limit: Most datasets to return; None means what the connector returns by itself.
            filter: Criteria that hold together, for example
                ``[{"field": "keyword", "op": "eq", "value": "roses"}]``.

        Raises:
            ConnectError: The counterparty cannot be reached.
            RemoteProtocolError: It answered an error or nothing that can be read.
        """
        return self.drive(self._operations.catalog(address, limit=limit, filter=filter))

    def crawl(
        self, addresses: Sequence[str] = (), *, progress: CrawlProgress | None = None
    ) -> Crawl:
        """Bring catalogues of counterparties into the index, and what is nested in them.

        Args:
            addresses: Root URLs or DIDs; none means all that were crawled before.
            progress: Called about every second with the crawl as far as it is.

        Returns:
            The crawl when it is done; what could not be crawled is in its ``errors``.
        """
        return self.drive(self._operations.crawl(addresses, progress=progress, every=EVERY))

    def search(
        self, *words: str, provider: str | None = None, limit: int | None = None
    ) -> tuple[OfferedDataset, ...]:
        """Return datasets of the index that have every word.

        Args:
            words: Parts of words in id, title, description, keywords or creator, in any case.
            provider: Only datasets of the participant with this id.
            limit: Most to return; None for all.
        """
        return self.drive(self._operations.search(*words, provider=provider, limit=limit))

    def sources(self) -> tuple[IndexSource, ...]:
        """Return the catalogues in the index."""
        return self.drive(self._operations.sources())

    def forget(self, source: str) -> None:
        """Take a catalogue, and those nested in it, out of the index.

        Args:
            source: Its base URL, or the id of its participant.

        Raises:
            NotFoundError: It is not in the index.
        """
        self.drive(self._operations.forget(source))
