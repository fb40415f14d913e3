"""Whether the engine's memory stays flat over 100,000 decisions.

Run: python benchmarks/engine_memory.py [--json] [--quick] [--count N]

The decision is that of `decision.py`; every hundredth is a batch of a hundred beside, every tenth
denies. After a warm-up of 5,000 decisions the memory of this process (from ``/proc``, hence on
Linux only) is read, and again after each tenth of the rest. The goal is that the largest and the
last reading are within 5 % of the first.
"""

from __future__ import annotations

import gc
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trustspace.policy.facts import build_request
from trustspace.policy.lower import lower
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
    from benchmarks._service import Process
    from benchmarks.decision import agreement, circumstances
else:
    from _figures import Goal, finish, parser
    from _service import Process
    from decision import agreement, circumstances

COUNT = 100_000
WARM_UP = 5_000
READINGS = 10
BATCH = 100
GOAL = 0.05


def measure(count: int) -> dict[str, Any]:
    """Decide and read."""
    engine = WasmEngine()
    agreed = agreement()
    rules = lower(agreed, kind="agreement")
    about = circumstances(agreed, rules, datetime.now(UTC))
    request = build_request("access", rules, bundle=engine.revision, **about)
    denied = request.model_copy(update={"action": "odrl:delete", "facts": {}})
    own = Process(os.getpid())
    allowed = 0

    def decide(number: int) -> int:
        named = request.model_copy(update={"id": f"decision-{number}"})
        if number % BATCH == 0:
            engine.decide_many([named] * BATCH)
        return engine.decide(denied if number % 10 == 9 else named).allow

    for number in range(min(WARM_UP, count // 10)):
        decide(number)
    gc.collect()
    readings = [own.resident_bytes]
    for reading in range(READINGS):
        first = reading * count // READINGS
        for number in range(first, first + count // READINGS):
            allowed += decide(number)
        gc.collect()
        readings.append(own.resident_bytes)
    if not 0 < allowed < count:
        raise SystemExit("measured is something else")
    start = readings[0]
    return {
        "decisions": count,
        "of_these_in_batches": count // BATCH * BATCH,
        "readings_mib": [round(one / 2**20, 1) for one in readings],
        "largest_change": round(max(abs(one - start) for one in readings) / start, 4),
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--count", type=int, help="decisions, by default 100,000")
    options = arguments.parse_args()
    figures = measure(options.count or (2_000 if options.quick else COUNT))
    goals = (Goal("largest_change", figures["largest_change"], at_most=GOAL),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
