from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConfigurationError, StoreError
from trustspace.store import HOST, Committed, Store

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.store.conftest import Maker

    from trustspace.store import Transaction


def nothing(_tx: Transaction) -> Any:
    return None


def itself(tx: Transaction) -> Any:
    return tx


def fails(_tx: Transaction) -> None:
    raise LookupError("on purpose")


@pytest.mark.anyio
async def test_what_is_written_is_read_back_after_reopening(url: str, make: Maker) -> None:
    async with Store.open(url) as store:
        await store.write(lambda tx: make.host(tx, "garden"))
        await store.write(lambda tx: tx.negotiations.insert("garden", make.negotiation()))
        assert await store.read(lambda tx: tx.negotiations.get("garden", "n1")) == (
            make.negotiation()
        )
    with Store.open(url, synchronous="NORMAL") as store:
        found = store.read_sync(lambda tx: tx.negotiations.get("garden", "n1"))
    assert found == make.negotiation()


def test_closing_leaves_one_file_and_may_be_repeated(url: str, make: Maker, tmp_path: Path) -> None:
    store = Store.open(url)
    store.write_sync(lambda tx: make.host(tx, "garden"))
    store.read_sync(lambda tx: tx.participants.get("garden"))
    store.close()
    store.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.db"]


def test_a_bad_setting_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="EXTRA, FULL, NORMAL, not 'OFF'") as caught:
        Store.open(url, synchronous="OFF")  # type: ignore[arg-type]
    assert caught.value.setting == "store.synchronous"


def test_a_locked_database_is_told_on_opening(tmp_path: Path, url: str) -> None:
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StoreError, match="locked"):
        Store.open(url, busy_seconds=0.05)
    other.close()
    Store.open(url).close()


@pytest.mark.anyio
async def test_a_query_cannot_write_and_sees_one_snapshot(store: Store) -> None:
    with pytest.raises(StoreError, match="readonly") as caught:
        await store.read(lambda tx: tx.settings.put(HOST, "a", "1"))
    assert "Store.write" in caught.value.hint

    def query(tx: Transaction) -> Any:
        before = tx.settings.get(HOST, "a")
        store.write_sync(lambda other: other.settings.put(HOST, "a", "1"))
        return before, tx.settings.get(HOST, "a")

    assert await store.read(query) == (None, None)
    assert await store.read(lambda tx: tx.settings.get(HOST, "a")) == "1"


@pytest.mark.anyio
async def test_queries_do_not_wait_for_the_writer(store: Store) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hop(tx: Transaction) -> Any:
        tx.settings.put(HOST, "a", "1")
        found = asyncio.run_coroutine_threadsafe(
            store.read(lambda other: other.settings.get(HOST, "a")), loop
        ).result(10)
        loop.call_soon_threadsafe(seen.set)
        return found

    assert await store.write(hop) is None
    assert seen.is_set()


@pytest.mark.anyio
async def test_a_closed_store_serves_nobody(url: str) -> None:
    store = Store.open(url)
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await store.read(nothing)
    with pytest.raises(StoreError, match="closed"):
        store.read_sync(nothing)
    with pytest.raises(StoreError, match="closed"):
        await store.write(nothing)


def test_what_a_query_raises_is_raised(store: Store) -> None:
    with pytest.raises(LookupError):
        store.read_sync(fails)


def test_a_transaction_kept_beyond_its_hop_is_of_no_use(store: Store) -> None:
    kept = store.write_sync(itself)
    with pytest.raises(StoreError, match="has ended"):
        kept.settings.get(HOST, "a")
    kept = store.read_sync(itself)
    with pytest.raises(StoreError, match="has ended"):
        kept.settings.get(HOST, "a")


def test_a_database_that_breaks_while_open_is_told(store: Store, tmp_path: Path) -> None:
    store.write_sync(lambda tx: tx.settings.put(HOST, "a", "1"))
    store._reader_engine.dispose()
    path = tmp_path / "store.db"
    path.rename(tmp_path / "elsewhere.db")
    path.mkdir()
    with pytest.raises(StoreError, match="unable to open") as caught:
        store.read_sync(lambda tx: tx.settings.get(HOST, "a"))
    assert "directory" in caught.value.hint


def test_listeners_hear_what_a_commit_recorded_before_its_callers(
    store: Store, make: Maker
) -> None:
    heard: list[Committed] = []
    forget = store.on_commit(heard.append)
    row = store.write_sync(make.send)
    assert heard == [Committed({}, (row,))]

    def hop(tx: Transaction) -> Any:
        tx.events.append("garden", "a", {}, now=make.now)
        tx.events.append("bank", "b", {}, now=make.now)
        return tx.events.append("garden", "c", {}, now=make.now)

    assert store.write_sync(hop) == 2
    assert heard[1:] == [Committed({"garden": 2, "bank": 1}, ())]
    store.write_sync(lambda tx: tx.settings.put(HOST, "a", "1"))
    assert len(heard) == 2
    forget()
    store.write_sync(hop)
    assert len(heard) == 2


def test_listeners_hear_nothing_of_a_failed_hop(store: Store, make: Maker) -> None:
    heard: list[Committed] = []
    store.on_commit(heard.append)

    def fails(tx: Transaction) -> None:
        tx.events.append("garden", "a", {}, now=make.now)
        make.send(tx)
        raise LookupError

    with pytest.raises(LookupError):
        store.write_sync(fails)
    assert heard == []


def test_a_listener_that_fails_harms_nobody(
    store: Store, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Committed] = []

    def fails(_committed: Committed) -> None:
        raise LookupError("a listener's own fault")

    store.on_commit(fails)
    store.on_commit(heard.append)
    with caplog.at_level(logging.ERROR, logger="trustspace.store.database"):
        assert store.write_sync(lambda tx: tx.events.append("garden", "a", {}, now=make.now)) == 1
    assert len(heard) == 1
    assert "a listener's own fault" in caplog.text


def test_nothing_secret_is_in_an_error(store: Store, make: Maker) -> None:
    def hop(tx: Transaction) -> None:
        tx.tokens.use_once(
            "nobody", "did:web:x", "s3cret", expires_at=make.later(hours=1), now=make.now
        )

    with pytest.raises(StoreError) as caught:
        store.write_sync(hop)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(caught.value.__cause__)
