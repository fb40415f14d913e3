"""The catalogue as one requester sees it, page by page (DSP 2025-1, "Catalog").

What is hidden in the list is hidden one by one as well: both ask the same question, once per
policy and requester, however many datasets share the policy. Filters, order and paging work on what
is left, in the database. The catalogue of the connector's own participant is the root: it names
those of the others that the connector speaks for, where the requester may see anything in them.

Example::

    page = catalogs.page(tx, hosted, Asked(filter=({"limit": 10},)), subject=sender)
    page.document["dataset"], page.links, page.etag
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trustspace._version import __version__
from trustspace.connector.cataloguing.catalog_changes import CatalogChanges
from trustspace.connector.cataloguing.catalog_cursor import Cursors
from trustspace.connector.cataloguing.catalog_entries import (
    FORMATS,
    Entries,
    catalog_document,
    dataset_document,
)
from trustspace.connector.cataloguing.catalog_page import CatalogPage, is_known
from trustspace.dsp.binding import CATALOG_REQUEST_PATH
from trustspace.dsp.catalog_query import CatalogQuery, formats_meet, policy_meets, read_filter
from trustspace.errors import NotFoundError, RemoteProtocolError
from trustspace.model.value import canonical
from trustspace.store.catalogue_search import Place
from trustspace.store.columns import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.model.participant import ParticipantId
    from trustspace.store import Transaction
    from trustspace.store.rows import DatasetRow, PolicyRow

PAGE: Final = 100
"""Datasets on one page, unless the request says how many."""

MAX_NESTED: Final = 1_000
"""Most catalogues named in the root."""


@dataclass(frozen=True)
class Asked:
    """What a catalogue request asks for.

    Attributes:
        filter: The message's; empty means everything, or what a link is about.
        token: Continuation token of a link; None for the first page.
        known: The ``If-None-Match`` header.
    """

    filter: tuple[Any, ...] = ()
    token: str | None = None
    known: str | None = None


class Catalogs:
    """What this connector offers, to whom."""

    def __init__(self, context: ConnectorContext, decide: DecisionPoint) -> None:
        self._context = context
        self._decide = decide
        self._cursors = Cursors()
        self._entries = Entries()
        self._changes = CatalogChanges(self._cursors, self._entries)

    def page(
        self, tx: Transaction, hosted: Hosted, asked: Asked, *, subject: ParticipantId
    ) -> CatalogPage:
        """Return one page.

        Args:
            tx: The transaction.
            hosted: Whose catalogue.
            asked: What is asked for.
            subject: Who asks.

        Raises:
            RemoteProtocolError: The token is not one of ours, or the filter is not supported.
        """
        at: dict[str, Any] = {}
        if asked.token is not None:
            at = self._cursors.open(hosted, asked.token)
        if "base" in at:
            asked = Asked(({"changedSince": asked.token}, *at.get("more", ())), None, asked.known)
        wanted = list(asked.filter) or at.get("filter", [])
        if at.get("filter", wanted) != wanted:
            raise RemoteProtocolError(
                "the link belongs to another filter",
                code="catalog.page",
                hint="follow it with the same filter, or with none",
            )
        query = read_filter(wanted)
        shown = self._visible(tx, hosted, subject)
        nested = self._nested(tx, hosted, query, subject) if asked.token is None else []
        rest: list[Any] = [wanted, asked.token]
        if query.changed_since is not None:
            rest.append(tx.datasets.revision(hosted.name))
        etag = _etag(hosted, shown, nested, rest)
        if is_known(etag, asked.known):
            return CatalogPage(None, etag)
        document = catalog_document(hosted, nested)
        if query.changed_since is not None:
            return self._changes.page(
                tx, hosted, document, query, etag=etag, visible=shown, subject=subject
            )
        place = _place(query, at)
        rows, links = self._rows(tx, hosted, query, place, shown)
        if rows:
            document["dataset"] = [
                self._entries.entry(hosted, row, shown[row.policy_digest].body) for row in rows
            ]
        tokens = [
            (name, self._cursors.seal(hosted, _at(query, row, wanted, is_end=name == "previous")))
            for name, row in links
        ]
        return CatalogPage(document, etag, tuple((n, link(hosted, t)) for n, t in tokens))

    def dataset(
        self,
        tx: Transaction,
        hosted: Hosted,
        dataset_id: str,
        *,
        subject: ParticipantId,
        known: str | None = None,
    ) -> CatalogPage:
        """Return one dataset.

        Raises:
            NotFoundError: There is none, it is withdrawn, or not for the one who asks.
        """
        row = tx.datasets.get(hosted.name, dataset_id)
        absent = NotFoundError("there is no such dataset")
        if row is None or row.withdrawn_at is not None:
            raise absent
        policy = tx.policies.get(hosted.name, row.policy_digest)
        if policy is None or not self._is_visible(tx, hosted, policy, subject):
            raise absent
        etag = _etag(hosted, {}, [], ["dataset", row.id, row.revision, row.policy_digest])
        if is_known(etag, known):
            return CatalogPage(None, etag)
        return CatalogPage(dataset_document(hosted, row, policy.body), etag)

    # --- what is there ---------------------------------------------------------------------------

    def _rows(
        self,
        tx: Transaction,
        hosted: Hosted,
        query: CatalogQuery,
        place: Place | None,
        shown: Mapping[str, PolicyRow],
    ) -> tuple[tuple[DatasetRow, ...], list[tuple[str, DatasetRow]]]:
        """Return the rows of a page, and from which rows the links to its neighbours go on."""
        plain = _without_formats(query)
        policies = _meeting(query, shown)
        if plain is None or not policies:
            return (), []
        size = query.limit or PAGE
        rows = tx.datasets.search(hosted.name, plain, size + 1, policies=policies, place=place)
        backwards = place is not None and place.is_end
        is_cut = len(rows) > size
        page = rows[-size:] if backwards else rows[:size]
        links = []
        if page and (is_cut or backwards):
            links.append(("next", page[-1]))
        if page and (is_cut if backwards else (place is not None or query.offset > 0)):
            links.append(("previous", page[0]))
        return page, links

    def _visible(
        self, tx: Transaction, hosted: Hosted, subject: ParticipantId
    ) -> dict[str, PolicyRow]:
        """Return the policies on offer that a requester may see, by digest."""
        return {
            row.digest: row
            for row in tx.datasets.distinct_policies(hosted.name)
            if self._is_visible(tx, hosted, row, subject)
        }

    def _is_visible(
        self, tx: Transaction, hosted: Hosted, policy: PolicyRow, subject: ParticipantId
    ) -> bool:
        return self._decide.visibility.shows(
            tx, hosted, policy.body, policy.digest, subject=subject, now=self._context.now()
        )

    def _nested(
        self, tx: Transaction, hosted: Hosted, query: CatalogQuery, subject: ParticipantId
    ) -> list[Hosted]:
        """Return whose catalogues the root names: those with something for the requester."""
        if hosted.name != self._context.root:
            return []
        others = [one for one in self._context.hosted.values() if one.name != hosted.name]
        return [one for one in others if self._has_some(tx, one, query, subject)][:MAX_NESTED]

    def _has_some(
        self, tx: Transaction, hosted: Hosted, query: CatalogQuery, subject: ParticipantId
    ) -> bool:
        plain = _without_formats(query)
        policies = _meeting(query, self._visible(tx, hosted, subject))
        if plain is None or not policies:
            return False
        everything = CatalogQuery(criteria=plain.criteria)
        return bool(tx.datasets.search(hosted.name, everything, 1, policies=policies))


def link(hosted: Hosted, token: str) -> str:
    """Return the URL of a page."""
    return f"{hosted.dsp_url}/{CATALOG_REQUEST_PATH}?page={token}"


def _meeting(query: CatalogQuery, shown: Mapping[str, PolicyRow]) -> Collection[str]:
    """Return the policies that meet what a query asks of policies."""
    return [
        digest
        for digest, row in shown.items()
        if all(policy_meets(row.body, each) for each in query.of_policies)
    ]


def _without_formats(query: CatalogQuery) -> CatalogQuery | None:
    """Decide the criteria about formats, which all datasets have alike; None when one fails."""
    formats = [each for each in query.of_datasets if each.field == "format"]
    if not all(formats_meet(FORMATS, each) for each in formats):
        return None
    rest = tuple(each for each in query.of_datasets if each.field != "format")
    return CatalogQuery(rest, query.offset, query.limit, query.sort, query.descending)


def _place(query: CatalogQuery, at: Mapping[str, Any]) -> Place | None:
    if "place" not in at:
        return None
    value, name = at["place"]
    is_time = query.sort == "modified"
    return Place(from_microseconds(value) if is_time else value, name, is_end=at["end"])


def _at(query: CatalogQuery, row: DatasetRow, wanted: list[Any], *, is_end: bool) -> dict[str, Any]:
    """Return the content of a cursor that goes on from a dataset."""
    value: str | int = {"id": row.id, "title": row.title}.get(query.sort, "")
    if query.sort == "modified":
        value = to_microseconds(row.published_at)
    return {"place": [value, row.id], "end": is_end, "filter": wanted}


def _etag(
    hosted: Hosted, shown: Mapping[str, PolicyRow], nested: list[Hosted], rest: list[Any]
) -> str:
    """Return a strong entity tag: it changes with anything that the requester could see change.

    Of each policy that the requester may see counts the last change of what is offered under it, so
    that changes of what is hidden do not show.
    """
    content = [
        __version__,
        hosted.id,
        hosted.dsp_url,
        sorted([row.digest, row.revision] for row in shown.values()),
        [other.dsp_url for other in nested],
        rest,
    ]
    return f'"{hashlib.sha256(canonical(content)).hexdigest()[:32]}"'
