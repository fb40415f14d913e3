from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConflictError
from trustspace.store import EVERY_PARTICIPANT, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Sweep, Transaction


def use(
    make: Maker,
    jti: str = "j1",
    issuer: str = "did:web:bank",
    participant: str = "garden",
    expires: int = 10,
    at: int = 0,
) -> Any:
    return lambda tx: tx.tokens.use_once(
        participant,
        issuer,
        jti,
        expires_at=make.later(minutes=expires),
        now=make.later(minutes=at),
    )


def test_a_token_is_accepted_once(store: Store, make: Maker) -> None:
    assert store.write_sync(use(make))
    assert not store.write_sync(use(make))
    assert not store.write_sync(use(make, expires=20))
    assert store.write_sync(use(make, jti="j2"))
    assert store.write_sync(use(make, issuer="did:web:other"))
    assert store.write_sync(use(make, participant="bank"))


def test_a_token_that_is_over_is_not_accepted_even_when_forgotten(
    store: Store, make: Maker
) -> None:
    assert store.write_sync(use(make))

    def purge(who: Sweep, at: Any) -> Any:
        return store.write_sync(lambda tx: tx.tokens.purge(who, now=make.later(minutes=at)))

    assert purge(EVERY_PARTICIPANT, 9) == 0
    assert not store.write_sync(use(make, at=9))
    store.write_sync(use(make, participant="bank"))
    assert purge("garden", 10) == 1
    assert purge(EVERY_PARTICIPANT, 10) == 1
    assert not store.write_sync(use(make, at=10))


@pytest.mark.anyio
async def test_of_fifty_copies_one_is_accepted(opened: Callable[..., Store], make: Maker) -> None:
    stores = [opened(), opened()]
    accepted = await asyncio.gather(*(stores[n % 2].write(use(make)) for n in range(50)))
    assert sum(accepted) == 1


def test_after_reopening_a_token_is_still_used(url: str, make: Maker) -> None:
    with Store.open(url) as store:
        store.write_sync(lambda tx: make.host(tx, "garden"))
        assert store.write_sync(use(make))
    with Store.open(url) as store:
        assert not store.write_sync(use(make))


def test_an_answer_is_recalled_for_the_same_request_only(store: Store, make: Maker) -> None:
    def recall(digest: str, at: Any = make.now) -> Any:
        return store.read_sync(lambda tx: tx.idempotency.recall("garden", "k1", digest, now=at))

    def remember(row: Any, at: Any = make.now) -> Any:
        return store.write_sync(lambda tx: tx.idempotency.remember("garden", row, now=at))

    assert recall("sha256:1") is None
    row = make.answer()
    remember(row)
    assert recall("sha256:1") == row
    with pytest.raises(ConflictError, match="another request") as caught:
        recall("sha256:2")
    assert "new key" in caught.value.hint
    with pytest.raises(ConflictError, match="taken"):
        remember(make.answer(request_digest="sha256:2"))
    tomorrow = make.later(hours=24)
    assert recall("sha256:2", tomorrow) is None
    remember(
        make.answer(request_digest="sha256:2", body=None, expires_at=make.later(hours=48)), tomorrow
    )
    assert recall("sha256:2", tomorrow).body is None
    with pytest.raises(ConflictError, match="belongs"):
        remember(make.answer(participant="bank"))


def test_old_answers_are_purged(store: Store, make: Maker) -> None:
    def hop(tx: Transaction) -> None:
        for name in ("garden", "bank"):
            tx.idempotency.remember(name, make.answer(participant=name), now=make.now)

    store.write_sync(hop)

    def purge(who: Sweep, hours: int) -> Any:
        return store.write_sync(lambda tx: tx.idempotency.purge(who, now=make.later(hours=hours)))

    assert purge(EVERY_PARTICIPANT, 23) == 0
    assert purge("garden", 24) == 1
    assert purge(EVERY_PARTICIPANT, 24) == 1
