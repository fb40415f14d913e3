"""How fast the store makes hops durable on this machine's disk.

A message hop is what receiving a protocol message writes: read a negotiation, write its next
value, add one outgoing message and one event, in one durable transaction (``synchronous=FULL``). A
small hop writes one event. Every run makes a new database.

    python benchmarks/store_hops.py                 # a table
    python benchmarks/store_hops.py --json          # the same figures for a machine
    python benchmarks/store_hops.py --directory /var/lib --hops 5000

Figures:

    small_ms      one small hop after another: median and 95th percentile in milliseconds
    message_ms    one message hop after another, likewise
    read_ms       one query for a negotiation on a reading thread, likewise
    concurrent    message hops per second with 1 and 16 callers at a time, and their commits
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from trustspace.dsp.messages import ContractRequestMessage
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.model.participant import Role
from trustspace.store import Store, Transaction
from trustspace.store.sqlite import Synchronous

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PIDS = 100
"""Negotiations among which the hops choose."""


def negotiation(pid: str) -> ContractNegotiation:
    """A provider's negotiation as a consumer's request opens it."""
    request = ContractRequestMessage.read(
        {
            "@id": f"urn:uuid:{pid}",
            "@type": "ContractRequestMessage",
            "consumerPid": f"peer-of-{pid}",
            "callbackAddress": "https://bank.example/dsp",
            "offer": {
                "@id": "urn:uuid:offer",
                "@type": "Offer",
                "target": "rose-prices",
                "permission": [
                    {
                        "action": "use",
                        "constraint": [
                            {
                                "leftOperand": "purpose",
                                "operator": "eq",
                                "rightOperand": "credit-scoring",
                            },
                            {
                                "leftOperand": "dateTime",
                                "operator": "lteq",
                                "rightOperand": "2027-01-01T00:00:00Z",
                            },
                        ],
                    }
                ],
            },
        }
    )
    return ContractNegotiation.create(
        request,
        role=Role.PROVIDER,
        own_pid=pid,
        counterparty="did:web:bank.example",
        callback_address="https://bank.example/dsp",
        now=NOW,
    )


def prepare(tx: Transaction) -> None:
    """Host one participant with some negotiations."""
    tx.participants.add("garden", did="did:web:garden.example", address="https://garden", now=NOW)
    for number in range(PIDS):
        tx.negotiations.insert("garden", negotiation(f"n{number}"))


def small_hop(_number: int) -> Callable[[Transaction], Any]:
    """One event."""
    return lambda tx: tx.events.append("garden", "benchmark", {"a": 1}, now=NOW)


def message_hop(number: int) -> Callable[[Transaction], Any]:
    """What receiving one protocol message writes."""

    def hop(tx: Transaction) -> None:
        pid = f"n{number % PIDS}"
        known = tx.negotiations.get("garden", pid)
        if known is None:
            raise LookupError(pid)
        tx.negotiations.update("garden", known, deadline=NOW + timedelta(hours=1))
        tx.outbox.add(
            "garden",
            process_kind="negotiation",
            process_pid=f"p{number}",
            message_id=f"urn:uuid:{number}",
            url="https://bank.example/dsp/negotiations/1/agreement",
            audience="did:web:bank.example",
            body={"@id": f"urn:uuid:{number}", "@type": "ContractAgreementMessage"},
            deadline=NOW + timedelta(hours=1),
            lease_owner="benchmark",
            lease_seconds=30,
            now=NOW,
        )
        tx.events.append("garden", "negotiation.agreed", {"pid": pid}, now=NOW)

    return hop


async def timed(count: int, call: Callable[[int], Awaitable[Any]]) -> dict[str, float]:
    """Make calls one after another; median and 95th percentile in milliseconds."""
    taken = []
    for number in range(count):
        begun = time.perf_counter()
        await call(number)
        taken.append((time.perf_counter() - begun) * 1000)
    return {
        "p50": round(statistics.median(taken), 3),
        "p95": round(statistics.quantiles(taken, n=20)[-1], 3),
    }


async def concurrent(store: Store, callers: int, count: int, first: int) -> dict[str, float]:
    """Message hops per second with so many callers at a time, and the commits they took."""
    numbers = iter(range(first, first + count))

    async def caller() -> None:
        for number in numbers:
            await store.write(message_hop(number))

    commits, begun = store.commits, time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    taken = time.perf_counter() - begun
    return {
        "callers": callers,
        "hops": count,
        "hops_per_second": round(count / taken),
        "commits": store.commits - commits,
    }


async def measure(directory: Path, synchronous: Synchronous, hops: int) -> dict[str, Any]:
    """Take every figure on a new database."""
    async with Store.open(f"sqlite:///{directory / 'store.db'}", synchronous=synchronous) as store:
        await store.write(prepare)
        await timed(100, lambda number: store.write(small_hop(number)))
        small = await timed(hops, lambda number: store.write(small_hop(number)))
        message = await timed(hops, lambda number: store.write(message_hop(number)))
        one = await concurrent(store, 1, hops, hops)
        many = await concurrent(store, 16, hops * 4, hops * 2)
        read = await timed(
            hops,
            lambda number: store.read(
                lambda tx: tx.negotiations.get("garden", f"n{number % PIDS}")
            ),
        )
    return {
        "synchronous": synchronous,
        "small_ms": small,
        "message_ms": message,
        "concurrent": [one, many],
        "read_ms": read,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--hops", type=int, default=1000, help="hops per figure")
    parser.add_argument("--directory", type=Path, help="on which disk; the temporary one if absent")
    parser.add_argument("--synchronous", choices=get_args(Synchronous), default="FULL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        figures = asyncio.run(measure(Path(directory), options.synchronous, options.hops))
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name in ("small_ms", "message_ms", "read_ms"):
        print(f"{name:12} p50 {figures[name]['p50']:8.3f}   p95 {figures[name]['p95']:8.3f}")
    for row in figures["concurrent"]:
        print(
            f"{row['callers']:>3} callers  {row['hops_per_second']:>6} hops/s   "
            f"{row['hops']} hops in {row['commits']} commits"
        )


if __name__ == "__main__":
    main()
