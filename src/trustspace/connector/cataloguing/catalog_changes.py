"""What has changed in a catalogue since a requester last asked, in our profile of the protocol.

A request with the filter ``[{"changedSince": cursor}]`` (empty the first time) is answered with the
datasets that changed, in the order of their changes, the ids of those that are gone for the
requester, and the cursor to ask with the next time. Only what the requester could see at the cursor
is reported as gone: the cursor carries which policies those were, and the store remembers under
which policy a dataset was offered when. Where that does not suffice, because a policy itself is now
decided differently, the cursor is refused with ``catalog.changes`` and everything is read anew.

Example::

    {"@type": "CatalogRequestMessage", "filter": [{"changedSince": ""}]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.cataloguing.catalog_page import CatalogPage
from trustspace.dsp.binding import CATALOG_REQUEST_PATH
from trustspace.errors import RemoteProtocolError
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trustspace.connector.cataloguing.catalog_cursor import Cursors
    from trustspace.connector.cataloguing.catalog_entries import Entries
    from trustspace.connector.context import Hosted
    from trustspace.dsp.catalog_query import CatalogQuery
    from trustspace.model.participant import ParticipantId
    from trustspace.store import Transaction
    from trustspace.store.rows import DatasetRow, PolicyRow

CHANGES: Final = f"{TRUSTSPACE_NAMESPACE}changes"
"""Member of the last page: the cursor to ask with the next time."""

REMOVED: Final = f"{TRUSTSPACE_NAMESPACE}removed"
"""Member of a page: ids of datasets that are gone for the requester."""

PAGE: Final = 500
"""Datasets looked at for one page, unless the request says how many."""

MAX_POLICIES: Final = 1_000
"""Policies that a cursor can carry; beyond it there is no cursor to go on with."""

_MARK: Final = 12
"""Hexadecimal digits by which a cursor knows a policy."""


class CatalogChanges:
    """The feed of changes of every hosted participant."""

    def __init__(self, cursors: Cursors, entries: Entries) -> None:
        self._cursors = cursors
        self._entries = entries

    def page(
        self,
        tx: Transaction,
        hosted: Hosted,
        document: dict[str, Any],
        query: CatalogQuery,
        *,
        etag: str,
        visible: Mapping[str, PolicyRow],
        subject: ParticipantId,
    ) -> CatalogPage:
        """Return one page of changes.

        Args:
            tx: The transaction.
            hosted: Whose catalogue.
            document: The catalogue without datasets, to be completed.
            query: Its ``changed_since`` says since when.
            etag: Entity tag of the answer.
            visible: The policies that the requester may see.
            subject: Who asks.

        Raises:
            RemoteProtocolError: Code ``catalog.page`` for a cursor that is not one of ours,
                ``catalog.changes`` for one that no longer tells what is gone.
        """
        if query.criteria or query.sort != "id" or query.offset:
            raise RemoteProtocolError(
                "changedSince goes with nothing but a limit", code="catalog.filter"
            )
        marks = sorted(_mark(digest) for digest in visible)
        at = self._at(hosted, query, subject)
        until = at["until"] or tx.datasets.revision(hosted.name)
        if self._has_moved(tx, hosted, at, visible):
            raise RemoteProtocolError(
                "what you may see has changed otherwise than by changes of datasets",
                code="catalog.changes",
                hint='ask with {"changedSince": ""} and take everything anew',
            )
        size = query.limit or PAGE
        rows = tx.datasets.changed(hosted.name, at["after"], size, until=until)
        shown = [r for r in rows if r.withdrawn_at is None and r.policy_digest in visible]
        if shown:
            document["dataset"] = [
                self._entries.entry(hosted, row, visible[row.policy_digest].body) for row in shown
            ]
        gone = self._gone(tx, hosted, at, [row for row in rows if row not in shown])
        if gone:
            document[REMOVED] = gone
        now = at["now"] or (marks if len(marks) <= MAX_POLICIES else None)
        if len(rows) == size:
            further = {"until": until, "now": now, "after": rows[-1].revision}
            return self._linked(hosted, document, etag, query, at | further)
        if now is None:
            return CatalogPage(document, etag)
        ended = _begun(subject, until, now)
        if tx.datasets.revision(hosted.name) > until:
            # What changed while the pages were read.
            return self._linked(hosted, document, etag, query, ended)
        document[CHANGES] = self._cursors.seal(hosted, ended)
        return CatalogPage(document, etag)

    def _at(self, hosted: Hosted, query: CatalogQuery, subject: ParticipantId) -> dict[str, Any]:
        if not query.changed_since:
            return _begun(subject, 0, [])
        at = self._cursors.open(hosted, query.changed_since)
        if at.get("subject") != subject or "base" not in at:
            raise RemoteProtocolError("the cursor is somebody else's", code="catalog.page")
        return at

    def _has_moved(
        self, tx: Transaction, hosted: Hosted, at: Mapping[str, Any], visible: Collection[str]
    ) -> bool:
        """Say whether a policy became visible or hidden while datasets under it stayed the same."""
        on_offer = [row.digest for row in tx.datasets.distinct_policies(hosted.name)]
        for marks, revision in ((at["marks"], at["base"]), (at["now"], at["until"])):
            if marks is None or not revision:
                continue
            then = set(marks)
            differing = [each for each in on_offer if (_mark(each) in then) != (each in visible)]
            if tx.datasets.has_unchanged(hosted.name, differing, revision):
                return True
        return False

    def _gone(
        self, tx: Transaction, hosted: Hosted, at: Mapping[str, Any], rows: Collection[DatasetRow]
    ) -> list[str]:
        """Return the ids of what the requester could see at its cursor and cannot any more."""
        then = set(at["marks"])
        former = tx.datasets.offered_at(hosted.name, rows, at["base"]) if rows and then else {}
        return sorted(name for name, digest in former.items() if _mark(digest) in then)

    def _linked(
        self,
        hosted: Hosted,
        document: dict[str, Any],
        etag: str,
        query: CatalogQuery,
        at: dict[str, Any],
    ) -> CatalogPage:
        size = {} if query.limit is None else {"more": [{"limit": query.limit}]}
        token = self._cursors.seal(hosted, at | size)
        url = f"{hosted.dsp_url}/{CATALOG_REQUEST_PATH}?page={token}"
        return CatalogPage(document, etag, (("next", url),))


def _begun(subject: ParticipantId, base: int, marks: list[str]) -> dict[str, Any]:
    """Return the content of a cursor at the beginning of a look at changes.

    ``base`` is the revision that the requester has, ``marks`` what it could see there; ``after``
    and ``until`` bound what is still to be told, ``now`` is what it can see while being told.
    """
    return {
        "subject": subject,
        "base": base,
        "marks": marks,
        "after": base,
        "until": None,
        "now": None,
    }


def _mark(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_MARK]
