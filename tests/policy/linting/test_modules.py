"""Our own checks of Rego, on what a real OPA parses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.policy.documents import POLICIES

from trustspace.policy.linting.modules import Module, lint_modules

pytestmark = pytest.mark.external

FUNCTION = """package trustspace.acme

default total(_) := false

total(x) if x > 1

partial(x) if x > 1

"""


def module(opa: Path, folder: Path, text: str, name: str = "acme/acme.rego") -> Module:
    file = folder / "checked.rego"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [opa, "parse", "--format", "json", "--json-include", "locations", file],
        capture_output=True,
        check=True,
    )
    return Module(name, Path(name).parent.parts, json.loads(done.stdout))


def found(
    opa: Path, folder: Path, text: str, name: str = "acme/acme.rego"
) -> list[tuple[str, int]]:
    findings = lint_modules([module(opa, folder, text, name)]).get(name, ())
    assert all(one.words("en") and one.words("zh") for one in findings)
    return [(one.rule, one.line) for one in findings]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a(xs) := [x | some x in xs; total(x)]", []),
        ("a(xs) := [x | some x in xs; partial(x)]", ["rego.default"]),
        ("a(xs) := [partial(x) | some x in xs]", ["rego.default"]),
        ("a(xs) := {x | some x in xs; data.trustspace.acme.partial(x)}", ["rego.default"]),
        (
            "a(xs) := {x: 1 | some x in xs; count([y | some y in x; partial(y)]) > 0}",
            ["rego.default"],
        ),
        ("a(x) if partial(x)", []),
        ("a(q) if not startswith(q.x, `a`)", ["rego.negation"]),
        ("a(q) if not total(q.x)", ["rego.negation"]),
        ("a(q) if not q.x in {1}", ["rego.negation"]),
        ("a(x) if not startswith(x, `a`)", []),
        ("a(q) if not q.x == 1", []),
        ("a(q) if not q.x", []),
        ("a(q) if not q.x in data.trustspace.other", ["rego.negation"]),
        ("a(x) if not x in data.trustspace.other", []),
        ("a := input.x", ["rego.input"]),
        ("a := [x | some x in input]", ["rego.input"]),
        ("a if data.trustspace.site.objections", ["rego.site"]),
        ("a if data.trustspace.site[`x`]", ["rego.site"]),
        ("a if data.trustspace.site", ["rego.site"]),
        ("a if data.trustspace.sites", []),
        ("a(q) if q[count(q)]", []),
    ],
)
def test_a_line(opa: Path, tmp_path: Path, line: str, expected: list[str]):
    assert found(opa, tmp_path, FUNCTION + line + "\n") == [(rule, 9) for rule in expected]


def test_what_is_imported_is_known_by_its_package(opa: Path, tmp_path: Path):
    text = "package trustspace.v1\n\nimport data.trustspace.site as own\nimport rego.v1\n\n"
    assert found(opa, tmp_path, text + "a := own.objections(input)\n", "v1/a.rego") == []
    other = found(opa, tmp_path, text + "a := own.masking(input)\n", "v1/a.rego")
    assert other == [("rego.site", 6)]


@pytest.mark.parametrize(
    ("name", "package", "fits"),
    [
        ("bundle/trustspace/odrl/a.rego", "trustspace.odrl", True),
        ("odrl/a.rego", "trustspace.odrl", True),
        ("trustspace/a.rego", "trustspace.odrl", False),
        ("acme/odrl/a.rego", "trustspace.odrl", False),
        ("a.rego", "trustspace.odrl", False),
    ],
)
def test_a_package_is_its_folder(opa: Path, tmp_path: Path, name: str, package: str, fits: bool):
    assert (found(opa, tmp_path, f"package {package}\n", name) == []) is fits


def test_a_site_does_not_define_what_hears_its_denials(opa: Path, tmp_path: Path):
    text = (
        'package trustspace.site\n\nconditions contains "acme:x"\n\nsound("holds", _, _) := true\n'
    )
    assert found(opa, tmp_path, text, "site/acme.rego") == [("rego.site", 5)]


def test_tests_may_do_anything(opa: Path, tmp_path: Path):
    assert found(opa, tmp_path, "package a\n\ntest_x if input.x\n", "b/a_test.rego") == []


def test_a_reference_as_the_head_of_a_rule(opa: Path, tmp_path: Path):
    assert found(opa, tmp_path, "package trustspace.acme\n\na.b.c := 1\n") == []


def test_our_own_rules_have_no_errors(opa: Path):
    folder = POLICIES / "bundle"
    modules = []
    for file in sorted(folder.rglob("*.rego")):
        done = subprocess.run(
            [opa, "parse", "--format", "json", file], capture_output=True, check=True
        )
        place = file.relative_to(folder)
        core = file.parent.name == "site"
        modules.append(
            Module(str(place), place.parent.parts, json.loads(done.stdout), is_core=core)
        )
    findings = [one for many in lint_modules(modules).values() for one in many]
    assert {one.rule for one in findings} <= {"rego.negation"}
    assert len(modules) > 15
