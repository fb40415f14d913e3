"""``trustspace policy lint``: files in, findings and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.policy.opa_server import find_opa
from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.cli.opa_program import OpaProgram

POLICIES = Path(__file__).parents[2] / "policies"
TWICE = {
    "uid": "urn:p",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": "dateTime",
                    "operator": "lt",
                    "rightOperand": "2026-01-01T00:00:00Z",
                },
                {"leftOperand": "ts:mask", "operator": "isAllOf", "rightOperand": ["phnoe:null"]},
            ],
        }
    ],
}
SITE = """package trustspace.site

conditions contains "acme:x"

holds("acme:x", q) if acme(q)

acme(q) if q.action == "odrl:use"
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", "lint", *map(str, arguments)])


def write(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def opa() -> Path:
    return find_opa()


def test_a_policy(tmp_path: Path):
    file = write(tmp_path / "policy.json", TWICE)
    done = run(file, "--now", "2025-06-01T00:00:00Z")
    assert (done.exit_code, done.stdout) == (
        0,
        "1 policies and 0 files of Rego: 0 errors, 0 warnings, 0 notes\n",
    )
    late = run(file, "--now", "2026-06-01")
    assert late.exit_code == 0
    assert "/permission/0/constraint/0: warning date.expired: 2025-12-31T23:59:59Z" in late.stdout
    assert run(file, "--now", "2026-06-01T00:00:00+08:00", "--strict").exit_code == 1
    chinese = run(file, "--column", "phone", "--language", "zh")
    assert chinese.exit_code == 1
    assert "error column.unknown: 表中没有列 phnoe" in chinese.stdout


def test_a_table_and_json(tmp_path: Path):
    file = write(tmp_path / "policy.json", TWICE)
    table = write(tmp_path / "roses.csv", "phone,grade\n1,A\n")
    done = run(file, "--table", table, "--column", "more", "--now", "2025-01-01", "--json")
    assert done.exit_code == 1
    shown = json.loads(done.stdout)
    (only,) = shown.pop("findings")
    assert only["words"]["en"].endswith("it has: phone, grade, more")
    assert (only["file"], only["rule"], only["line"]) == (str(file), "column.unknown", None)
    assert shown == {
        "errors": 1,
        "warnings": 0,
        "notes": 0,
        "policies": 1,
        "rego_files": 0,
        "not_run": None,
    }


def test_cases_and_folders(tmp_path: Path):
    write(tmp_path / "a.json", [{"policy": TWICE, "cases": [{"expect": "deny"}]}])
    write(tmp_path / "b.json", {"policy": {"broken": 1}, "cases": [{"expect": "refused"}]})
    write(tmp_path / "c.json", {"policy": "a.json", "cases": [{"expect": "deny"}]})
    write(tmp_path / "d.json", "no JSON")
    write(tmp_path / "e.json", [1, {"some": "data"}])
    write(tmp_path / "f.jsonld", {"@type": "Offer", "uid": "urn:f"})
    write(tmp_path / "g.json", [TWICE])
    done = run(tmp_path, "--now", "2026-06-01")
    assert done.exit_code == 1
    lines = [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in done.stdout.splitlines()]
    assert lines == [
        "a.json#/0/policy /permission/0/constraint/0",
        "f.jsonld",
        "g.json#/0 /permission/0/constraint/0",
        "3 policies and 0 files of Rego",
    ]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [("none.json", None, "is not there"), ("a.json", "{", "JSON"), ("empty", None, "is not there")],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: str | None, word: str):
    file = tmp_path / name if content is None else write(tmp_path / name, content)
    done = run(file)
    assert done.exit_code == 2
    assert word in done.stderr


def test_a_folder_without_anything(tmp_path: Path):
    done = run(tmp_path)
    assert done.exit_code == 2
    assert "neither a policy nor Rego" in done.stderr


def test_anything_that_is_named_is_a_policy(tmp_path: Path):
    done = run(write(tmp_path / "odd.json", {"some": "data"}))
    assert done.exit_code == 1
    assert "policy.refused" in done.stdout


def test_without_opa_nothing_has_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "site" / "acme.rego", SITE)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OPA", raising=False)
    done = run(tmp_path)
    assert done.exit_code == 7
    assert "not run: the 1 files of Rego" in done.stdout
    assert "go install" in json.loads(run(tmp_path, "--json").stdout)["not_run"]
    write(tmp_path / "policy.json", TWICE)
    assert run(tmp_path, "--column", "phone").exit_code == 1
    named = run(tmp_path, "--opa", tmp_path / "opa")
    assert named.exit_code == 2
    assert "is no program" in named.stderr


@pytest.mark.external
def test_a_site_alone_is_checked_beside_the_core(opa: Path, tmp_path: Path):
    file = write(tmp_path / "site" / "acme.rego", SITE)
    done = run(tmp_path, "--opa", opa)
    assert (done.exit_code, done.stdout) == (
        0,
        "0 policies and 1 files of Rego: 0 errors, 0 warnings, 0 notes\n",
    )
    write(file, SITE.replace("q.action", "input.action"))
    assert f"{file}:7: error rego.input" in run(file, "--opa", opa).stdout
    write(file, SITE.replace("acme(q) if", "acme(q)  if"))
    assert f"{file}: error rego.format" in run(file, "--opa", opa).stdout
    write(file, SITE.replace('q.action == "odrl:use"', "q.now < time.now_ns()"))
    assert f"{file}:7: error rego.builtin: time.now_ns" in run(file, "--opa", opa).stdout
    write(file, SITE + "\nunused(x) := 1\n")
    assert f"{file}:9: error rego.check" in run(file, "--opa", opa).stdout
    write(file, "package trustspace.site\n\nf( :=\n")
    assert f"{file}:3: error rego.parse" in run(file, "--opa", opa).stdout


@pytest.mark.external
def test_tests_are_run_and_measured(opa: Path, tmp_path: Path):
    write(tmp_path / "site" / "acme.rego", SITE)
    write(tmp_path / "policy.json", TWICE)
    tested = "package acme_test\n\nimport data.trustspace.site\n\n"
    test = write(tmp_path / "acme_test.rego", "package acme_test\n\ntest_one if 1 == 1\n")
    poor = run(tmp_path, "--opa", opa)
    assert poor.exit_code == 1
    assert "error rego.coverage: the tests cover" in poor.stdout
    assert run(tmp_path, "--opa", opa, "--coverage", 0).exit_code == 0
    write(
        test,
        tested
        + 'test_one if site.holds("acme:x", {"action": "odrl:use"})\n\n'
        + "test_two if count(site.conditions) > 0\n",
    )
    good = run(tmp_path, "--opa", opa, "--run", "test_(one|two)")
    assert good.exit_code == 0, good.stdout
    write(test, tested + "test_one if site.nothing\n\ntest_two if 1 == 1\n")
    failing = run(tmp_path, "--opa", opa)
    assert failing.exit_code == 1
    assert f"{test}:5: error rego.test: a test fails: test_one" in failing.stdout
    write(test, tested + "test_one if unheard(1)\n")
    assert "rego.check" in run(tmp_path, "--opa", opa).stdout


@pytest.mark.external
@pytest.mark.timeout(120)
def test_our_own_policies_pass(opa: Path):
    folders = [POLICIES / name for name in ("bundle", "test", "cases", "examples", "templates")]
    names = "stumbling|site|decide|undefined|trace"
    done = run(*folders, "--opa", opa, "--run", names, "--json")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["errors"], shown["not_run"]) == (0, 0, None), done.stdout
    assert shown["policies"] >= 15
    assert shown["rego_files"] >= 20
    rules = {finding["rule"] for finding in shown["findings"]}
    assert rules <= {"term.contractual", "rego.negation"}


def test_opa_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    slow = write(tmp_path / "opa", "#!/bin/sh\nexec sleep 20\n")
    slow.chmod(0o755)
    monkeypatch.setattr("trustspace.cli.opa_program.SECONDS", 0.2)
    with pytest.raises(TimeoutError, match="longer than"):
        OpaProgram(str(slow)).run("parse")
