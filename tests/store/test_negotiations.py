"""Negotiations that wait for somebody, found without looking at the others."""

from collections.abc import Callable, Iterator

from tests.store.conftest import Maker

from trustspace.store import Store, Transaction


def test_those_that_wait_are_found_with_their_deadline(
    opened: Callable[..., Store], make: Maker
) -> None:
    store = opened()
    soon = make.later(days=1)
    waiting = make.negotiation("n1").model_copy(update={"awaiting": "approval"})
    asked = make.negotiation("n2", peer_pid="p2", counterparty="did:web:other").model_copy(
        update={"awaiting": "client"}
    )
    store.write_sync(lambda tx: tx.negotiations.insert("garden", waiting, deadline=soon))
    store.write_sync(lambda tx: tx.negotiations.insert("garden", asked))
    store.write_sync(lambda tx: tx.negotiations.insert("garden", make.negotiation("n3")))

    page = store.read_sync(lambda tx: tx.negotiations.awaiting("garden", "approval"))
    assert page.items == ((waiting, soon),)
    assert page.cursor is None
    assert store.read_sync(lambda tx: tx.negotiations.deadline("garden", "n1")) == soon
    assert store.read_sync(lambda tx: tx.negotiations.deadline("garden", "n2")) is None

    def count(counterparty: str) -> int:
        return store.read_sync(
            lambda tx: tx.negotiations.count_awaiting(
                "garden", "approval", counterparty=counterparty
            )
        )

    assert [count("did:web:bank"), count("did:web:other")] == [1, 0]
    decided = waiting.model_copy(update={"awaiting": None})
    store.write_sync(lambda tx: tx.negotiations.update("garden", decided))
    assert store.read_sync(lambda tx: tx.negotiations.awaiting("garden", "approval")).items == ()


def test_pages_of_those_that_wait_follow_each_other(
    opened: Callable[..., Store], make: Maker
) -> None:
    store = opened()

    def fill(tx: Transaction) -> None:
        for number in range(5):
            value = make.negotiation(f"n{number}", now=make.later(days=number))
            value = value.model_copy(update={"awaiting": "approval"})
            tx.negotiations.insert("garden", value)

    store.write_sync(fill)

    def pages(tx: Transaction) -> Iterator[str]:
        cursor = None
        while True:
            page = tx.negotiations.awaiting("garden", "approval", limit=2, cursor=cursor)
            yield from (value.id for value, _ in page.items)
            cursor = page.cursor
            if cursor is None:
                return

    seen = store.read_sync(lambda tx: list(pages(tx)))
    assert seen == ["n4", "n3", "n2", "n1", "n0"]
