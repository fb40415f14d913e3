"""Decisions of a policy in words on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.policy.templates import template


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", "explain", *map(str, arguments)])


@pytest.fixture
def given(tmp_path: Path) -> list[object]:
    policy, request = tmp_path / "policy.json", tmp_path / "request.json"
    policy.write_text(json.dumps(template("count").policy({"count": 10})), encoding="utf-8")
    request.write_text('{"action": "use", "context": {"count": 11}}', encoding="utf-8")
    return ["--policy", policy, "--request", request]


def test_a_denial_is_explained_in_both_languages(given: list[object]):
    done = run(*given)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 2
    assert "10" in done.stdout
    assert "11" in done.stdout
    chinese = json.loads(run(*given, "--language", "zh", "--json").stdout)
    assert chinese["decision"] == "deny"
    assert not chinese["summary"].isascii()
    assert not chinese["sentences"][0].isascii()


def test_a_permit_and_a_refusal_are_explained(given: list[object], tmp_path: Path):
    request = tmp_path / "request.json"
    request.write_text('{"action": "use", "context": {"count": 10}}', encoding="utf-8")
    assert run(*given).stdout.startswith("allowed")
    (tmp_path / "policy.json").write_text("{", encoding="utf-8")
    assert run(*given).stdout.startswith("refused: ")
    assert json.loads(run(*given, "--json").stdout)["refused"]["code"] == "policy.malformed"
