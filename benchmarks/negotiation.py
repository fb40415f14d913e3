"""How fast two connectors agree: REQUESTED to FINALIZED on both sides, two processes, durable.

Run: python benchmarks/negotiation.py [--json] [--count N] [--in-flight N]

Two `trustspace serve` processes on SQLite with ``synchronous=FULL``. Each negotiation is started
over the management API and timed by the consumer's own event log, from the event of the request to
the event of the agreement; the provider's log is compared afterwards, so that none is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from trustspace.connector.home import Home, init_home

NEGOTIATION_SECONDS = 60


@contextlib.contextmanager
def served(folder: Path, name: str) -> Iterator[Home]:
    """Serve a home in a process of its own."""
    home = init_home(folder / name, name=name)
    process = subprocess.Popen(
        [sys.executable, "-m", "trustspace", "serve", "--home", str(home.path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise SystemExit(f"{name} did not start")
        yield home
    finally:
        process.terminate()
        process.communicate(timeout=20)


def client_of(home: Home) -> httpx.AsyncClient:
    """Return a client of a home's management API."""
    return httpx.AsyncClient(
        base_url=f"{home.management_url}/v1/participants/{home.name}",
        headers={"Authorization": f"Bearer {home.management_token()}"},
        timeout=NEGOTIATION_SECONDS,
        trust_env=False,
    )


class Log:
    """A participant's event log, followed while negotiations run."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.events: list[dict[str, Any]] = []
        self._client = client
        self._ended: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def follow(self) -> None:
        """Read what happens until cancelled."""
        while True:
            await self.read(wait=20)

    async def read(self, *, wait: int = 0) -> int:
        """Read what happened since the last time; return how many events that were."""
        after = self.events[-1]["seq"] if self.events else 0
        query = {"after": after, "limit": 1000, "wait": wait}
        page = (await self._client.get("/events", params=query)).raise_for_status().json()
        for event in page["items"]:
            self.events.append(event)
            if event["kind"] in ("negotiation.finalized", "negotiation.terminated"):
                self._ended[event["body"]["negotiation"]].set()
        return len(page["items"])

    async def end_of(self, pid: str) -> None:
        """Wait until a negotiation has ended."""
        async with asyncio.timeout(NEGOTIATION_SECONDS):
            await self._ended[pid].wait()


async def negotiate(client: httpx.AsyncClient, log: Log, address: str) -> None:
    """Start one negotiation and wait for its end."""
    order = {"address": address, "dataset": "d", "purpose": "research"}
    answer = await client.post("/negotiations", json=order)
    await log.end_of(answer.raise_for_status().json()["id"])


def durations(events: list[dict[str, Any]]) -> list[float]:
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


def finalized(events: list[dict[str, Any]]) -> int:
    """Count the agreements of an event log."""
    return sum(event["kind"] == "agreement.concluded" for event in events)


async def measure(provider: Home, consumer: Home, *, count: int, in_flight: int) -> dict[str, Any]:
    """Run negotiations one by one, then many at a time."""
    async with client_of(provider) as owner, client_of(consumer) as client:
        file = provider.path / "data.bin"
        file.write_bytes(b"x" * 1000)
        terms = {"source": {"kind": "file", "path": str(file)}, "policy": {"purpose": "research"}}
        (await owner.put("/datasets/d", json=terms)).raise_for_status()
        log = Log(client)
        following = asyncio.create_task(log.follow())
        for _ in range(20):
            await negotiate(client, log, provider.address)
        warm = len(durations(log.events))
        for _ in range(100):
            await negotiate(client, log, provider.address)
        alone = durations(log.events)[warm:]

        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await negotiate(client, log, provider.address)

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        seconds = time.perf_counter() - start
        following.cancel()
        theirs = Log(owner)
        while await theirs.read():
            pass
        while await log.read():
            pass
    expected = 120 + count
    return {
        "p50_ms": round(statistics.median(alone), 1),
        "p95_ms": round(statistics.quantiles(alone, n=20)[-1], 1),
        "per_second": round(count / seconds, 1),
        "in_flight": in_flight,
        "count": count,
        "lost_or_stuck": 2 * expected - finalized(theirs.events) - finalized(log.events),
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with served(root, "provider") as provider, served(root, "consumer") as consumer:
            figures = asyncio.run(
                measure(provider, consumer, count=options.count, in_flight=options.in_flight)
            )
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:14} {figure}")


if __name__ == "__main__":
    main()
