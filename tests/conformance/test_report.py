"""Lines, JSON and Markdown of a run, and what makes it a pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.conformance.report import Report, line_of
from tests.conformance.suite import DISABLED, IDS, Outcome

PASSED = Report("a driver", "run", [Outcome(case, seconds=0.5) for case in (*IDS, *DISABLED)])
BROKEN = Outcome("CN_01_01", "wrong | and\nlong", 1.25)


def test_a_pass() -> None:
    assert PASSED.passed
    assert PASSED.tail() == [
        "disabled in the kit, played all the same:",
        "TP_02_04      passed   0.50 s",
        "TP_C_02_04    passed   0.50 s",
        "schema validation: run",
        "65 passed, 0 failed",
    ]


def test_a_failure_is_no_pass() -> None:
    outcomes = [BROKEN if one.id == BROKEN.id else one for one in PASSED.outcomes]
    report = replace(PASSED, outcomes=outcomes)
    assert not report.passed
    assert report.summary == "64 passed, 1 failed"
    assert line_of(BROKEN) == "CN_01_01      FAILED   1.25 s  wrong | and\nlong"
    assert "| CN_01_01 | FAILED | 1.25 | wrong \\| and long |" in report.as_markdown()
    found = json.loads(report.as_json())
    assert (found["passed"], found["failed"]) == (64, 1)
    assert found["cases"][4]["problem"] == BROKEN.problem


def test_a_failure_of_a_disabled_case_is_told_apart() -> None:
    outcomes = [*PASSED.outcomes[:-1], Outcome(DISABLED[1], "wrong")]
    report = replace(PASSED, outcomes=outcomes)
    assert report.summary == "65 passed, 0 failed"
    assert not report.passed
    assert json.loads(report.as_json())["disabled"][1]["outcome"] == "failed"


@pytest.mark.parametrize("outcomes", [PASSED.outcomes[1:], [*PASSED.outcomes, Outcome("CN_9_9")]])
def test_other_cases_are_no_pass(outcomes: list[Outcome]) -> None:
    report = replace(PASSED, outcomes=outcomes)
    assert not report.passed
    assert any("not those of the kit" in line for line in report.tail())


def test_a_case_twice_is_no_pass() -> None:
    assert not replace(PASSED, outcomes=[*PASSED.outcomes, PASSED.outcomes[0]]).passed


def test_without_the_disabled_cases() -> None:
    report = replace(PASSED, outcomes=PASSED.counted)
    assert report.passed
    assert report.tail() == ["schema validation: run", "65 passed, 0 failed"]
    assert "Disabled in the kit: not played." in report.as_markdown()
