"""The ring of decisions: the last ones, and never more than are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trustspace.errors import StoreError
from trustspace.store import Store, Transaction

if TYPE_CHECKING:
    from tests.store.conftest import Maker


def test_new_ones_take_the_place_of_the_oldest(store: Store, make: Maker):
    assert store.read_sync(lambda tx: tx.decisions.number("garden")) == 0

    def hop(tx: Transaction) -> None:
        for number in range(1, 6):
            tx.decisions.put("garden", make.decision(f"d{number}", number=number), keep=3)

    store.write_sync(hop)
    kept = store.read_sync(lambda tx: tx.decisions.last("garden", 10))
    assert [row.id for row in kept] == ["d5", "d4", "d3"]
    assert kept[0] == make.decision("d5", number=5)
    assert store.read_sync(lambda tx: tx.decisions.get("garden", "d4")) == kept[1]
    assert store.read_sync(lambda tx: tx.decisions.get("garden", "d2")) is None
    assert store.read_sync(lambda tx: tx.decisions.number("garden")) == 5


def test_smaller_bound_forgets_the_rest(store: Store, make: Maker):
    def hop(tx: Transaction) -> None:
        for number in range(4):
            tx.decisions.put("garden", make.decision(f"d{number}", number=number), keep=4)
        tx.decisions.cut("garden", 2)

    store.write_sync(hop)
    kept = store.read_sync(lambda tx: tx.decisions.last("garden", 10))
    assert [row.number for row in kept] == [1, 0]


def test_whether_a_transaction_writes(store: Store):
    assert store.write_sync(lambda tx: tx.is_writing) is True
    assert store.read_sync(lambda tx: tx.is_writing) is False


def test_posted_hop_runs_and_a_failure_is_told(
    store: Store, make: Maker, caplog: pytest.LogCaptureFixture
):
    def fail(_: Transaction) -> None:
        raise StoreError("no luck")

    store.post(lambda tx: tx.decisions.put("garden", make.decision("d"), keep=3))
    store.post(fail)
    assert store.write_sync(lambda tx: tx.decisions.get("garden", "d")) is not None
    store.close()
    assert "a posted hop failed" in caplog.text
