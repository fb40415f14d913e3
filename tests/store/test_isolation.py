"""Whatever one participant writes, what another reads stays as it was."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustspace.dsp.catalog_query import CatalogQuery
from trustspace.errors import StoreError
from trustspace.model.participant import Role
from trustspace.store import AgreementState, PushRow, Store, Transaction
from trustspace.store.portions import Account

if TYPE_CHECKING:
    from tests.store.conftest import Maker

Write = Callable[[Transaction, str], Any]
Read = Callable[[Transaction, str], Any]

NAMES = ("x", "y")
"""Ids that both participants use, so that only the participant tells their rows apart."""


def reads(make: Maker) -> dict[str, Read]:
    """One read of every method that reads, over the ids that both use."""
    own: dict[str, Read] = {
        "duties.page": lambda tx, who: tx.duties.page(who, states=(), limit=9).items,
        "duties.due": lambda tx, who: tx.duties.due(who, now=make.later(seconds=9), limit=9),
        "duties.next_at": lambda tx, who: tx.duties.next_at(who),
        "decisions.number": lambda tx, who: tx.decisions.number(who),
        "decisions.last": lambda tx, who: tx.decisions.last(who, 9),
        "participants.get": lambda tx, who: tx.participants.get(who),
        "counterparties.list": lambda tx, who: tx.counterparties.list(who),
        "policies.get": lambda tx, who: tx.policies.get(who, make.policy_digest),
        "datasets.page": lambda tx, who: tx.datasets.page(who, None, 100),
        "datasets.search": lambda tx, who: tx.datasets.search(
            who, CatalogQuery(), 9, policies=[make.policy_digest]
        ),
        "datasets.revision": lambda tx, who: tx.datasets.revision(who),
        "datasets.changed": lambda tx, who: tx.datasets.changed(who, 0, 9, until=99),
        "datasets.offered_at": lambda tx, who: tx.datasets.offered_at(
            who, [make.dataset("x", who, added_revision=0)], 99
        ),
        "datasets.has_unchanged": lambda tx, who: tx.datasets.has_unchanged(
            who, [make.policy_digest], 99
        ),
        "index.crawls": lambda tx, who: tx.index.crawls(who),
        "index.counts": lambda tx, who: tx.index.counts(who),
        "index.search": lambda tx, who: tx.index.search(who, ["rose"]),
        "datasets.distinct_policies": lambda tx, who: tx.datasets.distinct_policies(who),
        "datasets.count": lambda tx, who: tx.datasets.count(who),
        "negotiations.list": lambda tx, who: tx.negotiations.list(who),
        "negotiations.about": lambda tx, who: tx.negotiations.about(who, "roses"),
        "negotiations.count": lambda tx, who: tx.negotiations.count(who, state="REQUESTED"),
        "negotiations.awaiting": lambda tx, who: tx.negotiations.awaiting(who, "approval").items,
        "negotiations.count_awaiting": lambda tx, who: tx.negotiations.count_awaiting(
            who, "approval", counterparty="did:web:bank"
        ),
        "negotiations.overdue": lambda tx, who: tx.negotiations.overdue(
            who, now=make.later(days=9)
        ),
        "transfers.list": lambda tx, who: tx.transfers.list(who),
        "transfers.about": lambda tx, who: tx.transfers.about(who, "x"),
        "transfers.count": lambda tx, who: tx.transfers.count(who, state="REQUESTED"),
        "transfers.overdue": lambda tx, who: tx.transfers.overdue(who, now=make.later(days=9)),
        "pushes.due": lambda tx, who: tx.pushes.due(who, now=make.later(days=9), limit=9),
        "agreements.list": lambda tx, who: tx.agreements.list(who),
        "agreements.of_dataset": lambda tx, who: tx.agreements.of_dataset(who, "roses"),
        "negotiation_keys.find": lambda tx, who: tx.negotiation_keys.find(
            who, "did:web:garden", "roses", ""
        ),
        "outbox.pending": lambda tx, who: tx.outbox.pending(who, limit=9),
        "outbox.count": lambda tx, who: tx.outbox.count(who),
        "events.after": lambda tx, who: tx.events.after(who, 0, 100),
        "events.last": lambda tx, who: tx.events.last(who),
    }
    named: dict[str, Callable[[Transaction, str, str], Any]] = {
        "settings.get": lambda tx, who, name: tx.settings.get(who, name),
        "counterparties.get": lambda tx, who, name: tx.counterparties.get(who, name),
        "datasets.get": lambda tx, who, name: tx.datasets.get(who, name),
        "datasets.find_by_offer": lambda tx, who, name: tx.datasets.find_by_offer(
            who, f"offer:{name}"
        ),
        "index.crawl": lambda tx, who, name: tx.index.crawl(who, name),
        "index.digests": lambda tx, who, name: tx.index.digests(who, name),
        "negotiations.get": lambda tx, who, name: tx.negotiations.get(who, name),
        "negotiations.deadline": lambda tx, who, name: tx.negotiations.deadline(who, name),
        "negotiations.find_by_peer": lambda tx, who, name: tx.negotiations.find_by_peer(
            who, Role.PROVIDER, "did:web:bank", f"peer-of-{name}"
        ),
        "transfers.get": lambda tx, who, name: tx.transfers.get(who, name),
        "transfers.deadline": lambda tx, who, name: tx.transfers.deadline(who, name),
        "transfers.find_by_peer": lambda tx, who, name: tx.transfers.find_by_peer(
            who, Role.PROVIDER, "did:web:bank", f"peer-of-{name}"
        ),
        "agreements.get": lambda tx, who, name: tx.agreements.get(who, name),
        "agreements.of_negotiation": lambda tx, who, name: tx.agreements.of_negotiation(
            who, f"n-{name}"
        ),
        "events.find": lambda tx, who, name: tx.events.find(who, "id", name),
        "events.about": lambda tx, who, name: tx.events.about(who, name),
        "decisions.get": lambda tx, who, name: tx.decisions.get(who, name),
        "duties.get": lambda tx, who, name: tx.duties.get(who, name, "d1", "s"),
        "duties.list": lambda tx, who, name: tx.duties.list(who, name),
        "duties.owed": lambda tx, who, name: tx.duties.owed(who, name),
        "duties.told": lambda tx, who, name: tx.duties.told(who, f"m-{name}"),
        "holds.first": lambda tx, who, name: tx.holds.first(who, f"a-{name}"),
        "pushes.get": lambda tx, who, name: tx.pushes.get(who, name),
        "outbox.of_process": lambda tx, who, name: tx.outbox.of_process(who, name),
        "counters.used": lambda tx, who, name: tx.counters.used(who, name),
        "counters.taken": lambda tx, who, name: tx.counters.taken(who, name, "count"),
        "counters.committed": lambda tx, who, name: tx.counters.committed(who, name),
        "portions.held": lambda tx, who, name: tx.portions.held(who, name, "s"),
        "pushes.unfinished": lambda tx, who, name: tx.pushes.unfinished(who, name, but="x"),
        "counters.held": lambda tx, who, name: tx.counters.held(who, name, "s"),
        "meters.list": lambda tx, who, name: tx.meters.list(who, name),
        "idempotency.recall": lambda tx, who, name: tx.idempotency.recall(
            who, name, "sha256:1", now=make.now
        ),
    }
    for label, read in named.items():
        own[label] = lambda tx, who, read=read: [read(tx, who, name) for name in NAMES]  # type: ignore[misc]
    return own


def writes(make: Maker) -> dict[str, Callable[[Transaction, str, str], Any]]:
    """One write of every method that writes."""
    soon = make.later(seconds=1)
    return {
        "settings.put": lambda tx, who, name: tx.settings.put(who, name, "v"),
        "decisions.put": lambda tx, who, name: tx.decisions.put(
            who, make.decision(name, number=NAMES.index(name) + 1), keep=2
        ),
        "decisions.cut": lambda tx, who, name: tx.decisions.cut(who, NAMES.index(name) + 1),
        "duties.add": lambda tx, who, name: tx.duties.add(who, make.duty(name, who)),
        "duties.put": lambda tx, who, name: tx.duties.put(
            who, replace(make.duty(name, who), last_error="none")
        ),
        "settings.forget": lambda tx, who, name: tx.settings.forget(who, name),
        "counterparties.attest": lambda tx, who, name: tx.counterparties.attest(
            who, name, {"a": 1}, now=make.now
        ),
        "counterparties.forget": lambda tx, who, name: tx.counterparties.forget(who, name),
        "policies.put": lambda tx, who, name: tx.policies.put(who, {"name": name}),
        "datasets.put": lambda tx, who, name: tx.datasets.put(who, make.dataset(name, who)),
        "datasets.withdraw": lambda tx, who, name: tx.datasets.withdraw(who, name, now=make.now),
        "index.keep": lambda tx, who, name: tx.index.keep(who, make.crawl(name, who)),
        "index.put": lambda tx, who, name: tx.index.put(who, [make.indexed(name, who)]),
        "index.remove": lambda tx, who, name: tx.index.remove(who, name, [("did:web:farm", name)]),
        "index.forget": lambda tx, who, name: tx.index.forget(who, name),
        "negotiations.insert": lambda tx, who, name: tx.negotiations.insert(
            who,
            make.negotiation(name).model_copy(update={"awaiting": "approval"}),
            deadline=soon,
        ),
        "negotiations.put_off": lambda tx, who, name: tx.negotiations.put_off(
            who, name, deadline=make.later(seconds=2)
        ),
        "negotiations.update": lambda tx, who, name: tx.negotiations.update(
            who, make.negotiation(name, dataset_id="tulips")
        ),
        "negotiation_keys.put": lambda tx, who, name: tx.negotiation_keys.put(
            who, make.key(name, who)
        ),
        "negotiation_keys.offered": lambda tx, who, name: tx.negotiation_keys.offered(
            who, make.key(f"offered-{name}", who, purpose="b")
        ),
        "negotiation_keys.forget": lambda tx, who, name: tx.negotiation_keys.forget(
            who, "roses", name
        ),
        "transfers.insert": lambda tx, who, name: tx.transfers.insert(
            who, make.transfer(name, agreement_id="x"), deadline=soon
        ),
        "transfers.put_off": lambda tx, who, name: tx.transfers.put_off(
            who, name, deadline=make.later(seconds=2)
        ),
        "transfers.update": lambda tx, who, name: tx.transfers.update(
            who, make.transfer(name, agreement_id="y")
        ),
        "agreements.insert": lambda tx, who, name: tx.agreements.insert(
            who, make.agreement(name, who)
        ),
        "agreements.propose": lambda tx, who, name: tx.agreements.propose(who, name, {"id": "p"}),
        "agreements.end": lambda tx, who, name: tx.agreements.end(
            who, name, AgreementState.REVOKED, reason="r", now=make.now, ended_by="us"
        ),
        "agreements.correct": lambda tx, who, name: tx.agreements.correct(
            who, name, AgreementState.EXPIRED, reason="r", now=make.now
        ),
        "holds.put": lambda tx, who, name: tx.holds.put(
            who, f"a-{name}", name, code="owner", reasons=["audit"], now=make.now
        ),
        "holds.drop": lambda tx, who, name: tx.holds.drop(who, name),
        "holds.drop_all": lambda tx, who, name: tx.holds.drop_all(who, f"a-{name}"),
        "pushes.put": lambda tx, who, name: tx.pushes.put(
            who, PushRow(who, name, make.now, session="s", next_at=make.now)
        ),
        "pushes.schedule": lambda tx, who, name: tx.pushes.schedule(who, name, None),
        "outbox.add": lambda tx, who, name: make.send(tx, name, pid=name, participant=who),
        "outbox.lease_due": lambda tx, who, _name: tx.outbox.lease_due(
            who, owner="o", lease_seconds=1, now=make.later(days=1), limit=9
        ),
        "outbox.lease_next": lambda tx, who, name: tx.outbox.lease_next(
            who, name, owner="o", lease_seconds=1, now=make.later(days=1)
        ),
        "outbox.give_back": lambda tx, who, _name: tx.outbox.give_back(who, owner="worker-1"),
        "outbox.retry": lambda tx, who, name: tx.outbox.retry(
            who, name, next_at=make.now, error="e"
        ),
        "outbox.done": lambda tx, who, name: tx.outbox.done(who, name),
        "outbox.drop_for_process": lambda tx, who, name: tx.outbox.drop_for_process(who, name),
        "events.append": lambda tx, who, name: tx.events.append(
            who, name, {"id": name, "agreement": name}, now=make.now
        ),
        "counters.reserve": lambda tx, who, name: tx.counters.reserve(
            who, name, "count", "s", maximum=2, now=make.now
        ),
        "counters.commit": lambda tx, who, name: tx.counters.commit(
            who, name, "count", "s", now=make.now
        ),
        "counters.release": lambda tx, who, name: tx.counters.release(who, name, "count", "s"),
        "counters.refund": lambda tx, who, name: tx.counters.refund(who, name, "count", "s"),
        "counters.release_stale": lambda tx, who, _name: tx.counters.release_stale(
            who, reserved_before=make.later(days=1)
        ),
        "counters.forget": lambda tx, who, _name: tx.counters.forget(
            who, ended_before=make.later(days=9), limit=9
        ),
        "portions.take": lambda tx, who, name: tx.portions.take(
            who, portion(name), (0, 5), maximum=9
        ),
        "portions.give_back": lambda tx, who, name: tx.portions.give_back(
            who, portion(name), [(3, 5)]
        ),
        "agreements.note_use": lambda tx, who, name: tx.agreements.note_use(
            who, name, now=make.now
        ),
        "meters.add": lambda tx, who, name: tx.meters.add(
            who, name, "s", size_bytes=1, rows=1, now=make.now
        ),
        "tokens.use_once": lambda tx, who, name: tx.tokens.use_once(
            who, name, name, expires_at=make.later(days=1), now=make.now
        ),
        "tokens.purge": lambda tx, who, _name: tx.tokens.purge(who, now=make.later(days=9)),
        "idempotency.remember": lambda tx, who, name: tx.idempotency.remember(
            who, make.answer(name, who), now=make.now
        ),
        "idempotency.purge": lambda tx, who, _name: tx.idempotency.purge(
            who, now=make.later(days=9)
        ),
    }


def portion(name: str) -> Account:
    """An account under an agreement."""
    return Account(name, "rule:p1:row", "rule:p1:row", "s", "v")


UNDOING = (
    "done",
    "drop",
    "drop_all",
    "drop_for_process",
    "end",
    "forget",
    "give_back",
    "purge",
    "refund",
    "release",
    "cut",
    "release_stale",
    "remove",
    "retry",
    "schedule",
    "update",
    "withdraw",
)
"""Writes that take away what others put there."""

HOSTING = {"participants.add", "participants.list", "agreements.over", "agreements.next_end"}
"""What is about the host as a whole."""


def attempt(store: Store, write: Callable[[Transaction, str, str], Any], *key: str) -> Any:
    """Do one write; the store may refuse it, which must leave no trace either."""
    try:
        return store.write_sync(lambda tx: write(tx, *key))
    except StoreError as error:
        return type(error)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, make: Maker) -> Path:
    """A database in which the bank has done everything once."""
    path = tmp_path_factory.mktemp("isolation") / "settled.db"
    with Store.open(f"sqlite:///{path}", synchronous="NORMAL") as store:
        store.write_sync(lambda tx: make.host(tx, "garden", "bank"))
        for label, write in writes(make).items():
            if label.split(".")[1] not in UNDOING:
                attempt(store, write, "bank", "x")
    return path


@pytest.fixture
def both(settled: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(settled, tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", synchronous="NORMAL") as store:
        yield store


def view(store: Store, make: Maker, who: str) -> dict[str, Any]:
    return store.read_sync(lambda tx: {label: read(tx, who) for label, read in reads(make).items()})


def test_every_method_is_among_the_reads_or_the_writes(store: Store, make: Maker) -> None:
    def methods(tx: Transaction) -> set[str]:
        return {
            f"{repository}.{label}"
            for repository in dir(Transaction)
            if not repository.startswith("_")
            for label, _ in inspect.getmembers(getattr(tx, repository), inspect.ismethod)
            if not label.startswith("_")
        }

    assert store.read_sync(methods) == {*reads(make), *writes(make), *HOSTING}


def test_each_read_sees_the_participants_own_rows(both: Store, make: Maker) -> None:
    seen = view(both, make, "bank")
    for label, found in seen.items():
        assert found not in ((), [], None, 0, [None, None], [{}, {}], [(), ()]), label


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
)
@given(data=st.data())
def test_what_one_reads_stays_whatever_the_other_writes(
    both: Store, make: Maker, data: st.DataObject
) -> None:
    possible = writes(make)
    sequence = data.draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(possible)), st.sampled_from(NAMES)),
            min_size=1,
            max_size=25,
        )
    )
    before = view(both, make, "bank")
    for label, name in sequence:
        attempt(both, possible[label], "garden", name)
    assert view(both, make, "bank") == before
    # The bank's token is still used, the garden's say over the same id notwithstanding.
    use = possible["tokens.use_once"]
    assert attempt(both, use, "bank", "x") is False


@pytest.mark.parametrize("method", ["negotiations", "transfers"])
def test_a_sweep_of_one_leaves_out_the_others(both: Store, make: Maker, method: str) -> None:
    at = make.now + timedelta(days=9)

    def sweep(tx: Transaction, who: str) -> list[str]:
        return [name for name, _ in getattr(tx, method).overdue(who, now=at)]

    assert both.read_sync(lambda tx: sweep(tx, "garden")) == []
    attempt(both, writes(make)[f"{method}.insert"], "garden", "x")
    assert both.read_sync(lambda tx: sweep(tx, "garden")) == ["garden"]
    assert both.read_sync(lambda tx: sweep(tx, "bank")) == ["bank"]
