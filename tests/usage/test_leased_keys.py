"""Keys that a provider lends are here for as long as it lends them."""

from __future__ import annotations

import base64
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import ConnectError, IntegrityError, PolicyDeniedError
from trustspace.testing.keys import MemoryLender
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import OutOfReach, Trigger
from trustspace.usage.key_lease import LeaseTerms
from trustspace.usage.leased_keys import LeasedKeys
from trustspace.usage.sealed_folder import KEY_NAME
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.usage.conftest import Clock

    from trustspace.usage.file_keys import FileKeys

MINUTE = timedelta(minutes=1)
DENIED = PolicyDeniedError("the agreement was revoked", code="agreement.revoked")
AWAY = ConnectError("nobody answers")


@pytest.fixture
def lender(clock: Clock) -> MemoryLender:
    return MemoryLender(LeaseTerms(60 * MINUTE, grace=10 * MINUTE), clock=clock)


@pytest.fixture
def lent(lender: MemoryLender, clock: Clock) -> Iterator[LeasedKeys]:
    with LeasedKeys(lender, clock=clock, monotonic=clock.monotonic) as keys:
        yield keys


def test_is_asked_for_once(lent: LeasedKeys, lender: MemoryLender) -> None:
    threads = [threading.Thread(target=lambda: lent.key(AGREEMENT)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lender.given) == 1
    assert lent.key(AGREEMENT).secret == bytes(lender.given[0]) != bytes(32)


def test_is_renewed_when_it_is_due(lent: LeasedKeys, lender: MemoryLender, clock: Clock) -> None:
    key = lent.key(AGREEMENT)
    for _ in range(5):
        clock.sleep(41 * MINUTE)
        key.check()
    assert len(lender.given) == 6
    # The copies that came with the renewals are overwritten at once.
    assert [bytes(one) for one in lender.given[1:]] == [bytes(32)] * 5


def test_a_provider_that_is_away_is_asked_now_and_then(
    lent: LeasedKeys, lender: MemoryLender, clock: Clock
) -> None:
    key = lent.key(AGREEMENT)
    clock.sleep(65 * MINUTE)
    lender.fault = AWAY
    key.check()
    lender.fault = None
    key.check()
    assert len(lender.given) == 1
    clock.sleep(timedelta(seconds=6))
    key.check()
    assert len(lender.given) == 2


def test_ends_behind_its_grace(lent: LeasedKeys, lender: MemoryLender, clock: Clock) -> None:
    key = lent.key(AGREEMENT)
    lender.fault = AWAY
    clock.sleep(69 * MINUTE)
    key.check()
    clock.sleep(MINUTE)
    with pytest.raises(PolicyDeniedError) as caught:
        key.check()
    assert caught.value.code == "key.lease_over"
    assert lender.given == [bytearray(32)]
    with pytest.raises(ConnectError):
        lent.key(AGREEMENT)


def test_a_refusal_ends_it_at_once(lent: LeasedKeys, lender: MemoryLender, clock: Clock) -> None:
    key = lent.key(AGREEMENT)
    lender.fault = DENIED
    clock.sleep(41 * MINUTE)
    with pytest.raises(PolicyDeniedError, match="revoked"):
        key.check()
    assert key.is_cleared
    assert lender.given == [bytearray(32)]


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_set_back_gains_nothing(
    lent: LeasedKeys, lender: MemoryLender, clock: Clock, back: timedelta
) -> None:
    key = lent.key(AGREEMENT)
    lender.fault = AWAY
    clock.now -= back
    with pytest.raises(PolicyDeniedError):
        key.check()
    lender.fault = None
    key = lent.key(AGREEMENT)
    lender.fault = AWAY
    clock.sleep(71 * MINUTE)
    clock.now -= 71 * MINUTE
    with pytest.raises(PolicyDeniedError):
        key.check()


def test_a_clock_set_forward_ends_it(lent: LeasedKeys, lender: MemoryLender, clock: Clock) -> None:
    key = lent.key(AGREEMENT)
    lender.fault = AWAY
    clock.now += 71 * MINUTE
    with pytest.raises(PolicyDeniedError):
        key.check()


def test_another_key_is_not_taken(lent: LeasedKeys, lender: MemoryLender, clock: Clock) -> None:
    key = lent.key(AGREEMENT)
    lender.change(AGREEMENT)
    clock.sleep(41 * MINUTE)
    with pytest.raises(IntegrityError):
        key.check()
    assert lender.given[-1] == bytes(32)


def test_is_overwritten_when_nobody_uses_it(lender: MemoryLender, clock: Clock) -> None:
    lender.terms = LeaseTerms(timedelta(seconds=0.1))
    with LeasedKeys(lender, clock=clock, monotonic=clock.monotonic) as keys:
        key = keys.key(AGREEMENT)
        clock.sleep(timedelta(seconds=0.1))
        end = time.monotonic() + 10
        while not key.is_cleared:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert not keys.drop(AGREEMENT)


@pytest.fixture
def store(tmp_path: Path, keys: FileKeys, lent: LeasedKeys, clock: Clock) -> Iterator[SealedStore]:
    with SealedStore(
        tmp_path / "sealed", participant=BANK, keys=keys, lent=lent, clock=clock
    ) as opened:
        yield opened


def test_a_store_with_a_lent_key(store: SealedStore, lender: MemoryLender, clock: Clock) -> None:
    with store.writer(AGREEMENT, "roses", is_lent=True) as sink:
        sink.write(b"roses" * 20)
        sink.commit()
    record = store.folder.of(AGREEMENT) / KEY_NAME
    assert store.keys.record(AGREEMENT).is_lent
    assert base64.b64encode(lender.given[0]) not in record.read_bytes()
    assert not store.keys.wrap_anew(AGREEMENT)
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read(5) == b"roses"
        lender.fault = AWAY
        clock.sleep(71 * MINUTE)
        with pytest.raises(PolicyDeniedError):
            file.read(5)
    with pytest.raises(ConnectError):
        store.reader(AGREEMENT, "roses")


def test_deleting_under_a_lent_key(store: SealedStore, lender: MemoryLender) -> None:
    with store.writer(AGREEMENT, "roses", is_lent=True) as sink:
        sink.write(b"roses")
        sink.commit()
    lender.fault = AWAY
    deleted = Deletion(store).delete(AGREEMENT, trigger=Trigger.EXPIRY)
    assert [key.method for key in deleted.keys] == ["dropped"]
    assert OutOfReach.PROVIDER_KEY in deleted.out_of_reach
    assert lender.given[0] == bytes(32)
