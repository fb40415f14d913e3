"""Killed before any statement, savepoint, release or commit: whole hops or none.

A driver process copies a database, forks a child that works on the copy and kills itself at its
n-th step, and tells what the copy holds afterwards; n runs until the child gets to its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from trustspace.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.store.conftest import Maker

DRIVER = """
import json, os, random, shutil, signal, sqlite3, sys, threading
from datetime import UTC, datetime, timedelta
from trustspace.store import Store

source, work, runs, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
now = datetime(2026, 3, 1, tzinfo=UTC)
chance = random.Random(seed)


def hop_of(name, fails=False):
    def hop(tx):
        seq = tx.events.append("garden", "step", {"name": name}, now=now)
        tx.outbox.add("garden", process_kind="negotiation", process_pid="p", message_id=name,
                      url="https://x", audience="did:web:bank", body={"name": name},
                      deadline=now + timedelta(hours=1), lease_owner="w", lease_seconds=30, now=now)
        tx.settings.put("garden", name, str(seq))
        assert tx.counters.reserve("garden", "a1", "count", name, maximum=9999, now=now)
        if fails:
            raise LookupError
        tx.counters.commit("garden", "a1", "count", name, now=now)

    return hop


def child(fatal, told):
    store = Store.open(f"sqlite:///{work}")
    steps = 0

    def step(*_):
        nonlocal steps
        steps += 1
        if steps == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    # SQLite tells of each statement before it runs, those that begin and end transactions too.
    store._writer._connection.connection.driver_connection.set_trace_callback(step)
    store.write_sync(hop_of("first"))
    os.write(told, b"first ")
    go_on = threading.Event()
    store._writer.submit(lambda tx: go_on.wait(10))
    batch = {name: store._writer.submit(hop_of(name, fails=name == "bad"))
             for name in ("a", "bad", "b")}
    go_on.set()
    for name, future in batch.items():
        if future.exception() is None:
            os.write(told, f"{name} ".encode())
    os.write(told, b"end")
    os._exit(0)


def look():
    connection = sqlite3.connect(work)
    ask = lambda sql: [row[0] for row in connection.execute(sql)]
    names = [json.loads(body)["name"] for body in ask("select body from events order by seq")]
    settings = dict(connection.execute("select key, value from settings"))
    found = {
        "seqs": ask("select seq from events order by seq"),
        "names": names,
        "settings": [settings.pop(name, None) for name in names],
        "others": [*settings],
        "messages": ask("select message_id from outbox order by position"),
        "used": sum(ask("select taken from counters")),
        "committed": ask("select count(*) from reservations where committed_at is not null")[0],
    }
    connection.close()
    return found


fatal, reached_end = 0, False
while not reached_end if runs == 0 else fatal < runs:
    fatal += 1
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(work + suffix):
            os.unlink(work + suffix)
    shutil.copy(source, work)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        child(fatal if runs == 0 else chance.randint(1, 45), writing)
    os.close(writing)
    told = b""
    while part := os.read(reading, 4096):
        told += part
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    told = told.decode().split()
    reached_end = "end" in told
    print(json.dumps({"fatal": fatal, "killed": os.WIFSIGNALED(status), "told": told, **look()}))
"""


def outcomes(make: Maker, tmp_path: Path, runs: int, seed: int) -> Iterator[Any]:
    source = tmp_path / "source.db"
    with Store.open(f"sqlite:///{source}") as store:
        store.write_sync(lambda tx: make.host(tx, "garden"))
    command = [
        sys.executable,
        "-c",
        DRIVER,
        str(source),
        str(tmp_path / "work.db"),
        str(runs),
        str(seed),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            yield json.loads(line)
    assert driver.returncode == 0


def check(outcome: Any) -> None:
    names = outcome["names"]
    # In order, the failing one never, and the batch whole or not at all.
    assert names in ([], ["first"], ["first", "a", "b"]), outcome
    assert outcome["seqs"] == [*range(1, len(names) + 1)], outcome
    assert outcome["settings"] == [str(seq) for seq in outcome["seqs"]], outcome
    assert outcome["others"] == [], outcome
    assert outcome["messages"] == names, outcome
    assert outcome["used"] == outcome["committed"] == len(names), outcome
    assert set(outcome["told"]) - {"end"} <= set(names), outcome
    assert outcome["killed"] == ("end" not in outcome["told"]), outcome


def test_a_kill_at_any_step_leaves_whole_hops(make: Maker, tmp_path: Path) -> None:
    seen = []
    for outcome in outcomes(make, tmp_path, runs=0, seed=0):
        check(outcome)
        seen.append(tuple(outcome["names"]))
    assert set(seen) == {(), ("first",), ("first", "a", "b")}
    assert len(seen) > 35


@pytest.mark.soak
def test_ten_thousand_kills_leave_whole_hops(make: Maker, tmp_path: Path) -> None:
    count = 0
    for outcome in outcomes(make, tmp_path, runs=10_000, seed=1):
        check(outcome)
        count += 1
    assert count == 10_000
