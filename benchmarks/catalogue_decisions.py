"""One requester decided for every dataset of a catalogue: 10,000 datasets under 12 policies.

Run: python benchmarks/catalogue_decisions.py [--json] [--quick] [--datasets N] [--rounds N]

A connector runs in this process; its database is filled first. Each round is another requester,
whom the connector has never decided about: `Visibility.shows` is asked for each dataset in turn,
within one reading transaction, as the catalogue asks it. Of all datasets under one policy the first
costs a decision (facts to a request, the engine's answer, its check and its record), the others a
look into the memory of decisions. The goal is a median of 150 ms for the whole pass.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace import terms
from trustspace.connector.app import Sockets, running
from trustspace.connector.deciding.visibility import Visibility
from trustspace.connector.home import Home, init_home
from trustspace.connector.listener import bind
from trustspace.store import Store, Transaction

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks.catalogue import _dataset
else:
    from _figures import Goal, distribution, finish, parser
    from catalogue import _dataset

POLICIES = 12
GOAL_MS = 150.0


def fill(home: Home, count: int) -> None:
    """Put the participant, its policies and its datasets into the database of a home."""
    now = datetime.now(UTC)

    def enter(tx: Transaction) -> None:
        tx.participants.add(home.name, did=home.id, address=home.address, now=now)
        digests = [
            tx.policies.put(
                home.name,
                terms(
                    purpose=["research", f"project-{number}"],
                    until="2035-01-01",
                    count=100 + number,
                    spatial="CN",
                    log=True,
                ),
            )
            for number in range(POLICIES)
        ]
        for number in range(count):
            tx.datasets.put(home.name, _dataset(home, number, digests, now))

    with Store.open(home.database_url) as store:
        store.write_sync(enter)


async def measure(root: Path, *, datasets: int, rounds: int) -> dict[str, Any]:
    """Fill, serve and decide."""
    sockets = Sockets(bind("127.0.0.1", 0), bind("127.0.0.1", 0))
    port = sockets.public.getsockname()[1]
    home = init_home(root / "provider", name="provider", port=port)
    fill(home, datasets)
    async with running(home, sockets) as connector:
        context = connector.plane.context
        hosted, visibility = context.hosted[home.name], Visibility(context)

        rows = await context.store.read(lambda tx: tx.datasets.distinct_policies(home.name))

        def decided(subject: str) -> Callable[[Transaction], tuple[float, int]]:
            def look(tx: Transaction) -> tuple[float, int]:
                start, shown, now = time.perf_counter(), 0, context.now()
                for number in range(datasets):
                    row = rows[number % POLICIES]
                    shown += visibility.shows(
                        tx, hosted, row.body, row.digest, subject=subject, now=now
                    )
                return time.perf_counter() - start, shown

            return look

        taken = []
        for number in range(rounds):
            subject = f"did:web:consumer-{number}.example"
            seconds, shown = await context.store.read(decided(subject))
            if shown != datasets:
                raise SystemExit(f"{shown} of {datasets} datasets are shown")
            taken.append(seconds)
    return {
        "datasets": datasets,
        "policies": POLICIES,
        "pass_ms": distribution(taken, scale=1e3, digits=1),
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--datasets", type=int, help="by default 10,000")
    arguments.add_argument("--rounds", type=int, help="requesters, by default 30")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(
            measure(
                Path(folder),
                datasets=options.datasets or (1_200 if options.quick else 10_000),
                rounds=options.rounds or (3 if options.quick else 30),
            )
        )
    goals = (Goal("pass_p50_ms", figures["pass_ms"]["p50"], at_most=GOAL_MS),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
