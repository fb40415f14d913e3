"""Strategies of a program, approvals and offers through the clients, over real connectors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import trustspace as ts
from trustspace.client import Approval, Negotiation
from trustspace.errors import ConfigurationError, DeadlineError, LocalProtocolError
from trustspace.local.connector import LocalClient

TERMS = ts.terms(purpose=["research", "teaching"], count=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("haggling")
    (folder / "roses.csv").write_text("grade,price\nA,10\n")
    return folder


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[LocalClient, LocalClient]]:
    with ExitStack() as stack:
        garden = stack.enter_context(ts.Connector.local("garden"))
        bank = stack.enter_context(ts.Connector.local("bank"))
        yield garden, bank


@pytest.fixture
def garden(both: tuple[LocalClient, LocalClient]) -> LocalClient:
    return both[0]


@pytest.fixture
def bank(both: tuple[LocalClient, LocalClient]) -> LocalClient:
    return both[1]


@pytest.fixture
def haggled(garden: LocalClient, folder: Path, request: pytest.FixtureRequest) -> str:
    """A dataset of the test's own, for which requests for more are answered with the offer."""
    dataset = str(request.node.name)
    garden.publish(folder / "roses.csv", id=dataset, terms=TERMS, negotiation="counter")
    return dataset


def asking(count: int) -> dict[str, Any]:
    return ts.terms(purpose="research", count=count)


def waiting(client: LocalClient, dataset: str) -> Approval:
    seen = 0
    while True:
        for entry in client.approvals():
            if entry.dataset == dataset:
                return entry
        found = client.drive(client._operations.events(seen, wait=timedelta(seconds=1)))
        seen = found[-1].seq if found else seen


def ended(client: LocalClient, dataset: str) -> Negotiation:
    """Return the newest negotiation about a dataset once it has ended."""
    end = time.monotonic() + 20
    while True:
        newest = next(one for one in client.negotiations() if one.dataset == dataset)
        if newest.is_terminal:
            return newest
        assert time.monotonic() < end, newest
        time.sleep(0.05)


def test_a_strategy_is_asked_in_the_caller_s_thread(
    garden: LocalClient, bank: LocalClient, haggled: str
) -> None:
    seen: list[tuple[ts.CounterOffer, threading.Thread]] = []

    def strategy(offer: ts.CounterOffer) -> ts.Accept | ts.Counter:
        seen.append((offer, threading.current_thread()))
        return ts.Accept() if offer.round == 3 else ts.Counter(asking(100 - offer.round))

    agreement = bank.negotiate(garden.address, haggled, terms=asking(100), strategy=strategy)
    assert [offer.round for offer, _ in seen] == [1, 2, 3]
    assert {thread for _, thread in seen} == {threading.current_thread()}
    offer = seen[1][0]
    (change,) = offer.differences
    assert (change.change, change.left) == ("narrower", "odrl:count")
    assert "at most 10" in change.en
    assert "at most 99" in change.en
    assert offer.asked["permission"] != offer.offered["permission"]
    assert (offer.counterparty, offer.dataset) == (garden.id, haggled)
    assert (agreement.purpose, list(agreement.limits.values())) == ("research", [10])
    with pytest.raises(ValueError, match="frozen"):
        offer.round = 7  # type: ignore[misc]


def test_a_strategy_may_reject(garden: LocalClient, bank: LocalClient, haggled: str) -> None:
    with pytest.raises(ts.PolicyDeniedError, match="10 uses are too few"):
        bank.negotiate(
            garden.address,
            haggled,
            terms=asking(100),
            strategy=lambda _: ts.Reject("10 uses are too few"),
        )
    theirs = ended(garden, haggled)
    assert (theirs.state, theirs.reasons) == ("TERMINATED", ("10 uses are too few",))


def test_who_never_agrees_is_stopped(garden: LocalClient, bank: LocalClient, haggled: str) -> None:
    with pytest.raises(ts.PolicyDeniedError) as refused:
        bank.negotiate(
            garden.address,
            haggled,
            terms=asking(100),
            strategy=lambda _: ts.Counter(asking(100)),
        )
    assert refused.value.code == "negotiation.rounds"


def test_without_a_strategy_less_than_was_asked_for_is_refused(
    garden: LocalClient, bank: LocalClient, haggled: str
) -> None:
    with pytest.raises(ts.PolicyDeniedError, match="at most 10") as refused:
        bank.negotiate(garden.address, haggled, terms=asking(100))
    assert refused.value.code == "offer.short"


def test_fewer_uses_than_offered_are_agreed_to_at_once(
    garden: LocalClient, bank: LocalClient, haggled: str
) -> None:
    agreement = bank.negotiate(garden.address, haggled, terms=asking(2))
    assert (agreement.purpose, list(agreement.limits.values())) == ("research", [2])
    again = bank.negotiate(garden.address, haggled, terms=asking(2))
    assert (again.id, again.reused) == (agreement.id, True)
    assert bank.negotiate(garden.address, haggled, terms=asking(3)).id != agreement.id


class _Unable(Exception):  # noqa: N818 - not an error of ours
    pass


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_Unable(), _Unable),
        ("yes", ConfigurationError),
        (ts.Counter({"cuont": 1}), ts.PolicyError),
    ],
)
def test_what_a_strategy_cannot_answer_ends(
    garden: LocalClient, bank: LocalClient, haggled: str, answer: Any, error: type[Exception]
) -> None:
    def strategy(_: ts.CounterOffer) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(error):
        bank.negotiate(garden.address, haggled, terms=asking(100), strategy=strategy)
    (ended,) = [one for one in bank.negotiations() if one.dataset == haggled]
    assert (ended.state, ended.reasons) == (
        "TERMINATED",
        ("the program that asked could not answer the offer",),
    )


def test_what_ends_while_a_strategy_thinks_is_told_as_it_ended(
    garden: LocalClient, bank: LocalClient, haggled: str
) -> None:
    def strategy(offer: ts.CounterOffer) -> ts.Accept:
        bank.terminate_negotiation(offer.negotiation, reason="too slow")
        return ts.Accept()

    with pytest.raises(ts.PolicyDeniedError, match="too slow"):
        bank.negotiate(garden.address, haggled, terms=asking(100), strategy=strategy)


def test_a_coroutine_is_no_strategy_of_the_sync_client(
    garden: LocalClient, bank: LocalClient, haggled: str
) -> None:
    async def strategy(_: ts.CounterOffer) -> ts.Accept:
        return ts.Accept()

    with pytest.raises(ConfigurationError, match="async client"):
        bank.negotiate(
            garden.address,
            haggled,
            terms=asking(100),
            strategy=strategy,  # type: ignore[arg-type]
        )


def test_a_client_that_vanishes_leaves_nothing_open(folder: Path) -> None:
    """What waits for a program is ended at the deadline like everything else."""
    home = folder / "hasty"
    with ts.Connector.local("hasty", home=home):
        pass
    file = home / "trustspace.toml"
    file.write_text(file.read_text() + "\n[exchange]\ndeadline_seconds = 1\nsweep_seconds = 0.1\n")

    def vanish(_: ts.CounterOffer) -> ts.Accept:
        raise KeyboardInterrupt

    with ts.Connector.local("oak") as oak, ts.Connector.local("hasty", home=home) as hasty:
        oak.publish(folder / "roses.csv", id="roses", terms=TERMS, negotiation="counter")
        with pytest.raises(KeyboardInterrupt):
            hasty.negotiate(oak.address, "roses", terms=asking(100), strategy=vanish)
        (left,) = hasty.negotiations()
        assert left.state == "TERMINATED" or left.awaiting == "client"
        assert hasty.approvals() == ()
        with pytest.raises(DeadlineError):
            hasty.negotiate(
                oak.address,
                "roses",
                terms=asking(100),
                strategy=vanish_slowly,
            )


def vanish_slowly(_: ts.CounterOffer) -> ts.Accept:
    threading.Event().wait(4)
    return ts.Accept()


# --- a person decides --------------------------------------------------------------------------


def test_a_request_is_approved(garden: LocalClient, bank: LocalClient, folder: Path) -> None:
    shown = garden.publish(folder / "roses.csv", id="slow", terms=TERMS, negotiation="approval")
    assert shown.negotiation == "approval"
    asked = bank.ask(garden.address, "slow", purpose="teaching")
    assert asked.state == "REQUESTED"
    entry = waiting(garden, "slow")
    assert (entry.role, entry.counterparty, entry.awaiting) == ("provider", bank.id, "approval")
    assert entry.since is not None
    assert entry.until is not None
    assert entry.until - entry.since == timedelta(days=7)
    assert [change.change for change in entry.differences] == ["narrower"]
    assert garden.approval(entry.id) == entry
    assert garden.approve(entry.id).state == "AGREED"
    agreement = bank.negotiate(garden.address, "slow", purpose="teaching")
    assert agreement.purpose == "teaching"
    with pytest.raises(LocalProtocolError, match="nobody's approval"):
        garden.approve(entry.id)
    with pytest.raises(ts.NotFoundError):
        garden.approval(entry.id)


def test_a_request_is_rejected_or_answered(
    garden: LocalClient, bank: LocalClient, folder: Path
) -> None:
    garden.publish(folder / "roses.csv", id="shy", terms=TERMS, negotiation="approval")
    bank.ask(garden.address, "shy", terms=asking(2))
    assert garden.reject(waiting(garden, "shy").id, reason="not now").state == "TERMINATED"
    bank.ask(garden.address, "shy", terms=asking(5))
    assert garden.counter(waiting(garden, "shy").id, asking(50)).state == "OFFERED"
    agreed = ended(bank, "shy").agreement
    assert agreed is not None
    assert list(bank.agreement(agreed).limits.values()) == [50]


def test_an_offer_is_made_and_accepted(
    garden: LocalClient, bank: LocalClient, folder: Path
) -> None:
    garden.publish(folder / "roses.csv", id="gift", terms=TERMS)
    made = garden.offer(bank.address, "gift", purpose="research")
    assert (made.state, made.role) == ("OFFERED", "provider")
    entry = waiting(bank, "gift")
    assert entry.asked is None
    assert entry.offered is not None
    bank.approve(entry.id)
    agreement = bank.negotiate(garden.address, "gift", purpose="research")
    with agreement.open() as data:
        assert data.to_polars().height == 1
    garden.offer(bank.id, "gift", terms=asking(99))
    assert bank.reject(waiting(bank, "gift").id).state == "TERMINATED"


@pytest.mark.anyio
async def test_the_async_client_haggles_too(folder: Path) -> None:
    async with ts.Connector.local("garden") as garden, ts.Connector.local("bank") as bank:
        await garden.publish(
            folder / "roses.csv", id="roses", terms=TERMS, negotiation="counter", rounds=5
        )

        async def strategy(offer: ts.CounterOffer) -> ts.Accept | ts.Counter:
            return ts.Accept() if offer.round > 1 else ts.Counter(asking(50))

        agreement = await bank.negotiate(
            garden.address, "roses", terms=asking(99), strategy=strategy
        )
        assert list(agreement.limits.values()) == [10]
        with pytest.raises(ts.PolicyDeniedError):
            await bank.negotiate(
                garden.address,
                "roses",
                terms=asking(98),
                strategy=lambda _: ts.Reject("no"),
            )
        with pytest.raises(_Unable):
            await bank.negotiate(garden.address, "roses", terms=asking(97), strategy=_fail)
        await garden.publish(folder / "roses.csv", id="slow", terms=TERMS, negotiation="approval")
        for terms in (asking(1), asking(2), asking(3)):
            await bank.ask(garden.address, "slow", terms=terms)
        entries: tuple[Approval, ...] = ()
        while len(entries) < 3:
            entries = await garden.approvals()
        assert await garden.approval(entries[0].id) == entries[0]
        assert (await garden.approve(entries[0].id)).state == "AGREED"
        assert (await garden.reject(entries[1].id, reason="no")).state == "TERMINATED"
        assert (await garden.counter(entries[2].id, asking(9))).state == "OFFERED"
        assert (await garden.offer(bank.address, "roses")).state == "OFFERED"


async def _fail(_: ts.CounterOffer) -> ts.Accept:
    raise _Unable
