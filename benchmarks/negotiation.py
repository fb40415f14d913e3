"""How fast two connectors agree: REQUESTED to FINALIZED on both sides, two processes, durable.

Run: python benchmarks/negotiation.py [--json] [--quick] [--count N] [--in-flight N]

Two `trustspace serve` processes on SQLite with ``synchronous=FULL``, and this program, which drives
them, share the machine. Each negotiation is started over the consumer's management API and timed by
the consumer's own event log, from the event of the request to the event of the agreement; the
provider's log is compared afterwards, so that none is lost. First one after another, then
``--in-flight`` at a time. CPU time per negotiation is that of each process, the kernel's for it
included: it says more than the rate where other programs use the machine too.

Goals: alone p50 25 ms and p95 50 ms; 120 a second with 32 in flight, p95 400 ms there; none lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from trustspace.connector.home import Home
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.message_client import MessageClient

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks._service import Process, Service, served
else:
    from _figures import Goal, distribution, finish, parser
    from _service import Process, Service, served

DEADLINE = timedelta(seconds=60)
ENDS = ("negotiation.finalized", "negotiation.terminated")

Event = dict[str, Any]


class Owner:
    """A home's management API, asked over connections that are kept."""

    def __init__(self, home: Home) -> None:
        self._client = MessageClient(EgressPolicy.development())
        self._base = f"{home.management_url}/v1/participants/{home.name}"
        self._headers = {"Authorization": f"Bearer {home.management_token()}"}

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Send one request and return what the answer holds."""
        answer = await self._client.request(
            method, self._base + path, headers=self._headers, json=body, deadline=DEADLINE
        )
        return json.loads(answer.expect(200, 201).body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


class Log:
    """A participant's event log, followed while negotiations run."""

    def __init__(self, owner: Owner) -> None:
        self.events: list[Event] = []
        self._owner = owner
        self._ended: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def follow(self) -> None:
        """Read what happens until cancelled."""
        while True:
            await self.read(wait=20)

    async def read(self, *, wait: int = 0) -> int:
        """Read what happened since the last time; return how many events that were."""
        after = self.events[-1]["seq"] if self.events else 0
        page = await self._owner.ask("GET", f"/events?after={after}&limit=1000&wait={wait}")
        for event in page["items"]:
            self.events.append(event)
            if event["kind"] in ENDS:
                self._ended[event["body"]["negotiation"]].set()
        return len(page["items"])

    async def end_of(self, pid: str) -> None:
        """Wait until a negotiation has ended."""
        async with asyncio.timeout(DEADLINE.total_seconds()):
            await self._ended[pid].wait()


class Load:
    """Starts negotiations, and knows what each of the three processes spent on them."""

    def __init__(self, provider: Service, consumer: Service, owner: Owner) -> None:
        self.log = Log(owner)
        self._owner = owner
        self._address = provider.home.address
        self._processes = {
            "provider": provider.process,
            "consumer": consumer.process,
            "driver": Process(os.getpid()),
        }

    async def run(self, *, count: int, in_flight: int) -> dict[str, Any]:
        """Run negotiations, so many at a time; return what they took."""
        before = len(self.log.events)
        spent = {name: process.cpu_seconds for name, process in self._processes.items()}
        start = time.perf_counter()
        left = iter(range(count))
        await asyncio.gather(*(self._negotiate(left) for _ in range(in_flight)))
        seconds = time.perf_counter() - start
        return {
            "ms": distribution(durations(self.log.events[before:]), digits=1),
            "per_second": round(count / seconds, 1),
            "cpu_ms_each": {
                name: round((process.cpu_seconds - spent[name]) * 1000 / count, 2)
                for name, process in self._processes.items()
            },
        }

    async def _negotiate(self, left: Iterable[int]) -> None:
        order = {"address": self._address, "dataset": "d", "purpose": "research", "fresh": True}
        for _ in left:
            started = await self._owner.ask("POST", "/negotiations", order)
            await self.log.end_of(started["id"])


def durations(events: Iterable[Event]) -> list[float]:
    """Return the milliseconds from each request to its agreement."""
    started: dict[str, datetime] = {}
    ended: list[float] = []
    for event in events:
        pid = event["body"].get("negotiation")
        moment = datetime.fromisoformat(event["at"])
        if event["kind"] == "negotiation.requested":
            started[pid] = moment
        elif event["kind"] == "negotiation.finalized":
            ended.append((moment - started[pid]).total_seconds() * 1000)
    return ended


def concluded(events: Iterable[Event]) -> int:
    """Count the agreements of an event log."""
    return sum(event["kind"] == "agreement.concluded" for event in events)


async def measure(
    provider: Service, consumer: Service, *, alone: int, count: int, in_flight: int
) -> dict[str, Any]:
    """Run negotiations one by one, then many at a time."""
    async with Owner(provider.home) as theirs, Owner(consumer.home) as ours:
        file = provider.home.path / "data.bin"
        file.write_bytes(b"x" * 1000)
        terms = {"source": {"kind": "file", "path": str(file)}, "policy": {"purpose": "research"}}
        await theirs.ask("PUT", "/datasets/d", terms)
        load = Load(provider, consumer, ours)
        following = asyncio.create_task(load.log.follow())
        warm = in_flight + 20
        await load.run(count=warm, in_flight=in_flight)
        one_by_one = await load.run(count=alone, in_flight=1)
        together = await load.run(count=count, in_flight=in_flight)
        following.cancel()
        their_log = Log(theirs)
        while await their_log.read():
            pass
        while await load.log.read():
            pass
    expected = warm + alone + count
    return {
        "alone": one_by_one,
        f"in_flight_{in_flight}": together,
        "lost_or_stuck": 2 * expected - concluded(their_log.events) - concluded(load.log.events),
        "negotiations": expected,
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--count", type=int, help="with many in flight, by default 2000")
    arguments.add_argument("--in-flight", type=int, default=32, help="by default 32")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with served(root, "provider") as provider, served(root, "consumer") as consumer:
            figures = asyncio.run(
                measure(
                    provider,
                    consumer,
                    alone=10 if options.quick else 100,
                    count=options.count or (50 if options.quick else 2000),
                    in_flight=options.in_flight,
                )
            )
    together = figures[f"in_flight_{options.in_flight}"]
    goals = (
        Goal("alone_p50_ms", figures["alone"]["ms"]["p50"], at_most=25),
        Goal("alone_p95_ms", figures["alone"]["ms"]["p95"], at_most=50),
        Goal("per_second", together["per_second"], at_least=120),
        Goal("p95_ms", together["ms"]["p95"], at_most=400),
        Goal("lost_or_stuck", figures["lost_or_stuck"], at_most=0),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
