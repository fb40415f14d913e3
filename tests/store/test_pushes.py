"""Progress of pushed deliveries: kept, moved on, due in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import NotFoundError
from trustspace.store import EVERY_PARTICIPANT, PushRow

if TYPE_CHECKING:
    from tests.store.conftest import Maker

    from trustspace.store import Store


def test_a_delivery_moves_on_and_is_due_in_order(store: Store, make: Maker) -> None:
    row = PushRow("garden", "t1", make.now, session="s1", address="sealed", next_at=make.now)
    later = replace(row, pid="t2", next_at=make.later(seconds=5))
    store.write_sync(lambda tx: tx.pushes.put("garden", later))
    store.write_sync(lambda tx: tx.pushes.put("garden", row))

    def due(seconds: int) -> list[str]:
        now = make.later(seconds=seconds)
        rows = store.read_sync(lambda tx: tx.pushes.due(EVERY_PARTICIPANT, now=now, limit=9))
        return [each.pid for each in rows]

    assert [due(0), due(5)] == [["t1"], ["t1", "t2"]]
    moved = replace(row, size_bytes=10, sha256="00", next_at=None, attempts=1, last_error="e")
    store.write_sync(lambda tx: tx.pushes.put("garden", moved))
    assert store.read_sync(lambda tx: tx.pushes.get("garden", "t1")) == moved
    assert due(9) == ["t2"]
    store.write_sync(lambda tx: tx.pushes.schedule("garden", "t1", make.now))
    assert due(0) == ["t1"]
    assert "sealed" not in repr(row)
    with pytest.raises(NotFoundError):
        store.write_sync(lambda tx: tx.pushes.schedule("garden", "t9", None))
    assert store.read_sync(lambda tx: tx.pushes.get("garden", "t9")) is None
