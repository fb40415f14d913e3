"""What a connector costs that nobody uses: memory, CPU, and how long it takes to start.

Run: python benchmarks/idle.py [--json] [--quick] [--starts N] [--seconds S]

A `trustspace serve` process is started several times on one home. The first start makes the
database and compiles every module to bytecode, which an installer often has done already; it is
told apart and not judged. Timed is from starting the process to the line that says that it is
ready. The last one is left alone for a while: its resident memory, its CPU time over that while,
and whether polars or pyarrow were loaded, which they must not be before a table is used. Goals:
start within 2.5 s, below 180 MiB, below 1 % of one core. How long the interpreter takes to start
with nothing to do is told for comparison.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks._service import served
else:
    from _figures import Goal, distribution, finish, parser
    from _service import served

MIB = 1024 * 1024
START_GOAL_SECONDS = 2.5
MEMORY_GOAL_MIB = 180
CPU_GOAL_PERCENT = 1.0
LIBRARIES = ("polars", "pyarrow")
SETTLE_SECONDS = 2


def bare_start() -> float:
    """Return the seconds that the interpreter takes to start and end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - start


def measure(root: Path, *, starts: int, seconds: float) -> dict[str, Any]:
    """Start several times, then watch one that is left alone."""
    taken = []
    for _ in range(starts):
        with served(root, "idle") as service:
            taken.append(service.start_seconds)
    with served(root, "idle") as service:
        taken.append(service.start_seconds)
        time.sleep(SETTLE_SECONDS)
        process = service.process
        cpu, moment = process.cpu_seconds, time.perf_counter()
        time.sleep(seconds)
        used = (process.cpu_seconds - cpu) / (time.perf_counter() - moment)
        resident = process.resident_bytes / MIB
        loaded = [name for name in LIBRARIES if process.has_loaded(name)]
        cpu_of_start = cpu
    return {
        "first_start_seconds": round(taken[0], 2),
        "start_seconds": distribution(taken[1:]),
        "start_cpu_seconds": round(cpu_of_start, 2),
        "bare_interpreter_seconds": round(min(bare_start() for _ in range(3)), 3),
        "resident_mib": round(resident, 1),
        "loaded": loaded,
        "cpu_percent": round(used * 100, 2),
        "watched_seconds": seconds,
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--starts", type=int, help="before the last one, by default 5")
    arguments.add_argument("--seconds", type=float, help="how long it is watched, by default 20")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder),
            starts=options.starts or (2 if options.quick else 5),
            seconds=options.seconds or (3 if options.quick else 20),
        )
    goals = (
        Goal("start_p50_seconds", figures["start_seconds"]["p50"], at_most=START_GOAL_SECONDS),
        Goal("resident_mib", figures["resident_mib"], at_most=MEMORY_GOAL_MIB),
        Goal("cpu_percent", figures["cpu_percent"], at_most=CPU_GOAL_PERCENT),
        Goal("loaded", len(figures["loaded"]), at_most=0),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
