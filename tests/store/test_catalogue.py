from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Text, cast, event, select, text

from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.value import digest
from trustspace.store import PolicyRow
from trustspace.store.tables import datasets

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Store, Transaction

MANY = text(
    "with recursive n (i) as (select 0 union all select i + 1 from n where i < 99999) "
    "insert into datasets (id, participant, title, offer_id, policy_digest, source, media_type,"
    " forms, negotiation, rounds, published_at, description, keywords, creator, revision,"
    " added_revision, accept_contractual)"
    " select printf('d%06d', i), participant, title, printf('o%06d', i),"
    " policy_digest, source, media_type, forms, negotiation, rounds, published_at, '', '', '',"
    " i + 2, i + 2, '[]' from datasets, n where id = 'template'"
)
"""Makes a hundred thousand datasets out of one."""


def publish(
    store: Store, make: Maker, *ids: str, participant: str = "garden", **columns: Any
) -> None:
    def hop(tx: Transaction) -> None:
        for name in ids:
            tx.datasets.put(participant, make.dataset(name, participant, **columns))

    store.write_sync(hop)


def page(store: Store, after: str | None = None, limit: int = 100, **options: Any) -> Any:
    found = store.read_sync(lambda tx: tx.datasets.page("garden", after, limit, **options))
    return [row.id for row in found]


def test_a_policy_is_kept_once_under_its_digest(store: Store) -> None:
    body = {"b": [1], "a": {"x": "ü"}}
    first = store.write_sync(lambda tx: tx.policies.put("garden", body))
    second = store.write_sync(lambda tx: tx.policies.put("garden", {"a": {"x": "ü"}, "b": [1]}))
    assert first == second == digest(body)
    assert store.read_sync(lambda tx: tx.policies.get("garden", first)) == PolicyRow(
        "garden", first, body
    )
    assert store.read_sync(lambda tx: tx.policies.get("bank", first)) is None


def test_a_dataset_is_published_replaced_and_found(store: Store, make: Maker) -> None:
    publish(store, make, "roses")
    assert store.read_sync(lambda tx: tx.datasets.get("garden", "roses")) == make.dataset("roses")
    changed: dict[str, Any] = {
        "title": "Red roses",
        "forms": (),
        "negotiation": "counter",
        "rounds": 5,
    }
    publish(store, make, "roses", **changed)
    found = store.read_sync(lambda tx: tx.datasets.find_by_offer("garden", "offer:roses"))
    assert found == make.dataset("roses", **changed)
    assert store.read_sync(lambda tx: tx.datasets.get("garden", "tulips")) is None
    assert store.read_sync(lambda tx: tx.datasets.find_by_offer("garden", "offer:x")) is None
    assert store.read_sync(lambda tx: tx.datasets.get("bank", "roses")) is None


def test_a_dataset_needs_its_policy_and_its_owner(store: Store, make: Maker) -> None:
    with pytest.raises(NotFoundError, match="policy"):
        publish(store, make, "roses", policy_digest="sha256:unknown")
    with pytest.raises(ConflictError, match="'garden', not 'bank'"):
        store.write_sync(lambda tx: tx.datasets.put("bank", make.dataset()))


def test_a_withdrawn_dataset_is_off_the_catalogue_but_known(store: Store, make: Maker) -> None:
    publish(store, make, "roses", "tulips")
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "roses", now=make.now))
    assert page(store) == ["tulips"]
    assert store.read_sync(lambda tx: tx.datasets.count("garden")) == 1
    assert store.read_sync(lambda tx: tx.datasets.find_by_offer("garden", "offer:roses")) is None
    kept = store.read_sync(lambda tx: tx.datasets.get("garden", "roses"))
    assert kept == make.dataset("roses", withdrawn_at=make.now)
    for hop in (
        lambda tx: tx.datasets.withdraw("garden", "roses", now=make.now),
        lambda tx: tx.datasets.withdraw("garden", "lilies", now=make.now),
    ):
        with pytest.raises(NotFoundError, match="on offer"):
            store.write_sync(hop)
    publish(store, make, "roses")
    assert page(store) == ["roses", "tulips"]


def test_pages_follow_one_another(store: Store, make: Maker) -> None:
    publish(store, make, *(f"d{number:02}" for number in range(25)))
    publish(store, make, "other", participant="bank")
    first = page(store, limit=10)
    second = page(store, after=first[-1], limit=10)
    third = page(store, after=second[-1], limit=10)
    assert first + second + third == [f"d{number:02}" for number in range(25)]
    assert page(store, after=third[-1], limit=10) == []


def test_the_policies_on_offer_are_told_once_each(store: Store, make: Maker) -> None:
    assert store.read_sync(lambda tx: tx.datasets.distinct_policies("garden")) == ()
    bodies = [{"number": number} for number in range(5)]
    digests = store.write_sync(lambda tx: [tx.policies.put("garden", body) for body in bodies])
    for number, key in enumerate(digests[:4]):
        publish(store, make, f"a{number}", f"b{number}", policy_digest=key)
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "a3", now=make.now))
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "b3", now=make.now))
    store.write_sync(lambda tx: tx.policies.put("bank", bodies[4]))
    publish(store, make, "x", participant="bank", policy_digest=digests[4])
    found = store.read_sync(lambda tx: tx.datasets.distinct_policies("garden"))
    assert [row.digest for row in found] == sorted(digests[:3])
    assert [row.body for row in sorted(found, key=lambda row: row.body["number"])] == bodies[:3]


@pytest.fixture
def plan(store: Store) -> Callable[[Callable[[Transaction], Any]], list[str]]:
    """Tells the steps of a query as SQLite plans it."""

    def tell(query: Callable[[Transaction], Any]) -> list[str]:
        sent: list[str] = []

        def note(connection: Any, *_: Any) -> None:
            connection.set_trace_callback(sent.append)

        event.listen(store._reader_engine, "checkout", note)
        store.read_sync(query)
        event.remove(store._reader_engine, "checkout", note)
        with closing(sqlite3.connect(store.file.path)) as connection:
            return [
                row[-1]
                for statement in sent
                if statement.startswith(("SELECT", "WITH"))
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            ]

    return tell


def test_a_page_among_very_many_reads_a_page_of_the_index(
    store: Store, make: Maker, plan: Any
) -> None:
    publish(store, make, "template")
    store.write_sync(lambda tx: tx._unit.execute(MANY))
    store.write_sync(lambda tx: tx.datasets.withdraw("garden", "template", now=make.now))
    found = store.read_sync(lambda tx: tx.datasets.page("garden", "d049999", 100))
    assert [row.id for row in found] == [f"d{number:06}" for number in range(50_000, 50_100)]
    steps = plan(lambda tx: tx.datasets.page("garden", "d049999", 100))
    assert steps == ["SEARCH datasets USING INDEX ix_datasets_on_offer (participant=? AND id>?)"]
    steps = plan(lambda tx: tx.datasets.distinct_policies("garden"))
    assert [step for step in steps if "datasets" in step] == [
        "SEARCH datasets USING INDEX ix_datasets_policy (participant=? AND policy_digest>?)"
    ] * 2
    assert store.read_sync(lambda tx: tx.datasets.count("garden")) == 100_000


def test_an_index_stands_behind_every_look_up(make: Maker, plan: Any) -> None:
    looks = {
        "find_by_peer": lambda tx: tx.negotiations.find_by_peer(
            "garden", make.negotiation().role, "did:web:bank", "p"
        ),
        "list": lambda tx: tx.negotiations.list("garden", cursor="1.x"),
        "awaiting": lambda tx: tx.negotiations.awaiting("garden", "approval", cursor="1.x"),
        "count_awaiting": lambda tx: tx.negotiations.count_awaiting(
            "garden", "approval", counterparty="did:web:bank"
        ),
        "list of a state": lambda tx: tx.transfers.list("garden", state="STARTED"),
        "about": lambda tx: tx.transfers.about("garden", "a1"),
        "offer": lambda tx: tx.datasets.find_by_offer("garden", "x"),
        "events": lambda tx: tx.events.after("garden", 5, 10),
        "last event": lambda tx: tx.events.last("garden"),
        "of_negotiation": lambda tx: tx.agreements.of_negotiation("garden", "x"),
        "of_dataset": lambda tx: tx.agreements.of_dataset("garden", "x"),
        "agreements": lambda tx: tx.agreements.list("garden"),
        "outbox of a process": lambda tx: tx.outbox.of_process("garden", "x"),
    }
    for name, look in looks.items():
        steps = plan(look)
        assert steps, name
        assert all(step.startswith("SEARCH") for step in steps if "B-TREE" not in step), name
        if name in (
            "list",
            "awaiting",
            "list of a state",
            "events",
            "agreements",
            "outbox of a process",
        ):
            assert not any("TEMP B-TREE" in step for step in steps), (name, steps)


def test_text_of_any_script_is_kept(store: Store, make: Maker) -> None:
    publish(store, make, "玫瑰", title="玫瑰价格", source={"path": "/数据/玫瑰.csv"})
    assert page(store) == ["玫瑰"]
    found = store.read_sync(lambda tx: tx.datasets.get("garden", "玫瑰"))
    assert found is not None
    assert (found.title, found.source) == ("玫瑰价格", {"path": "/数据/玫瑰.csv"})
    stored = select(cast(datasets.c.source, Text))
    assert store.read_sync(lambda tx: tx._unit.execute(stored).scalar()) == (
        '{"path":"/数据/玫瑰.csv"}'
    )
