"""Suspensions by a provider: kept beyond their transfer, replaced, taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.store.conftest import Maker

    from trustspace.store import Store


def test_the_oldest_suspension_of_an_agreement_is_found(store: Store, make: Maker) -> None:
    def keep(pid: str, agreement: str, seconds: int) -> None:
        now = make.later(seconds=seconds)
        store.write_sync(
            lambda tx: tx.holds.put(
                "garden", agreement, pid, code="owner", reasons=[pid, {"id": 1}], now=now
            )
        )

    keep("t2", "a1", 2)
    keep("t1", "a1", 1)
    keep("t3", "a2", 0)
    first = store.read_sync(lambda tx: tx.holds.first("garden", "a1"))
    assert first is not None
    assert (first.transfer_pid, first.code, first.reasons) == ("t1", "owner", ("t1", {"id": 1}))
    keep("t1", "a1", 3)
    again = store.read_sync(lambda tx: tx.holds.first("garden", "a1"))
    assert again is not None
    assert again.transfer_pid == "t2"
    store.write_sync(lambda tx: tx.holds.drop("garden", "t2"))
    assert store.write_sync(lambda tx: tx.holds.drop_all("garden", "a1")) == 1
    assert store.read_sync(lambda tx: tx.holds.first("garden", "a1")) is None
    assert store.read_sync(lambda tx: tx.holds.first("garden", "a2")) is not None
