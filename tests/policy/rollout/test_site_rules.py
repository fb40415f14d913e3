"""A site's rules: what they may be, and every way past them that is refused."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.rollout.site_rules import check_site
from trustspace.policy.source_bundle import rules_folder

pytestmark = pytest.mark.external

GOOD = """package trustspace.site

import data.trustspace.odrl

conditions contains "acme:partners"

holds("acme:partners", q) if partner(q.subject)

default partner(_) := false

partner(subject) if subject.id in data.trustspace.own.partners

filters contains "acme:cn" if data.trustspace.own.strict

filter("acme:cn", q) := {"op": "eq", "field": "region", "value": q.point}

masks contains "acme:phone"

mask("acme:phone", _) := odrl.as_list([{"column": "phone", "method": "drop", "params": {}}])
"""
OPERANDS = """package trustspace.operands

known contains "acme:reactorClass"

known contains "https://acme.example/ns#shift"

clocks contains "acme:reactorClass"

fact("acme:reactorClass", q, _) := given(q, "acme:reactorClass")

fact("https://acme.example/ns#shift", q, _) := {"status": "ok", "value": q.now}
"""


@pytest.fixture
def parse(opa: Path, tmp_path: Path) -> Any:
    def parsed(text: str) -> dict[str, Any]:
        file = tmp_path / "x.rego"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [opa, "parse", "--format", "json", file], capture_output=True, check=True
        )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    return parsed


@pytest.fixture
def core(parse: Any) -> list[dict[str, Any]]:
    with as_file(rules_folder()) as folder:
        files = [*folder.glob("trustspace/site/*.rego"), *folder.glob("trustspace/operands/*.rego")]
        return [parse(file.read_text(encoding="utf-8")) for file in files]


def test_what_a_site_may_have(parse: Any, core: list[dict[str, Any]]):
    own = check_site({"site/a.rego": parse(GOOD), "site/b.rego": parse(OPERANDS)}, core=core)
    assert own == ("acme:reactorClass", "https://acme.example/ns#shift")
    assert check_site({}, core=core) == ()
    assert check_site({"a": parse("package trustspace.site")}, core=core) == ()


SITE = "package trustspace.site\n\n"
OWN = "package trustspace.operands\n\n"
IN_V1 = "package trustspace.v1\n\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (IN_V1 + "decide := {}", "package trustspace.v1"),
        ("package trustspace.odrl\n\np := 1", "package trustspace.odrl"),
        ("package trustspace.site.holds\n\np := 1", "package trustspace.site.holds"),
        ("package acme\n\np := 1", "package acme"),
        (SITE + "allow := true", "called allow"),
        (SITE + "default granted := false", "called granted"),
        (SITE + "denying(_) := set()", "denying is the core's own"),
        (SITE + "default denying(_) := set()", "denying is the core's own"),
        (SITE + 'sound("holds", _, _)', "sound is the core's own"),
        (SITE + "objections(_) := []", "objections is the core's own"),
        (SITE + "narrowing(_) := []", "narrowing is the core's own"),
        (SITE + "masking(_) := []", "masking is the core's own"),
        (SITE + "conditions := set()", "conditions may only get members"),
        (SITE + "default conditions := set()", "conditions may only get members"),
        (SITE + 'conditions["a:b"] := 1', "conditions may only get members"),
        (SITE + 'conditions contains x if some x in ["a"]', "conditions may only get members"),
        (SITE + "default holds(_, _) := true", "holds may only get clauses"),
        (SITE + "holds(_, _)", "holds may only get clauses"),
        (SITE + "holds(name, _) if name", "holds may only get clauses"),
        (SITE + "holds.a := true", "holds may only get clauses"),
        (SITE + "holds := true", "holds may only get clauses"),
        (SITE + 'filter("a:b") := {}', "filter may only get clauses"),
        (SITE + 'mask("a:b", _, _) := []', "mask may only get clauses"),
        (SITE + "helper if input.allow", "it uses input"),
        (SITE + 'holds("a:b", q) if q with input as {}', "it uses"),
        (SITE + "import input.x\n\nhelper := x", "it uses input"),
        (SITE + "import data.trustspace\n\nhelper := trustspace.v1", "it uses data.trustspace"),
        (SITE + "helper := data.trustspace.v1.revision", "it uses data.trustspace.v1"),
        (SITE + "helper := data.trustspace[x] if some x in [1]", "it uses data.trustspace.?"),
        (SITE + "helper := data.other.x", "it uses data.other.x"),
        (SITE + "helper := data", "it uses data"),
        (SITE + "helper if 1 == 2 with data.trustspace.own as {}", "it uses with"),
        (SITE + 'helper := [1 | x := data.trustspace.v1["a"]]', "it uses data.trustspace.v1"),
        (SITE + "helper := 1 if false else := input.x", "it uses input"),
        (OWN + 'known contains "odrl:count"', "'odrl:count'; it needs a prefix of its own"),
        (OWN + 'known contains "count"', "'count'; it needs a prefix of its own"),
        (OWN + 'known contains "acme:"', "'acme:'; it needs a prefix of its own"),
        (OWN + 'known contains "http://www.w3.org/ns/odrl/2/count"', "a prefix of its own"),
        (OWN + "known := {1}", "known may only get members"),
        (OWN + 'clocks contains "odrl:count"', "'odrl:count'; it needs a prefix of its own"),
        (OWN + 'fact("odrl:count", _, _) := {"status": "ok", "value": 0}', "without: known"),
        (OWN + "fact(_, _, _) := {}", "fact may only get clauses"),
        (OWN + "default fact(_, _, _) := {}", "fact may only get clauses"),
        (OWN + "given(_, _) := {}", "given is the core's own"),
        (OWN + 'blank := {"status": "ok"}', "blank is the core's own"),
    ],
)
def test_what_it_may_not_have(parse: Any, core: list[dict[str, Any]], text: str, words: str):
    with pytest.raises(PolicyError) as caught:
        check_site({"site/a.rego": parse(text)}, core=core)
    assert caught.value.code == "module.grants"
    assert caught.value.location == "site/a.rego"
    assert words in str(caught.value)
