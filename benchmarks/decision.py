"""How long a policy decision takes: in full, on lease, and a thousand at once.

Run: python benchmarks/decision.py [--json] [--quick] [--count N]

The agreement permits use under five constraints (purpose, time, count, recipient, place), prohibits
use at another place, and obliges to delete and to log. Timed in one process, after a warm-up:

    decision   what the connector does at access: facts to a request, the engine's answer read and
               checked against what can be enforced (`trustspace.policy.facts.evaluate`)
    engine     the engine alone, `WasmEngine.decide` on a request that is ready
    leased     a decision on loan: the clock, `Lease.valid` and the gate of the delivery
    many       `WasmEngine.decide_many` on a thousand requests

Goals: a median of 1 ms in full, and of 20 µs on lease. The ratio is to the plain Python oracle of
the tests on the same request in the same run; it has no limits, deadline or checked documents.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace import terms
from trustspace.connector.delivering.gates import Gates
from trustspace.model.odrl import Agreement
from trustspace.policy.decision import Decision, DecisionRequest, Fact, PolicyIR
from trustspace.policy.facts import (
    Circumstances,
    agreement_facts,
    build_request,
    count_fact,
    dataset,
    evaluate,
    participant,
    place_fact,
    purpose_fact,
)
from trustspace.policy.lease import Lease
from trustspace.policy.lower import lower
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
else:
    from _figures import Goal, distribution, finish, parser

MANY = 1_000
CONSUMER = "did:web:bank.example"
DATASET = "rose-prices"
ELSEWHERE = {"leftOperand": "spatial", "operator": "eq", "rightOperand": "US"}
"""Of the prohibition: one of another action would be left out before the engine is asked."""

FULL_GOAL_MS = 1.0
LEASED_GOAL_US = 20.0
CALLS_PER_SAMPLE = 100
"""Of what takes about a microsecond; one call is too short for the clock."""


def agreement() -> Agreement:
    """Return an agreement with five constraints, a prohibition and two duties."""
    rules = terms(
        purpose="credit-scoring",
        until="2035-01-01",
        count=1_000_000,
        recipient=CONSUMER,
        spatial="CN",
        delete_after=timedelta(days=30),
        log=True,
    )
    return Agreement.read(
        {
            "@id": "urn:uuid:00000000-0000-4000-8000-000000000001",
            "@type": "Agreement",
            "target": DATASET,
            "assigner": "did:web:garden.example",
            "assignee": CONSUMER,
            "timestamp": "2026-01-01T00:00:00Z",
            **rules,
            "prohibition": [{"action": "use", "constraint": [ELSEWHERE]}],
        }
    )


def circumstances(agreed: Agreement, rules: PolicyIR, now: datetime) -> Circumstances:
    """Return who asks for what, and the facts that the rules need."""
    facts: Mapping[str, Fact] = {
        "odrl:purpose": purpose_fact(["credit-scoring"]),
        "odrl:count": count_fact(
            {rule.counter: 7 for rule in rules.permissions if rule.counter is not None}
        ),
        "odrl:spatial": place_fact("CN-SH"),
    }
    return Circumstances(
        action="odrl:use",
        subject=participant(CONSUMER),
        resource=dataset(DATASET),
        agreement=agreement_facts(agreed, state="FINALIZED", signed=now - timedelta(days=1)),
        facts=facts,
        now=now,
    )


def timed(call: Callable[[], object], count: int, *, at_a_time: int = 1) -> list[float]:
    """Return the seconds of each call, or the mean of each group of calls."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        for _ in range(at_a_time):
            call()
        taken.append((time.perf_counter() - start) / at_a_time)
    return taken


def leased_check(decision: Decision) -> Callable[[], object]:
    """Return what is asked before each piece of a delivery under a lease."""
    lease = Lease.of(decision, issued_at=datetime.now(UTC), epoch=0)
    gate = Gates().open(agreement_id="urn:uuid:a", transfer_pid="urn:uuid:t")

    def check() -> None:
        if not lease.valid(datetime.now(UTC), 0):
            raise SystemExit("the lease ended during the measurement")
        gate.check()

    return check


def oracle() -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """Return the tests' oracle, or None where the tests are not there."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    try:
        module = importlib.import_module("tests.policy.oracle")
    except ImportError:
        return None
    found: Callable[[dict[str, Any]], dict[str, Any]] = module.decide
    return found


def measure(count: int, many: int) -> dict[str, Any]:
    """Measure every kind."""
    engine = WasmEngine()
    agreed = agreement()
    rules = lower(agreed, kind="agreement")
    about = circumstances(agreed, rules, datetime.now(UTC))
    request = build_request("access", rules, bundle=engine.revision, **about)
    decision = evaluate(engine, "access", rules, **about)
    _check(request, decision)

    def full() -> Decision:
        return evaluate(engine, "access", rules, **about)

    timed(full, count // 10)
    figures: dict[str, Any] = {
        "input_bytes": len(request.model_dump_json()),
        "decision_ms": distribution(timed(full, count), scale=1e3, digits=3),
        "engine_ms": distribution(
            timed(lambda: engine.decide(request), count), scale=1e3, digits=3
        ),
        "leased_us": distribution(
            timed(leased_check(decision), count, at_a_time=CALLS_PER_SAMPLE), scale=1e6
        ),
    }
    requests = [request.model_copy(update={"id": str(number)}) for number in range(many)]
    batches = timed(lambda: engine.decide_many(requests), max(2, count // 400))
    figures["many"] = {
        "requests": many,
        "ms": distribution(batches, scale=1e3, digits=1),
        "us_per_decision": round(min(batches) / many * 1e6, 1),
    }
    decide = oracle()
    if decide is not None:
        document = request.model_dump(mode="json")
        if decide(document) != engine.decide(request).model_dump(mode="json"):
            raise SystemExit("the oracle decides otherwise")
        found = distribution(timed(lambda: decide(document), count), scale=1e3, digits=3)
        figures["oracle_ms"] = found
        figures["engine_to_oracle"] = round(figures["engine_ms"]["p50"] / found["p50"], 2)
    return figures


def _check(request: DecisionRequest, decision: Decision) -> None:
    """Hold the request to what the module says of it."""
    (policy,) = request.policies
    (permission,) = policy.permissions
    parts = (len(permission.leaves), len(policy.prohibitions), len(policy.obligations))
    if parts != (5, 1, 2) or not decision.allow:
        raise SystemExit(f"measured is something else: {parts}, {decision.reasons}")


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--count", type=int, help="decisions of each kind, by default 4,000")
    options = arguments.parse_args()
    count = options.count or (200 if options.quick else 4_000)
    figures = measure(count, MANY)
    goals = (
        Goal("decision_p50_ms", figures["decision_ms"]["p50"], at_most=FULL_GOAL_MS),
        Goal("leased_p50_us", figures["leased_us"]["p50"], at_most=LEASED_GOAL_US),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
