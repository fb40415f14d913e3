"""The cases notice a fault in the rules, or it is known to change nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.policy import documents, mutants

from trustspace.errors import ConfigurationError
from trustspace.policy.wasm import WasmEngine

EQUIVALENT: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "equivalent_mutants.json").read_bytes()
)
"""Mutants that decide alike, by the reason why."""

KNOWN = {name for names in EQUIVALENT.values() for name in names}


def survivors(
    chosen: list[mutants.Mutant], opa: Path, folder: Path, engine: WasmEngine
) -> list[str]:
    """Return the names of mutants that no case tells from the rules."""
    cases = [documents.read_request(case, engine.revision) for case in documents.CASES.values()]
    decisions = engine.decide_many(cases)
    traces = [engine.trace(case) for case in cases]
    found = []
    for mutant in chosen:
        policy = mutants.compiled(opa, mutant, folder / "rules")
        if policy is None:
            continue
        try:
            faulty = WasmEngine(policy)
        except ConfigurationError:
            continue
        if faulty.decide_many(cases) == decisions and [*map(faulty.trace, cases)] == traces:
            found.append(mutant.name)
    return found


@pytest.mark.external
@pytest.mark.timeout(120)
def test_some_faults_are_noticed(opa: Path, tmp_path: Path, engine: WasmEngine):
    chosen = random.Random(20).sample(mutants.mutants(), 20)  # noqa: S311 - a sample of faults
    assert set(survivors(chosen, opa, tmp_path, engine)) <= KNOWN


@pytest.mark.soak
@pytest.mark.external
def test_every_fault_is_noticed(opa: Path, tmp_path: Path, engine: WasmEngine):
    every = mutants.mutants()
    assert len(every) >= 180
    found = set(survivors(every, opa, tmp_path, engine))
    assert found == KNOWN
