"""Duties: each occurrence once, due in order, cheap to ask for what is owed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from trustspace.errors import NotFoundError
from trustspace.store import EVERY_PARTICIPANT, ONCE, OWED, DutyRow, DutyState

if TYPE_CHECKING:
    from tests.store.conftest import Maker

    from trustspace.store import Page, Store, Transaction


def kept(store: Store, *rows: DutyRow) -> list[bool]:
    return store.write_sync(lambda tx: [tx.duties.add("garden", row) for row in rows])


def test_an_occurrence_is_planned_once(store: Store, make: Maker) -> None:
    row = make.duty()
    again = replace(row, due=make.later(days=1))
    assert kept(store, row, again) == [True, False]
    assert store.read_sync(lambda tx: tx.duties.get("garden", "a1", "d1", "s")) == row
    assert store.read_sync(lambda tx: tx.duties.get("garden", "a1", "d1", ONCE)) is None


def test_what_is_settled_is_owed_no_more(store: Store, make: Maker) -> None:
    rows = [
        make.duty(occurrence=state.value, state=state, created_at=make.later(seconds=place))
        for place, state in enumerate(DutyState)
    ]
    kept(store, *rows)
    owed = store.read_sync(lambda tx: tx.duties.owed("garden", "a1"))
    assert tuple(row.state for row in owed) == OWED
    assert [row.is_owed for row in rows] == [row.state in OWED for row in rows]
    done = replace(
        rows[0],
        state=DutyState.FULFILLED,
        evidence={"id": "urn:ev:1", "facts": {"odrl:payAmount": {"value": 500}}},
        fulfilled_at=make.now,
    )
    store.write_sync(lambda tx: tx.duties.put("garden", done))
    assert store.read_sync(lambda tx: tx.duties.get("garden", "a1", "d1", "open")) == done
    every = store.read_sync(lambda tx: tx.duties.list("garden", "a1"))
    assert [row.occurrence for row in every] == [state.value for state in DutyState]
    assert store.read_sync(lambda tx: tx.duties.list("garden", "a1", duty_id="d2")) == ()


def test_asking_for_what_is_owed_reads_an_index(store: Store) -> None:
    sent: list[str] = []

    def note(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(sent.append)

    event.listen(store._reader_engine, "checkout", note)
    store.read_sync(lambda tx: tx.duties.owed("garden", "a1"))
    event.remove(store._reader_engine, "checkout", note)
    with closing(sqlite3.connect(store.file.path)) as connection:
        asked = next(each for each in sent if each.startswith("SELECT duties"))
        plan = connection.execute(f"EXPLAIN QUERY PLAN {asked}").fetchall()
    assert any("ix_duties_owed" in str(row) for row in plan), plan


def test_what_is_due_comes_in_order(store: Store, make: Maker) -> None:
    first = make.duty("a2", next_at=make.now)
    second = make.duty("a1", next_at=make.later(seconds=5))
    kept(store, second, first, make.duty("a3", next_at=None))

    def due(seconds: int, who: str = "garden") -> list[str]:
        now = make.later(seconds=seconds)
        found = store.read_sync(lambda tx: tx.duties.due(who, now=now, limit=9))
        return [row.agreement_id for row in found]

    assert [due(-1), due(0), due(5), due(9, "bank")] == [[], ["a2"], ["a2", "a1"], []]
    assert store.read_sync(lambda tx: tx.duties.next_at(EVERY_PARTICIPANT)) == make.now
    assert store.read_sync(lambda tx: tx.duties.next_at("bank")) is None


def test_a_message_is_found_with_what_it_is_about(store: Store, make: Maker) -> None:
    kept(store, make.duty(), make.duty(occurrence="t", message_id=None))
    told = store.read_sync(lambda tx: tx.duties.told("garden", "m-a1"))
    assert [row.occurrence for row in told] == ["s"]
    assert store.read_sync(lambda tx: tx.duties.told("garden", "m-a2")) == ()


def test_pages_go_from_the_newest_on(store: Store, make: Maker) -> None:
    rows = [
        make.duty(
            occurrence=f"s{number}",
            created_at=make.later(seconds=number // 2),
            state=DutyState.OPEN if number else DutyState.FULFILLED,
        )
        for number in range(5)
    ]
    kept(store, *rows)
    seen: list[str] = []
    cursor: str | None = None

    def page(tx: Transaction) -> Page[DutyRow]:
        return tx.duties.page("garden", states=(), limit=2, cursor=cursor)

    for _ in range(3):
        found = store.read_sync(page)
        seen += [row.occurrence for row in found.items]
        cursor = found.cursor
    assert cursor is None
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    open_ = store.read_sync(lambda tx: tx.duties.page("garden", states=("open",), limit=9))
    assert len(open_.items) == 4
    with pytest.raises(NotFoundError):
        store.read_sync(lambda tx: tx.duties.page("garden", states=(), limit=2, cursor="x"))
