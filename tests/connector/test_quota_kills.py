"""Quotas stay exact when the process is killed, at whatever place."""

from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trustspace.connector.messaging.worker import RESERVED_FOR
from trustspace.store import EVERY_PARTICIPANT, Store

PROGRAM = r"""
import itertools, os, sys, threading
from datetime import UTC, datetime
from trustspace.store import Store

store = Store.open(sys.argv[1])
now = datetime(2026, 3, 1, tzinfo=UTC)
numbers = itertools.count()

def say(line):
    os.write(1, line.encode())  # At once: lines of two threads do not mix.

def work():
    while True:
        session = f"s{next(numbers)}"
        if not store.write_sync(lambda tx: tx.counters.reserve(
            "garden", "a1", "rule:p1", session, maximum=10**6, now=now)):
            return
        say(f"reserved {session}\n")
        if session.endswith(("0", "5")):
            continue  # It waits for its first byte until the process is killed.
        store.write_sync(lambda tx: tx.counters.commit(
            "garden", "a1", "rule:p1", session, now=now))
        say(f"final {session}\n")

for _ in range(8):
    threading.Thread(target=work).start()
"""
KILLED_AFTER = 300
"""Lines that the program says before it is killed."""


KILLS = [
    pytest.param(10, marks=pytest.mark.timeout(120)),
    pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)]),
]


@pytest.mark.parametrize("kills", KILLS)
def test_after_each_kill_no_unit_is_spent_twice_and_no_row_left_uncounted(
    tmp_path: Path, kills: int
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Store.open(url) as empty:
        empty.write_sync(
            lambda tx: tx.participants.add(
                "garden", did="did:web:garden.example", address="https://garden", now=now
            )
        )
    told: set[str] = set()
    sent = 0
    for kill in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", SENDER, url, str(kill)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            # Killed at another place each time.
            said = list(itertools.islice(process.stdout, 20 + kill % 7))
            process.kill()
            said += [line for line in process.stdout if line.endswith("\n")]
        told |= {line.split()[1] for line in said if line.startswith("final")}
        sent += sum(int(line.split()[1]) for line in said if line.startswith("rows"))
    with Store.open(url) as store:
        used = store.read_sync(lambda tx: tx.counters.used("garden", "a1"))
        final = store.read_sync(lambda tx: tx.counters.committed("garden", "a1"))
        # What was told is there; of each process at most what its two threads had in hand is more.
        assert len(told) <= final["rule:p1"] <= used["rule:p1"] <= len(told) + 4 * kills
        assert sent <= used["rule:p1:row"] <= min(MOST_ROWS, sent + 14 * kills)
        store.write_sync(
            lambda tx: tx.counters.release_stale(
                EVERY_PARTICIPANT, reserved_before=now + timedelta(seconds=1)
            )
        )
        used = store.read_sync(lambda tx: tx.counters.used("garden", "a1"))
        assert used["rule:p1"] == final["rule:p1"]


MOST_ROWS = 10**6
SENDER = r"""
import itertools, os, sys, threading
from datetime import UTC, datetime
from trustspace.store import Store
from trustspace.store.portions import Account

store = Store.open(sys.argv[1])
now = datetime(2026, 3, 1, tzinfo=UTC)

def say(line):
    os.write(1, line.encode())

def uses():
    for number in itertools.count():
        session = f"k{sys.argv[2]}-{number}"
        key = ("garden", "a1", "rule:p1", session)
        store.write_sync(lambda tx: tx.counters.reserve(*key, maximum=10**6, now=now))
        store.write_sync(lambda tx: tx.counters.commit(*key, now=now))
        say(f"final {session}\n")

def rows():
    account = Account("a1", "rule:p1:row", "rule:p1:row", f"k{sys.argv[2]}", "v")
    for position in itertools.count(0, 7):
        span = (position, position + 7)
        got = store.write_sync(
            lambda tx: tx.portions.take("garden", account, span, maximum=10**6))
        say(f"rows {got.stop - position}\n")

for work in (uses, rows):
    threading.Thread(target=work).start()
"""


def test_after_a_kill_no_unit_is_spent_twice_and_open_ones_come_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Store.open(url) as empty:
        empty.write_sync(
            lambda tx: tx.participants.add(
                "garden", did="did:web:garden.example", address="https://garden", now=now
            )
        )
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [line.split() for line in itertools.islice(process.stdout, KILLED_AFTER)]
        process.kill()
        said += [line.split() for line in process.stdout if line.endswith("\n")]
    told = {word: {name for how, name in said if how == word} for word in ("reserved", "final")}
    assert told["reserved"] > told["final"]
    store = Store.open(url)

    def used() -> int:
        return store.read_sync(lambda tx: tx.counters.used("garden", "a1"))["rule:p1"]

    def final() -> int:
        return store.read_sync(lambda tx: tx.counters.committed("garden", "a1"))["rule:p1"]

    def stale(at: datetime) -> int:
        return store.write_sync(
            lambda tx: tx.counters.release_stale(
                EVERY_PARTICIPANT, reserved_before=at - RESERVED_FOR
            )
        )

    def take(session: str) -> bool:
        return store.write_sync(
            lambda tx: tx.counters.reserve(
                "garden", "a1", "rule:p1", session, maximum=maximum, now=now
            )
        )

    with store:
        # All that was told is there, and what is open counts as spent.
        assert len(told["final"]) <= final() < used()
        assert len(told["reserved"]) <= used()
        left, maximum = 50, used() + 50
        assert [take(f"after-{number}") for number in range(left + 1)] == [True] * left + [False]
        # Within its lease nothing comes back; after it exactly what never became final.
        assert stale(now + RESERVED_FOR) == 0
        for number in range(left):
            session = f"after-{number}"
            store.write_sync(
                lambda tx, session=session: tx.counters.commit(  # type: ignore[misc]
                    "garden", "a1", "rule:p1", session, now=now
                )
            )
        spent = final()
        assert stale(now + RESERVED_FOR + timedelta(seconds=1)) == maximum - spent > 0
        assert used() == spent
        assert all(take(f"late-{number}") for number in range(maximum - spent))
        assert not take("one-too-many")
