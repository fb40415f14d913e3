"""What a call of a published interface costs beside a call of the bare server behind it.

Run: python benchmarks/api_calls.py [--json] [--quick] [--seconds S]

A `trustspace serve` process publishes a small HTTP server of its own machine, which answers every
GET with 1 KiB; a second one negotiates. The same guarded client then calls the bare server and the
data endpoint in turn, round by round, with 1 and with 8 calls in flight. Each proxied call is
verified (token), decided by policy, counted durably before the server behind hears of it, passed on
and metered durably. Told are calls a second and their ratio; there is no goal but that it is told.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace import terms
from trustspace.client.operations import Operations
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._figures import Goal, finish, parser
    from benchmarks._service import served
else:
    from _figures import Goal, finish, parser
    from _service import served

IN_FLIGHT = (1, 8)
ROUNDS = 3
SERVER = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"1024")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"x" * 1024})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", lifespan="off")
"""


@contextmanager
def bare() -> Iterator[str]:
    """Serve the server behind in a process of its own; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    try:
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def rate(
    client: SyncGuardedClient,
    url: str,
    headers: Mapping[str, str],
    *,
    in_flight: int,
    seconds: float,
) -> float:
    """Return calls a second."""
    done = threading.Event()

    def call() -> int:
        count = 0
        while not done.is_set():
            client.request("GET", url, headers=headers).expect(200)
            count += 1
        return count

    start = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as pool:
        calls = [pool.submit(call) for _ in range(in_flight)]
        time.sleep(seconds)
        done.set()
        total = sum(each.result() for each in calls)
    return total / (time.perf_counter() - start)


def measure(root: Path, *, seconds: float) -> dict[str, Any]:
    """Measure both, round by round."""
    figures: dict[str, Any] = {}
    with (
        bare() as behind,
        served(root, "garden") as garden,
        served(root, "bank") as bank,
        garden.client() as owner,
        bank.client() as consumer,
        SyncGuardedClient(EgressPolicy.development()) as client,
    ):
        source = {"kind": "api", "url": behind}
        owner.publish(source, id="scores", terms=terms(purpose="research"))
        agreement = consumer.negotiate(garden.home.address, "scores", purpose="research")
        operations = Operations()
        transfer = consumer.drive(operations.start_transfer(agreement.id))
        edr = consumer.drive(operations.edr(transfer.id))
        for in_flight in IN_FLIGHT:
            found: dict[str, list[float]] = {"bare": [], "proxied": []}
            cpu = garden.process.cpu_seconds
            for _ in range(ROUNDS):
                for name, url, headers in (
                    ("bare", behind + "/score", {}),
                    ("proxied", edr.endpoint + "/score", {"Authorization": edr.authorization}),
                ):
                    found[name].append(
                        rate(client, url, headers, in_flight=in_flight, seconds=seconds)
                    )
            bare_rate, proxied = (statistics.median(found[name]) for name in ("bare", "proxied"))
            calls = proxied * ROUNDS * seconds
            used = garden.process.cpu_seconds - cpu
            figures[f"in_flight_{in_flight}"] = {
                "bare_per_second": round(bare_rate, 1),
                "proxied_per_second": round(proxied, 1),
                "ratio": round(proxied / bare_rate, 3),
                "provider_cpu_ms": round(used / calls * 1000, 2),
                "overhead_ms": round((1 / proxied - 1 / bare_rate) * 1000 * in_flight, 2),
            }
        shown = consumer.agreement(agreement.id)
        figures["agreement_in_force"] = shown.is_in_force
    return figures


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, help="of one round, by default 5")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = options.seconds or (0.5 if options.quick else 5)
        figures = measure(Path(folder), seconds=seconds)
    goals: tuple[Goal, ...] = ()
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
