"""Rules in force on the command line: load, status, shadow, log, and a decision explained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connector.deciding import rule_modules
from tests.policy.rollout import rollout_files
from typer.testing import CliRunner, Result

import trustspace as ts
from trustspace.cli.app import app
from trustspace.connector.home import init_home
from trustspace.errors import PolicyError
from trustspace.local import Connector
from trustspace.local.connector import LocalClient


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def told(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.stderr
    document: dict[str, object] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rollout") / "garden"


@pytest.fixture(scope="module")
def garden(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClient]:
    """A provider that has decided a few requests."""
    folder = tmp_path_factory.mktemp("files")
    table = folder / "roses.csv"
    table.write_text("name,price\nrugosa,3\n")
    for path, name in ((home, "garden"), (folder / "bank", "bank")):
        init_home(path, name=name)
    with Connector(home) as provider, Connector(folder / "bank") as bank:
        provider.publish(table, id="roses", terms=ts.terms(count=1))
        agreement = bank.negotiate(provider.address, "roses")
        with agreement.open() as data:
            data.to_polars()
        with pytest.raises(PolicyError), agreement.open() as data:
            data.to_polars()
        yield provider


def test_rules_are_loaded_shadowed_and_given_back(garden: LocalClient, home: Path, tmp_path: Path):
    rules = rule_modules.module("cli", rollout_files.cases())
    file = tmp_path / "rules.tar.gz"
    file.write_bytes(rules.archive())
    at = ("--home", home)
    shown = told(run("policy", "shadow", file, *at, "--json"))
    assert shown["revision"] == rules.revision
    assert shown["inputs"]
    assert "0 of" in run("policy", "shadow", file, *at, "--last", 2).stdout
    assert "shipped" in run("policy", "status", *at).stdout
    done = run("policy", "load", file, *at)
    assert f"in force: revision {rules.revision}" in done.stdout, done.stderr
    assert told(run("policy", "status", *at, "--json"))["revision"] == rules.revision
    file.write_bytes(b"rubbish")
    done = run("policy", "load", file, *at)
    assert (done.exit_code, "cut off" in done.stderr) == (2, True)
    assert "module.truncated" in run("policy", "status", *at).stdout
    assert told(run("policy", "load", "--shipped", *at, "--json"))["changed"] == 0
    for wrong in ((), (file, "--shipped")):
        assert run("policy", "load", *wrong, *at).exit_code == 2
    with pytest.raises(PolicyError) as caught:
        garden.load_rules(b"rubbish")
    assert caught.value.code == "module.truncated"


def test_past_decision_is_explained(garden: LocalClient, home: Path):
    rows = run("policy", "log", "--home", home, "--limit", 5)
    assert rows.exit_code == 0
    (denied, *_) = [one for one in garden.decisions(50) if one.effect == "deny"]
    assert denied.id in rows.stdout
    listed = json.loads(run("policy", "log", "--home", home, "--json").stdout)
    assert denied.id in [one["id"] for one in listed]
    english = run("explain", denied.id, "--home", home)
    assert "asked for use of roses" in english.stdout
    chinese = run("policy", "explain", "--decision", denied.id, "--home", home, "--language", "zh")
    assert "请求" in chinese.stdout
    shown = told(run("policy", "explain", "--decision", denied.id, "--home", home, "--json"))
    assert shown["kind"] == "decision"
    done = run("policy", "explain")
    assert (done.exit_code, "--decision" in done.stderr) == (2, True)


def test_shadow_of_a_home_that_rests(tmp_path: Path):
    home = tmp_path / "resting"
    table = tmp_path / "roses.csv"
    table.write_text("name,price\nrugosa,3\n")
    for path, name in ((home, "garden"), (tmp_path / "bank", "bank")):
        init_home(path, name=name)
    with Connector(home) as provider, Connector(tmp_path / "bank") as bank:
        provider.publish(table, id="roses", terms=ts.terms())
        bank.negotiate(provider.address, "roses")
        provider.load_rules(rule_modules.module("one").archive())
    rules = rule_modules.module("other")
    file = tmp_path / "rules.tar.gz"
    file.write_bytes(rules.archive())
    shown = told(run("policy", "shadow", file, "--home", home, "--json"))
    assert (shown["revision"], shown["changed"]) == (rules.revision, 0)
    assert shown["inputs"]
    done = run("policy", "shadow", file, "--url", "http://127.0.0.1:9", "--token", "t")
    assert done.exit_code == 4
