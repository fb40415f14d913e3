"""What two policies answer differently."""

from typing import Any

import pytest
from tests.policy.odrl.questions import PURPOSE, constraint, policy, rule

from trustspace.policy.odrl.difference import difference
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

COUNT = policy(rule(constraint("count", "lteq", 10)))
PURPOSES = policy(rule(constraint("purpose", "isAnyOf", ["urn:a", "urn:b"])))


def test_equal_policies_do_not_differ(engine: WasmEngine):
    found = difference(engine, COUNT, {**COUNT, "uid": "urn:other"})
    assert (found["removed"], found["added"], found["examples"]) == ([], [], [])
    assert found["complete"]


def test_a_boundary_is_shown_from_both_sides(engine: WasmEngine):
    found = difference(engine, COUNT, policy(rule(constraint("count", "lteq", 20))))
    assert "10" in found["removed"][0]["en"]
    assert "20" in found["added"][0]["zh"]
    counts = [one["request"]["context"]["odrl:count"] for one in found["examples"]]
    assert sorted(counts) == [11, 19, 20]
    assert {(one["before"], one["after"]) for one in found["examples"]} == {("deny", "permit")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PURPOSES, policy(rule(constraint("purpose", "isAnyOf", ["urn:a"])))),
        (PURPOSES, policy(rule(), prohibition=[rule(constraint("purpose", "eq", "urn:x"))])),
        (policy(rule(target="urn:d")), policy(rule(target="urn:e"))),
        (policy(rule(assignee="urn:me")), policy(rule())),
        (policy(rule(duty=[{"uid": "urn:d", "action": "attribute"}])), policy(rule())),
        (
            policy(rule(constraint("dateTime", "lt", "2027-01-01T00:00:00Z"))),
            policy(rule(constraint("dateTime", "lteq", "2027-01-01T00:00:00Z"))),
        ),
        (
            policy(rule(constraint("meteredTime", "lteq", "PT1H"))),
            policy(rule(constraint("meteredTime", "lteq", "PT2H"))),
        ),
        (
            policy(rule(constraint("absoluteSize", "lteq", 5, unit="urn:GB"))),
            policy(rule(constraint("absoluteSize", "lteq", 6, unit="urn:GB"))),
        ),
        (
            policy(rule({"or": [constraint("spatial", "eq", "DE"), PURPOSE]})),
            PURPOSES,
        ),
        (
            policy(rule(assignee={"refinement": constraint("ts:approval", "eq", "urn:y")})),
            policy(rule(action="read")),
        ),
    ],
    ids=[
        "fewer",
        "prohibited",
        "target",
        "party",
        "duty",
        "time",
        "duration",
        "unit",
        "logic",
        "refined",
    ],
)
def test_examples_are_what_the_engine_says(before: Any, after: Any, engine: WasmEngine):
    found = difference(engine, before, after)
    assert found["examples"]
    for one in found["examples"]:
        question = {"request": one["request"], "world": one["world"]}
        assert evaluate(engine, {"policy": before, **question})["decision"] == one["before"]
        assert evaluate(engine, {"policy": after, **question})["decision"] == one["after"]
        assert one["before"] != one["after"]


def test_what_only_shapes_the_delivery_differs_in_words(engine: WasmEngine):
    rows = policy(rule(constraint("ts:rowFilter", "eq", "a > 1")))
    found = difference(engine, rows, policy(rule()))
    assert len(found["removed"]) == len(found["added"]) == 1
    assert found["examples"] == []


def test_what_only_inherits_has_nothing_to_vary(engine: WasmEngine):
    heir = policy(inheritFrom="urn:parent")
    assert difference(engine, heir, heir)["tried"] == 1


def test_too_many_combinations_are_sampled(engine: WasmEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("trustspace.policy.odrl.difference.QUESTIONS", 3)
    found = difference(engine, COUNT, PURPOSES)
    assert (found["tried"], found["complete"]) == (3, False)
