from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError
from trustspace.store import EVERY_PARTICIPANT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Store, Sweep, Transaction


def send(store: Store, make: Maker, *names: str, **columns: Any) -> Any:
    rows = store.write_sync(lambda tx: [make.send(tx, name, **columns) for name in names])
    return rows[0] if len(rows) == 1 else rows


def due(
    store: Store,
    make: Maker,
    participant: Sweep = EVERY_PARTICIPANT,
    owner: str = "sweep",
    limit: int = 10,
    **later: Any,
) -> Any:
    rows = store.write_sync(
        lambda tx: tx.outbox.lease_due(
            participant, owner=owner, lease_seconds=30, now=make.later(**later), limit=limit
        )
    )
    assert all(row.lease_owner == owner for row in rows)
    assert all(row.leased_until == make.later(**later) + timedelta(seconds=30) for row in rows)
    return [row.message_id for row in rows]


def test_the_first_message_of_a_process_is_leased_in_its_own_transaction(
    store: Store, make: Maker
) -> None:
    row = send(store, make, "m1")
    assert (row.lease_owner, row.leased_until) == ("worker-1", make.later(seconds=30))
    assert (row.position, row.attempts, row.last_error, row.next_at) == (1, 0, "", make.now)
    assert store.read_sync(lambda tx: tx.outbox.of_process("garden", "n1")) == (row,)
    assert due(store, make) == []
    assert due(store, make, seconds=29) == []
    assert due(store, make, seconds=30) == ["m1"]
    assert due(store, make, seconds=59) == []


def test_messages_of_a_process_keep_their_order(store: Store, make: Maker) -> None:
    _, second = send(store, make, "m1", "m2")
    assert (second.position, second.lease_owner, second.leased_until) == (2, None, None)
    send(store, make, "other", pid="n2")
    assert due(store, make, minutes=10) == ["m1", "other"]
    assert due(store, make, minutes=20) == ["m1", "other"]
    assert store.write_sync(lambda tx: tx.outbox.done("garden", "m1"))
    assert due(store, make, minutes=20) == ["m2"]
    third = send(store, make, "m3")
    assert (third.position, third.lease_owner) == (3, None)
    found = store.read_sync(lambda tx: tx.outbox.of_process("garden", "n1"))
    assert [row.message_id for row in found] == ["m2", "m3"]
    assert store.read_sync(lambda tx: tx.outbox.count("garden")) == 3


def test_the_next_message_is_given_out_without_a_sweep(store: Store, make: Maker) -> None:
    def next_one(now: datetime = make.now) -> Any:
        return store.write_sync(
            lambda tx: tx.outbox.lease_next(
                "garden", "n1", owner="worker-1", lease_seconds=30, now=now
            )
        )

    assert next_one() is None
    _, second = send(store, make, "m1", "m2")
    assert next_one() is None
    store.write_sync(lambda tx: tx.outbox.done("garden", "m1"))
    leased = replace(second, lease_owner="worker-1", leased_until=make.later(seconds=30))
    assert next_one() == leased
    assert next_one() is None
    assert next_one(make.later(seconds=30)) is not None
    store.write_sync(
        lambda tx: tx.outbox.retry("garden", "m2", next_at=make.later(minutes=5), error="down")
    )
    assert next_one(make.later(minutes=4)) is None
    assert next_one(make.later(minutes=5)).attempts == 1


def test_a_failed_sending_is_due_again_later(store: Store, make: Maker) -> None:
    send(store, make, "m1", "m2")

    def retry(name: str) -> Any:
        return store.write_sync(
            lambda tx: tx.outbox.retry(
                "garden", name, next_at=make.later(seconds=5), error="refused"
            )
        )

    assert retry("m1")
    assert not retry("m9")
    (row, _) = store.read_sync(lambda tx: tx.outbox.of_process("garden", "n1"))
    assert (row.attempts, row.last_error, row.lease_owner, row.leased_until) == (
        1,
        "refused",
        None,
        None,
    )
    assert due(store, make, seconds=4) == []
    assert due(store, make, seconds=5) == ["m1"]
    retry("m1")
    (row, _) = store.read_sync(lambda tx: tx.outbox.of_process("garden", "n1"))
    assert row.attempts == 2


def test_done_and_drop_tell_what_they_did(store: Store, make: Maker) -> None:
    send(store, make, "m1", "m2")
    assert store.write_sync(lambda tx: tx.outbox.done("garden", "m1"))
    assert not store.write_sync(lambda tx: tx.outbox.done("garden", "m1"))
    send(store, make, "m3")
    send(store, make, "x", pid="n2")
    assert store.write_sync(lambda tx: tx.outbox.drop_for_process("garden", "n1")) == 2
    assert store.write_sync(lambda tx: tx.outbox.drop_for_process("garden", "n1")) == 0
    assert store.read_sync(lambda tx: tx.outbox.count("garden")) == 1


def test_a_message_is_noted_once(store: Store, make: Maker) -> None:
    send(store, make, "m1")
    with pytest.raises(ConflictError):
        send(store, make, "m1", pid="n2")
    send(store, make, "m1", participant="bank")


def test_a_sweep_is_bounded_takes_the_longest_due_and_may_be_kept_to_one(
    store: Store, make: Maker
) -> None:
    for number in range(5):
        send(store, make, f"m{number}", pid=f"n{number}", now=make.later(seconds=-number))
    send(store, make, "b", participant="bank", now=make.later(seconds=-9))
    assert due(store, make, limit=2, minutes=1) == ["b", "m4"]
    assert due(store, make, participant="garden", limit=2, minutes=1) == ["m3", "m2"]
    assert due(store, make, participant="bank", minutes=1) == []


def test_two_sweeps_never_lease_the_same(opened: Callable[..., Store], make: Maker) -> None:
    one, other = opened(), opened()
    for number in range(20):
        send(one, make, f"m{number}", pid=f"n{number}")
    first = due(one, make, owner="a", limit=15, minutes=1)
    second = due(other, make, owner="b", limit=15, minutes=1)
    assert len(first) == 15
    assert sorted(first + second) == sorted(f"m{number}" for number in range(20))


def test_leases_of_one_who_stops_end_at_once(store: Store, make: Maker) -> None:
    send(store, make, "m1")
    send(store, make, "m2", pid="n2", lease_owner="worker-2")
    send(store, make, "b", participant="bank")

    def give_back(who: Sweep) -> Any:
        return store.write_sync(lambda tx: tx.outbox.give_back(who, owner="worker-1"))

    assert give_back("bank") == 1
    assert due(store, make) == ["b"]
    assert give_back(EVERY_PARTICIPANT) == 1
    assert give_back(EVERY_PARTICIPANT) == 0
    assert due(store, make) == ["m1"]


def test_a_lease_survives_reopening_and_ends_by_itself(
    opened: Callable[..., Store], make: Maker
) -> None:
    store = opened()
    send(store, make, "m1")
    store.close()
    again = opened()
    assert due(again, make, seconds=29) == []
    assert due(again, make, seconds=31) == ["m1"]


def test_what_one_hop_adds_and_drops_keeps_its_order(store: Store, make: Maker) -> None:
    def hop(tx: Transaction) -> list[tuple[int, bool]]:
        found = []
        for name, before in (("a", None), ("b", None), ("c", "drop"), ("d", "done")):
            if before == "drop":
                tx.outbox.drop_for_process("garden", "n1")
            if before == "done":
                tx.outbox.done("garden", "c")
            row = make.send(tx, name)
            found.append((row.position, row.lease_owner is not None))
        return found

    assert store.write_sync(hop) == [(1, True), (2, False), (1, True), (1, True)]
