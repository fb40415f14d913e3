from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from trustspace.dsp.messages import ContractNegotiationTerminationMessage
from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.participant import Role
from trustspace.store import EVERY_PARTICIPANT

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.store import Page, Store, Sweep, Transaction


def insert(store: Store, *values: Any, participant: str = "garden", **options: Any) -> None:
    def hop(tx: Transaction) -> None:
        for value in values:
            tx.negotiations.insert(participant, value, **options)

    store.write_sync(hop)


def terminated(negotiation: ContractNegotiation, now: datetime) -> Any:
    message = ContractNegotiationTerminationMessage.read(
        {
            "@id": "urn:uuid:end",
            "@type": "ContractNegotiationTerminationMessage",
            "consumerPid": negotiation.consumer_pid,
            "providerPid": negotiation.provider_pid,
            "code": "policy.denied",
            "reason": [{"id": "purpose", "expected": ["research", None, 1.5]}, "text"],
        }
    )
    return negotiation.receive(message, sender=Role.CONSUMER, now=now)


def test_values_come_back_equal(store: Store, make: Maker) -> None:
    negotiation = make.negotiation()
    ended = terminated(make.negotiation("n2"), make.later(seconds=1))
    own = make.own_request("n3")
    insert(store, negotiation, ended, own)
    found = store.read_sync(
        lambda tx: [tx.negotiations.get("garden", pid) for pid in ("n1", "n2", "n3")]
    )
    assert found == [negotiation, ended, own]
    transfer = make.transfer()
    store.write_sync(lambda tx: tx.transfers.insert("garden", transfer))
    assert store.read_sync(lambda tx: tx.transfers.get("garden", "t1")) == transfer
    assert store.read_sync(lambda tx: tx.transfers.get("garden", "n1")) is None


def test_a_role_can_be_asked_for(store: Store, make: Maker) -> None:
    insert(store, make.negotiation())

    def get(**options: Any) -> Any:
        return store.read_sync(lambda tx: tx.negotiations.get("garden", "n1", **options))

    assert get(role=Role.PROVIDER) == make.negotiation()
    assert get(role=Role.CONSUMER) is None


def test_a_process_is_found_by_the_peers_pid_of_that_peer_and_role_only(
    store: Store, make: Maker
) -> None:
    insert(store, make.negotiation("n1", peer_pid="p"))
    insert(store, make.negotiation("n2", peer_pid="p", counterparty="did:web:other"))

    def find(*key: Any) -> Any:
        return store.read_sync(lambda tx: tx.negotiations.find_by_peer(*key))

    assert find("garden", Role.PROVIDER, "did:web:bank", "p").id == "n1"
    assert find("garden", Role.PROVIDER, "did:web:other", "p").id == "n2"
    assert find("garden", Role.CONSUMER, "did:web:bank", "p") is None
    assert find("garden", Role.PROVIDER, "did:web:bank", "n1") is None
    assert find("bank", Role.PROVIDER, "did:web:bank", "p") is None


def test_pids_are_taken_once(store: Store, make: Maker) -> None:
    insert(store, make.negotiation("n1", peer_pid="p"))
    for again in (make.negotiation("n1", peer_pid="q"), make.negotiation("n2", peer_pid="p")):
        with pytest.raises(ConflictError):
            insert(store, again)
    insert(store, make.negotiation("n1", peer_pid="p"), participant="bank")


def test_many_may_wait_for_their_peers_pid_and_learn_it(store: Store, make: Maker) -> None:
    insert(store, make.own_request("n1"), make.own_request("n2"))
    learnt = make.own_request("n1").learn_peer_pid("p", now=make.later(seconds=1))
    store.write_sync(lambda tx: tx.negotiations.update("garden", learnt))
    found = store.read_sync(
        lambda tx: tx.negotiations.find_by_peer("garden", Role.CONSUMER, "did:web:farm", "p")
    )
    assert found == learnt
    stolen = make.own_request("n2").learn_peer_pid("p", now=make.now)
    with pytest.raises(ConflictError):
        store.write_sync(lambda tx: tx.negotiations.update("garden", stolen))


def test_an_update_replaces_value_and_columns(store: Store, make: Maker) -> None:
    before = make.negotiation()
    insert(store, before)
    after = terminated(before, make.later(seconds=1))
    store.write_sync(lambda tx: tx.negotiations.update("garden", after))
    assert store.read_sync(lambda tx: tx.negotiations.get("garden", "n1")) == after
    assert store.read_sync(lambda tx: tx.negotiations.count("garden", state="TERMINATED")) == 1
    assert store.read_sync(lambda tx: tx.negotiations.count("garden", state="REQUESTED")) == 0
    with pytest.raises(NotFoundError, match="'n9'"):
        store.write_sync(lambda tx: tx.negotiations.update("garden", make.negotiation("n9")))
    with pytest.raises(NotFoundError):
        store.write_sync(lambda tx: tx.negotiations.update("bank", after))


def test_an_update_from_an_old_value_is_a_conflict(store: Store, make: Maker) -> None:
    before = make.negotiation()
    insert(store, before)
    after = terminated(before, make.later(seconds=1))

    def update(value: Any, **options: Any) -> None:
        store.write_sync(lambda tx: tx.negotiations.update("garden", value, **options))

    update(after, expected_updated_at=before.updated_at)
    with pytest.raises(ConflictError, match="someone else") as caught:
        update(after, expected_updated_at=before.updated_at)
    assert caught.value.hint
    with pytest.raises(NotFoundError):
        update(make.negotiation("n9"), expected_updated_at=make.now)


def test_processes_about_one_thing_are_listed_oldest_first(store: Store, make: Maker) -> None:
    def hop(tx: Transaction) -> None:
        tx.transfers.insert("garden", make.transfer("t2", now=make.later(seconds=1)))
        tx.transfers.insert("garden", make.transfer("t1"))
        tx.transfers.insert("garden", make.transfer("t3", agreement_id="a2"))

    store.write_sync(hop)
    found = store.read_sync(lambda tx: tx.transfers.about("garden", "a1"))
    assert [value.id for value in found] == ["t1", "t2"]
    insert(store, make.negotiation(), make.negotiation("n2", dataset_id="tulips"))
    others = store.read_sync(lambda tx: tx.negotiations.about("garden", "tulips"))
    assert [value.id for value in others] == ["n2"]


def test_pages_follow_one_another_newest_first(store: Store, make: Maker) -> None:
    made = [
        make.negotiation(f"n{number:02}", now=make.now + timedelta(seconds=number // 3))
        for number in range(10)
    ]
    insert(store, *made)
    insert(store, make.negotiation(), participant="bank")
    expected = [value.id for value in sorted(made, key=lambda v: (v.created_at, v.id))][::-1]

    def page(cursor: str | None = None) -> Page[ContractNegotiation]:
        return store.read_sync(lambda tx: tx.negotiations.list("garden", limit=4, cursor=cursor))

    pages = [page()]
    while pages[-1].cursor:
        pages.append(page(pages[-1].cursor))
    assert [value.id for page in pages for value in page.items] == expected
    assert len(pages) == 3


def test_lists_can_be_kept_to_a_state_and_a_role(store: Store, make: Maker) -> None:
    insert(store, make.negotiation("n1"), make.own_request("n2"))
    insert(store, terminated(make.negotiation("n3"), make.now))

    def listed(**options: Any) -> Any:
        page = store.read_sync(lambda tx: tx.negotiations.list("garden", **options))
        assert page.cursor is None
        return {value.id for value in page.items}

    assert listed() == {"n1", "n2", "n3"}
    assert listed(state="REQUESTED") == {"n1", "n2"}
    assert listed(state="REQUESTED", role=Role.CONSUMER) == {"n2"}
    assert listed(role=Role.PROVIDER) == {"n1", "n3"}


def test_what_is_overdue_is_swept_oldest_first(store: Store, make: Maker) -> None:
    insert(store, make.negotiation("n1"), deadline=make.later(minutes=2))
    insert(store, make.negotiation("n2"), deadline=make.later(minutes=1))
    insert(store, make.negotiation("n3"))
    insert(store, make.negotiation("n4"), participant="bank", deadline=make.later(minutes=3))

    def overdue(participant: Sweep, **options: Any) -> Any:
        found = store.read_sync(lambda tx: tx.negotiations.overdue(participant, **options))
        return [(name, value.id) for name, value in found]

    at = make.later(minutes=3)
    everyone = [("garden", "n2"), ("garden", "n1"), ("bank", "n4")]
    assert overdue(EVERY_PARTICIPANT, now=at) == everyone
    assert overdue(EVERY_PARTICIPANT, now=at, limit=1) == everyone[:1]
    assert overdue("garden", now=at) == everyone[:2]
    assert overdue(EVERY_PARTICIPANT, now=make.now) == []
    store.write_sync(lambda tx: tx.negotiations.update("garden", make.negotiation("n2")))
    assert overdue("garden", now=at) == everyone[1:2]
