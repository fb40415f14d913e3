"""Hostile policies on the command line: refused with words and a code, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.policy import hostile
from typer.testing import CliRunner

from trustspace.cli.app import app

pytestmark = pytest.mark.timeout(60)

REQUEST = {"action": "use", "context": {"count": 1, "purpose": "urn:research"}}


def line(name: str) -> str:
    policy = hostile.policy(hostile.REFUSED[name][0])
    return json.dumps({"id": name, "policy": policy, "request": REQUEST, "world": {}})


def test_a_batch_refuses_each_and_goes_on():
    good = {"id": "good", "policy": hostile.policy(hostile.of({"action": "use"}))}
    asked = [*map(line, hostile.REFUSED), json.dumps(good | {"request": REQUEST})]
    done = CliRunner().invoke(app, ["policy", "eval", "--batch", "--json"], input="\n".join(asked))
    assert done.exit_code == 0, done.output
    answers = [json.loads(text) for text in done.stdout.splitlines()]
    assert answers.pop()["decision"] == "permit"
    for name, answer in zip(hostile.REFUSED, answers, strict=True):
        assert answer["decision"] == "deny"
        # What is too large for JSON of ours is refused before it is a policy.
        assert answer["refused"]["code"] in (hostile.REFUSED[name][1], "policy.malformed")


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_check_and_lint_refuse_it(tmp_path: Path, name: str):
    file = tmp_path / "hostile.json"
    file.write_text(json.dumps(hostile.policy(hostile.REFUSED[name][0])), encoding="utf-8")
    runner = CliRunner()
    checked = runner.invoke(app, ["policy", "check", str(file)])
    if name == "inherits from itself":
        assert checked.exit_code == 0  # Nothing else is at hand to inherit from.
    else:
        assert checked.exit_code == 2
        assert checked.stderr
    linted = runner.invoke(app, ["policy", "lint", str(file)])
    assert linted.exit_code in (1, 2)
    assert not isinstance(linted.exception, Exception) or isinstance(linted.exception, SystemExit)


@pytest.mark.parametrize("name", ["depth 100", "time without a zone", "lone surrogate"])
def test_publish_refuses_it(garden: CommandLine, tmp_path: Path, name: str):
    terms, roses = tmp_path / "terms.json", tmp_path / "roses.csv"
    roses.write_text("grade\nA\n", encoding="utf-8")
    terms.write_text(json.dumps(hostile.REFUSED[name][0]), encoding="utf-8")
    done = garden("publish", roses, "--id", "hostile", "--terms", terms)
    assert done.exit_code == 2, done.output
    assert done.stderr
    assert "hostile" not in {one["id"] for one in garden.json("datasets")}
