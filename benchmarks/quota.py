"""How many reservations of a quota a second are made durable, and the price of one that is refused.

Run: python benchmarks/quota.py [--json] [--quick]

Callers of sixty agreements reserve one use each and make it final, every use in a durable
transaction of its own (``synchronous=FULL``); transactions that wait together share one write to
the disk, as in a connector. Then all of them ask once more than there are.

Goal: 2,000 reservations a second. The numbers are checked: what was let through is exactly what
there was.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.store import Store, Transaction

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
else:
    from _figures import Goal, finish, parser

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AGREEMENTS = 60
CALLERS = 256
COUNTER = "rule:p1"


def use(number: int, maximum: int) -> Callable[[Transaction], bool]:
    """One use: reserved and final, or refused."""
    agreement, session = f"a{number % AGREEMENTS}", f"s{number}"

    def hop(tx: Transaction) -> bool:
        taken = tx.counters.reserve("garden", agreement, COUNTER, session, maximum=maximum, now=NOW)
        if taken:
            tx.counters.commit("garden", agreement, COUNTER, session, now=NOW)
        return taken

    return hop


async def uses(store: Store, numbers: range, maximum: int) -> tuple[int, float]:
    """Make uses, many at a time; how many were let through, and how many were asked a second."""
    waiting, taken = iter(numbers), 0
    begun = time.perf_counter()

    async def caller() -> None:
        nonlocal taken
        for number in waiting:
            passed = await store.write(use(number, maximum))
            taken += passed

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return taken, round(len(numbers) / (time.perf_counter() - begun), 1)


def host(tx: Transaction) -> None:
    """Host one participant."""
    tx.participants.add("garden", did="did:web:garden.example", address="https://garden", now=NOW)


async def measure(folder: Path, maximum: int) -> dict[str, Any]:
    """Take every figure on a new database."""
    total = AGREEMENTS * maximum
    async with Store.open(f"sqlite:///{folder / 'store.db'}", synchronous="FULL") as store:
        await store.write(host)
        taken, reserved = await uses(store, range(total), maximum)
        more, refused = await uses(store, range(total, total + AGREEMENTS), maximum)
    if (taken, more) != (total, 0):
        message = f"of {total} uses {taken} were let through, and {more} beyond them"
        raise SystemExit(message)
    return {
        "agreements": AGREEMENTS,
        "uses": total,
        "reservations_per_second": reserved,
        "refusals_per_second": refused,
    }


def main() -> int:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), 10 if options.quick else 500))
    goals = (Goal("reservations_per_second", figures["reservations_per_second"], at_least=2_000),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    sys.exit(main())
