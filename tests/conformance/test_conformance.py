"""The whole suite: our connector under test, a process of its own, passes every case of the kit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conformance.__main__ import schemas_folder
from tests.conformance.connector import ROOT
from tests.conformance.suite import CASES, DISABLED, IDS

COMMAND = (sys.executable, "-m", "tests.conformance")


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_cases_are_those_of_the_kit() -> None:
    assert len(set(IDS)) == len(IDS) == 65
    assert sorted(CASES) == sorted((*IDS, *DISABLED))


@pytest.mark.timeout(180)
def test_every_case_passes(tmp_path: Path) -> None:
    done = run("--json", str(tmp_path / "report.json"), "--markdown", str(tmp_path / "report.md"))
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[-1] == "65 passed, 0 failed"
    validated = "every message against the official schemas" if schemas_folder() else "not run"
    assert lines[-2].startswith(f"schema validation: {validated}")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["passed"], report["failed"]) == (65, 0)
    assert [case["id"] for case in report["cases"]] == list(IDS)
    assert {case["outcome"] for case in (*report["cases"], *report["disabled"])} == {"passed"}
    assert [case["id"] for case in report["disabled"]] == list(DISABLED)
    assert (tmp_path / "report.md").read_text().count("| passed |") == 67


@pytest.mark.timeout(60)
def test_some_cases_without_the_schemas(tmp_path: Path) -> None:
    """A user's machine need not have them, CI must."""
    absent = str(tmp_path / "absent")
    done = run("MET_01_01", "TP_03_01", SCHEMAS=absent, CI="")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[-2].startswith("schema validation: not run")
    assert lines[-1] == "2 passed, 0 failed"
    done = run("MET_01_01", SCHEMAS=absent, CI="true")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "1 passed, 0 failed")


def test_an_unknown_case_is_wrong_usage() -> None:
    done = run("CN_99_99")
    assert (done.returncode, done.stdout) == (2, "")
    assert "CN_99_99" in done.stderr


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.soak
def test_three_runs_in_a_row_beside_a_busy_core() -> None:
    with busy_core():
        for _ in range(3):
            done = run()
            assert done.stdout.splitlines()[-1] == "65 passed, 0 failed", done.stdout
            assert done.returncode == 0
