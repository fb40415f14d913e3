"""Crawls as the owner orders them, and the index that they fill.

A crawl goes on by itself; whoever ordered it asks how far it is, and may wait for the end. Nested
catalogues are crawled with the one that names them and forgotten with it. The same catalogue is
crawled by one at a time.

Example::

    order = crawls.begin(hosted, ["https://garden.example"])
    shown = await crawls.show(hosted, order["id"], wait=30)
    found = await crawls.search(hosted, ["roses"], provider=None, limit=20, cursor=None)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections import OrderedDict, defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector import views
from trustspace.connector.crawling.crawler import Crawler, Outcome
from trustspace.connector.crawling.foreign_catalog import Named
from trustspace.connector.crawling.remote_catalogs import RemoteCatalogs
from trustspace.errors import ConfigurationError, NotFoundError, TrustspaceError
from trustspace.identity.keys import decode_base64url, encode_base64url
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.messaging.peers import Peers
    from trustspace.store import Transaction
    from trustspace.store.rows import CrawlRow
    from trustspace.transport.discovery import Counterparty, Discovery

logger: logging.Logger = logging.getLogger(__name__)

Json = dict[str, Any]

REMEMBERED: Final = 100
"""Orders that can still be asked about."""

MAX_NESTED: Final = 200


@dataclass
class _Order:
    participant: str
    addresses: tuple[str, ...]
    catalogs: list[Outcome] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Crawls:
    """Orders to crawl, and the index; for one event loop.

    Attributes:
        catalogs: Reads catalogues without an index.
    """

    def __init__(self, context: ConnectorContext, discovery: Discovery, peers: Peers) -> None:
        self._context = context
        self._discovery = discovery
        self.catalogs: RemoteCatalogs = RemoteCatalogs(peers, discovery)
        self._crawler = Crawler(context, self.catalogs)
        self._orders: OrderedDict[str, _Order] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def begin(self, hosted: Hosted, addresses: Sequence[str]) -> Json:
        """Begin to crawl catalogues, one after the other.

        Args:
            hosted: For whose index.
            addresses: URLs or DIDs of counterparties; none means all that were crawled before.
        """
        order = _Order(hosted.name, tuple(addresses))
        key = f"urn:uuid:{uuid.uuid4()}"
        self._orders[key] = order
        while len(self._orders) > REMEMBERED:
            self._orders.popitem(last=False)
        task = asyncio.create_task(self._run(hosted, order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._shown(key, order)

    async def show(self, hosted: Hosted, key: str, *, wait: float) -> Json:
        """Show how far a crawl is, at once or when it has ended.

        Raises:
            NotFoundError: There is no such crawl, or not any more.
        """
        order = self._orders.get(key)
        if order is None or order.participant != hosted.name:
            raise NotFoundError(f"there is no crawl {key}", hint="order a new one")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(order.done.wait(), wait)
        return self._shown(key, order)

    async def search(
        self,
        hosted: Hosted,
        words: Sequence[str],
        *,
        provider: str | None,
        limit: int,
        cursor: str | None,
    ) -> Json:
        """Return indexed datasets that have every word in id, title, description or keywords."""
        after = None if cursor is None else _place(cursor)

        def query(tx: Transaction) -> Json:
            rows = tx.index.search(
                hosted.name, words, provider=provider, after=after, limit=limit + 1
            )
            last = rows[limit - 1] if len(rows) > limit else None
            return {
                "items": [row.body for row in rows[:limit]],
                "next": None if last is None else _cursor(last.provider, last.id),
            }

        return await self._context.store.read(query)

    async def sources(self, hosted: Hosted) -> Json:
        """Show the catalogues in the index."""

        def query(tx: Transaction) -> Json:
            counts = tx.index.counts(hosted.name)
            rows = tx.index.crawls(hosted.name)
            return {"items": [_source(row, counts.get(row.source, 0)) for row in rows]}

        return await self._context.store.read(query)

    async def forget(self, hosted: Hosted, source: str) -> None:
        """Take a catalogue, and those nested in it, out of the index.

        Args:
            hosted: From whose index.
            source: Its base URL or its participant's id.

        Raises:
            NotFoundError: It is not in the index.
        """

        def hop(tx: Transaction) -> int:
            gone = [r for r in tx.index.crawls(hosted.name) if source in (r.source, r.provider)]
            for row in gone:
                _forget(tx, hosted.name, row.source)
            return len(gone)

        if not await self._context.store.write(hop):
            raise NotFoundError(f"{source} is not in the index", hint="look at its sources")

    async def aclose(self) -> None:
        """Break off what is still going on; the next crawl does the rest."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for order in self._orders.values():
            order.done.set()

    # --- within ----------------------------------------------------------------------------------

    async def _run(self, hosted: Hosted, order: _Order) -> None:
        try:
            addresses = order.addresses or await self._known(hosted)
            for address in addresses:
                try:
                    counterparty = await self._discovery.discover(address)
                    await self._tree(hosted, counterparty, order)
                except TrustspaceError as error:
                    order.errors.append(_problem(address, error))
        except Exception:
            logger.exception("a crawl failed")
            order.errors.append({"address": None, "error": "the crawl failed", "hint": ""})
        finally:
            order.done.set()

    async def _known(self, hosted: Hosted) -> tuple[str, ...]:
        rows = await self._context.store.read(lambda tx: tx.index.crawls(hosted.name))
        return tuple(dict.fromkeys(row.provider for row in rows if not row.parent))

    async def _tree(self, hosted: Hosted, root: Counterparty, order: _Order) -> None:
        """Crawl a catalogue and what it names; what it no longer names is forgotten."""
        pending: list[tuple[Counterparty, str]] = [(root, "")]
        seen = {root.base.rstrip("/")}
        while pending:
            at, parent = pending.pop(0)
            outcome = Outcome(source=at.base.rstrip("/"), provider=at.id, parent=parent)
            order.catalogs.append(outcome)
            async with self._locks[hosted.name, outcome.source]:
                try:
                    nested = await self._crawler.crawl(hosted, at, outcome)
                except TrustspaceError as error:
                    order.errors.append(_problem(at.base, error))
                    continue
            is_read = TRUSTSPACE_NAMESPACE in at.profiles or outcome.how != "unchanged"
            if not is_read:
                nested = await self._children(hosted, outcome.source)
            for named in nested:
                base = named.base.rstrip("/")
                if base in seen or len(seen) > MAX_NESTED:
                    continue
                seen.add(base)
                try:
                    pending.append((await self.catalogs.nested(at, named), outcome.source))
                except TrustspaceError as error:
                    outcome.skipped.append({"id": named.base, "reason": str(error)})
            if is_read:
                await self._drop(hosted, outcome.source, keep=seen)

    async def _children(self, hosted: Hosted, parent: str) -> list[Named]:
        """Return what a catalogue that has not changed names, as it was crawled."""
        rows = await self._context.store.read(lambda tx: tx.index.crawls(hosted.name))
        return [Named(row.provider, row.source) for row in rows if row.parent == parent]

    async def _drop(self, hosted: Hosted, parent: str, *, keep: set[str]) -> None:
        def hop(tx: Transaction) -> None:
            for row in tx.index.crawls(hosted.name):
                if row.parent == parent and row.source not in keep:
                    _forget(tx, hosted.name, row.source)

        await self._context.store.write(hop)

    def _shown(self, key: str, order: _Order) -> Json:
        return {
            "id": key,
            "done": order.done.is_set(),
            "addresses": list(order.addresses),
            "datasets": sum(one.datasets for one in order.catalogs),
            "catalogs": [asdict(one) for one in order.catalogs],
            "errors": list(order.errors),
        }


def _forget(tx: Transaction, name: str, source: str) -> None:
    for row in tx.index.crawls(name):
        if row.parent == source:
            _forget(tx, name, row.source)
    tx.index.forget(name, source)


def _problem(address: str, error: TrustspaceError) -> Json:
    return {"address": address, "error": str(error), "hint": error.hint}


def _source(row: CrawlRow, count: int) -> Json:
    return {
        "source": row.source,
        "participant_id": row.provider,
        "parent": row.parent or None,
        "datasets": count,
        "skipped": list(row.skipped),
        "crawled_at": views.time(row.crawled_at),
        "changed_at": views.time(row.changed_at),
    }


def _cursor(provider: str, name: str) -> str:
    return encode_base64url(json.dumps([provider, name]).encode())


def _place(cursor: str) -> tuple[str, str]:
    try:
        provider, name = json.loads(decode_base64url(cursor))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "no page begins there", setting="cursor", hint="give back the next of a page"
        ) from error
    return str(provider), str(name)
