"""How far terms bind, on the command line: of a file, of what is published, of an agreement."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from trustspace.cli.app import app

# The first test waits for two services to start, however busy the machine is.
pytestmark = pytest.mark.timeout(90)

TERMS = {"count": 3, "drop": ["phone"], "prohibit": ["distribute"]}
OPERAND = "device"
FOREIGN = {
    "@context": "http://www.w3.org/ns/odrl.jsonld",
    "uid": "urn:p",
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": OPERAND, "operator": "eq", "rightOperand": "active"}],
        }
    ],
}


def run(*arguments: object, document: object = TERMS) -> Result:
    text = json.dumps(document)
    return CliRunner().invoke(app, ["policy", "ledger", "-", *map(str, arguments)], input=text)


def test_the_ledger_of_a_file() -> None:
    done = run("--form", "table")
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    assert [row[:4] for row in rows] == [
        ["/permission/0", "ts:columns", "enforced", "enforced"],
        ["/permission/0/constraint/0", "odrl:count", "enforced", "contractual"],
        ["/prohibition/0", "odrl:distribute", "contractual", "contractual"],
    ]
    assert "publishing it is refused: the term 'distribute'" in done.stderr
    accepted = json.loads(run("--accept-contractual", "distribute", "--json").stdout)
    assert (accepted["promises"], accepted["refused"]) == ([], None)
    chinese = json.loads(run("--language", "zh", "--json").stdout)
    assert chinese["promises"] == ["odrl:distribute"]
    assert chinese["refused"]["code"] == "policy.contractual"
    assert "副本" in chinese["terms"][-1]["words"]
    whole = json.loads(run("--form", "file", "--json").stdout)
    assert whole["promises"] == ["ts:columns", "odrl:distribute"]
    assert run("--accept-contractual", "distribute").stderr == ""


def test_a_policy_that_a_connector_does_not_take_has_a_ledger_too() -> None:
    found = json.loads(run("--json", document=FOREIGN).stdout)
    assert found["promises"] == ["odrl:device"]
    assert found["refused"]["code"] == "policy.contractual"
    wrong = run(document={"cuont": 3})
    assert wrong.exit_code != 0
    assert "count" in wrong.output


@pytest.fixture
def roses(tmp_path: Path) -> Path:
    file = tmp_path / "roses.csv"
    file.write_text("name,phone\nAda,030-1\n", encoding="utf-8")
    return file


def test_a_promise_is_accepted_and_shown_to_both(
    garden: Any, bank: Any, address: str, roses: Path, tmp_path: Path
) -> None:
    dataset = f"roses-{uuid.uuid4().hex[:8]}"
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps(TERMS), encoding="utf-8")
    order = ("publish", roses, "--id", dataset, "--terms", terms)
    refused = garden(*order)
    assert refused.exit_code == 2, refused.output
    assert "accept_contractual=['distribute']" in refused.stderr
    shown = garden.json(*order, "--accept-contractual", "distribute")
    assert shown["accept_contractual"] == ["odrl:distribute"]
    agreement = bank.json("negotiate", address, dataset)["agreement"]
    for side, subject in ((garden, dataset), (garden, agreement), (bank, agreement)):
        labels = {one["term"]: one["provider"] for one in side.json("terms", subject)}
        assert labels == {
            "ts:columns": "enforced",
            "odrl:count": "enforced",
            "odrl:distribute": "contractual",
        }
        told = side("explain", subject).stdout
        assert "\todrl:count\tenforced\tcontractual\t" in told
        assert "\todrl:count\tenforced\t" in side("terms", subject).stdout
    listed = {one["id"]: one for one in bank.json("agreements")}
    assert [one["why"] for one in listed[agreement]["terms"]] == [
        "ledger.shape",
        "ledger.count",
        "ledger.prohibited",
    ]
    offered = next(one for one in garden.json("datasets") if one["id"] == dataset)
    assert [one["consumer"] for one in offered["terms"]] == [
        "enforced",
        "contractual",
        "contractual",
    ]
