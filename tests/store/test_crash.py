"""A process killed amid its hops leaves whole hops or none, and all that were told."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trustspace.store import Store

if TYPE_CHECKING:
    from tests.store.conftest import Maker

# Each hop writes one event, one outgoing message, one setting and one counted unit that belong
# together; what is durable is told on standard output.
CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from trustspace.store import Store

now = datetime(2026, 3, 1, tzinfo=UTC)

def hop_of(worker, number):
    name = f"{worker}-{number}"

    def hop(tx):
        seq = tx.events.append("garden", "step", {"name": name}, now=now)
        tx.outbox.add("garden", process_kind="negotiation", process_pid=worker, message_id=name,
                      url="https://x", audience="did:web:bank", body={"name": name},
                      deadline=now + timedelta(hours=1), lease_owner="w", lease_seconds=30, now=now)
        tx.settings.put("garden", name, str(seq))
        assert tx.counters.reserve("garden", "a1", "count", name, maximum=10**9, now=now)
        if number % 7 == 3:
            raise LookupError
        return seq

    return hop

async def work(store, worker):
    number = 0
    while True:
        try:
            seq = await store.write(hop_of(worker, number))
            sys.stdout.write(f"{worker}-{number} {seq}\\n")
            sys.stdout.flush()
        except LookupError:
            pass
        number += 1

async def main():
    store = Store.open(sys.argv[1])
    await asyncio.gather(*(work(store, f"w{n}") for n in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_leaves_no_half_written_hop(tmp_path: Path, make: Maker, seed: int) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        store.write_sync(lambda tx: make.host(tx, "garden"))
    told = tmp_path / "told.txt"
    with told.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=out)
    deadline = time.monotonic() + 15
    while told.stat().st_size == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0.02, 0.4))  # noqa: S311 - where to kill, not a secret
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL

    with Store.open(url) as store:
        events = store.read_sync(lambda tx: tx.events.after("garden", 0, 1_000_000))
        messages = store.read_sync(
            lambda tx: [row for n in range(8) for row in tx.outbox.of_process("garden", f"w{n}")]
        )
        used = store.read_sync(lambda tx: tx.counters.used("garden", "a1"))
        names = [event.body["name"] for event in events]
        numbers = store.read_sync(lambda tx: [tx.settings.get("garden", name) for name in names])
        assert (
            store.write_sync(lambda tx: tx.events.append("garden", "after", {}, now=make.now))
            == len(events) + 1
        )
    assert [event.seq for event in events] == [*range(1, len(events) + 1)]
    assert numbers == [str(event.seq) for event in events]
    assert {row.message_id for row in messages} == set(names)
    assert used == {"count": len(events)}
    assert not any(int(name.split("-")[1]) % 7 == 3 for name in names)
    # The last line may be cut.
    heard = [
        line.split() for line in told.read_text().splitlines(keepends=True) if line[-1] == "\n"
    ]
    by_name = dict(zip(names, (event.seq for event in events), strict=True))
    assert heard
    assert all(by_name[name] == int(seq) for name, seq in heard)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        assert connection.execute("pragma foreign_key_check").fetchall() == []
    connection.close()


def test_a_process_that_ends_without_closing_loses_nothing(tmp_path: Path, make: Maker) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        store.write_sync(lambda tx: make.host(tx, "garden"))
    program = (
        "import sys\n"
        "from trustspace.store import Store\n"
        "store = Store.open(sys.argv[1])\n"
        "store.write_sync(lambda tx: tx.settings.put('garden', 'a', '1'))\n"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True, timeout=15)
    with Store.open(url) as store:
        assert store.read_sync(lambda tx: tx.settings.get("garden", "a")) == "1"
