"""Cases as data, and what they cover."""

from typing import Any

import pytest
from tests.policy.odrl.questions import NOW, Json, constraint, policy, rule

from trustspace.errors import PolicyError
from trustspace.policy.engine import denial
from trustspace.policy.odrl.cases import Outcome, coverage, read_cases, run_case
from trustspace.policy.wasm import WasmEngine

POLICY = policy(
    rule(
        constraint("purpose", "eq", "urn:research", uid="urn:c1"),
        constraint("ts:rowFilter", "eq", "a > 1"),
        uid="urn:r1",
        duty=[{"action": "attribute", "constraint": [constraint("spatial", "eq", "DE")]}],
    ),
    prohibition=[rule(action="sell", uid="urn:r2")],
)


def case(name: str, expect: str, purpose: str = "urn:research", **more: Any) -> Json:
    request = {"action": "use", "context": {"purpose": purpose, "spatial": "CN"}}
    return {"name": name, "request": request, "world": {"time": NOW}, "expect": expect, **more}


def outcome_of(one: Json, policy_: Any = POLICY) -> Outcome:
    return run_case(WasmEngine(), read_cases({"policy": policy_, "cases": [one]})[0])


UNSATISFIED = "odrl.constraint.unsatisfied"


@pytest.mark.parametrize(
    "one",
    [
        case("permitted", "permit"),
        case("denied", "deny", "urn:other"),
        case("denied for a reason", "deny", "urn:other", reasons=[UNSATISFIED]),
        case(
            "denied at a place",
            "deny",
            "urn:other",
            reasons=[{"id": UNSATISFIED, "rule": "urn:r1"}],
        ),
        case("refused", "refused", policy={"uid": "urn:p"}),
        case("refused with its code", "refused", policy={}, reasons=["policy.malformed"]),
    ],
    ids=lambda one: one["name"],
)
def test_what_is_expected_passes(one: Json):
    assert outcome_of(one).problems == ()


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (case("a", "deny"), "expected deny, found permit"),
        (case("b", "permit", "urn:other"), "expected permit, found deny: "),
        (case("c", "permit", policy={}), "expected permit, found refused: "),
        (case("d", "deny", "urn:other", reasons=["x"]), "the reason x is missing"),
        (case("e", "deny", "urn:other", reasons=[]), f"there is another reason, {UNSATISFIED}"),
    ],
)
def test_what_is_not_expected_is_told(one: Json, said: str):
    found = outcome_of(one)
    assert not found.passed
    assert found.problems[0].startswith(said)


def test_an_engine_that_fails_passes_no_case(monkeypatch: pytest.MonkeyPatch):
    engine = WasmEngine()
    monkeypatch.setattr(
        engine, "decide", lambda request: denial(request, "engine.unavailable", engine.revision)
    )
    one = read_cases({"policy": POLICY, "cases": [case("a", "deny")]})[0]
    assert run_case(engine, one).problems == ("the engine failed: engine.unavailable",)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([1], "/0"),
        ({"policy": {}}, ""),
        ({"cases": [1]}, "/cases/0"),
        ({"cases": [case("a", "deny", odd=1)]}, "/cases/0"),
        ({"cases": [case("a", "deny"), case("a", "deny")]}, "/cases/1"),
        ({"cases": [{"expect": "deny"}]}, "/cases/0"),
        ([{"cases": [case("a", "maybe")]}], "/0/cases/0/expect"),
    ],
)
def test_a_file_that_holds_no_cases_is_refused(document: Any, place: str):
    with pytest.raises(PolicyError) as refused:
        read_cases(document)
    assert (refused.value.code, refused.value.location) == ("cases.malformed", place)


def test_coverage_counts_what_came_out_either_way():
    cases = [case("in", "permit"), case("refused", "refused", policy={"uid": "urn:x"})]
    outcomes = [outcome_of(one) for one in cases]
    told = coverage(outcomes)
    assert told["rules"][0]["constraints"] == [
        {"constraint": "urn:c1", "operand": "odrl:purpose", "true": 1, "false": 0, "unknown": 0},
        {
            "constraint": "/permission/0/duty/0/constraint/0",
            "operand": "odrl:spatial",
            "true": 0,
            "false": 1,
            "unknown": 0,
        },
    ]
    assert told["missing"] == [
        "urn:p urn:c1 (odrl:purpose): never false",
        "urn:p /permission/0/duty/0/constraint/0 (odrl:spatial): never true",
        "urn:p urn:r2: prohibition never active",
    ]
    assert told["percent"] == 50
    more = coverage([*outcomes, outcome_of(case("out", "deny", "urn:other"))])
    assert more["operands"]["odrl:purpose"] == {"true": 1, "false": 1, "unknown": 0}
    assert coverage([])["percent"] == 100
