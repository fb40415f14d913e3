"""The official kit is found in its jars, started with our properties, and its log is read.

There are no jars here, so a program of the same name stands where ``java`` would, and logs what the
kit's own source says that it logs.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest
from tests.conformance.official import MAIN, KitError, Log, main_class
from tests.conformance.suite import IDS
from tests.conformance.test_conformance import run

JAVA = """#!/bin/sh
# Arguments: -cp DIR/* MAIN -config FILE
[ "$1" = -cp ] && [ "$4" = -config ] || exit 7
echo "Running $3 with $2"
grep -q '^dataspacetck.dsp.connector.http.base.url=http://127.0.0.1:' "$5" || exit 8
grep -q '^dataspacetck.port=' "$5" || exit 9
"""


def _log(*failed: str) -> str:
    lines = []
    for case in IDS:
        shown = f"{case[:-6]}:{case[-5:].replace('_', '-')}"
        lines.append(f"\x1b[32mStarted: {shown}: Verify something: all of it\x1b[0m")
        lines.append(f"{'FAILED' if case in failed else 'SUCCESSFUL'}: {shown}\n")
    lines.append(f"Passed tests: {len(IDS) - len(failed)}")
    lines.append(f"Failed tests: {len(failed)}")
    for case in failed:
        shown = f"{case[:-6]}:{case[-5:].replace('_', '-')}"
        lines += ["\n   # org.example.SomeTest.case", f"\n     [{shown}: Verify something]"]
        lines += ["     Timeout waiting for state to transition to OFFERED\n"]
    return "\n".join([*lines, "Test run complete", ""])


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    _jar(folder / "dsp-tck-1.0.1.jar", MAIN)
    _jar(folder / "other.jar", "org.example.Thing")
    return folder


def _jar(path: Path, *classes: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in classes:
            archive.writestr(f"{name.replace('.', '/')}.class", b"")


def _java(folder: Path, log: str) -> dict[str, str]:
    """Put a ``java`` on the path that logs this; returns the environment."""
    (folder / "log.txt").write_text(log, encoding="utf-8")
    program = folder / "java"
    program.write_text(f'{JAVA}cat "{folder}/log.txt"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.timeout(60)
def test_a_pass_gives_the_same_report(jars: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run("--kit", str(jars), "--json", str(report), **_java(tmp_path, _log()))
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[0] == f"Running {MAIN} with {jars}/*"
    assert lines[-2:] == ["schema validation: the kit's own", "65 passed, 0 failed"]
    document = json.loads(report.read_text())
    assert [case["id"] for case in document["cases"]] == list(IDS)


@pytest.mark.timeout(60)
def test_a_failure_is_told_with_the_kit_s_words(jars: Path, tmp_path: Path) -> None:
    log = _log("CN_01_01", "TP_C_03_06")
    done = run("--kit", str(jars), **_java(tmp_path, log))
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1]) == (1, "63 passed, 2 failed")
    told = [line for line in lines if line.startswith(("CN_01_01", "TP_C_03_06"))]
    assert [line.split("  ")[-1] for line in told] == [
        "Timeout waiting for state to transition to OFFERED"
    ] * 2


@pytest.mark.timeout(60)
def test_a_kit_that_ran_half_is_no_pass(jars: Path, tmp_path: Path) -> None:
    half = _log().replace("Passed tests: 65", "Passed tests: 4")
    done = run("--kit", str(jars), **_java(tmp_path, half))
    assert done.returncode == 2
    assert "cannot be relied on" in done.stderr


def test_the_jars_say_which_suite_it_is(jars: Path, tmp_path: Path) -> None:
    assert main_class(jars) == MAIN
    later = tmp_path / "later"
    later.mkdir()
    _jar(later / "a.jar", "org.example.LaterTckSuite", "org.example.Thing")
    assert main_class(later) == "org.example.LaterTckSuite"
    _jar(later / "b.jar", "org.example.AnotherTckSuite")
    with pytest.raises(KitError, match="2 suites"):
        main_class(later)
    (later / "c.jar").write_bytes(b"no jar")
    with pytest.raises(KitError, match="is not a jar"):
        main_class(later)
    with pytest.raises(KitError, match="no jars"):
        main_class(tmp_path / "absent")


def test_wrong_usage_is_said() -> None:
    done = run("--kit", "/absent")
    assert (done.returncode, done.stderr) == (2, "there are no jars in /absent\n")


def test_without_counts_the_log_says_nothing() -> None:
    log = Log()
    log.read("SUCCESSFUL: CN:01-01", now=0.0)
    with pytest.raises(KitError, match="counts nothing"):
        log.outcomes()


def test_a_failure_without_a_message() -> None:
    log = Log()
    for line in ("Started: CN_C:01-01: x", "FAILED: CN_C:01-01", "Passed tests: 0"):
        log.read(line, now=1.0)
    log.read("Failed tests: 1", now=2.0)
    (outcome,) = log.outcomes()
    assert (outcome.id, outcome.problem) == ("CN_C_01_01", "failed, the kit does not say why")
