"""Cases of policies on the command line, in process and on a real OPA server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.policy.opa_server import find_opa, opa_server
from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.source_bundle import rules_folder, source_bundle

TEMPLATES = Path(__file__).parents[2] / "policies" / "templates"
OPERANDS = TEMPLATES.parent / "operands"
"""Each operand true, false and unknown, permitted and prohibited."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


def test_the_cases_of_the_templates_pass():
    done = run("test", TEMPLATES)
    assert done.exit_code == 0, done.output
    assert "0 failed" in done.stdout
    assert json.loads(run("test", TEMPLATES, "--json").stdout)["failed"] == 0


def test_a_case_that_fails_says_why(tmp_path: Path):
    whole = json.loads((TEMPLATES / "count.json").read_text(encoding="utf-8"))
    (tmp_path / "policy.json").write_text(json.dumps(whole["policy"]), encoding="utf-8")
    whole["policy"] = "policy.json"
    whole["cases"][0]["expect"] = "deny"
    file = tmp_path / "count.cases.json"
    file.write_text(json.dumps(whole), encoding="utf-8")
    done = run("test", tmp_path)
    assert done.exit_code == 1
    assert f"FAIL {file}: the last use\n       expected deny, found permit" in done.stdout
    assert done.stdout.endswith("2 passed, 1 failed\n")
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([whole]), encoding="utf-8")
    assert run("test", listed).exit_code == 1


def test_a_file_without_cases_is_told(tmp_path: Path):
    assert "there are no cases" in run("test", tmp_path).stderr
    file = tmp_path / "odd.json"
    file.write_text("3", encoding="utf-8")
    assert f"{file}: a file of cases is" in run("test", file).stderr
    assert "there is no server" in run("test", TEMPLATES, "--engine", "opa").stderr


def test_the_cases_pass_on_an_opa_server(tmp_path: Path):
    with opa_server(find_opa(), source_bundle(rules_folder()), tmp_path) as url:
        done = run("test", TEMPLATES, "--engine", "opa", "--url", url)
    assert done.exit_code == 0, done.output
    token = tmp_path / "token"
    token.write_text("secret\n", encoding="utf-8")
    gone = run(
        "test", TEMPLATES / "count.json", "--engine", "opa", "--url", url, "--token-file", token
    )
    assert gone.exit_code == 1
    assert "the engine failed: engine.unavailable" in gone.stdout


def test_coverage_names_what_no_case_exercises():
    done = run("coverage", TEMPLATES / "duration.json")
    assert done.exit_code == 0, done.output
    assert "odrl:meteredTime\t1\t1\t0" in done.stdout
    assert "100 %" in done.stdout
    told = json.loads(run("coverage", TEMPLATES, "--json").stdout)
    assert run("coverage", TEMPLATES, "--fail-under", told["percent"]).exit_code == 0
    if told["percent"] < 100:
        assert run("coverage", TEMPLATES, "--fail-under", 100).exit_code == 1


def test_our_own_cases_cover_every_operand_and_rule():
    told = json.loads(run("coverage", TEMPLATES, OPERANDS, "--json").stdout)
    assert told["percent"] >= 95, told["missing"]
    deciding = {name for name, one in EVERY_OPERAND.items() if not one.shapes_delivery}
    assert len(told["operands"].keys() & deciding) >= 0.95 * len(deciding)
    shown = [counts.values() for counts in told["operands"].values()]
    assert sum(all(counts) for counts in shown) >= 0.9 * len(shown)


@pytest.mark.external
@pytest.mark.timeout(180)
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.soak)])
def test_operands_come_out_alike_on_a_server(tmp_path: Path, every: int):
    groups = json.loads((OPERANDS / "operands.json").read_text(encoding="utf-8"))
    assert sum(len(group["cases"]) for group in groups) >= 500
    file = tmp_path / "operands.json"
    file.write_text(json.dumps(groups[::every]), encoding="utf-8")
    here = run("test", file)
    with opa_server(find_opa(), source_bundle(rules_folder()), tmp_path) as url:
        there = run("test", file, "--engine", "opa", "--url", url)
    assert (here.exit_code, there.exit_code, here.stdout) == (0, 0, there.stdout)
