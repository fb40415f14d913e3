"""Waiting: a commit of the same participant wakes, another one does not, and stopping ends it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from trustspace.connector.changes import Changes
from trustspace.store import Committed

pytestmark = pytest.mark.anyio


def of(*participants: str, process: str = "") -> Committed:
    """Return a commit with one event of each participant, about one process if one is named."""
    subjects = {(name, process) for name in participants if process}
    return Committed(dict.fromkeys(participants, 1), (), frozenset(subjects))


class _Box:
    """Something that may be there, and how often it was looked at."""

    def __init__(self) -> None:
        self.content: str | None = None
        self.looks = 0

    async def look(self) -> str | None:
        self.looks += 1
        await asyncio.sleep(0)
        return self.content


async def test_what_is_there_is_returned_at_once() -> None:
    box = _Box()
    box.content = "x"
    assert await Changes().until("bank", box.look, seconds=60) == "x"
    assert box.looks == 1


async def test_a_change_of_the_participant_wakes() -> None:
    changes, box = Changes(), _Box()
    waiting = asyncio.create_task(changes.until("bank", box.look, seconds=60))
    await asyncio.sleep(0.02)
    box.content = "x"
    changes.notify(of("garden"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    changes.notify(of("garden", "bank"))
    async with asyncio.timeout(10):
        assert await waiting == "x"
    assert box.looks == 2


async def test_who_waits_for_a_process_is_woken_by_its_events_only() -> None:
    changes, box = Changes(), _Box()
    one = asyncio.create_task(changes.until("bank", box.look, seconds=60, process="urn:n1"))
    await asyncio.sleep(0.02)
    box.content = "x"
    changes.notify(of("bank"))
    changes.notify(of("bank", process="urn:n2"))
    changes.notify(of("garden", process="urn:n1"))
    await asyncio.sleep(0.02)
    assert not one.done()
    changes.notify(of("bank", process="urn:n1"))
    async with asyncio.timeout(10):
        assert await one == "x"
    assert box.looks == 2
    assert not changes._waiting


async def test_a_change_between_looking_and_waiting_is_not_missed() -> None:
    changes = Changes()
    looks = 0

    async def look() -> str | None:
        nonlocal looks
        looks += 1
        if looks == 1:
            changes.notify(of("bank"))
            await asyncio.sleep(0)
            return None
        return "x"

    async with asyncio.timeout(10):
        assert await changes.until("bank", look, seconds=60) == "x"


async def test_time_ends_the_wait() -> None:
    changes, box = Changes(), _Box()
    begun = time.monotonic()
    assert await changes.until("bank", box.look, seconds=0.05) is None
    assert 0.04 < time.monotonic() - begun < 10
    assert await changes.until("bank", box.look, seconds=0) is None


async def test_closing_ends_every_wait() -> None:
    changes, box = Changes(), _Box()
    waiting = [
        asyncio.create_task(changes.until(name, box.look, seconds=60))
        for name in ("bank", "garden")
    ]
    await asyncio.sleep(0.02)
    changes.close()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*waiting) == [None, None]
        assert await changes.until("bank", box.look, seconds=60) is None


async def test_another_thread_may_wake() -> None:
    changes, box = Changes(), _Box()
    waiting = asyncio.create_task(changes.until("bank", box.look, seconds=60))
    await asyncio.sleep(0.02)
    box.content = "x"
    thread = threading.Thread(target=changes.notify, args=(of("bank"),))
    thread.start()
    async with asyncio.timeout(10):
        assert await waiting == "x"
    thread.join()


async def test_a_wait_that_is_given_up_leaves_nothing() -> None:
    changes, box = Changes(), _Box()
    waiting = asyncio.create_task(changes.until("bank", box.look, seconds=60))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not any(changes._waiting.values())


def test_a_commit_after_the_loop_ended_harms_nobody() -> None:
    async def make() -> Changes:
        return Changes()

    changes = asyncio.run(make())
    changes.notify(of("bank"))
    changes.notify(of())
