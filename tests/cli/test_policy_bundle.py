"""The rules as a bundle, written on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.policy.source_bundle import revision_of, rules_folder, source_bundle

RULES = Path(__file__).parents[2] / "policies" / "bundle"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", "bundle", *map(str, arguments)])


def test_equal_rules_make_equal_bytes(tmp_path: Path):
    ours, given = tmp_path / "ours.tar.gz", tmp_path / "given.tar.gz"
    assert revision_of(rules_folder()) in run("-o", ours).stdout
    told = json.loads(run("-o", given, "--rules", RULES, "--json").stdout)
    assert told["digest"].startswith("sha256:")
    assert ours.read_bytes() == given.read_bytes() == source_bundle(rules_folder())


def test_a_folder_without_rules_is_told(tmp_path: Path):
    done = run("-o", tmp_path / "x.tar.gz", "--rules", tmp_path)
    assert done.exit_code == 2
    assert "no .manifest" in done.stderr
