from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError, NotFoundError
from trustspace.store import EVERY_PARTICIPANT, HOST, CounterpartyRow, ParticipantRow

if TYPE_CHECKING:
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Store, Transaction


def test_participants_are_hosted_by_name(store: Store, make: Maker) -> None:
    farm = ParticipantRow("farm", "did:web:farm", "https://farm.example", make.now)
    added = store.write_sync(
        lambda tx: tx.participants.add("farm", did=farm.did, address=farm.address, now=make.now)
    )
    assert added == farm
    assert store.read_sync(lambda tx: tx.participants.get("farm")) == farm
    assert store.read_sync(lambda tx: tx.participants.get("nobody")) is None
    listed = store.read_sync(lambda tx: tx.participants.list(EVERY_PARTICIPANT))
    assert [row.participant for row in listed] == ["bank", "farm", "garden"]


@pytest.mark.parametrize(
    ("name", "did"), [("garden", "did:web:other"), ("other", "did:web:garden")]
)
def test_a_name_and_a_did_are_given_once(store: Store, make: Maker, name: str, did: str) -> None:
    with pytest.raises(ConflictError, match="taken"):
        store.write_sync(
            lambda tx: tx.participants.add(name, did=did, address="https://x", now=make.now)
        )


def test_a_name_is_not_empty(store: Store, make: Maker) -> None:
    with pytest.raises(ValueError, match="not empty"):
        store.write_sync(
            lambda tx: tx.participants.add(HOST, did="did:web:x", address="x", now=make.now)
        )


def test_settings_belong_to_a_participant_or_the_host(store: Store) -> None:
    def hop(tx: Transaction) -> None:
        tx.settings.put(HOST, "token", "h")
        tx.settings.put("garden", "token", "old")
        tx.settings.put("garden", "token", "new")

    store.write_sync(hop)
    assert store.read_sync(lambda tx: tx.settings.get(HOST, "token")) == "h"
    assert store.read_sync(lambda tx: tx.settings.get("garden", "token")) == "new"
    assert store.read_sync(lambda tx: tx.settings.get("bank", "token")) is None
    store.write_sync(lambda tx: tx.settings.forget("garden", "token"))
    store.write_sync(lambda tx: tx.settings.forget("garden", "token"))
    assert store.read_sync(lambda tx: tx.settings.get("garden", "token")) is None
    assert store.read_sync(lambda tx: tx.settings.get(HOST, "token")) == "h"


def test_facts_are_replaced_listed_and_withdrawn(store: Store, make: Maker) -> None:
    def attest(tx: Transaction, did: str, **facts: Any) -> Any:
        return tx.counterparties.attest("garden", did, facts, now=make.now)

    store.write_sync(lambda tx: attest(tx, "did:web:bank", member=False))
    row = store.write_sync(lambda tx: attest(tx, "did:web:bank", member=True))
    assert row == CounterpartyRow("garden", "did:web:bank", {"member": True}, make.now)
    store.write_sync(lambda tx: attest(tx, "did:web:acme", member=True))
    assert store.read_sync(lambda tx: tx.counterparties.get("garden", "did:web:bank")) == row
    listed = store.read_sync(lambda tx: tx.counterparties.list("garden"))
    assert [row.counterparty for row in listed] == ["did:web:acme", "did:web:bank"]
    store.write_sync(lambda tx: tx.counterparties.forget("garden", "did:web:bank"))
    store.write_sync(lambda tx: tx.counterparties.forget("garden", "did:web:bank"))
    assert store.read_sync(lambda tx: tx.counterparties.get("garden", "did:web:bank")) is None


def test_rows_of_a_participant_not_hosted_are_refused(store: Store, make: Maker) -> None:
    with pytest.raises(NotFoundError, match="participant"):
        store.write_sync(lambda tx: tx.counterparties.attest("nobody", "x", {}, now=make.now))
