"""What policy authors do on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from trustspace.cli.app import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


def test_a_policy_is_made_from_a_template(tmp_path: Path):
    file = tmp_path / "policy.json"
    done = run("new", "count", "--set", "count=10", "-o", file)
    assert done.exit_code == 0, done.output
    assert "at most 10 times" in done.stdout
    assert "最多可使用 10 次" in done.stdout
    assert run("check", file).exit_code == 0
    again = run("new", "count", "--set", "count=10", "-o", file)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    told = run("new", "count", "--set", "count=10", "-o", tmp_path / "other.json", "--json")
    assert json.loads(told.stdout)["words"]["en"] == "The data may be used at most 10 times."


def test_a_template_is_shown_and_listed():
    shown = run("new", "user", "--set", "users=urn:a,urn:b")
    assert json.loads(shown.stdout)["@id"] == "urn:trustspace:policy:user"
    listed = run("new", "--list")
    assert len(listed.stdout.splitlines()) == 11
    assert "count\tLimit the number of uses\t限定使用次数\t--set 'count=100'" in listed.stdout
    assert len(json.loads(run("new", "--list", "--json").stdout)) == 11


def test_wrong_settings_are_told():
    assert "sets no parameter" in run("new", "count", "--set", "count").stderr
    twice = run("new", "count", "--set", "count=1", "--set", "count=2")
    assert "set twice" in twice.stderr
    assert run("new", "nothing").exit_code == 2
