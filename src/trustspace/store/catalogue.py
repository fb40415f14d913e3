"""What a participant offers: datasets, and the policies that stand behind their offers.

A policy is stored once under its digest however many datasets use it, so that a catalogue of many
datasets asks for few decisions. Every change of what is on offer has a number, the revision; a
policy keeps the last one that concerned it, so that whoever sees some policies can be told whether
anything they see has changed. What a dataset was offered under before is kept as well, so that
nobody is told of the end of something they never saw.

Example::

    digest = tx.policies.put("garden", offer_document)
    tx.datasets.put("garden", DatasetRow(participant="garden", policy_digest=digest, …))
    page = tx.datasets.page("garden", after=None, limit=100)
    rest = tx.datasets.page("garden", after=page[-1].id, limit=100)
    some = tx.datasets.search("garden", read_filter(filter), 100, policies=visible)
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.dsp.catalog_query import CatalogQuery
from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.value import digest
from trustspace.store import tables
from trustspace.store.catalogue_search import Place, selection
from trustspace.store.rows import DatasetRow, PolicyRow, columns
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_d = tables.datasets
_y = tables.policies
_f = tables.former_offers

_PUT_POLICY = insert(_y).on_conflict_do_nothing()
_POLICY = Statement(
    select(_y).where(
        _y.c.participant == bindparam("participant"), _y.c.digest == bindparam("digest")
    )
)

_DATASET = Statement(
    select(_d).where(_d.c.participant == bindparam("participant"), _d.c.id == bindparam("id"))
)
_BY_OFFER = select(_d).where(
    _d.c.participant == bindparam("participant"),
    _d.c.offer_id == bindparam("offer_id"),
    _d.c.withdrawn_at.is_(None),
)
_insert_dataset = insert(_d)
_PUT_DATASET = _insert_dataset.on_conflict_do_update(
    index_elements=["participant", "id"],
    set_={
        column.name: _insert_dataset.excluded[column.name]
        for column in _d.c
        if not column.primary_key
    },
)
_WITHDRAW = (
    update(_d)
    .where(
        _d.c.participant == bindparam("p_participant"),
        _d.c.id == bindparam("p_id"),
        _d.c.withdrawn_at.is_(None),
    )
    .values(withdrawn_at=bindparam("p_now"), revision=bindparam("p_revision"))
)
_PAGE = (
    select(_d)
    .where(
        _d.c.participant == bindparam("participant"),
        _d.c.withdrawn_at.is_(None),
        _d.c.id > bindparam("after"),
    )
    .order_by(_d.c.id)
    .limit(bindparam("limit"))
)
_NEXT_REVISION = select(func.coalesce(func.max(_d.c.revision), 0) + 1).where(
    _d.c.participant == bindparam("participant")
)
_TOUCH = (
    update(_y)
    .where(
        _y.c.participant == bindparam("p_participant"),
        _y.c.digest.in_(bindparam("p_digests", expanding=True)),
    )
    .values(revision=bindparam("p_revision"))
)
_FORMERLY = insert(_f)
_CHANGED = (
    select(_d)
    .where(
        _d.c.participant == bindparam("participant"),
        _d.c.revision > bindparam("after"),
        _d.c.revision <= bindparam("until"),
    )
    .order_by(_d.c.revision)
    .limit(bindparam("limit"))
)
_FORMER = (
    select(_f.c.dataset_id, _f.c.policy_digest)
    .where(
        _f.c.participant == bindparam("participant"),
        _f.c.dataset_id.in_(bindparam("ids", expanding=True)),
        _f.c.until_revision > bindparam("revision"),
    )
    .order_by(_f.c.until_revision.desc())
)
_UNCHANGED = (
    select(_d.c.policy_digest)
    .where(
        _d.c.participant == bindparam("participant"),
        _d.c.withdrawn_at.is_(None),
        _d.c.policy_digest.in_(bindparam("policies", expanding=True)),
        _d.c.revision <= bindparam("revision"),
    )
    .limit(1)
)
_COUNT = select(func.count()).where(
    _d.c.participant == bindparam("participant"), _d.c.withdrawn_at.is_(None)
)


def _next_digest(after: Any) -> Any:  # noqa: ANN401 - a SQL expression
    """The smallest digest on offer beyond another: one step along the index."""
    return (
        select(func.min(_d.c.policy_digest))
        .where(
            _d.c.participant == bindparam("participant"),
            _d.c.withdrawn_at.is_(None),
            _d.c.policy_digest > after,
        )
        .scalar_subquery()
    )


_first = select(_next_digest("").label("digest")).cte("used", recursive=True)
_used = _first.union_all(select(_next_digest(_first.c.digest)).where(_first.c.digest.is_not(None)))
# Hops from digest to digest instead of reading every dataset.
_DISTINCT_POLICIES = (
    select(_y)
    .join(_used, _used.c.digest == _y.c.digest)
    .where(_y.c.participant == bindparam("participant"))
    .order_by(_y.c.digest)
)


class Policies(Repository):
    """Policy documents under the digest of their canonical form."""

    def put(self, participant: str, body: Mapping[str, Any]) -> str:
        """Keep a policy in wire form; the same one twice is one.

        Returns:
            Its digest, ``sha256:<hex>``.
        """
        key = digest(body)
        self._unit.execute(
            _PUT_POLICY,
            {"participant": participant, "digest": key, "body": dict(body), "revision": 0},
        )
        return key

    def get(self, participant: str, digest: str) -> PolicyRow | None:
        """Return a policy by its digest."""
        values = {"participant": participant, "digest": digest}
        found = self._unit.execute(_POLICY, values).mapping()
        return None if found is None else PolicyRow(**found)


class Datasets(Repository):
    """Published datasets."""

    def put(self, participant: str, row: DatasetRow) -> None:
        """Publish a dataset, or replace it under the same id.

        Raises:
            NotFoundError: Its policy is not stored.
            ConflictError: The row belongs to another participant.
        """
        if row.participant != participant:
            raise ConflictError(f"the row belongs to {row.participant!r}, not {participant!r}")
        before = self.get(participant, row.id)
        revision = self.revision(participant) + 1
        added = revision if before is None else before.added_revision
        values = columns(row) | {"revision": revision, "added_revision": added}
        self._unit.execute(_PUT_DATASET, values)
        touched = {row.policy_digest}
        if before is not None:
            touched.add(before.policy_digest)
            is_back = before.withdrawn_at is not None
            if is_back or before.policy_digest != row.policy_digest:
                self._end(participant, row.id, "" if is_back else before.policy_digest, revision)
        self._touch(participant, touched, revision)

    def get(self, participant: str, dataset_id: str) -> DatasetRow | None:
        """Return a dataset, withdrawn ones too."""
        values = {"participant": participant, "id": dataset_id}
        row = self._unit.execute(_DATASET, values).mapping()
        return None if row is None else DatasetRow(**row)

    def find_by_offer(self, participant: str, offer_id: str) -> DatasetRow | None:
        """Return the dataset on offer under an offer's ``@id``."""
        found = self._unit.execute(_BY_OFFER, {"participant": participant, "offer_id": offer_id})
        row = found.mappings().first()
        return None if row is None else DatasetRow(**row)

    def withdraw(
        self,
        participant: str,
        dataset_id: str,
        *,
        now: datetime,
    ) -> None:
        """Take a dataset off the catalogue; agreements over it stand.

        Raises:
            NotFoundError: It is not on offer.
        """
        revision = self.revision(participant) + 1
        values = {"p_participant": participant, "p_id": dataset_id, "p_now": now}
        if self._unit.execute(_WITHDRAW, values | {"p_revision": revision}).rowcount == 0:
            raise NotFoundError(f"no dataset {dataset_id!r} is on offer")
        row = self.get(participant, dataset_id)
        digest = "" if row is None else row.policy_digest
        self._end(participant, dataset_id, digest, revision)
        self._touch(participant, {digest}, revision)

    def page(self, participant: str, after: str | None, limit: int) -> tuple[DatasetRow, ...]:
        """Return datasets on offer, by id.

        Args:
            participant: Whose.
            after: Id of the last dataset of the page before; None for the first page.
            limit: Most to return.
        """
        values = {"participant": participant, "after": after or "", "limit": limit}
        found = self._unit.execute(_PAGE, values).mappings()
        return tuple(DatasetRow(**row) for row in found)

    def search(
        self,
        participant: str,
        query: CatalogQuery,
        limit: int,
        *,
        policies: Collection[str],
        place: Place | None = None,
    ) -> tuple[DatasetRow, ...]:
        """Return datasets on offer that a query is about, in its order.

        Args:
            participant: Whose.
            query: Criteria over datasets, order, and how many to leave out where no place is given;
                its criteria over policies are the caller's to apply.
            limit: Most to return.
            policies: Only datasets under one of these digests.
            place: Where the page lies.
        """
        statement = selection(participant, query, policies, place).limit(limit)
        found = [DatasetRow(**row) for row in self._unit.execute(statement).mappings()]
        return tuple(reversed(found) if place is not None and place.is_end else found)

    def revision(self, participant: str) -> int:
        """Return the number of the last change, 0 when there was none."""
        found = self._unit.execute(_NEXT_REVISION, {"participant": participant})
        return int(found.scalar_one()) - 1

    def changed(
        self, participant: str, after: int, limit: int, *, until: int
    ) -> tuple[DatasetRow, ...]:
        """Return datasets whose last change is later than one revision, withdrawn ones too.

        Args:
            participant: Whose.
            after: Revision to begin after.
            limit: Most to return, the earliest changes first.
            until: Last revision that counts.
        """
        values = {"participant": participant, "after": after, "until": until, "limit": limit}
        found = self._unit.execute(_CHANGED, values).mappings()
        return tuple(DatasetRow(**row) for row in found)

    def offered_at(
        self, participant: str, rows: Collection[DatasetRow], revision: int
    ) -> dict[str, str]:
        """Return under which policies datasets were on offer at a revision.

        Returns:
            Digests by id; what was not on offer then is not among them.
        """
        values = {"participant": participant, "ids": [r.id for r in rows], "revision": revision}
        former = {row[0]: str(row[1]) for row in self._unit.execute(_FORMER, values)}
        found = {
            row.id: former.get(row.id, row.policy_digest)
            for row in rows
            if row.added_revision <= revision
        }
        return {name: digest for name, digest in found.items() if digest}

    def has_unchanged(self, participant: str, policies: Collection[str], revision: int) -> bool:
        """Say whether a dataset under one of these policies is as it was at a revision."""
        values = {"participant": participant, "policies": sorted(policies), "revision": revision}
        return self._unit.execute(_UNCHANGED, values).first() is not None

    def distinct_policies(self, participant: str) -> tuple[PolicyRow, ...]:
        """Return every policy that some dataset on offer uses, by digest."""
        found = self._unit.execute(_DISTINCT_POLICIES, {"participant": participant}).mappings()
        return tuple(PolicyRow(**row) for row in found)

    def count(self, participant: str) -> int:
        """Return how many datasets are on offer."""
        found = self._unit.execute(_COUNT, {"participant": participant})
        return int(found.scalar_one())

    def _touch(self, participant: str, digests: set[str], revision: int) -> None:
        values = {"p_participant": participant, "p_digests": sorted(digests)}
        self._unit.execute(_TOUCH, values | {"p_revision": revision})

    def _end(self, participant: str, dataset_id: str, digest: str, revision: int) -> None:
        """Remember until when a dataset was on offer under a policy; "" is under none."""
        self._unit.execute(
            _FORMERLY,
            {
                "participant": participant,
                "dataset_id": dataset_id,
                "until_revision": revision,
                "policy_digest": digest,
            },
        )
