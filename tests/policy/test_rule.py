"""Normalised rules refuse what could make a constraint go unevaluated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from tests.policy import documents

from trustspace.policy.rule import MAX_NODES, MAX_OPERANDS, MAX_RULES, DutyIR, PolicyIR, RuleIR

Json = dict[str, Any]
LEAVES = [
    {"id": "c1", "left": "odrl:purpose", "op": "odrl:eq", "right": "a"},
    {"id": "c2", "left": "odrl:purpose", "op": "odrl:eq", "right": "b"},
]


def node(name: str, *args: str, kind: str = "and") -> Json:
    return {"id": name, "kind": kind, "args": list(args), "src": ""}


def read(given: Json) -> RuleIR:
    return RuleIR.model_validate_json(json.dumps(documents.rule({"id": "p1"} | given)))


def read_policy(given: Json) -> PolicyIR:
    return PolicyIR.model_validate_json(json.dumps(documents.policy(given)))


def test_rule_with_logic_is_read():
    rule = read(
        {
            "leaves": LEAVES,
            "logic": [[node("l1", "c1", "c2")], [node("l2", "l1", kind="or")]],
            "top": [],
            "refine": ["l2"],
        }
    )
    assert rule.size() == 4


@pytest.mark.parametrize(
    ("logic", "top", "refine"),
    [
        ([], ["c1"], []),
        ([], ["c1", "c2", "c3"], []),
        ([], ["c1", "c2", "c2"], []),
        ([], ["c1", "c2"], ["c2"]),
        ([[node("l1", "c1", "c2")]], [], []),
        ([[node("l1", "c1", "l1")]], ["c2"], []),
        ([[node("l1", "c1", "l2"), node("l2", "c2")]], ["l1"], []),
        ([[node("l1", "c1", "c2")], [node("l1", "l1")]], ["l1"], []),
        ([[node("c1", "c1")]], ["c2", "c1"], []),
        ([[node("l1")]], ["l1", "c1", "c2"], []),
        ([[node("l1", "c1")]] * 2, ["l1", "c2"], []),
        ([[], [], [], [], [node("l1", "c1")]], ["l1", "c2"], []),
        ([[node("l1", "c1", kind="nand")]], ["l1", "c2"], []),
    ],
)
def test_rule_that_names_a_part_not_exactly_once_is_refused(
    logic: list[Any], top: list[str], refine: list[str]
):
    with pytest.raises(ValidationError):
        read({"leaves": LEAVES, "logic": logic, "top": top, "refine": refine})


@pytest.mark.parametrize(
    "change",
    [
        {"op": "odrl:term-lteq"},
        {"op": "eq"},
        {"left": ""},
        {"right": 1.5},
        {"right": None},
        {"right": {"@value": "a"}},
        {"right": ["a", None]},
        {"right": 2**53},
        {"right": "x" * 65_537},
        {"right": ["a"] * (MAX_OPERANDS + 1)},
        {"unit": ""},
        {"src": None},
        {"datatype": "xsd:string"},
    ],
)
def test_malformed_leaf_is_refused(change: Json):
    with pytest.raises(ValidationError):
        read({"leaves": [LEAVES[0] | change]})


@pytest.mark.parametrize(
    "change",
    [
        {"actions": []},
        {"target": ""},
        {"limits": [{"counter": "c", "max": -1, "unit": "count"}]},
        {"filters": [{"op": "eq", "field": "x", "value": None}]},
        {"columns": ["a"] * 1_001},
        {"masks": [{"column": "a", "method": "drop", "params": {}}] * 1_001},
        {"duties": [{"id": "d1", "action": "odrl:delete", "when": "later"}]},
        {"duties": [{"id": "d1", "action": "odrl:delete", "delay": -1}]},
        {"duties": [{"id": "d1", "action": "odrl:delete", "on_failure": "ignore"}]},
    ],
)
def test_malformed_rule_is_refused(change: Json):
    with pytest.raises(ValidationError):
        read(change)


def test_policy_has_limits():
    rules = [{"id": f"p{n}"} for n in range(MAX_RULES)]
    assert len(read_policy({"permissions": rules}).permissions) == MAX_RULES
    with pytest.raises(ValidationError, match="at most 64 rules"):
        read_policy({"permissions": rules, "obligations": [{"id": "o1", "action": "odrl:delete"}]})
    leaves = [LEAVES[0] | {"id": f"c{n}"} for n in range(MAX_NODES)]
    assert read_policy({"permissions": [{"id": "p1", "leaves": leaves}]}).uid
    owed = [{"id": "o1", "action": "odrl:delete", "refine": [LEAVES[0]]}]
    with pytest.raises(ValidationError, match="at most 2000 constraints"):
        read_policy({"permissions": [{"id": "p1", "leaves": leaves}], "obligations": owed})


def test_policy_names_its_rules_in_order():
    policy = read_policy(
        {
            "permissions": [{"id": "p1", "duties": [{"id": "d1", "action": "odrl:inform"}]}],
            "prohibitions": [{"id": "x1"}],
            "obligations": [{"id": "o1", "action": "odrl:delete"}],
        }
    )
    assert list(policy.rule_ids()) == ["p1", "x1", "o1"]
    assert list(policy.ids()) == ["p1", "x1", "o1", "d1"]


def test_a_consequence_has_no_consequences():
    deep = documents.duty({"id": "d1", "action": "odrl:inform"})
    for name in ("d2", "d3"):
        deep = documents.duty({"id": name, "action": "odrl:inform"}) | {"consequences": [deep]}
    with pytest.raises(ValidationError, match="a consequence of d3 has consequences"):
        DutyIR.model_validate_json(json.dumps(deep))
