"""Brings one catalogue of somebody else into the index, by changes where that is possible.

A counterparty of our profile is asked for its changes since the last crawl
(`trustspace.connector.cataloguing.catalog_changes`); where it has none of that, for everything, of
which only what differs is written. What is gone, also because it is no longer shown to us, leaves
the index. A crawl that breaks off leaves the cursor where it was, so that the next one does the
rest.

Example::

    outcome = Outcome(source=counterparty.base, provider=counterparty.id)
    nested = await crawler.crawl(hosted, counterparty, outcome)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.crawling.foreign_catalog import Found, Named, shown
from trustspace.errors import StatusError
from trustspace.model.value import digest
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE
from trustspace.store.catalogue_index import Key, searchable
from trustspace.store.rows import CrawlRow, IndexedRow

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.crawling.remote_catalogs import RemoteCatalogs, RemotePage
    from trustspace.store import Transaction
    from trustspace.transport.discovery import Counterparty

MAX_SKIPPED: Final = 1_000
"""Most datasets told as skipped."""

PAGE: Final = 500
"""Datasets on a page, asked for from counterparties of our profile."""

_BEGIN_ANEW: Final = frozenset({"catalog.changes", "catalog.page"})


@dataclass
class Outcome:
    """What a crawl of one catalogue came to, so far.

    Attributes:
        how: ``changes``, ``everything`` or ``unchanged``.
        datasets: Datasets of it in the index.
        size_bytes: Bytes of the bodies sent and received.
    """

    source: str
    provider: str
    parent: str = ""
    how: str = "everything"
    datasets: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    pages: int = 0
    size_bytes: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)


class Crawler:
    """Crawls catalogues one at a time."""

    def __init__(self, context: ConnectorContext, catalogs: RemoteCatalogs) -> None:
        self._context = context
        self._catalogs = catalogs

    async def crawl(
        self, hosted: Hosted, counterparty: Counterparty, outcome: Outcome
    ) -> list[Named]:
        """Crawl one catalogue.

        Args:
            hosted: For whose index.
            counterparty: Whose catalogue.
            outcome: Kept up while the crawl goes on.

        Returns:
            The nested catalogues that it names.

        Raises:
            StatusError: The counterparty refused.
            RemoteProtocolError: Its answer is no catalogue.
            TransportError: No answer.
        """
        store, name = self._context.store, hosted.name
        last = await store.read(lambda tx: tx.index.crawl(name, outcome.source))
        known = await store.read(lambda tx: tx.index.digests(name, outcome.source))
        if last is None:
            last = self._first(hosted, outcome)
            await store.write(lambda tx: tx.index.keep(name, last))
        look = _Look(self._context, hosted, outcome, known)
        cursor = etag = ""
        if TRUSTSPACE_NAMESPACE in counterparty.profiles:
            try:
                cursor = await self._by_changes(hosted, counterparty, look, last.cursor)
            except StatusError as error:
                if not last.cursor or _code(error) not in _BEGIN_ANEW:
                    raise
                look = _Look(self._context, hosted, outcome, known)
                cursor = await self._by_changes(hosted, counterparty, look, "")
        else:
            etag = await self._everything(hosted, counterparty, look, last)
        await look.finish(last, cursor=cursor, etag=etag)
        return look.nested

    async def _by_changes(
        self, hosted: Hosted, counterparty: Counterparty, look: _Look, cursor: str
    ) -> str:
        look.outcome.how = "changes" if cursor else "everything"
        look.is_whole = not cursor
        following = ""
        asked = ({"changedSince": cursor}, {"limit": PAGE})
        async for one in self._catalogs.pages(hosted, counterparty, asked):
            await look.take(one)
            following = (one.page.cursor or "") if one.page else ""
        if not (look.outcome.added or look.outcome.changed or look.outcome.removed) and cursor:
            look.outcome.how = "unchanged"
        return following

    async def _everything(
        self, hosted: Hosted, counterparty: Counterparty, look: _Look, last: CrawlRow
    ) -> str:
        etag, number = "", 0
        async for one in self._catalogs.pages(hosted, counterparty, etag=last.etag):
            if one.page is None:
                look.outcome.how, look.is_whole = "unchanged", False
            await look.take(one)
            # The tag of a first page tells nothing of the pages that follow it.
            etag = one.etag if number == 0 and one.is_last else ""
            number += 1
        return etag

    def _first(self, hosted: Hosted, outcome: Outcome) -> CrawlRow:
        now = self._context.now()
        return CrawlRow(
            participant=hosted.name,
            source=outcome.source,
            provider=outcome.provider,
            parent=outcome.parent,
            cursor="",
            etag="",
            digest="",
            skipped=(),
            crawled_at=now,
            changed_at=now,
        )


class _Look:
    """One look at a catalogue: what it says is written page by page, what is gone at the end.

    Attributes:
        is_whole: Whether everything is shown, so that what is not is gone.
        nested: Nested catalogues named on the way.
    """

    def __init__(
        self, context: ConnectorContext, hosted: Hosted, outcome: Outcome, known: dict[Key, str]
    ) -> None:
        self._context = context
        self._hosted = hosted
        self.outcome = outcome
        self._known = dict(known)
        self._seen: set[Key] = set()
        self.is_whole = True
        self.nested: list[Named] = []
        outcome.datasets = len(known)
        outcome.added = outcome.changed = outcome.removed = outcome.pages = 0
        outcome.skipped = []

    async def take(self, one: RemotePage) -> None:
        """Write what a page says."""
        self.outcome.pages += 1
        self.outcome.size_bytes += one.size_bytes
        if one.page is None:
            return
        self.outcome.skipped += one.page.skipped[: MAX_SKIPPED - len(self.outcome.skipped)]
        self.nested += one.page.nested
        rows = [row for row in map(self._row, one.page.datasets) if self._differs(row)]
        gone = [key for name in one.page.removed if (key := self._key(name)) in self._known]
        for row in rows:
            self._known[row.provider, row.id] = row.digest
        await self._write(rows, gone)

    async def finish(self, last: CrawlRow, *, cursor: str, etag: str) -> None:
        """Take out what is gone and remember the crawl."""
        if self.is_whole:
            await self._write([], [key for key in self._known if key not in self._seen])
        else:
            self.outcome.skipped = [*last.skipped, *self.outcome.skipped][-MAX_SKIPPED:]
        outcome, now = self.outcome, self._context.now()
        is_changed = bool(outcome.added or outcome.changed or outcome.removed)
        row = CrawlRow(
            participant=self._hosted.name,
            source=outcome.source,
            provider=outcome.provider,
            parent=outcome.parent,
            cursor=cursor,
            etag=etag or (last.etag if outcome.how == "unchanged" else ""),
            digest=_digest_of(self._known),
            skipped=tuple(outcome.skipped),
            crawled_at=now,
            changed_at=now if is_changed else last.changed_at,
        )
        body = {
            "source": outcome.source,
            "counterparty": outcome.provider,
            "added": outcome.added,
            "changed": outcome.changed,
            "removed": outcome.removed,
        }

        def hop(tx: Transaction) -> None:
            tx.index.keep(self._hosted.name, row)
            if is_changed:
                tx.events.append(self._hosted.name, "catalog.crawled", body, now=now)

        await self._context.store.write(hop)

    async def _write(self, rows: list[IndexedRow], gone: list[Key]) -> None:
        if rows or gone:
            name, source = self._hosted.name, self.outcome.source

            def hop(tx: Transaction) -> None:
                tx.index.put(name, rows)
                tx.index.remove(name, source, gone)

            await self._context.store.write(hop)
        for key in gone:
            del self._known[key]
        self.outcome.removed += len(gone)
        self.outcome.datasets = len(self._known)

    def _differs(self, row: IndexedRow) -> bool:
        key = (row.provider, row.id)
        self._seen.add(key)
        before = self._known.get(key)
        self.outcome.added += before is None
        self.outcome.changed += before is not None and before != row.digest
        return before != row.digest

    def _key(self, name: str) -> Key:
        return (self.outcome.provider, name)

    def _row(self, found: Found) -> IndexedRow:
        body = shown(found)
        return IndexedRow(
            participant=self._hosted.name,
            source=self.outcome.source,
            provider=found.provider,
            id=found.dataset.id,
            base=found.base,
            digest=digest(body),
            body=body,
            text=searchable(
                found.dataset.id,
                body["title"] or "",
                body["description"] or "",
                *body["keywords"],
                body["creator"] or "",
            ),
        )


def _digest_of(known: dict[Key, str]) -> str:
    whole = hashlib.sha256()
    for key in sorted(known):
        whole.update(f"{key}{known[key]}".encode())
    return f"sha256:{whole.hexdigest()}"


def _code(error: StatusError) -> str | None:
    body = error.body
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None
