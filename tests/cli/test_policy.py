"""Policies on the command line, without a connector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from trustspace.cli.app import app

POLICY = {
    "@context": "http://www.w3.org/ns/odrl.jsonld",
    "uid": "urn:p",
    "permission": [
        {
            "action": "use",
            "constraint": [
                {"leftOperand": "purpose", "operator": "eq", "rightOperand": "urn:research"}
            ],
            "duty": [{"action": "attribute"}],
        }
    ],
}
REQUEST = {"action": "use", "context": {"purpose": "urn:research"}}
DONE = {"duties": [{"action": "attribute", "state": "fulfilled"}]}


def run(*arguments: object, text: str = "") -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)], input=text)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name, content in (("policy", POLICY), ("request", REQUEST), ("world", DONE)):
        found[name] = tmp_path / f"{name}.json"
        found[name].write_text(json.dumps(content), encoding="utf-8")
    return found


def test_a_request_is_evaluated(files: dict[str, Path]):
    given = ("eval", "--policy", files["policy"], "--request", files["request"])
    done = run(*given)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[:3] == [
        "deny",
        "  permission /permission/0: active",
        "    /permission/0/constraint/0: true",
    ]
    assert "duty /permission/0/duty/0 (odrl:attribute): unfulfilled" in done.stdout
    permitted = run(*given, "--world", files["world"], "--json")
    assert permitted.exit_code == 0
    found = json.loads(permitted.stdout)
    assert (found["decision"], found["refused"], found["reasons"]) == ("permit", None, [])


def test_a_malformed_policy_is_refused_not_denied(files: dict[str, Path]):
    files["policy"].write_text('{"uid": "urn:p", "uid": "urn:q"}', encoding="utf-8")
    given = ("eval", "--policy", files["policy"], "--request", files["request"])
    done = run(*given)
    assert done.exit_code == 0
    assert done.stdout.startswith("refused: ")
    found = json.loads(run(*given, "--json").stdout)
    assert found["refused"]["code"] == "policy.malformed"


def test_a_batch_answers_line_by_line():
    lines: list[Any] = [
        {"id": 1, "policy": POLICY, "request": REQUEST, "world": DONE},
        {"id": 2, "policy": {}, "request": REQUEST},
        [1],
    ]
    text = "\n".join([*map(json.dumps, lines), "", '{"id": 4']) + "\n"
    done = run("eval", "--batch", text=text)
    assert done.exit_code == 0, done.output
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["id"], one["decision"]) for one in found] == [
        (1, "permit"),
        (2, "deny"),
        (None, "deny"),
        (None, "deny"),
    ]
    assert [one["refused"] and one["refused"]["code"] for one in found] == [
        None,
        "policy.malformed",
        "request.malformed",
        "policy.malformed",
    ]


def test_an_operand_may_be_declared():
    constraint = {"leftOperand": "ex:day", "operator": "eq", "rightOperand": "monday"}
    policy = {"uid": "urn:p", "permission": {"action": "use", "constraint": constraint}}
    line = {"policy": policy, "request": {"action": "use", "context": {"ex:day": "monday"}}}
    text = json.dumps(line)
    assert json.loads(run("eval", "--batch", text=text).stdout)["refused"] is not None
    done = run("eval", "--batch", "--operand", "ex:day=string", text=text)
    assert json.loads(done.stdout)["decision"] == "permit"
    wrong = run("eval", "--batch", "--operand", "ex:day=word", text=text)
    assert wrong.exit_code != 0
    assert "NAME=KIND" in wrong.output


def test_nothing_to_evaluate_is_wrong_usage(files: dict[str, Path]):
    done = run("eval", "--policy", files["policy"])
    assert done.exit_code != 0
    assert "--batch" in done.output
    absent = run("eval", "--policy", "/absent.json", "--request", files["request"])
    assert absent.exit_code != 0
    assert "/absent.json cannot be read" in absent.output


def test_a_policy_is_checked(files: dict[str, Path]):
    done = run("check", files["policy"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "urn:p: 1 rules, understood",
        "/permission/0/constraint/0\todrl:purpose\tattested",
    ]
    found = json.loads(run("check", "-", "--json", text=json.dumps(POLICY)).stdout)
    assert found["rules"] == [{"rule": "/permission/0", "kind": "permission"}]
    files["policy"].write_text(json.dumps(POLICY | {"permisson": []}), encoding="utf-8")
    refused = run("check", files["policy"])
    assert refused.exit_code != 0
    assert "permisson" in refused.output
