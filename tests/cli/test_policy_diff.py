"""Two policies compared on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.policy.templates import template


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", "diff", *map(str, arguments)])


def written(file: Path, name: str, **given: str) -> Path:
    file.write_text(json.dumps(template(name).policy(given)), encoding="utf-8")
    return file


def test_a_difference_is_shown_in_words_and_by_requests(tmp_path: Path):
    ten = written(tmp_path / "a.json", "count", count="10")
    five = written(tmp_path / "b.json", "count", count="5")
    done = run(ten, five)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line[:2] for line in lines[:2]] == ["- ", "+ "]
    assert 'A permit, B deny: {"action": "odrl:use", "context": {"odrl:count": 10}}' in lines
    assert "A 允许, B 拒绝" in run(ten, five, "--language", "zh").stdout
    told = json.loads(run(ten, five, "--json").stdout)
    assert told["complete"]
    assert {one["after"] for one in told["examples"]} == {"deny"}


def test_no_difference_and_a_sample_are_told(tmp_path: Path):
    ten = written(tmp_path / "a.json", "count", count="10")
    assert "no request was found" in run(ten, ten).stdout
    names = ",".join(f"urn:u{number}" for number in range(20))
    users = written(tmp_path / "b.json", "user", users=names)
    connectors = written(tmp_path / "c.json", "using-connector", connectors=names)
    assert "requests of many were tried" in run(users, connectors).stderr
