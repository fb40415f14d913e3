"""How long a first crawl of 10,000 datasets takes, and what a second one moves.

Run: python benchmarks/crawl.py [--json] [--quick] [--datasets N]

The provider's database is filled through `Store` before `trustspace serve` opens it; another
`trustspace serve` process crawls it, as its owner orders through the client. Timed is the order
until the crawl is done. Bytes are the bodies sent and received for catalogue requests. The second
crawl finds nothing changed, the third one dataset in a hundred. The goals are 60 s for the first
and 1 % of its bytes for the second.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.connector.home import init_home
from trustspace.store import DatasetRow, Store, Transaction

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
    from benchmarks._service import served
    from benchmarks.catalogue import fill

    from trustspace.client import Client, Crawl
else:
    from _figures import Goal, finish, parser
    from _service import served
    from catalogue import fill

FIRST_SECONDS = 60
SECOND_RATIO = 0.01


def change(database_url: str, name: str, every: int) -> int:
    """Give one dataset in so many another title; return how many."""

    def hop(tx: Transaction) -> int:
        rows: tuple[DatasetRow, ...] = tx.datasets.page(name, None, 1_000_000)[::every]
        for row in rows:
            tx.datasets.put(
                name,
                DatasetRow(
                    **{
                        slot: getattr(row, slot)
                        for slot in row.__slots__
                        if slot not in ("title", "revision", "added_revision")
                    },
                    title=f"{row.title}, corrected",
                ),
            )
        return len(rows)

    with Store.open(database_url) as store:
        return store.write_sync(hop)


def timed(client: Client, address: str) -> tuple[Crawl, float]:
    """Crawl and return what came of it, with the seconds it took."""
    start = time.perf_counter()
    crawl = client.crawl([address])
    if crawl.errors:
        raise SystemExit(f"the crawl failed: {crawl.errors}")
    return crawl, time.perf_counter() - start


def measure(root: Path, *, datasets: int) -> dict[str, Any]:
    """Fill, serve and crawl."""
    home = init_home(root / "provider", name="provider")
    fill(home, datasets)
    with (
        served(root, "consumer") as consumer,
        consumer.client() as client,
    ):
        with served(root, "provider") as provider:
            before = consumer.process.cpu_seconds, provider.process.cpu_seconds
            first, first_seconds = timed(client, provider.home.address)
            spent = (
                consumer.process.cpu_seconds - before[0],
                provider.process.cpu_seconds - before[1],
            )
            second, second_seconds = timed(client, provider.home.address)
            start = time.perf_counter()
            found = client.search("station", "99")
            search_seconds = time.perf_counter() - start
        changed = change(home.database_url, home.name, 100)
        with served(root, "provider") as provider:
            third, third_seconds = timed(client, provider.home.address)
    sizes = [crawl.catalogs[0].size_bytes for crawl in (first, second, third)]
    if first.datasets != datasets or third.catalogs[0].changed != changed:
        raise SystemExit(f"{first.datasets} datasets, {third.catalogs[0].changed} changed")
    return {
        "datasets": datasets,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_seconds": round(first_seconds, 2),
        "first_bytes": sizes[0],
        "consumer_cpu_seconds": round(spent[0], 2),
        "provider_cpu_seconds": round(spent[1], 2),
        "second_seconds": round(second_seconds, 2),
        "second_bytes": sizes[1],
        "second_bytes_ratio": round(sizes[1] / sizes[0], 6),
        "changed": changed,
        "third_seconds": round(third_seconds, 2),
        "third_bytes_ratio": round(sizes[2] / sizes[0], 6),
        "found": len(found),
        "search_seconds": round(search_seconds, 3),
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--datasets", type=int, help="by default 10,000")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder), datasets=options.datasets or (500 if options.quick else 10_000)
        )
    goals = (
        Goal("first_seconds", figures["first_seconds"], at_most=FIRST_SECONDS),
        Goal("second_bytes_ratio", figures["second_bytes_ratio"], at_most=SECOND_RATIO),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
