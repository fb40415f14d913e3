"""A clock that is set back opens nothing, in one run and over a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from trustspace import PolicyDeniedError, terms
from trustspace.connector.deciding.high_water import KEY, TOLERANCE, HighWater, kept
from trustspace.local import Connector
from trustspace.store import HOST, Store
from trustspace.testing.clock import Clock


def test_small_steps_are_waited_out():
    mark = HighWater(since=1_000)
    assert mark.moment(900) is None
    assert mark.moment(1_000 - TOLERANCE) == 1_000
    assert mark.moment(1_010) == 1_010
    mark.raise_to(5)
    assert mark.moment(1_009) == 1_010
    assert mark.moment(1_009 - TOLERANCE) is None


async def eventually(store: Store, expected: str) -> None:
    async with asyncio.timeout(10):
        while await store.read(lambda tx: tx.settings.get(HOST, KEY)) != expected:  # noqa: ASYNC110 - it is on disk
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_the_mark_is_kept_while_it_rises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("trustspace.connector.deciding.high_water.PERIOD", 0.01)
    store = Store.open(f"sqlite:///{tmp_path / 'a.db'}")
    mark = HighWater()
    async with kept(mark, store):
        mark.raise_to(7)
        await eventually(store, "7")
    again, forgetful = HighWater(), HighWater()
    async with kept(again, store), kept(forgetful, store, forget=True):
        assert (again.latest, forgetful.latest) == (7, 0)
    async with kept(HighWater(), store):
        await store.aclose()  # What cannot be kept stops nothing.


@pytest.mark.timeout(60)
def test_an_hour_back_gives_no_byte(tmp_path: Path):
    clock = Clock()
    file = tmp_path / "roses.csv"
    file.write_text("grade\nA\n")
    settings = tmp_path / "garden" / "trustspace.toml"
    with Connector.local("bank", home=tmp_path / "bank", clock=clock) as bank:
        with Connector.local("garden", home=tmp_path / "garden", clock=clock) as garden:
            until = clock() + timedelta(minutes=10)
            garden.publish(file, id="roses", terms=terms(until=until))
            agreement = bank.negotiate(garden.address, "roses")
            assert agreement.open().read()
            clock.forward(minutes=11)
            with pytest.raises(PolicyDeniedError):
                agreement.open().read()
            garden.publish(file, id="lilies", terms=terms(until=clock() + timedelta(days=9)))
            lilies = bank.negotiate(garden.address, "lilies")
            clock.set_back(hours=1)
            for handle in (agreement, lilies):
                with pytest.raises(PolicyDeniedError) as denied:
                    handle.open().read()
                assert [one["id"] for one in denied.value.reasons] == ["engine.clock"]
        # What is on record counts after a restart, unless the owner says that it is wrong.
        running = Connector(tmp_path / "garden", clock=clock)
        with running, pytest.raises(PolicyDeniedError, match="clock was set back"):
            lilies.open().read()
        with settings.open("a") as text:
            text.write('\n[policy]\nclock = "UnsafeSetBack"\n')
        with Connector(tmp_path / "garden", clock=clock):
            assert lilies.open().read()
