"""Which negotiation a consumer asked for last, by provider, dataset and purpose.

The row is read in the transaction that would begin another negotiation, so that of many calls for
the same only one begins it.

Example::

    row = tx.negotiation_keys.find("bank", "did:web:garden", "rose-prices", "credit-scoring")
    tx.negotiation_keys.put("bank", replace(row, negotiation_pid=pid, asked_at=now))
"""

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from trustspace.errors import ConflictError
from trustspace.store import tables
from trustspace.store.rows import NegotiationKeyRow, columns
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_k = tables.negotiation_keys

_insert = insert(_k)
_PUT = Statement(
    _insert.on_conflict_do_update(
        index_elements=["participant", "counterparty", "dataset_id", "purpose"],
        set_={
            "address": _insert.excluded.address,
            "agreed_pid": func.coalesce(_k.c.negotiation_pid, _k.c.agreed_pid),
            "negotiation_pid": _insert.excluded.negotiation_pid,
            "asked_at": _insert.excluded.asked_at,
        },
    )
)
_OFFERED = _insert.on_conflict_do_nothing()
_FIND = (
    select(_k)
    .where(
        _k.c.participant == bindparam("participant"),
        or_(_k.c.counterparty == bindparam("whose"), _k.c.address == bindparam("whose")),
        _k.c.dataset_id == bindparam("dataset_id"),
        _k.c.purpose == bindparam("purpose"),
    )
    .order_by(_k.c.asked_at.desc())
    .limit(1)
)
_FORGET = (
    update(_k)
    .where(
        _k.c.participant == bindparam("p_participant"),
        _k.c.dataset_id == bindparam("p_dataset"),
        or_(
            _k.c.negotiation_pid == bindparam("p_pid"),
            _k.c.agreed_pid == bindparam("p_pid"),
        ),
    )
    .values(negotiation_pid=None, agreed_pid=None)
)


class NegotiationKeys(Repository):
    """What the consumers among the participants asked for."""

    def find(
        self, participant: str, whose: str, dataset_id: str, purpose: str
    ) -> NegotiationKeyRow | None:
        """Return what was asked last.

        Args:
            participant: Who asked.
            whose: The provider's DID, or the address under which it was asked.
            dataset_id: For which dataset.
            purpose: For which purpose; empty when none was named.
        """
        values = {
            "participant": participant,
            "whose": whose,
            "dataset_id": dataset_id,
            "purpose": purpose,
        }
        found = self._unit.execute(_FIND, values).mappings().first()
        return None if found is None else NegotiationKeyRow(**found)

    def put(self, participant: str, row: NegotiationKeyRow) -> None:
        """Note what is asked now; what was asked before becomes the row's ``agreed_pid``.

        Raises:
            ConflictError: The row belongs to another participant.
        """
        _check_owner(participant, row)
        self._unit.execute(_PUT, columns(row))

    def offered(self, participant: str, row: NegotiationKeyRow) -> None:
        """Note what the provider began by itself, unless something was asked before.

        Raises:
            ConflictError: The row belongs to another participant.
        """
        _check_owner(participant, row)
        self._unit.execute(_OFFERED, columns(row))

    def forget(self, participant: str, dataset_id: str, pid: str) -> None:
        """Have a negotiation (our pid) over a dataset not found again."""
        self._unit.execute(
            _FORGET, {"p_participant": participant, "p_dataset": dataset_id, "p_pid": pid}
        )


def _check_owner(participant: str, row: NegotiationKeyRow) -> None:
    if row.participant != participant:
        raise ConflictError(f"the row belongs to {row.participant!r}, not {participant!r}")
