"""Every decision case through WebAssembly, the oracle, and ``opa test``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.policy import documents, oracle

from trustspace.policy.decision import REASONS
from trustspace.policy.wasm import WasmEngine


@pytest.mark.parametrize("name", documents.CASES)
def test_case_decides_as_written(engine: WasmEngine, name: str):
    case = documents.CASES[name]
    decision = engine.decide(documents.read_request(case, engine.revision))
    assert json.loads(decision.model_dump_json()) == documents.expected(case, engine.revision)


def test_oracle_agrees_with_every_case(engine: WasmEngine):
    for name, case in documents.CASES.items():
        request = documents.request(case, engine.revision)
        if request["bundle"] == engine.revision:
            assert oracle.decide(request) == documents.expected(case, engine.revision), name


def test_batch_decides_as_one_by_one(engine: WasmEngine):
    cases = list(documents.CASES.values())
    decisions = engine.decide_many([documents.read_request(c, engine.revision) for c in cases])
    expected = [documents.expected(c, engine.revision) for c in cases]
    assert [json.loads(d.model_dump_json()) for d in decisions] == expected


def test_cases_name_every_reason_the_rules_can_give():
    given = {
        reason["id"]
        for case in documents.CASES.values()
        for reason in case["expect"].get("reasons", [])
    }
    engine_only = {name for name in REASONS if name.startswith(("engine.", "pep.", "site."))}
    assert given - {"engine.revision"} == REASONS.keys() - engine_only


def test_there_are_four_hundred_cases():
    assert len(documents.CASES) >= 400


@pytest.mark.parametrize("name", ["write_cases.py", "write_operand_cases.py"])
def test_written_cases_are_current(name: str):
    script = documents.POLICIES / name
    done = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def opa_test(opa: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [opa, "test", "--timeout", "60s", *flags, "bundle", "test", "cases"]
    return subprocess.run(
        command, cwd=documents.POLICIES, capture_output=True, text=True, check=False
    )


@pytest.mark.external
def test_opa_runs_the_cases(opa: Path):
    done = opa_test(opa)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("PASS")


@pytest.mark.external
@pytest.mark.timeout(120)
def test_cases_cover_the_rules(opa: Path):
    # The cases go in once, as a batch: tracing makes them slow.
    done = opa_test(
        opa, "--coverage", "--threshold", "95", "--run", "stumbling|site|decide|undefined|trace"
    )
    assert done.returncode == 0, done.stdout + done.stderr
