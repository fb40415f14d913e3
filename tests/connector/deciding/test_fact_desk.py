"""The desk of facts: fetched once, kept while they stand, unknown when they cannot be had."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.connector.deciding.reactors import CLASS, Register

from trustspace.connector.deciding import fact_desk
from trustspace.connector.deciding.fact_desk import FactDesk, FactsNeededError, Source
from trustspace.policy.decision import Fact
from trustspace.policy.fact_provider import FactProvider, FactQuestion
from trustspace.policy.left_operand import LeftOperand
from trustspace.store import Store

pytestmark = pytest.mark.anyio

NAME = CLASS.name
QUESTION = FactQuestion("did:web:garden", "did:web:bank", "roses", (NAME,))
UNKNOWN = Fact.unavailable("error")


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 9, 21, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def desk_of(provider: FactProvider, clock: Clock, seconds: float = 5.0) -> FactDesk:
    return FactDesk([Source("register", provider, {NAME: CLASS}, seconds)], clock)


async def said(provider: FactProvider, clock: Clock, seconds: float = 5.0) -> Fact:
    desk = desk_of(provider, clock, seconds)
    await desk.fetch(QUESTION)
    return desk.facts(QUESTION, now=clock())[NAME]


async def test_a_fact_is_fetched_once_and_stands_for_its_age(clock: Clock) -> None:
    register = Register(max_age=timedelta(seconds=60))
    desk = desk_of(register, clock)
    assert desk.missing(QUESTION, now=clock()) == QUESTION
    assert desk.facts(QUESTION, now=clock()) == {NAME: Fact.unavailable("missing")}
    await asyncio.gather(*(desk.fetch(QUESTION) for _ in range(20)))
    assert register.asked == [QUESTION]
    fact = desk.facts(QUESTION, now=clock())[NAME]
    assert (fact.value, fact.expires) == ("IIb", int(clock().timestamp()) + 60)
    assert desk.missing(QUESTION, now=clock.pass_(59)) is None
    assert desk.missing(QUESTION, now=clock.pass_(1)) == QUESTION
    assert desk.facts(QUESTION, now=clock()) == {NAME: Fact.unavailable("stale")}


async def test_a_hop_is_run_again_with_the_facts_it_turned_out_to_need(
    clock: Clock, tmp_path: Path
) -> None:
    register = Register()
    desk = desk_of(register, clock)
    ran = []

    def hop(tx: object) -> Fact:
        del tx
        ran.append("x")
        return desk.facts(QUESTION, now=clock())[NAME]

    async with Store.open(f"sqlite:///{tmp_path}/x.db") as store:
        assert (await desk.write(store, hop)).value == "IIb"
        assert len(ran) == 2
        assert (await desk.write(store, hop)).value == "IIb"
        assert len(ran) == 3
        register.says = OSError("down")
        desk.forget(QUESTION.counterparty)
        assert await desk.write(store, hop) == UNKNOWN
        # What could not be had is not asked for with every hop.
        assert await desk.write(store, hop) == UNKNOWN
        assert len(register.asked) == 2
        register.says = "I"
        clock.pass_(fact_desk.AGAIN)
        assert (await desk.write(store, hop)).value == "I"
        assert await FactDesk().write(store, lambda _: 1) == 1


async def test_a_hop_that_always_needs_more_ends(clock: Clock, tmp_path: Path) -> None:
    """A source whose answers are over as they come."""
    desk = desk_of(Register(), clock)

    def hop(tx: object) -> dict[str, Fact]:
        del tx
        return desk.facts(QUESTION, now=clock.pass_(1000))

    async with Store.open(f"sqlite:///{tmp_path}/x.db") as store:
        assert await desk.write(store, hop) == {NAME: Fact.unavailable("stale")}


async def test_outside_a_hop_nobody_is_asked(clock: Clock) -> None:
    desk = desk_of(Register(), clock)
    assert desk.facts(QUESTION, now=clock())[NAME].status == "missing"
    assert desk.served == {NAME}
    assert str(FactsNeededError(QUESTION)) == NAME


class Deep(dict[str, object]):
    """An answer that fails when it is read."""

    def get(self, *_: object) -> object:
        raise RecursionError


@pytest.mark.parametrize(
    "says",
    [
        OSError("down"),
        SystemExit(3),
        StopIteration(),
        None,
        3,
        1.5,
        True,
        [["nested"]],
        {"value": "IIb", "grants": True},
        {"value": "IIb", "until": "tomorrow"},
        {"value": "IIb", "at": "2020-01-01T00:00:00Z"},
        {"value": "IIb", "until": 1},
        "x" * 1_001,
        ["x"] * 101,
        "\ud800",
        Fact.ok(3),
        Fact.unavailable("deferred"),
    ],
)
async def test_what_is_no_fact_is_unknown(says: object, clock: Clock) -> None:
    fact = await said(Register(says=says), clock)
    assert fact.status in ("missing", "stale", "error")
    assert fact.value is None


@pytest.mark.parametrize("answer", [None, "IIb", ["IIb"], Deep()])
async def test_an_answer_that_is_none_is_unknown(answer: object, clock: Clock) -> None:
    class Odd(Register):
        def facts(self, question: FactQuestion) -> Mapping[str, object]:
            del question
            return answer  # type: ignore[return-value]

    assert await said(Odd(), clock) == UNKNOWN


@pytest.mark.parametrize("text", ['"}', "a\nb", "a\x00b", "{{x}}", "中文"])
async def test_odd_text_is_a_value_like_any_other(text: str, clock: Clock) -> None:
    assert (await said(Register(says=text), clock)).value == text


class Hanging:
    """A provider that never answers."""

    operands: tuple[LeftOperand | str, ...] = (CLASS,)
    max_age = timedelta(minutes=1)

    async def facts(self, question: FactQuestion) -> Mapping[str, object]:
        del question
        await asyncio.sleep(3600)
        return {}


class Blocking(Hanging):
    """A plain function that takes its time."""

    def __init__(self) -> None:
        self.asked = 0

    def facts(self, question: FactQuestion) -> Mapping[str, object]:  # type: ignore[override]
        del question
        self.asked += 1
        time.sleep(1.5)
        return {NAME: "IIb"}


async def test_a_provider_that_hangs_is_not_waited_for(clock: Clock) -> None:
    start = time.monotonic()
    assert await said(Hanging(), clock, 0.1) == UNKNOWN
    assert time.monotonic() - start < 5


async def test_a_plain_function_that_hangs_takes_so_many_threads(clock: Clock) -> None:
    provider = Blocking()
    desk = desk_of(provider, clock, 0.2)
    questions = [
        FactQuestion("did:web:garden", f"did:web:{n}", "roses", (NAME,))
        for n in range(fact_desk.THREADS + 4)
    ]
    await asyncio.gather(*map(desk.fetch, questions))
    assert provider.asked == fact_desk.THREADS
    assert all(desk.facts(one, now=clock())[NAME] == UNKNOWN for one in questions)


async def test_a_plain_function_may_return_something_to_wait_for(clock: Clock) -> None:
    class Later(Register):
        def facts(self, question: FactQuestion) -> Mapping[str, object]:
            async def answer() -> Mapping[str, object]:
                return dict.fromkeys(question.operands, "IIb")

            return answer()  # type: ignore[return-value]

    assert (await said(Later(), clock)).value == "IIb"


async def test_a_change_is_told_and_an_equal_answer_is_none(clock: Clock) -> None:
    register = Register()
    desk = desk_of(register, clock)
    heard: list[tuple[str, str]] = []
    desk.on_change(lambda participant, counterparty: heard.append((participant, counterparty)))
    await desk.fetch(QUESTION)
    clock.pass_(400)
    await desk.fetch(QUESTION)
    assert heard == []
    register.says = "I"
    await desk.fetch(QUESTION)
    assert heard == [("did:web:garden", "did:web:bank")]


async def test_only_so_many_facts_are_kept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fact_desk, "KEPT", 2)
    desk = desk_of(Register(), clock)
    questions = [FactQuestion("did:web:garden", f"did:web:{n}", "roses", (NAME,)) for n in range(3)]
    for one in questions:
        await desk.fetch(one)
    assert desk.missing(questions[0], now=clock()) is not None
    assert desk.missing(questions[2], now=clock()) is None
    desk.forget()
    assert desk.missing(questions[2], now=clock()) is not None


async def test_closing_ends_what_is_being_asked(clock: Clock) -> None:
    desk = desk_of(Hanging(), clock, 60)
    asking = asyncio.create_task(desk.fetch(QUESTION))
    await asyncio.sleep(0.01)
    await desk.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_desk_with_providers_needs_a_clock() -> None:
    desk = FactDesk([Source("register", Register(), {NAME: CLASS})])
    with pytest.raises(RuntimeError):
        await desk.fetch(QUESTION)
