"""``--trace`` and ``replay``: what was said in a command, without secrets, walked again."""

from __future__ import annotations

import json
import stat

import pytest

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def dataset(garden, tmp_path):
    file = tmp_path / "roses.csv"
    file.write_text("name,grade\nAda,A\n", encoding="utf-8")
    garden.json("publish", file, "--id", tmp_path.name, "--purpose", "research")
    return tmp_path.name


def test_a_negotiation_is_traced_and_replayed_to_its_end(bank, alone, address, dataset, tmp_path):
    trace = tmp_path / "trace.jsonl"
    bank.json("negotiate", address, dataset, "--purpose", "research", "--trace", trace)
    lines = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert {"at", "direction", "participant", "counterparty", "method", "url"} <= lines[0].keys()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600
    assert "eyJ" not in trace.read_text(encoding="utf-8")
    walked = alone.json("replay", trace)
    assert walked["legal"] is True
    states = [step["state"] for step in walked["steps"] if step["outcome"] == "accepted"]
    assert states == ["REQUESTED", "AGREED", "VERIFIED", "FINALIZED"]
    shown = alone("replay", trace)
    assert "ContractAgreementMessage\taccepted\tAGREED" in shown.stdout
    assert "4 accepted" in shown.stderr


def test_the_messages_of_a_refused_command_are_written(bank, alone, address, dataset, tmp_path):
    trace = tmp_path / "trace.jsonl"
    done = bank("negotiate", address, dataset, "--purpose", "marketing", "--trace", trace)
    assert done.exit_code == 3
    walked = alone.json("replay", trace)
    assert walked["steps"][-1]["message"] != ""


def test_a_trace_that_breaks_the_rules_exits_4(bank, alone, address, dataset, tmp_path):
    trace = tmp_path / "trace.jsonl"
    bank.json("negotiate", address, dataset, "--purpose", "research", "--trace", trace)
    lines = trace.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "ContractAgreementMessage" not in line]
    trace.write_text("\n".join(['{"missed": 2}', *kept]), encoding="utf-8")
    done = alone("replay", trace)
    assert done.exit_code == 4
    assert "illegal" in done.stdout
    assert "cannot send" in done.stdout


@pytest.mark.parametrize("line", ["{", "[]", '{"at": "x", "direction": "in"}', '{"at": 1}'])
def test_what_is_no_trace_is_wrong_usage(alone, tmp_path, line):
    (tmp_path / "file").write_text(line, encoding="utf-8")
    done = alone("replay", tmp_path / "file")
    assert done.exit_code == 2
    assert "line 1" in done.stderr


def test_a_trace_that_cannot_be_written_is_wrong_usage(bank, tmp_path):
    assert bank("datasets", "--trace", tmp_path / "no" / "file").exit_code == 2
    assert bank("datasets", "--trace", tmp_path / "file").exit_code == 0
    assert (tmp_path / "file").read_text() == ""
