"""How fast a page of 100 datasets is answered among 100,000 under 50 distinct policies.

Run: python benchmarks/catalogue.py [--json] [--quick] [--datasets N] [--requests N]

The provider's database is filled through `Store` before `trustspace serve` opens it. A second
participant, whose DID document another `trustspace serve` process gives, sends catalogue requests
(DSP 2025-1, "Catalog Request Message") one after another, each with a fresh signed token that is
used up durably, and follows the ``next`` links of the pages. Timed is the request from the first
byte sent to the last byte of the page, read as JSON; signing the token and the first page, for
which the 50 policies are decided, are told apart. The goal is a 95th percentile of 100 ms.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from trustspace import terms
from trustspace.connector.home import Home, init_home
from trustspace.dsp.binding import CATALOG_REQUEST_PATH
from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.wire import emit
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.token import issue
from trustspace.store import DatasetRow, Store, Transaction
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks._service import served
else:
    from _figures import Goal, distribution, finish, parser
    from _service import served

POLICIES = 50
PAGE = 100
AT_A_TIME = 2_000
GOAL_MS = 100
NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def policies(tx: Transaction, name: str) -> list[str]:
    """Keep distinct policies with purpose, time, count and prohibition; return their digests."""
    return [
        tx.policies.put(
            name,
            terms(
                purpose=["research", f"project-{number}"],
                until="2035-01-01",
                count=100 + number,
                prohibit=["distribute"],
                log=True,
            ),
        )
        for number in range(POLICIES)
    ]


def fill(home: Home, count: int) -> None:
    """Put the participant, its policies and its datasets into the database of a home."""
    now = datetime.now(UTC)

    def enter(tx: Transaction) -> list[str]:
        tx.participants.add(home.name, did=home.id, address=home.address, now=now)
        return policies(tx, home.name)

    def some(first: int, digests: list[str]) -> Callable[[Transaction], None]:
        def hop(tx: Transaction) -> None:
            for number in range(first, min(first + AT_A_TIME, count)):
                tx.datasets.put(home.name, _dataset(home, number, digests, now))

        return hop

    with Store.open(home.database_url) as store:
        digests = store.write_sync(enter)
        for first in range(0, count, AT_A_TIME):
            store.write_sync(some(first, digests))


def _dataset(home: Home, number: int, digests: list[str], now: datetime) -> DatasetRow:
    return DatasetRow(
        participant=home.name,
        id=f"dataset-{number:06}",
        title=f"Measurements of station {number}",
        offer_id=f"urn:uuid:{uuid4()}",
        policy_digest=digests[number % len(digests)],
        source={"kind": "http", "url": f"https://data.example/{number}"},
        media_type="application/octet-stream",
        forms=("file",),
        published_at=now,
    )


class Requester:
    """A participant that asks for catalogues.

    Args:
        home: Its home; its key signs.
        provider: Home of whom it asks.
        client: Sends the requests.
    """

    def __init__(self, home: Home, provider: Home, client: SyncGuardedClient) -> None:
        self._home = home
        self._key = home.signing_key(home.name)
        self._provider = provider
        self._client = client
        self.page_bytes = 0

    def pages(self) -> Iterator[float]:
        """Request page after page and yield the seconds that each took."""
        first = f"{self._provider.address}/{self._provider.name}/dsp/2025-1/{CATALOG_REQUEST_PATH}"
        url = first
        body = emit(CatalogRequestMessage.model_validate({}))
        while True:
            token = issue(
                self._key,
                issuer=self._home.id,
                audience=self._provider.id,
                now=datetime.now(UTC),
            )
            headers = {"Authorization": bearer_header(token)}
            start = time.perf_counter()
            answer = self._client.request("POST", url, headers=headers, json=body).expect(200)
            found = answer.json()["dataset"]
            yield time.perf_counter() - start
            if len(found) != PAGE:
                raise SystemExit(f"a page has {len(found)} datasets, not {PAGE}")
            self.page_bytes = len(answer.body)
            following = NEXT.search(answer.headers.get("link", ""))
            url = first if following is None else following[1]


def measure(root: Path, *, datasets: int, requests: int) -> dict[str, Any]:
    """Fill, serve and ask."""
    start = time.perf_counter()
    fill(init_home(root / "provider", name="provider"), datasets)
    filled = time.perf_counter() - start
    with (
        served(root, "provider") as provider,
        served(root, "consumer") as consumer,
        SyncGuardedClient(EgressPolicy.development()) as client,
    ):
        requester = Requester(consumer.home, provider.home, client)
        pages = requester.pages()
        first = next(pages)
        before = provider.process.cpu_seconds
        taken = [next(pages) for _ in range(requests)]
        spent = provider.process.cpu_seconds - before
    return {
        "datasets": datasets,
        "policies": POLICIES,
        "fill_seconds": round(filled, 1),
        "page_kib": round(requester.page_bytes / 1024, 1),
        "first_page_ms": round(first * 1000, 1),
        "page_ms": distribution(taken, scale=1000, digits=1),
        "provider_cpu_ms_per_page": round(spent / requests * 1000, 1),
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--datasets", type=int, help="by default 100,000")
    arguments.add_argument("--requests", type=int, help="by default 300")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder),
            datasets=options.datasets or (5_000 if options.quick else 100_000),
            requests=options.requests or (20 if options.quick else 300),
        )
    goals = (Goal("page_p95_ms", figures["page_ms"]["p95"], at_most=GOAL_MS),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
