"""What others offer: their catalogues, and an index of them that is kept here.

Example::

    client.drive(Operations().crawl(["https://garden.example"]))
    client.drive(Operations().search("roses"))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from trustspace.client.crawled import Crawl, IndexSource
from trustspace.client.exchange import (
    LONGEST_WAIT,
    POLL_PAUSE,
    Exchange,
    Request,
    Wait,
    call,
    wait_query,
)
from trustspace.client.operations.participant import ParticipantOperations, listed
from trustspace.client.values import CatalogView, ListPage, OfferedDataset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from trustspace.model.value import JsonObject

CrawlProgress: TypeAlias = Callable[[Crawl], None]
"""Called with the crawl as far as it is."""


class CatalogueOperations(ParticipantOperations):
    """Catalogues of counterparties, and the index of them."""

    def catalog(
        self,
        address: str,
        *,
        limit: int | None = None,
        filter: Sequence[Mapping[str, Any]] = (),  # noqa: A002 - the protocol's own word
    ) -> Exchange[CatalogView]:
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
        body: JsonObject = {"address": address}
        if limit is not None:
            body["limit"] = limit
        if filter:
            body["filter"] = [dict(each) for each in filter]
        path = yield from self._path("catalog")
        response = yield from call(Request("POST", path, body=body))
        return CatalogView.read(response.document)

    def crawl(
        self,
        addresses: Sequence[str] = (),
        *,
        progress: CrawlProgress | None = None,
        every: timedelta = LONGEST_WAIT,
    ) -> Exchange[Crawl]:
        """Bring catalogues of counterparties into the index, and what is nested in them.

        Args:
            addresses: Root URLs or DIDs; none means all that were crawled before.
            progress: Called now and then while the crawl goes on.
            every: How often, at least, the connector is asked how far it is.

        Returns:
            The crawl when it is done; what could not be crawled is in its ``errors``.
        """
        path = yield from self._path("crawls")
        response = yield from call(Request("POST", path, body={"addresses": list(addresses)}))
        crawl = Crawl.read(response.document)
        path = yield from self._path("crawls", crawl.id)
        while not crawl.done:
            if progress is not None:
                progress(crawl)
            request = Request("GET", path, query=wait_query(every), patience=every)
            response = yield from call(request)
            crawl = Crawl.read(response.document)
            if not crawl.done and response.elapsed < every:
                yield Wait(POLL_PAUSE)
        return crawl

    def search(
        self, *words: str, provider: str | None = None, limit: int | None = None
    ) -> Exchange[tuple[OfferedDataset, ...]]:
        """Return datasets of the index that have every word.

        Args:
            words: Parts of words in id, title, description, keywords or creator, in any case.
            provider: Only datasets of the participant with this id.
            limit: Most to return; None for all.
        """
        path = yield from self._path("index")
        found: list[OfferedDataset] = []
        cursor = ""
        while True:
            query = {"limit": str(min(limit - len(found), 1000) if limit is not None else 1000)}
            if words:
                query["words"] = " ".join(words)
            if provider is not None:
                query["provider"] = provider
            if cursor:
                query["cursor"] = cursor
            response = yield from call(Request("GET", path, query=query))
            page = ListPage.read(listed(response.document))
            found += [OfferedDataset.read(item) for item in page.items]
            if page.next is None or (limit is not None and len(found) >= limit):
                return tuple(found)
            cursor = page.next

    def sources(self) -> Exchange[tuple[IndexSource, ...]]:
        """Return the catalogues in the index."""
        path = yield from self._path("index", "sources")
        response = yield from call(Request("GET", path))
        page = ListPage.read(listed(response.document))
        return tuple(IndexSource.read(item) for item in page.items)

    def forget(self, source: str) -> Exchange[None]:
        """Take a catalogue, and those nested in it, out of the index.

        Args:
            source: Its base URL, or the id of its participant.

        Raises:
            NotFoundError: It is not in the index.
        """
        path = yield from self._path("index", "sources", source)
        yield from call(Request("DELETE", path))
