"""What a participant offers: datasets, and the policies that stand behind their offers.

A policy is stored once under its digest however many datasets use it, so that a catalogue of many
datasets asks for few decisions.

Example::

    digest = tx.policies.put("garden", offer_document)
    tx.datasets.put("garden", DatasetRow(participant="garden", policy_digest=digest, …))
    page = tx.datasets.page("garden", after=None, limit=100)
    rest = tx.datasets.page("garden", after=page[-1].id, limit=100)
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.value import digest
from trustspace.store import tables
from trustspace.store.rows import DatasetRow, PolicyRow, columns
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_d = tables.datasets
_y = tables.policies

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
    .values(withdrawn_at=bindparam("p_now"))
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
_PAGE_OF_POLICIES = _PAGE.where(_d.c.policy_digest.in_(bindparam("policies", expanding=True)))
_BACKWARDS_OF_POLICIES = (
    select(_d.c.id)
    .where(
        _d.c.participant == bindparam("participant"),
        _d.c.withdrawn_at.is_(None),
        _d.c.id <= bindparam("last"),
        _d.c.policy_digest.in_(bindparam("policies", expanding=True)),
    )
    .order_by(_d.c.id.desc())
    .limit(1)
    .offset(bindparam("size"))
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
            _PUT_POLICY, {"participant": participant, "digest": key, "body": dict(body)}
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
        self._unit.execute(_PUT_DATASET, columns(row))

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
        values = {"p_participant": participant, "p_id": dataset_id, "p_now": now}
        if self._unit.execute(_WITHDRAW, values).rowcount == 0:
            raise NotFoundError(f"no dataset {dataset_id!r} is on offer")

    def page(
        self,
        participant: str,
        after: str | None,
        limit: int,
        *,
        policies: Collection[str] | None = None,
    ) -> tuple[DatasetRow, ...]:
        """Return datasets on offer, by id.

        Args:
            participant: Whose.
            after: Id of the last dataset of the page before; None for the first page.
            limit: Most to return.
            policies: Only datasets under one of these digests; None for all.
        """
        values: dict[str, Any] = {"participant": participant, "after": after or "", "limit": limit}
        statement = _PAGE
        if policies is not None:
            statement = _PAGE_OF_POLICIES
            values["policies"] = sorted(policies)
        found = self._unit.execute(statement, values).mappings()
        return tuple(DatasetRow(**row) for row in found)

    def page_before(
        self, participant: str, last: str, size: int, *, policies: Collection[str]
    ) -> str:
        """Return what to give `page` as ``after`` for the page that ends with a dataset.

        Args:
            participant: Whose.
            last: Id of the last dataset of that page.
            size: Datasets on a page.
            policies: Only datasets under one of these digests.

        Returns:
            An id, or the empty string when it is the first page.
        """
        values = {
            "participant": participant,
            "last": last,
            "size": size,
            "policies": sorted(policies),
        }
        found = self._unit.execute(_BACKWARDS_OF_POLICIES, values).scalar()
        return "" if found is None else str(found)

    def distinct_policies(self, participant: str) -> tuple[PolicyRow, ...]:
        """Return every policy that some dataset on offer uses, by digest."""
        found = self._unit.execute(_DISTINCT_POLICIES, {"participant": participant}).mappings()
        return tuple(PolicyRow(**row) for row in found)

    def count(self, participant: str) -> int:
        """Return how many datasets are on offer."""
        found = self._unit.execute(_COUNT, {"participant": participant})
        return int(found.scalar_one())
