"""Hostile policies are refused with their place, hostile strings are what they are."""

from __future__ import annotations

import time

import pytest
from tests.policy import hostile

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

REQUEST = {"action": "use", "context": {"count": 1, "purpose": "urn:research"}}
WORLD = {"time": "2026-11-25T00:00:00Z"}


@pytest.mark.parametrize("name", hostile.REFUSED)
def test_refused(engine: WasmEngine, name: str):
    members, code = hostile.REFUSED[name]
    begun = time.thread_time()
    question = {"policy": hostile.policy(members), "request": REQUEST, "world": WORLD}
    answer = evaluate(engine, question)
    assert time.thread_time() - begun < 2
    assert answer["decision"] == "deny"
    assert answer["refused"]["code"] == code
    assert answer["refused"]["message"]


def test_inheritance_in_a_circle_is_refused(engine: WasmEngine):
    one = {"uid": "urn:a", "permission": [{"action": "use"}], "inheritFrom": "urn:b"}
    two = {"uid": "urn:b", "permission": [{"action": "use"}], "inheritFrom": "urn:a"}
    question = {"policy": one, "request": REQUEST, "world": WORLD | {"policies": [two]}}
    answer = evaluate(engine, question)
    assert answer["refused"]["code"] == "policy.inheritance"
    assert "inherits from itself" in answer["refused"]["message"]


def test_inheritance_that_multiplies_is_refused(engine: WasmEngine):
    parents = [
        {"uid": f"urn:{level}", "permission": [{"action": "use"}], "inheritFrom": [below] * 20}
        for level, below in (("a", "urn:b"), ("b", "urn:c"), ("c", "urn:d"))
    ]
    parents.append({"uid": "urn:d", "permission": [{"action": "use"}]})
    question = {"policy": parents[0], "request": REQUEST, "world": {"policies": parents[1:]}}
    assert evaluate(engine, question)["refused"]["code"] == "policy.limit"


@pytest.mark.parametrize("name", hostile.STRINGS)
def test_a_string_is_only_itself(engine: WasmEngine, name: str):
    text = hostile.STRINGS[name]
    policy = hostile.policy(
        hostile.of(hostile.permission(hostile.constraint("purpose", "eq", text)))
    )
    for asked, decision in ((text, "permit"), ("urn:research", "deny")):
        request = {"action": "use", "context": {"purpose": asked}}
        answer = evaluate(engine, {"policy": policy, "request": request})
        assert (answer["decision"], answer["refused"]) == (decision, None)


def test_an_unknown_unit_is_compared_with_nothing(engine: WasmEngine):
    amount = hostile.constraint("payAmount", "lteq", "5.00", unit="urn:unheard-of")
    policy = hostile.policy(hostile.of(hostile.permission(amount)))
    paid = {"payAmount": {"value": "1.00", "unit": "http://dbpedia.org/resource/Euro"}}
    answer = evaluate(engine, {"policy": policy, "request": {"action": "use", "context": paid}})
    assert [one["id"] for one in answer["reasons"]] == ["odrl.constraint.unknown"]


def test_one_thing_may_be_written_twice(engine: WasmEngine):
    named = {"uid": "urn:c"} | hostile.constraint("count", "lteq", 1)
    policy = hostile.policy(hostile.of(hostile.permission(named, named)))
    answer = evaluate(engine, {"policy": policy, "request": REQUEST, "world": WORLD})
    assert answer["decision"] == "permit"
