"""How long a decision of a real OPA server on this machine takes.

Run: python benchmarks/opa.py [--json] [--quick] [--count N] [--opa PATH]

OPA is started with the rules as a bundle on a port of loopback; `OpaEngine` asks it for the
decision of `decision.py`, one after the other over a kept connection, and for a thousand at once.
The engine in process decides the same requests in the same run. The goal is a median of 3 ms.
Where OPA is absent nothing is measured and the reason is told; with ``CI=true`` that fails.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.policy.facts import build_request
from trustspace.policy.lower import lower
from trustspace.policy.opa import OpaEngine
from trustspace.policy.source_bundle import rules_folder, source_bundle
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks._service import Process
    from benchmarks.decision import agreement, circumstances, timed
else:
    from _figures import Goal, distribution, finish, parser
    from _service import Process
    from decision import agreement, circumstances, timed

MANY = 1_000
GOAL_MS = 3.0
READY_SECONDS = 20


def find(given: str | None) -> str | None:
    """Return the OPA to measure: the one given, ``$OPA``, in the path, or in Go's own folder."""
    names = (given, os.environ.get("OPA"), "opa", str(Path.home() / "go" / "bin" / "opa"))
    return next((found for name in names if name and (found := shutil.which(name))), None)


@contextlib.contextmanager
def serving(opa: str) -> Iterator[tuple[str, Process]]:
    """Run OPA with our rules and yield its URL and its process."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "rules.tar.gz"
        bundle.write_bytes(source_bundle(rules_folder()))
        command = [opa, "run", "--server", "--addr", address, "--bundle", str(bundle)]
        process = subprocess.Popen(
            [*command, "--log-level", "error", "--disable-telemetry"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(f"http://{address}/health?bundles")
            yield f"http://{address}", Process(process.pid)
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310 - ours
            return
        if time.monotonic() > end:
            raise SystemExit("OPA does not answer")
        time.sleep(0.1)


def measure(opa: str, count: int) -> dict[str, Any]:
    """Ask the server and the engine in process."""
    wasm = WasmEngine()
    agreed = agreement()
    rules = lower(agreed, kind="agreement")
    about = circumstances(agreed, rules, datetime.now(UTC))
    request = build_request("access", rules, bundle=wasm.revision, **about)
    with (
        serving(opa) as (url, process),
        contextlib.closing(OpaEngine(url, deadline=5.0)) as server,
    ):
        if server.decide(request) != wasm.decide(request) or not server.decide(request).allow:
            raise SystemExit(f"measured is something else: {server.decide(request).reasons}")
        timed(lambda: server.decide(request), count // 10)
        requests = [request.model_copy(update={"id": str(number)}) for number in range(MANY)]
        before, used = process.cpu_seconds, time.process_time()
        taken = timed(lambda: server.decide(request), count)
        spent, used = process.cpu_seconds - before, time.process_time() - used
        return {
            "opa_ms": distribution(taken, scale=1e3),
            "opa_fastest_tenth_ms": round(sorted(taken)[count // 10] * 1e3, 2),
            "opa_cpu_ms_per_decision": round(spent / count * 1e3, 2),
            "our_cpu_ms_per_decision": round(used / count * 1e3, 2),
            "in_process_ms": distribution(timed(lambda: wasm.decide(request), count), scale=1e3),
            "opa_1000_at_once_ms": distribution(
                timed(lambda: server.decide_many(requests), max(2, count // 200)), scale=1e3
            ),
        }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--count", type=int, help="decisions, by default 2,000")
    arguments.add_argument("--opa", help="the OPA program")
    options = arguments.parse_args()
    opa = find(options.opa)
    if opa is None:
        figures: dict[str, Any] = {"not_measured": "OPA is neither in $OPA nor on the PATH"}
        return finish(figures, (Goal("opa_p50_ms", None, at_most=GOAL_MS),), options)
    figures = measure(opa, options.count or (100 if options.quick else 2_000))
    goals = (Goal("opa_p50_ms", figures["opa_ms"]["p50"], at_most=GOAL_MS),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
