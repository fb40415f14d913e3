from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError

if TYPE_CHECKING:
    from tests.store.conftest import Maker

    from trustspace.store import Store
    from trustspace.store.rows import NegotiationKeyRow


def find(
    store: Store, whose: str = "did:web:garden", purpose: str = ""
) -> NegotiationKeyRow | None:
    return store.read_sync(lambda tx: tx.negotiation_keys.find("bank", whose, "roses", purpose))


def test_what_was_asked_is_found_by_did_and_by_address(store: Store, make: Maker) -> None:
    row = make.key()
    store.write_sync(lambda tx: tx.negotiation_keys.put("bank", row))
    assert find(store) == find(store, "http://garden.example") == row
    assert find(store, purpose="research") is None
    assert find(store, "http://other.example") is None


def test_what_is_asked_last_is_found_and_the_one_before_is_kept(store: Store, make: Maker) -> None:
    for number in range(3):
        row = make.key(f"n{number}", asked_at=make.later(days=number))
        store.write_sync(lambda tx, row=row: tx.negotiation_keys.put("bank", row))  # type: ignore[misc]
    assert find(store) == replace(row, agreed_pid="n1")
    other = make.key("n9", counterparty="did:web:other", asked_at=make.now)
    store.write_sync(lambda tx: tx.negotiation_keys.put("bank", other))
    # Whoever was asked last under an address stands for it.
    assert find(store, "http://garden.example") == replace(row, agreed_pid="n1")


def test_what_the_provider_began_is_noted_unless_something_was_asked(
    store: Store, make: Maker
) -> None:
    first = make.key(None, agreed_pid="theirs")
    store.write_sync(lambda tx: tx.negotiation_keys.offered("bank", first))
    store.write_sync(lambda tx: tx.negotiation_keys.offered("bank", make.key(None, agreed_pid="x")))
    assert find(store) == first
    store.write_sync(lambda tx: tx.negotiation_keys.put("bank", make.key("ours")))
    assert find(store) == make.key("ours", agreed_pid="theirs")


def test_a_forgotten_negotiation_is_found_no_more(store: Store, make: Maker) -> None:
    store.write_sync(lambda tx: tx.negotiation_keys.put("bank", make.key()))
    store.write_sync(lambda tx: tx.negotiation_keys.forget("bank", "tulips", "n1"))
    assert find(store) == make.key()
    store.write_sync(lambda tx: tx.negotiation_keys.forget("bank", "roses", "n1"))
    assert find(store) == make.key(None)


def test_a_row_has_one_owner(store: Store, make: Maker) -> None:
    for write in ("put", "offered"):
        with pytest.raises(ConflictError, match="belongs"):
            store.write_sync(
                lambda tx, write=write: getattr(tx.negotiation_keys, write)("garden", make.key())  # type: ignore[misc]
            )
