"""Who is hosted here, what its owner attests of others, and settings.

Example::

    tx.participants.add("garden", did="did:web:…:garden", address="http://localhost:8000", now=now)
    tx.counterparties.attest("garden", "did:web:…:bank", {"ts:membership": "active"}, now=now)
    tx.settings.put(HOST, "management-token-hash", "…")
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from trustspace.store import tables
from trustspace.store.rows import CounterpartyRow, Everyone, ParticipantRow
from trustspace.store.statement import Statement
from trustspace.store.unit_of_work import Repository

_p = tables.participants
_s = tables.settings
_c = tables.counterparties

_ADD_PARTICIPANT = insert(_p)
_PARTICIPANT = select(_p).where(_p.c.participant == bindparam("participant"))
_PARTICIPANTS = select(_p).order_by(_p.c.participant)

_insert_setting = insert(_s)
_PUT_SETTING = _insert_setting.on_conflict_do_update(
    index_elements=["participant", "key"], set_={"value": _insert_setting.excluded.value}
)
_SETTING = select(_s.c.value).where(
    _s.c.participant == bindparam("participant"), _s.c.key == bindparam("key")
)
_FORGET_SETTING = delete(_s).where(
    _s.c.participant == bindparam("p_participant"), _s.c.key == bindparam("p_key")
)

_insert_facts = insert(_c)
_ATTEST = _insert_facts.on_conflict_do_update(
    index_elements=["participant", "counterparty"],
    set_={
        "facts": _insert_facts.excluded.facts,
        "updated_at": _insert_facts.excluded.updated_at,
    },
)
_COUNTERPARTIES = (
    select(_c).where(_c.c.participant == bindparam("participant")).order_by(_c.c.counterparty)
)
_COUNTERPARTY = Statement(_COUNTERPARTIES.where(_c.c.counterparty == bindparam("counterparty")))
_FORGET = delete(_c).where(
    _c.c.participant == bindparam("p_participant"),
    _c.c.counterparty == bindparam("p_counterparty"),
)


class Participants(Repository):
    """Participant contexts hosted by this connector."""

    def add(self, participant: str, *, did: str, address: str, now: datetime) -> ParticipantRow:
        """Host a participant under a short name.

        Raises:
            ConflictError: The name or the DID is taken.
            ValueError: The name is empty.
        """
        if not participant:
            msg = "a participant's name is not empty"
            raise ValueError(msg)
        row = ParticipantRow(participant, did, address, now)
        self._unit.execute(
            _ADD_PARTICIPANT,
            {"participant": participant, "did": did, "address": address, "created_at": now},
        )
        return row

    def get(self, participant: str) -> ParticipantRow | None:
        """Return a participant by its short name."""
        found = self._unit.execute(_PARTICIPANT, {"participant": participant}).mappings().first()
        return None if found is None else ParticipantRow(**found)

    def list(
        self,
        participant: Everyone,  # noqa: ARG002 - spells the breadth
    ) -> tuple[ParticipantRow, ...]:
        """Return every participant hosted here, by name; say `EVERY_PARTICIPANT`."""
        return tuple(ParticipantRow(**row) for row in self._unit.execute(_PARTICIPANTS).mappings())


class Settings(Repository):
    """Small texts under a key; the host's own are under `HOST`."""

    def get(self, participant: str, key: str) -> str | None:
        """Return a setting, or None."""
        values = {"participant": participant, "key": key}
        found: str | None = self._unit.execute(_SETTING, values).scalar()
        return found

    def put(self, participant: str, key: str, value: str) -> None:
        """Set or replace a setting."""
        self._unit.execute(_PUT_SETTING, {"participant": participant, "key": key, "value": value})

    def forget(self, participant: str, key: str) -> None:
        """Remove a setting; nothing happens when it is not there."""
        self._unit.execute(_FORGET_SETTING, {"p_participant": participant, "p_key": key})


class Counterparties(Repository):
    """Facts about counterparties, attested by the owner of a participant."""

    def attest(
        self, participant: str, counterparty: str, facts: Mapping[str, Any], *, now: datetime
    ) -> CounterpartyRow:
        """Replace what the owner attests of a counterparty (its DID)."""
        row = CounterpartyRow(participant, counterparty, dict(facts), now)
        self._unit.execute(
            _ATTEST,
            {
                "participant": participant,
                "counterparty": counterparty,
                "facts": row.facts,
                "updated_at": now,
            },
        )
        return row

    def get(self, participant: str, counterparty: str) -> CounterpartyRow | None:
        """Return what is attested of a counterparty, or None."""
        values = {"participant": participant, "counterparty": counterparty}
        found = self._unit.execute(_COUNTERPARTY, values).mapping()
        return None if found is None else CounterpartyRow(**found)

    def list(self, participant: str) -> tuple[CounterpartyRow, ...]:
        """Return every counterparty with attested facts, by DID."""
        found = self._unit.execute(_COUNTERPARTIES, {"participant": participant}).mappings()
        return tuple(CounterpartyRow(**row) for row in found)

    def forget(self, participant: str, counterparty: str) -> None:
        """Withdraw everything attested; nothing happens when there is nothing."""
        values = {"p_participant": participant, "p_counterparty": counterparty}
        self._unit.execute(_FORGET, values)
