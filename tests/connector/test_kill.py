"""``kill -9`` at random moments: nothing is lost, nothing is doubled, both sides end as one.

Ten kills in every run, two hundred with ``-m soak``.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.connector.serving import Served, served

SEED = int(os.environ.get("KILL_SEED", "20250101"))
AT_ONCE = 4
"""Processes that are under way when somebody is killed."""

LONGEST_LIFE = 0.12
"""Seconds after which the kill comes at the latest; a negotiation takes about as long."""

SETTLE_SECONDS = 60.0
COUNT = 3

KILLS = [
    pytest.param(5, marks=pytest.mark.timeout(120)),
    pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)]),
]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """A provider that offers a table, and a consumer."""
    file = tmp_path / "roses.csv"
    file.write_text("grade,price\nA,10\nB,20\n" * 1_000)
    with served(tmp_path / "garden", "garden") as garden, served(tmp_path / "bank", "bank") as bank:
        garden.publish(file, "roses", {"count": COUNT})
        yield garden, bank


def _killed(victim: Served, chance: random.Random, work: Callable[[], Any]) -> None:
    """Let work go on in threads, kill somebody meanwhile, start it again."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(_unless_cut, work) for _ in range(AT_ONCE)]
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        victim.kill()
        victim.start()
        for job in jobs:
            job.result()


def _unless_cut(work: Callable[[], Any]) -> None:
    """Do something, at most until the one who is asked is killed."""
    with contextlib.suppress(httpx.TransportError):
        work()


def _until(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    end = time.monotonic() + SETTLE_SECONDS
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(0.05)


def _nothing_waits(*parties: Served) -> bool:
    return not any(party.rows("SELECT 1 FROM outbox LIMIT 1") for party in parties)


@pytest.mark.parametrize("kills", KILLS)
def test_negotiations_survive(pair: tuple[Served, Served], kills: int) -> None:
    garden, bank = pair
    chance = random.Random(SEED)  # noqa: S311 - the same moments in each run
    order = {"address": garden.home.address, "dataset": "roses", "fresh": True}

    def negotiate() -> None:
        answer = bank.client.post("negotiations", json=order)
        # The provider may be gone while its catalogue is read; then nothing has begun.
        assert answer.status_code in (201, 502, 504), answer.text

    for _ in range(kills):
        _killed(chance.choice(pair), chance, negotiate)
        # One between two that live: on a busy machine the kill may come before anything began.
        negotiate()
        _agreed(garden, bank)
    states = bank.states("negotiations", role="consumer")
    assert len(states) >= kills
    garden.stop()
    bank.stop()
    _agreed(garden, bank)


def _differing(
    garden: Served, bank: Served, ours: dict[str, str], theirs: dict[str, str]
) -> list[object]:
    """Tell what the two sides do not agree on, and what each still wants to send."""
    states = [(pid, ours.get(pid), theirs.get(pid)) for pid in ours.keys() | theirs.keys()]
    waiting = "SELECT participant, body, attempts, last_error FROM outbox"
    told: list[object] = [state for state in states if state[1] != state[2]]
    return [*told, *garden.rows(waiting), *bank.rows(waiting)]


def _agreed(garden: Served, bank: Served) -> None:
    """Everything that was begun is an agreement on both sides, one for each negotiation."""
    ours: dict[str, str] = {}

    def is_over() -> bool:
        nonlocal ours
        ours = bank.states("negotiations", role="consumer")
        theirs = garden.states("negotiations", role="provider")
        return set(ours.values()) <= {"FINALIZED"} and theirs == ours

    _until(
        lambda: is_over() and _nothing_waits(garden, bank),
        lambda: _differing(garden, bank, ours, garden.states("negotiations", role="provider")),
    )
    query = "SELECT id, digest, state FROM agreements ORDER BY id"
    assert bank.rows(query) == garden.rows(query)
    assert len(bank.rows(query)) == len(ours)
    for party in (garden, bank):
        party.check_log()
        concluded = party.rows("SELECT count(*) FROM events WHERE kind = 'agreement.concluded'")
        assert concluded == [(len(ours),)]


@pytest.mark.parametrize("kills", KILLS)
def test_transfers_and_deliveries_survive(pair: tuple[Served, Served], kills: int) -> None:
    garden, bank = pair
    chance = random.Random(SEED + 1)  # noqa: S311 - the same moments in each run
    order = {"address": garden.home.address, "dataset": "roses", "fresh": True}
    delivered: dict[str, set[str]] = {}
    lock = threading.Lock()

    for _ in range(kills):
        for _ in range(AT_ONCE):
            bank.post("negotiations", **order)
        _agreed(garden, bank)
        fresh = [
            row[0]
            for row in bank.rows(
                "SELECT id FROM agreements WHERE id NOT IN (SELECT agreement_id FROM transfers)"
            )
        ]
        agreements = iter(fresh[-AT_ONCE:])
        plans = iter([chance.choice(_PLANS) for _ in range(AT_ONCE)])

        def use() -> None:
            with lock:
                agreement, plan = next(agreements), next(plans)  # noqa: B023 - used in this round
            sessions = delivered.setdefault(agreement, set())
            _use(bank, garden, agreement, plan, sessions)

        _killed(chance.choice(pair), chance, use)
        _settled(garden, bank)
    garden.stop()
    bank.stop()
    _settled(garden, bank)
    used = dict(garden.rows("SELECT agreement_id, taken FROM counters"))
    for agreement, sessions in delivered.items():
        # Whoever got data was counted, and nobody got more than was agreed.
        assert len(sessions) <= used.get(agreement, 0) <= COUNT


_PLANS = (
    ("pull",),
    ("pull", "pull", "pull", "pull"),
    ("pull", "suspend", "resume", "pull"),
    ("suspend", "resume", "suspend"),
    ("pull", "complete"),
    ("pull", "terminate"),
    ("pull", "revoke"),
)


def _use(
    bank: Served, garden: Served, agreement: str, plan: tuple[str, ...], sessions: set[str]
) -> None:
    """Transfer under an agreement and take some steps, the provider's or the consumer's."""
    begun = bank.post("transfers", agreement=agreement)
    shown = bank.get(f"transfers/{begun['id']}", wait=20)
    if shown["state"] != "STARTED":
        return
    for step in plan:
        if step == "pull":
            _pull(bank, begun["id"], sessions)
        elif step == "revoke":
            garden.client.post(f"agreements/{agreement}/revoke", json={})
        else:
            bank.client.post(f"transfers/{begun['id']}/{step}", json={})


def _pull(bank: Served, transfer: str, sessions: set[str]) -> None:
    answer = bank.client.get(f"transfers/{transfer}/edr")
    if answer.status_code != 200:
        return
    edr, session = answer.json(), str(uuid4())
    headers = {"Authorization": edr["authorization"], "Trustspace-Session": session}
    with bank.client.stream("GET", edr["endpoint"], headers=headers) as data:
        for piece in data.iter_raw():
            if data.status_code == 200 and piece:
                sessions.add(session)


def _settled(garden: Served, bank: Served) -> None:
    """Both sides hold each transfer in the same state, ended or resting."""
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}

    def is_over() -> bool:
        nonlocal ours, theirs
        ours = bank.states("transfers", role="consumer")
        theirs = garden.states("transfers", role="provider")
        return theirs == ours and "REQUESTED" not in ours.values() and _nothing_waits(garden, bank)

    _until(is_over, lambda: _differing(garden, bank, ours, theirs))
    query = "SELECT id, state FROM agreements ORDER BY id"
    assert bank.rows(query) == garden.rows(query)
    for party in (garden, bank):
        party.check_log()
