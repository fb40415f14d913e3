"""What a policy in any spelling says to a request, and what is refused instead of decided."""

from typing import Any

import pytest
from tests.policy.odrl.questions import (
    COMPENSATE,
    PURPOSE,
    Json,
    constraint,
    policy,
    question,
    rule,
)

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.operands import known
from trustspace.policy.wasm import WasmEngine

REFUSED = {
    "no object": (question([1, 2]), "policy.malformed", ""),
    "no question": (["x"], "request.malformed", ""),
    "no request": ({"policy": policy(rule())}, "request.malformed", "/request"),
    "no action asked for": (
        question(policy(rule()), action=None),
        "request.malformed",
        "/request/action",
    ),
    "an action nobody knows": (
        question(policy(rule()), action="usee"),
        "policy.unsupported",
        "/request/action",
    ),
    "a party that is a number": (
        question(policy(rule()), party=5),
        "request.malformed",
        "/request/party",
    ),
    "a world that is a list": (
        question(policy(rule())) | {"world": [1]},
        "request.malformed",
        "/world",
    ),
    "a context entry without a name": (
        question(policy(rule()), [{"value": 1}]),
        "request.malformed",
        "/request/context/0",
    ),
    "a frequency of no window": (
        question(
            policy(rule(constraint("ts:frequency", "lteq", "3/week")))
            | {"@context": {"ts": "https://w3id.org/trustspace/ns#"}}
        ),
        "policy.datatype",
        "/permission/0/constraint/0/rightOperand",
    ),
    "a context nobody knows": (
        question(policy(rule()), {"mood": 1}),
        "policy.unsupported",
        "/request/context/mood",
    ),
    "a time without a zone": (
        question(policy(rule()), world={"time": "2026-01-01T00:00:00"}),
        "policy.datetime.no_zone",
        "/world/time",
    ),
    "a time before all times": (
        question(policy(rule()), world={"time": -5}),
        "request.malformed",
        "/world/time",
    ),
    "states of duties that are words": (
        question(policy(rule(duty=[COMPENSATE])), world={"duties": ["x"]}),
        "request.malformed",
        "/world/duties",
    ),
    "memberships that are words": (
        question(policy(rule()), party="urn:a", world={"membership": ["x"]}),
        "request.malformed",
        "/world/membership",
    ),
    "a request too large": (question(policy(rule()), party="x" * 5000), "policy.limit", ""),
    "a parent that is not given": (
        question(policy(inheritFrom="urn:x")),
        "policy.inheritance",
        "/inheritFrom",
    ),
    "a parent that inherits from its child": (
        question(
            policy(rule(), inheritFrom="urn:x"),
            world={"policies": [policy(inheritFrom="urn:p") | {"uid": "urn:x"}]},
        ),
        "policy.inheritance",
        "/inheritFrom",
    ),
}


@pytest.mark.parametrize(("asked", "code", "pointer"), REFUSED.values(), ids=REFUSED)
def test_refuses(engine: WasmEngine, asked: Json, code: str, pointer: str):
    found = evaluate(engine, asked)
    assert found["decision"] == "deny"
    assert (found["refused"]["code"], found["refused"]["pointer"]) == (code, pointer)
    assert found["rules"] == []


def test_too_many_generations_are_refused(engine: WasmEngine):
    others = [policy(inheritFrom=f"urn:{n + 1}") | {"uid": f"urn:{n}"} for n in range(6)]
    found = evaluate(engine, question(policy(inheritFrom="urn:0"), world={"policies": others}))
    assert found["refused"]["code"] == "policy.inheritance"
    assert "generations" in found["refused"]["message"]


def test_tells_every_rule_with_the_names_of_the_document(engine: WasmEngine):
    asked = policy(
        rule(
            {"uid": "urn:both", "and": [PURPOSE, constraint("spatial", "eq", "CN", uid="urn:c2")]},
            uid="urn:r1",
            duty=[
                COMPENSATE
                | {
                    "constraint": [constraint("language", "eq", "zh", uid="urn:c3")],
                    "consequence": [{"uid": "urn:f", "action": "inform"}],
                }
            ],
        ),
        prohibition=[rule(action="sell", uid="urn:r2")],
        obligation=[{"uid": "urn:o", "action": "delete"}],
    )
    found = evaluate(engine, question(asked, {"purpose": "urn:research"}))
    first, second, third = found["rules"]
    assert first["rule"] == "urn:r1"
    assert first["active"]
    assert first["constraints"] == {"urn:c1": True, "urn:c2": "unknown", "urn:both": "unknown"}
    assert first["duties"] == [
        {
            "duty": "urn:d1",
            "action": "odrl:compensate",
            "state": "unfulfilled",
            "constraints": {"urn:c3": "unknown"},
            "consequences": [{"duty": "urn:f", "state": "unfulfilled"}],
        }
    ]
    assert (second["rule"], second["kind"], second["active"]) == ("urn:r2", "prohibition", False)
    assert third == {
        "rule": "urn:o",
        "kind": "obligation",
        "active": True,
        "constraints": {},
        "duties": [{"duty": "urn:o", "action": "odrl:delete", "state": "unfulfilled"}],
    }
    assert {reason["rule"] for reason in found["reasons"]} == {"urn:r1"}
    assert any(reason.get("at") == "urn:d1" for reason in found["reasons"])
    assert found["sentences"]


def test_a_prohibition_is_named_by_the_document(engine: WasmEngine):
    asked = policy(rule(), prohibition=[rule(uid="urn:no")])
    (reason,) = evaluate(engine, question(asked))["reasons"]
    assert (reason["rule"], reason["at"]) == ("urn:no", "urn:no")


def test_an_active_part_stands_for_a_rule_that_was_taken_apart(engine: WasmEngine):
    asked = policy(rule(uid="urn:r", assignee=["urn:a", "urn:b", "urn:c"]))
    (only,) = evaluate(engine, question(asked, party="urn:b"))["rules"]
    assert only["active"]


@pytest.mark.parametrize(
    ("right", "used", "window", "decision"),
    [
        ("3/P1D", 3, "P1D", "permit"),
        ({"@value": "3/PT24H"}, 3, "P1D", "permit"),
        ("3/P1D", 4, "P1D", "deny"),
        ("3/P1D", 3, "PT1H", "deny"),
    ],
)
def test_a_frequency_has_its_window_as_unit(
    engine: WasmEngine, right: Any, used: int, window: str, decision: str
):
    asked = question(
        policy(rule(constraint("ts:frequency", "lteq", right)))
        | {"@context": {"ts": "https://w3id.org/trustspace/ns#"}},
        {"ts:frequency": {"value": used, "unit": window}},
    )
    answer = evaluate(engine, asked)
    assert (answer["decision"], answer["refused"]) == (decision, None)


def test_an_amount_may_have_a_window_as_unit(engine: WasmEngine):
    asked = question(
        policy(rule(constraint("ts:dataSize", "lteq", "1MB/PT24H")))
        | {"@context": {"ts": "https://w3id.org/trustspace/ns#"}},
        {"ts:dataSize": {"value": 10**6, "unit": "P1D"}},
    )
    assert evaluate(engine, asked)["decision"] == "permit"


def test_operands_may_be_declared(engine: WasmEngine):
    asked = question(
        policy(rule(constraint("ex:day", "eq", "monday"))) | {"@context": {"ex": "http://e.org/"}},
        {"ex:day": "monday"},
    )
    assert evaluate(engine, asked)["refused"]["code"] == "policy.unsupported"
    declared = {"ex:day": known("language")}
    assert evaluate(engine, asked, operands=declared)["decision"] == "permit"


def test_an_engine_that_fails_denies(engine: WasmEngine):
    class Broken:
        revision = engine.revision
        decide = staticmethod(
            lambda request: engine.decide(request.model_copy(update={"bundle": "x"}))
        )
        decide_many = engine.decide_many

        def trace(self, request: object) -> None:
            del request

    found = evaluate(Broken(), question(policy(rule())))
    assert found["decision"] == "deny"
    assert found["rules"] == []
    assert found["reasons"][0]["id"] == "engine.revision"


def test_reasons_show_amounts_as_they_are_written(engine: WasmEngine):
    found = evaluate(engine, question(policy(rule(duty=[COMPENSATE]))))
    assert [reason["expected"] for reason in found["reasons"]] == [5]
    other = evaluate(engine, question(policy(rule(constraint("purpose", "eq", "urn:a")))))
    assert other["reasons"][0]["expected"] == "urn:a"
