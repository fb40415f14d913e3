"""Quotas are exact: with any number of calls at a time, and when the process is killed.

The calls are decided, reserved and made final as a call of an interface is, in the connector's own
transaction, without the HTTP around it: 600,000 requests would take hours, and HTTP counts nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.processes import AnyProcess, keep, urn

from trustspace.connector.delivering.deliveries import Deliveries
from trustspace.connector.delivering.order import Order
from trustspace.connector.messaging.worker import RESERVED_FOR
from trustspace.dsp.messages import TransferState
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import PolicyDeniedError
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.policy.terms import Terms, terms
from trustspace.store import EVERY_PARTICIPANT, AgreementRow, Store, Transaction

CONSUMERS = 60
AT_ONCE = 500
"""Calls under way at a time."""

QUOTAS = [
    pytest.param(100, marks=pytest.mark.timeout(120)),
    pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(14_400)]),
]


@dataclass(frozen=True)
class Contract:
    """An agreement with a consumer, and a transfer under it that runs."""

    consumer: str
    agreement: str
    transfer: str

    def order(self) -> Order:
        """Return one call."""
        return Order(
            transfer_pid=self.transfer,
            agreement_id=self.agreement,
            consumer=self.consumer,
            session=uuid4().hex,
            action=None,
            as_table=False,
            call="GET /",
        )


async def contract(party: Party, consumer: str, dataset: str, **about: object) -> Contract:
    """Store an agreement and its transfer, as if both had been negotiated."""
    now = datetime.now(UTC)
    body = Agreement.read(
        {
            "@id": urn(),
            "@type": "Agreement",
            "target": dataset,
            "assigner": party.id,
            "assignee": consumer,
            "timestamp": "2026-01-01T00:00:00Z",
            **terms(**Terms(**about)),  # type: ignore[typeddict-item]
        }
    ).to_wire()
    row = AgreementRow(
        participant=party.name,
        id=body["@id"],
        role=Role.PROVIDER,
        counterparty=consumer,
        dataset_id=dataset,
        negotiation_pid=urn(),
        body=body,
        digest=digest(body),
        signed_at=now,
    )
    await party.store.write(lambda tx: tx.agreements.insert(party.name, row))
    process: AnyProcess = TransferProcess(
        id=urn(),
        role=Role.PROVIDER,
        consumer_pid=urn(),
        provider_pid=urn(),
        counterparty=consumer,
        callback_address="http://localhost:1/dsp",
        state=TransferState.STARTED,
        agreement_id=row.id,
        format="HttpData-PULL",
        created_at=now,
        updated_at=now,
    )
    await keep(party, process)
    return Contract(consumer, row.id, process.id)


class Desk:
    """Decides calls at one provider, as its data endpoint does."""

    def __init__(self, party: Party, clock: Callable[[], datetime] | None = None) -> None:
        plane = party.connector.plane
        context = plane.context if clock is None else replace(plane.context, clock=clock)
        self.party = party
        self._deliveries = Deliveries(context, plane.decide, plane.agreed, plane.planner)
        self._gates = plane.context.gates

    async def call(self, contract: Contract) -> bool:
        """Make one call; whether it was let through."""
        return await self.denied(contract) is None

    async def denied(
        self, contract: Contract, session: str | None = None
    ) -> PolicyDeniedError | None:
        """Make one call, of a session if one is named; why it was refused, None if it was not."""
        order = contract.order()
        if session is not None:
            order = replace(order, session=session)
        gate = self._gates.open(agreement_id=order.agreement_id, transfer_pid=order.transfer_pid)

        def hop(tx: Transaction) -> PolicyDeniedError | None:
            found = self._deliveries.decided(tx, self.party.hosted, order, gate)
            if isinstance(found, PolicyDeniedError):
                return found
            self._deliveries.make_final(tx, self.party.hosted, found)
            return None

        try:
            return await self.party.store.write(hop)
        finally:
            self._gates.leave(gate)


async def provider(start: Start) -> Party:
    """Start a provider that offers an interface."""
    garden = await start("garden")
    body = {"source": {"kind": "api", "url": "http://localhost:1/"}, "policy": {}}
    answer = await garden.ask("PUT", "datasets/prices", body)
    assert answer.status_code == 201, answer.text
    return garden


@pytest.mark.anyio
@pytest.mark.parametrize("quota", QUOTAS)
async def test_of_one_call_too_many_each_exactly_one_is_refused(start: Start, quota: int) -> None:
    garden = await provider(start)
    desk = Desk(garden)
    contracts = [
        await contract(garden, f"did:web:consumer-{number}.example", "prices", count=quota)
        for number in range(CONSUMERS)
    ]
    # The consumers take turns, so that the last calls of all of them meet.
    calls = iter([each for _ in range(quota + 1) for each in contracts])
    allowed = dict.fromkeys(contracts, 0)
    refused: list[Contract] = []

    async def caller() -> None:
        for each in calls:
            if await desk.call(each):
                allowed[each] += 1
            else:
                refused.append(each)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    assert sum(allowed.values()) == CONSUMERS * quota
    assert set(allowed.values()) == {quota}
    assert len(refused) == len(set(refused)) == CONSUMERS


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


@dataclass
class Clock:
    """A clock that stands."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.anyio
async def test_a_window_that_is_used_up_says_when_the_next_one_opens(start: Start) -> None:
    garden = await provider(start)
    clock = Clock(datetime(2026, 11, 25, 15, 59, 59, tzinfo=UTC))
    desk = Desk(garden, clock)
    made = await contract(
        garden, "did:web:bank.example", "prices", frequency=["3/P1D+08:00", "2/PT1H"]
    )
    assert [await desk.call(made) for _ in range(3)] == [True, True, False]
    denied = await desk.denied(made)
    assert denied is not None
    assert denied.hint == "the next window opens at 2026-11-25T16:00:00+00:00"
    assert [(reason["left"], reason["expected"]) for reason in denied.reasons] == [
        ("ts:frequency", 2)
    ]
    assert "2/PT1H" in str(denied)
    # The next hour is the next day in Beijing too; a clock that steps back opens nothing.
    clock.now += timedelta(seconds=1)
    assert [await desk.call(made) for _ in range(3)] == [True, True, False]
    clock.now -= timedelta(seconds=1)
    assert not await desk.call(made)
    clock.now += timedelta(hours=1, seconds=1)
    assert [await desk.call(made) for _ in range(2)] == [True, False]
    denied = await desk.denied(made)
    assert denied is not None
    assert denied.hint == "the next window opens at 2026-11-27T00:00:00+08:00"
    used = await garden.store.read(lambda tx: tx.counters.used(garden.name, made.agreement))
    assert used == {
        "rule:p1:P1D+08:00:2026-11-25": 2,
        "rule:p1:P1D+08:00:2026-11-26": 3,
        "rule:p1:PT1H:2026-11-25T15:00:00": 2,
        "rule:p1:PT1H:2026-11-25T16:00:00": 2,
        "rule:p1:PT1H:2026-11-25T17:00:00": 1,
    }


@pytest.mark.anyio
async def test_a_session_that_goes_on_into_the_next_window_is_one_use(start: Start) -> None:
    garden = await provider(start)
    clock = Clock(datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC))
    desk = Desk(garden, clock)
    made = await contract(garden, "did:web:bank.example", "prices", frequency="1/P1D")
    session = uuid4().hex
    assert await desk.denied(made, session) is None
    clock.now += timedelta(seconds=2)
    assert await desk.denied(made, session) is None
    assert [await desk.call(made) for _ in range(2)] == [True, False]
    assert await desk.denied(made, session) is None
    used = await garden.store.read(lambda tx: tx.counters.used(garden.name, made.agreement))
    assert used == {"rule:p1:P1D:2026-11-25": 1, "rule:p1:P1D:2026-11-26": 1}
    shown = await garden.get(f"agreements/{made.agreement}")
    assert shown["limits"] == {"rule:p1:P1D": 1}
