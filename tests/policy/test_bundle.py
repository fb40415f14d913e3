"""What ships is what the sources make, and Python's vocabulary is the rules' own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from tests.policy.documents import POLICIES

from trustspace.policy import mask, vocabulary
from trustspace.policy.bundle import CompiledPolicy

Json = dict[str, Any]


def load_build() -> Any:
    spec = spec_from_file_location("build_policies", POLICIES / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build() -> Any:
    return load_build()


@pytest.fixture(scope="module")
def description() -> Json:
    document: Json = json.loads(CompiledPolicy.shipped().description)
    return document


def opa_run(opa: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [opa, *arguments], cwd=POLICIES, capture_output=True, text=True, check=False
    )


def test_compiled_policy_is_of_these_sources(build: Any):
    assert CompiledPolicy.shipped().revision() == build.revision(), "run: python policies/build.py"
    assert build.stale(build.generated(build.revision())) == []


def test_source_digest_covers_rules_and_capabilities(build: Any):
    names = set(build.sources())
    rego = {p.relative_to(POLICIES).as_posix() for p in (POLICIES / "bundle").rglob("*.rego")}
    assert names == rego | {"capabilities.json"}


def test_changed_source_changes_the_revision(build: Any, monkeypatch):
    before = build.revision()
    sources = build.sources()
    name = "bundle/trustspace/odrl/logic.rego"
    monkeypatch.setattr(build, "sources", lambda: sources | {name: sources[name] + b"\n"})
    assert build.revision() != before


def test_known_operands_are_those_of_the_vocabulary(description: Json):
    deciding = {
        name: operand
        for name, operand in vocabulary.LEFT_OPERANDS.items()
        if not operand.shapes_delivery and not operand.stated
    }
    assert description["tables"]["known"] == sorted(deciding)
    dates = [n for n, o in deciding.items() if o.kind is vocabulary.Kind.DATE_TIME]
    assert description["tables"]["clocks"] == sorted(dates)
    for point, operands in description["tables"]["deferred"].items():
        assert operands == sorted(n for n, o in deciding.items() if point in o.deferred), point


def test_strength_of_masks_is_the_same(description: Json):
    assert description["tables"]["strength"] == dict(mask.STRENGTH)


def test_only_entry_points_read_input():
    for path in (POLICIES / "bundle").rglob("*.rego"):
        code = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        reads = re.search(r"(?<![\w.])input\b", code) is not None
        assert reads == (path.parent.name == "v1"), path


def test_package_is_the_folder():
    for path in (POLICIES / "bundle").rglob("*.rego"):
        package = re.search(r"^package (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert package is not None
        folder = path.parent.relative_to(POLICIES / "bundle")
        assert package[1] == ".".join(folder.parts), path


def test_site_only_denies_narrows_and_masks():
    code = (POLICIES / "bundle/trustspace/v1/decide.rego").read_text(encoding="utf-8")
    assert re.findall(r"site\.\w+", code) == ["site.objections"]
    compose = (POLICIES / "bundle/trustspace/odrl/compose.rego").read_text(encoding="utf-8")
    assert re.findall(r"site\.\w+", compose) == ["site.narrowing", "site.masking"]
    evaluate = (POLICIES / "bundle/trustspace/odrl/evaluate.rego").read_text(encoding="utf-8")
    assert "site" not in evaluate


def test_no_builtin_asks_for_the_outside(build: Any):
    allowed = {b["name"] for b in json.loads(build.sources()["capabilities.json"])["builtins"]}
    forbidden = re.compile(
        r"^(http|net|time|rand|opa|io|crypto|regex|json|units|uuid|trace|print)\b"
    )
    assert [name for name in allowed if forbidden.match(name)] == []
    assert "sprintf" not in allowed


def test_build_without_opa_says_so(build: Any, monkeypatch, capsys):
    monkeypatch.setattr(build, "find_opa", lambda _given: None)
    monkeypatch.delenv("CI", raising=False)
    assert build.main(["--check"]) == 0
    assert capsys.readouterr().out == "not rebuilt: OPA is not installed\n"
    assert build.main([]) == 1
    monkeypatch.setenv("CI", "true")
    assert build.main(["--check"]) == 1


def test_check_sees_a_forgotten_build(build: Any, monkeypatch, capsys):
    monkeypatch.setattr(build, "revision", lambda: "sha256:new")
    assert build.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().out


@pytest.mark.external
def test_rebuild_gives_the_same_bytes(opa: Path):
    done = subprocess.run(
        [sys.executable, POLICIES / "build.py", "--check", "--opa", opa],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.external
def test_opa_finds_nothing_to_complain_of(opa: Path):
    strict = opa_run(opa, "check", "--strict", "--capabilities", "capabilities.json", "bundle")
    assert (strict.returncode, strict.stderr) == (0, "")
    tests = opa_run(opa, "check", "--strict", "bundle", "test")
    assert (tests.returncode, tests.stderr) == (0, "")
    formatted = opa_run(opa, "fmt", "--fail", "--list", "bundle", "test")
    assert (formatted.returncode, formatted.stdout) == (0, "")


@pytest.mark.external
def test_forbidden_builtin_is_refused(opa: Path, tmp_path: Path):
    rules = tmp_path / "bad.rego"
    rules.write_text("package bad\n\nx := time.now_ns()\n", encoding="utf-8")
    refused = opa_run(opa, "check", "--capabilities", "capabilities.json", str(rules))
    assert refused.returncode != 0
    assert "undefined function time.now_ns" in refused.stderr


@pytest.mark.external
def test_functions_inside_comprehensions_have_a_default(opa: Path):
    functions: set[str] = set()
    defaults: set[str] = set()
    called: set[str] = set()
    for path in sorted((POLICIES / "bundle").rglob("*.rego")):
        module = json.loads(opa_run(opa, "parse", "--format", "json", str(path)).stdout)
        package = path.parent.name
        for rule in module["rules"]:
            full = f"{package}.{rule['head'].get('name') or rule['head']['ref'][0]['value']}"
            functions |= {full} if rule["head"].get("args") else set()
            defaults |= {full} if rule.get("default") else set()
        for call in calls(module["rules"], inside=False):
            called.add(call if "." in call else f"{package}.{call}")
    assert len(called & functions) > 20
    assert sorted(called & functions - defaults) == []


def calls(value: Any, *, inside: bool) -> set[str]:
    """Return the names of functions called inside comprehensions."""
    found: set[str] = set()
    if isinstance(value, dict):
        here = inside or str(value.get("type", "")).endswith("comprehension")
        if value.get("type") == "call" and inside:
            found.add(reference(value["value"][0]))
        terms = value.get("terms")
        if isinstance(terms, list) and inside and terms[0].get("type") == "ref":
            found.add(reference(terms[0]))
        for item in value.values():
            found |= calls(item, inside=here)
    elif isinstance(value, list):
        for item in value:
            found |= calls(item, inside=inside)
    return found


def reference(term: Json) -> str:
    return ".".join(str(part["value"]) for part in term["value"])
