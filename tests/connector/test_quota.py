"""Quotas are exact, with any number of calls at a time.

The calls are decided, reserved and made final as a call of an interface is, in the connector's own
transaction, without the HTTP around it: 600,000 requests would take hours, and HTTP counts nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.processes import AnyProcess, keep, urn

from trustspace.connector.delivering.deliveries import Deliveries
from trustspace.connector.delivering.order import Order
from trustspace.connector.messaging.worker import forget_what_is_over
from trustspace.dsp.messages import TransferState
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import PolicyDeniedError
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.policy.terms import Terms, terms
from trustspace.store import AgreementRow, Transaction

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
async def test_counters_of_past_windows_are_removed(start: Start) -> None:
    garden = await provider(start)
    clock = Clock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    desk = Desk(garden, clock)
    made = await contract(
        garden, "did:web:bank.example", "prices", frequency=["3/P1D", "9/PT1H"], count=9
    )
    for _ in range(3):
        assert await desk.call(made)
        clock.now += timedelta(days=1)

    async def used() -> dict[str, int]:
        return await garden.store.read(lambda tx: tx.counters.used(garden.name, made.agreement))

    assert len(await used()) == 7
    forget = partial(forget_what_is_over, now=clock.now)
    assert not await garden.store.write(forget)
    # The last window has ended less than a day ago.
    assert await used() == {
        "rule:p1": 3,
        "rule:p1:P1D:2026-11-22": 1,
        "rule:p1:PT1H:2026-11-22T12:00:00": 1,
    }
    assert await desk.call(made)


@pytest.mark.anyio
async def test_a_time_from_the_first_use_on_ends_with_it(start: Start) -> None:
    garden = await provider(start)
    clock = Clock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    desk = Desk(garden, clock)
    made = await contract(garden, "did:web:bank.example", "prices", elapsed="PT1H")
    clock.now += timedelta(days=30)
    assert await desk.call(made)
    first = clock.now
    clock.now = first + timedelta(hours=1)
    assert await desk.call(made)
    clock.now += timedelta(seconds=1)
    denied = await desk.denied(made)
    assert denied is not None
    assert [(reason["left"], reason["expected"]) for reason in denied.reasons] == [
        ("odrl:elapsedTime", 3_600)
    ]
    row = await garden.store.read(lambda tx: tx.agreements.get(garden.name, made.agreement))
    assert row is not None
    assert row.first_used_at == first


@pytest.mark.anyio
async def test_running_time_is_taken_by_the_second_and_given_back(start: Start) -> None:
    garden = await provider(start)
    clock = Clock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    desk = Desk(garden, clock)
    made = await contract(garden, "did:web:bank.example", "prices", metered=["PT90S", "PT1H/P1D"])

    async def used() -> int:
        taken = await garden.store.read(lambda tx: tx.counters.used(garden.name, made.agreement))
        return taken["rule:p1:second"]

    # The seconds of a lease are taken, at most as many as there are.
    assert await desk.call(made)
    assert await used() == 60
    session = uuid4().hex
    assert await desk.denied(made, session) is None
    assert await used() == 90
    denied = await desk.denied(made)
    assert denied is not None
    assert denied.reasons[0]["left"] == "odrl:meteredTime"
    # The session has its thirty seconds, however often it asks, and not one more.
    clock.now += timedelta(seconds=29)
    assert await desk.denied(made, session) is None
    clock.now += timedelta(seconds=1)
    denied = await desk.denied(made, session)
    assert denied is not None
    assert denied.code == "pep.limit_reached"
    assert str(denied) == "all PT1M30S of running time are taken"


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
