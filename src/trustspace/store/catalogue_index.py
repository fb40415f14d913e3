"""Catalogues of others in a local index: what was crawled, when, and what its datasets are.

Words are sought by ``LIKE`` in one text of each dataset, which SQLite and PostgreSQL have alike and
which needs no word boundaries, so that Chinese is found as well. The text is kept in lower case.

Example::

    tx.index.keep("bank", CrawlRow(participant="bank", source=base, …))
    tx.index.put("bank", rows)
    found = tx.index.search("bank", ["roses", "玫瑰"], limit=20)
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, exists, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from trustspace.store import tables
from trustspace.store.rows import CrawlRow, IndexedRow, columns
from trustspace.store.unit_of_work import Repository

_c = tables.crawls
_i = tables.indexed_datasets
_twin = _i.alias("twin")

_insert_crawl = insert(_c)
_KEEP = _insert_crawl.on_conflict_do_update(
    index_elements=["participant", "source"],
    set_={
        column.name: _insert_crawl.excluded[column.name]
        for column in _c.c
        if not column.primary_key
    },
)
_insert_dataset = insert(_i)
_PUT = _insert_dataset.on_conflict_do_update(
    index_elements=["participant", "source", "provider", "id"],
    set_={
        column.name: _insert_dataset.excluded[column.name]
        for column in _i.c
        if not column.primary_key
    },
)
_CRAWL = select(_c).where(
    _c.c.participant == bindparam("participant"), _c.c.source == bindparam("source")
)
_CRAWLS = select(_c).where(_c.c.participant == bindparam("participant")).order_by(_c.c.source)
_DIGESTS = select(_i.c.provider, _i.c.id, _i.c.digest).where(
    _i.c.participant == bindparam("participant"), _i.c.source == bindparam("source")
)
_COUNTS = (
    select(_i.c.source, func.count())
    .where(_i.c.participant == bindparam("participant"))
    .group_by(_i.c.source)
)
_REMOVE = delete(_i).where(
    _i.c.participant == bindparam("p_participant"),
    _i.c.source == bindparam("p_source"),
    _i.c.provider == bindparam("p_provider"),
    _i.c.id == bindparam("p_id"),
)
_REMOVE_ALL = delete(_i).where(
    _i.c.participant == bindparam("participant"), _i.c.source == bindparam("source")
)
_FORGET = delete(_c).where(
    _c.c.participant == bindparam("participant"), _c.c.source == bindparam("source")
)

Key = tuple[str, str]
"""Provider and id of an indexed dataset."""


class CatalogueIndex(Repository):
    """Crawled catalogues and their datasets."""

    def keep(self, participant: str, row: CrawlRow) -> None:
        """Remember a crawl of a catalogue in place of the one before."""
        self._unit.execute(_KEEP, columns(row) | {"participant": participant})

    def crawl(self, participant: str, source: str) -> CrawlRow | None:
        """Return the last crawl of a catalogue."""
        values = {"participant": participant, "source": source}
        found = self._unit.execute(_CRAWL, values).mappings().first()
        return None if found is None else _crawl(found)

    def crawls(self, participant: str) -> tuple[CrawlRow, ...]:
        """Return the last crawl of every catalogue, by source."""
        found = self._unit.execute(_CRAWLS, {"participant": participant}).mappings()
        return tuple(_crawl(row) for row in found)

    def counts(self, participant: str) -> dict[str, int]:
        """Return how many datasets of each catalogue are in the index, by source."""
        found = self._unit.execute(_COUNTS, {"participant": participant})
        return {str(row[0]): int(row[1]) for row in found}

    def digests(self, participant: str, source: str) -> dict[Key, str]:
        """Return the digest of every indexed dataset of a catalogue."""
        found = self._unit.execute(_DIGESTS, {"participant": participant, "source": source})
        return {(str(row[0]), str(row[1])): str(row[2]) for row in found}

    def put(self, participant: str, rows: Sequence[IndexedRow]) -> None:
        """Put datasets into the index or replace them there.

        Raises:
            NotFoundError: The crawl of their catalogue is not kept.
        """
        values = [columns(row) | {"participant": participant} for row in rows]
        self._unit.execute_many(_PUT, values)

    def remove(self, participant: str, source: str, keys: Collection[Key]) -> None:
        """Take datasets of a catalogue out of the index."""
        values = [
            {"p_participant": participant, "p_source": source, "p_provider": provider, "p_id": name}
            for provider, name in keys
        ]
        self._unit.execute_many(_REMOVE, values)

    def forget(self, participant: str, source: str) -> None:
        """Take a catalogue and all its datasets out of the index."""
        values = {"participant": participant, "source": source}
        self._unit.execute(_REMOVE_ALL, values)
        self._unit.execute(_FORGET, values)

    def search(
        self,
        participant: str,
        words: Sequence[str] = (),
        *,
        provider: str | None = None,
        after: Key | None = None,
        limit: int = 100,
    ) -> tuple[IndexedRow, ...]:
        """Return indexed datasets that have every word, by provider and id.

        A dataset that several catalogues show is there once.

        Args:
            participant: Whose index.
            words: Parts of words, in any case.
            provider: Only datasets of this participant.
            after: Provider and id of the last one of the page before.
            limit: Most to return.
        """
        statement = select(_i).where(
            _i.c.participant == participant,
            *(_i.c.text.like(f"%{_literally(word)}%", escape="\\") for word in words),
            ~exists().where(
                _twin.c.participant == _i.c.participant,
                _twin.c.provider == _i.c.provider,
                _twin.c.id == _i.c.id,
                _twin.c.source < _i.c.source,
            ),
        )
        if provider is not None:
            statement = statement.where(_i.c.provider == provider)
        if after is not None:
            statement = statement.where(tuple_(_i.c.provider, _i.c.id) > tuple_(*after))
        statement = statement.order_by(_i.c.provider, _i.c.id).limit(limit)
        return tuple(IndexedRow(**row) for row in self._unit.execute(statement).mappings())


def searchable(*texts: str) -> str:
    """Return the text that `CatalogueIndex.search` looks into."""
    return "\n".join(text.lower() for text in texts if text)


def _literally(word: str) -> str:
    return word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _crawl(row: RowMapping) -> CrawlRow:
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    return CrawlRow(**values | {"skipped": tuple(values["skipped"])})
