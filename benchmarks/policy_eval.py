"""How fast `trustspace policy eval` answers: a batch of 100, and one rule of 262 alternatives.

Run: python benchmarks/policy_eval.py [--json] [--quick] [--rounds N]

    batch        100 questions, each with a policy of its own that is read anew, through
                 `trustspace policy eval --batch --json` as a program of its own, start included
    alternatives a permission with an ``or`` of 262 ``and``s of two constraints, of which the last
                 one holds: `trustspace.policy.odrl.evaluation.evaluate`, the policy read each time

CPU time is told beside: it grows less with what else the machine does. Goals: 5 s for the batch,
and a median of 50 ms for a decision with the alternatives.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
else:
    from _figures import Goal, distribution, finish, parser

BATCH = 100
ALTERNATIVES = 262
BATCH_GOAL_SECONDS = 5.0
DECISION_GOAL_MS = 50.0

Json = dict[str, Any]


def constraint(left: str, op: str, right: Any) -> Json:  # noqa: ANN401 - any right operand
    """Return a constraint."""
    return {"leftOperand": left, "operator": op, "rightOperand": right}


def question(number: int) -> Json:
    """Return a question with a policy of its own: permission, prohibition and duty."""
    return {
        "id": f"q{number}",
        "policy": {
            "@context": "http://www.w3.org/ns/odrl.jsonld",
            "@type": "Set",
            "uid": f"urn:policy:{number}",
            "permission": [
                {
                    "action": "use",
                    "target": "urn:asset",
                    "constraint": [
                        constraint("dateTime", "lt", "2035-01-01T00:00:00Z"),
                        constraint("purpose", "isAnyOf", ["urn:research", f"urn:project:{number}"]),
                        {
                            "or": [
                                constraint("count", "lteq", number + 1),
                                constraint("recipient", "eq", "urn:bob"),
                            ]
                        },
                    ],
                    "duty": [{"uid": "urn:duty", "action": "attribute"}],
                }
            ],
            "prohibition": [{"action": "distribute", "target": "urn:asset"}],
        },
        "request": {
            "party": "urn:bob",
            "action": "use",
            "target": "urn:asset",
            "context": {"purpose": f"urn:project:{number}", "count": 3, "recipient": "urn:bob"},
        },
        "world": {"time": "2026-11-25T00:00:00Z", "duties": {"urn:duty": {"state": "fulfilled"}}},
    }


def alternatives() -> Json:
    """Return a question about a rule of many alternatives, of which the last one holds."""
    branches = [
        {
            "and": [
                constraint("purpose", "eq", f"urn:purpose:{number}"),
                constraint("count", "lteq", number + 1),
            ]
        }
        for number in range(ALTERNATIVES)
    ]
    return {
        "policy": {
            "uid": "urn:p",
            "permission": [{"action": "use", "constraint": {"or": branches}}],
        },
        "request": {
            "action": "use",
            "context": {"purpose": f"urn:purpose:{ALTERNATIVES - 1}", "count": 3},
        },
    }


def batch(size: int) -> float:
    """Return the seconds that one batch takes as a program."""
    text = "\n".join(json.dumps(question(number)) for number in range(size))
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "trustspace", "policy", "eval", "--batch", "--json"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    taken = time.perf_counter() - start
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != size or any(answer["decision"] != "permit" for answer in answers):
        raise SystemExit("measured is something else")
    return taken


def measure(rounds: int) -> dict[str, Any]:
    """Measure both."""
    engine, asked = WasmEngine(), alternatives()
    if evaluate(engine, asked)["decision"] != "permit":
        raise SystemExit("measured is something else")
    taken, spent = [], []
    for _ in range(10 * rounds):
        start, used = time.perf_counter(), time.process_time()
        evaluate(engine, asked)
        taken.append(time.perf_counter() - start)
        spent.append(time.process_time() - used)
    before = _children_cpu()
    batches = [batch(BATCH) for _ in range(max(2, rounds))]
    return {
        "batch_of_100_seconds": distribution(batches),
        "batch_cpu_seconds": round((_children_cpu() - before) / len(batches), 2),
        "alternatives_ms": distribution(taken, scale=1e3, digits=1),
        "alternatives_cpu_ms": distribution(spent, scale=1e3, digits=1),
    }


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, help="batches, by default 10")
    options = arguments.parse_args()
    figures = measure(options.rounds or (2 if options.quick else 10))
    goals = (
        Goal(
            "batch_max_seconds", figures["batch_of_100_seconds"]["max"], at_most=BATCH_GOAL_SECONDS
        ),
        Goal("alternatives_p50_ms", figures["alternatives_ms"]["p50"], at_most=DECISION_GOAL_MS),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
