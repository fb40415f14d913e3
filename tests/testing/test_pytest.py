"""The plugin as a project uses it, in runs of pytest of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = 'pytest_plugins = ["trustspace.testing.pytest"]\n'
POLICY = {
    "uid": "urn:p",
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "count", "operator": "lteq", "rightOperand": 10}],
        }
    ],
}


def case(count: int, expect: str, **more: Any) -> dict[str, Any]:
    request = {"action": "use", "context": {"count": count}}
    return {"name": f"use {count}", "request": request, "expect": expect, **more}


def write(pytester: pytest.Pytester, name: str, document: Any) -> None:
    file = pytester.path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(PLUGIN)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest("-p", "no:xdist", "-p", "no:cacheprovider", *arguments)


def test_cases_become_tests(project: pytest.Pytester):
    write(project, "policies/ten.json", POLICY)
    found = {"policy": "../ten.json", "cases": [case(10, "permit"), case(11, "deny")]}
    write(project, "policies/cases/ten.json", found)
    write(
        project, "somewhere/more.cases.json", [{"policy": POLICY, "cases": [case(1, "permit")]}] * 2
    )
    write(project, "somewhere/data.json", {"other": "data"})
    done = run(project, "-v")
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines(["*ten.json::use 11 PASSED*", "*more.cases.json::use 1 (2) PASSED*"])
    run(project, "-k", "11").assert_outcomes(passed=1, deselected=3)


def test_a_case_that_fails_says_why(project: pytest.Pytester):
    write(project, "a.cases.json", {"policy": POLICY, "cases": [case(11, "permit")]})
    done = run(project)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*a.cases.json: use 11*",
            "expected permit, found deny: *at most 10*",
            '*"decision": "deny",*',
        ]
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "*a.cases.json: *JSON*"),
        ({"policy": "none.json", "cases": []}, "*a.cases.json: *none.json*"),
        ({"policy": {}, "cases": [{"name": "a"}]}, "*a.cases.json#/cases/0/expect: *"),
    ],
)
def test_a_file_that_is_none_of_cases(project: pytest.Pytester, content: Any, words: str):
    write(project, "a.cases.json", content)
    done = run(project)
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([words])


def test_settings(project: pytest.Pytester):
    policy = {
        "@context": {"ex": "http://example.org/"},
        "uid": "urn:p",
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {"leftOperand": "ex:day", "operator": "eq", "rightOperand": "monday"}
                ],
            }
        ],
    }
    request = {"action": "use", "context": {"ex:day": "monday"}}
    one = {"name": "monday", "request": request, "expect": "permit"}
    write(project, "mine/a.json", {"policy": policy, "cases": [one]})
    project.makeini(
        "[pytest]\ntrustspace_cases =\n  mine/*.json\ntrustspace_operands =\n  ex:day=string\n"
    )
    run(project).assert_outcomes(passed=1)
    project.makeini("[pytest]\ntrustspace_cases =\n  mine/*.json\n")
    run(project).assert_outcomes(failed=1)
    project.makeini(
        "[pytest]\ntrustspace_cases =\n  mine/*.json\ntrustspace_operands =\n  ex:day\n"
    )
    wrong = run(project)
    wrong.assert_outcomes(failed=1)
    wrong.stdout.fnmatch_lines(["*declares no operand*"])


def test_fixtures_of_policies(project: pytest.Pytester):
    project.makepyfile(
        f"""
        POLICY = {POLICY!r}

        def test_uses(evaluate_policy, policy_engine):
            request = {{"action": "use", "context": {{"count": 10}}}}
            assert evaluate_policy(POLICY, request)["decision"] == "permit"
            assert evaluate_policy(POLICY, {{"action": "use"}}, {{}})["decision"] == "deny"
            assert policy_engine.revision.startswith("sha256:")
        """
    )
    run(project).assert_outcomes(passed=1)


def test_an_opa_server_decides_the_cases(project: pytest.Pytester):
    write(project, "a.cases.json", {"policy": POLICY, "cases": [case(10, "permit")]})
    done = run(project, "--policy-opa", "http://127.0.0.1:9")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["the engine failed: engine.unavailable"])


@pytest.mark.timeout(60)
def test_the_page_of_the_guide(project: pytest.Pytester):
    page = (ROOT / "docs" / "guide" / "testing-policies.md").read_text(encoding="utf-8")
    conftest, fixtures, properties = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert conftest == PLUGIN
    project.makepyfile(test_fixtures=fixtures, test_properties=properties)
    run(project, "-x").assert_outcomes(passed=3)
