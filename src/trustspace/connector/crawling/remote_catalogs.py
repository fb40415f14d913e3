"""Catalogues of others: page after page, what is nested in them, and only what is new.

Pages are followed by their ``Link`` headers, or by offset with connectors that page so. A page that
was read before is asked for with its entity tag. A nested catalogue that is only named is fetched
from where the DID document of its participant says, never from where a stranger says.

Example::

    answer = await catalogs.fetch(hosted, counterparty, query, limit=100)
    answer.datasets, answer.skipped
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
from httpx import URL

from trustspace.connector.crawling.foreign_catalog import (
    ForeignPage,
    Found,
    Named,
    described,
    read_page,
)
from trustspace.connector.messaging.peers import CATALOG_BYTES, json_or_none, next_link
from trustspace.dsp.binding import catalog_request_path, join
from trustspace.dsp.catalog_query import CatalogQuery, matches, read_filter
from trustspace.dsp.dialects import query_of_page, recognise
from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.wire import emit
from trustspace.errors import RemoteProtocolError, StatusError, TrustspaceError
from trustspace.model.value import canonical
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from trustspace.connector.context import Hosted
    from trustspace.connector.messaging.peers import Peers
    from trustspace.dsp.dialects import Dialect
    from trustspace.transport.discovery import Counterparty, Discovery
    from trustspace.transport.http_response import Response

MAX_PAGES: Final = 10_000
MAX_NESTED: Final = 200
"""Most nested catalogues that one look fetches."""

PAGE_ANSWERS: Final = 3
"""A page may take as long as so many other answers; counterparties read theirs from slow stores."""

REMEMBERED: Final = 64
"""Pages kept with their entity tags."""


@dataclass(frozen=True)
class RemotePage:
    """A page, and what it cost.

    Attributes:
        page: What it says; None when it is as it was under the tag we asked with.
        etag: Its entity tag, or empty.
        is_last: Whether no page follows.
        size_bytes: Bytes of the bodies sent and received for it.
    """

    page: ForeignPage | None
    etag: str
    is_last: bool
    size_bytes: int


@dataclass
class Answer:
    """A catalogue with what is nested in it."""

    datasets: list[Found] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)


class RemoteCatalogs:
    """Reads catalogues of counterparties."""

    def __init__(self, peers: Peers, discovery: Discovery) -> None:
        self._peers = peers
        self._discovery = discovery
        self._kept: OrderedDict[tuple[str, str, bytes], tuple[str, Response]] = OrderedDict()

    async def fetch(
        self,
        hosted: Hosted,
        counterparty: Counterparty,
        *,
        filter_: tuple[Any, ...] = (),
        limit: int | None = None,
    ) -> Answer:
        """Fetch a catalogue and what is nested in it.

        Args:
            hosted: Who asks.
            counterparty: Whose catalogue.
            filter_: Criteria of our own filter; a counterparty that does not know it is asked for
                everything.
            limit: Stop after this many datasets; None for all of them.

        Raises:
            StatusError: The counterparty refused.
            RemoteProtocolError: Its answer is no catalogue, or the filter is not supported.
            TransportError: No answer.
        """
        query = read_filter(filter_)
        answer = Answer()
        async for one in self._tree(hosted, counterparty, query, filter_, answer):
            answer.datasets += one
            if limit is not None and len(answer.datasets) >= limit:
                break
        answer.datasets = answer.datasets[:limit]
        return answer

    async def _tree(
        self,
        hosted: Hosted,
        counterparty: Counterparty,
        query: CatalogQuery,
        filter_: tuple[Any, ...],
        answer: Answer,
    ) -> AsyncIterator[list[Found]]:
        pending, seen = [counterparty], {counterparty.base}
        while pending:
            at = pending.pop(0)
            ours = TRUSTSPACE_NAMESPACE in at.profiles
            try:
                async for one in self.pages(hosted, at, filter_ if ours else ()):
                    if one.page is None:
                        continue
                    answer.skipped += one.page.skipped
                    yield [
                        f for f in one.page.datasets if ours or matches(query, described(f.dataset))
                    ]
                    for named in one.page.nested:
                        await self._add(pending, seen, at, named, answer)
            except TrustspaceError as error:
                if at is counterparty:
                    raise
                answer.skipped.append({"id": at.base, "reason": str(error)})

    async def _add(
        self,
        pending: list[Counterparty],
        seen: set[str],
        at: Counterparty,
        named: Named,
        answer: Answer,
    ) -> None:
        if named.base.rstrip("/") in seen or len(seen) > MAX_NESTED:
            return
        seen.add(named.base.rstrip("/"))
        try:
            pending.append(await self.nested(at, named))
        except TrustspaceError as error:
            answer.skipped.append({"id": named.base, "reason": str(error)})

    async def nested(self, parent: Counterparty, named: Named) -> Counterparty:
        """Find out who answers for a nested catalogue that is only named.

        Raises:
            RemoteProtocolError: Whose it is cannot be told, or it is not where they say.
            TransportError: They cannot be reached.
        """
        if named.provider in (None, parent.id):
            if URL(named.base).netloc != URL(parent.base).netloc:
                raise RemoteProtocolError(
                    f"the nested catalogue at {named.base} names no participant",
                    code="catalog.nested",
                )
            return replace(parent, base=named.base.rstrip("/"))
        found = await self._discovery.discover(str(named.provider))
        if found.base.rstrip("/") != named.base.rstrip("/"):
            raise RemoteProtocolError(
                f"{named.provider} is at {found.base}, not at {named.base}", code="catalog.nested"
            )
        return found

    async def pages(
        self,
        hosted: Hosted,
        counterparty: Counterparty,
        filter_: tuple[Any, ...] = (),
        *,
        etag: str = "",
    ) -> AsyncIterator[RemotePage]:
        """Yield the pages of one catalogue, each fetched when it is wanted.

        Args:
            hosted: Who asks.
            counterparty: Whose catalogue.
            filter_: As it is sent.
            etag: Entity tag of the first page as it was read before; pages that this object has
                read before are known without.

        Raises:
            StatusError: The counterparty refused.
            RemoteProtocolError: Its answer is no catalogue.
            TransportError: No answer.
        """
        url = join(counterparty.base, catalog_request_path())
        dialects = self._peers.context.dialects
        dialects.note(counterparty.id, counterparty.dialect)
        dialect = dialects.of(hosted.name, counterparty.id, counterparty.base)
        asked, offset, size = filter_, 0, None if filter_ else dialect.page_size
        if size is not None:
            asked = (query_of_page(0, size),)
        for number in range(MAX_PAGES):
            message = emit(CatalogRequestMessage(filter=asked))
            response, sent = await self._ask(
                hosted, counterparty, url, message, etag="" if number else etag
            )
            if response.status == 304:
                yield RemotePage(None, etag, is_last=True, size_bytes=sent)
                return
            read = partial(_read, response, counterparty, dialect)
            page, seen = await anyio.to_thread.run_sync(read)
            dialects.note(counterparty.id, seen)
            dialect = dialects.of(hosted.name, counterparty.id, counterparty.base)
            size = None if filter_ else dialect.page_size
            following = next_link(response, url)
            offset += len(page.datasets) + len(page.skipped)
            is_full = size is not None and offset >= size * (number + 1)
            is_last = following is None and (not is_full or bool(filter_))
            tag = response.headers.get("etag", "")
            yield RemotePage(page, tag, is_last=is_last, size_bytes=sent + len(response.body))
            if is_last:
                return
            if following is not None:
                url = following
            elif size is not None:
                asked = (query_of_page(offset, size),)

    async def _ask(
        self,
        hosted: Hosted,
        counterparty: Counterparty,
        url: str,
        message: Mapping[str, Any],
        *,
        etag: str,
    ) -> tuple[Response, int]:
        """Ask for a page, with the tag of what we have; return the answer and what was sent."""
        body = canonical(message)
        key = (hosted.name, url, body)
        kept = None if etag else self._kept.get(key)
        tag = etag or (kept[0] if kept else "")
        response = await self._post(hosted, url, message, audience=counterparty.id, etag=tag)
        if response.status == 304 and kept is not None:
            self._kept.move_to_end(key)
            return kept[1], len(body)
        if response.status not in (200, 304):
            raise StatusError(
                f"the counterparty answered {response.status} when asked for the catalogue",
                status=response.status,
                body=json_or_none(response),
                hint="if it is 401 or 404, check that both sides know each other's DID",
            )
        if response.status == 200 and "etag" in response.headers and not message.get("filter"):
            self._kept[key] = (response.headers["etag"], response)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return response, len(body)

    async def _post(
        self, hosted: Hosted, url: str, message: Mapping[str, Any], *, audience: str, etag: str
    ) -> Response:
        peers = self._peers
        headers = {
            "Authorization": peers.proof(hosted, url, audience=audience),
            "Accept": "application/json",
        }
        if etag:
            headers["If-None-Match"] = etag
        now = peers.context.now()
        with peers.context.trace.sending(
            hosted, "POST", url, audience=audience, message=message, at=now
        ) as said:
            response = await peers.client.request(
                "POST",
                url,
                headers=headers,
                json=message,
                max_bytes=CATALOG_BYTES,
                deadline=timedelta(
                    seconds=PAGE_ANSWERS * peers.context.settings.exchange.answer_seconds
                ),
            )
            said.answered(response.status, response.body)
        return response


def _read(
    response: Response, counterparty: Counterparty, dialect: Dialect
) -> tuple[ForeignPage, Dialect | None]:
    """Read a page in a thread: a long one would hold up everything else."""
    document = response.json(max_keys=MAX_KEYS)
    seen = recognise(document)
    page = read_page(
        document,
        provider=counterparty.id,
        base=counterparty.base,
        lacks_rules=(seen or dialect).policies_without_rules,
    )
    return page, seen


MAX_KEYS: Final = 1_000_000
"""Members of a page in all; its bytes are limited as well."""
