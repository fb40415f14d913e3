"""Policies of practice: limited in time, count and place, for training, for members, for money."""

from __future__ import annotations

from typing import Any

import pytest
from tests.policy.odrl.questions import Json, constraint, policy, question, rule

from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine

UNTIL = policy(rule(constraint("dateTime", "lt", "2026-12-31T16:00:00Z")))
REGION = policy(
    rule(constraint("spatial", "isPartOf", "CN")),
    prohibition=[rule(constraint("ts:destination", "isNoneOf", ["CN"]), action="transfer")],
)
CORPUS = policy(
    rule(
        constraint("purpose", "isAnyOf", ["ts:llm-pretraining"]),
        constraint("ts:outputForm", "isAnyOf", ["model"]),
        constraint("ts:mask", "isAllOf", ["phone:redact_pii", "id_card:redact_pii"]),
        action="ts:train",
        duty=[
            {"action": "delete", "constraint": [constraint("delayPeriod", "lteq", "P30D")]},
        ],
    ),
    prohibition=[rule(action="distribute"), rule(action="sell")],
    obligation=[{"action": "ts:meter"}],
)
MEMBER = policy(
    rule(
        constraint("cx:Membership", "eq", "active"),
        {
            "or": [
                constraint("cx:BusinessPartnerGroup", "isAnyOf", ["gold"]),
                constraint("cx:BusinessPartnerNumber", "eq", "BPNL1"),
            ]
        },
    )
)
TRAIN: Json = {"purpose": "ts:llm-pretraining", "ts:outputForm": "model"}

CASES: dict[str, tuple[Json, str, str | None]] = {
    "the last second": (question(UNTIL, world={"time": 1798732799}), "permit", None),
    "the end": (
        question(UNTIL, world={"time": "2027-01-01T00:00:00+08:00"}),
        "deny",
        "odrl.constraint.unsatisfied",
    ),
    "training": (question(CORPUS, TRAIN, action="ts:train"), "permit", None),
    "distribution": (question(CORPUS, TRAIN, action="distribute"), "deny", "odrl.prohibited"),
    "marketing": (
        question(CORPUS, TRAIN | {"purpose": "ts:marketing"}, action="ts:train"),
        "deny",
        "odrl.constraint.unsatisfied",
    ),
    "in Shanghai": (question(REGION, {"spatial": "CN-SH"}), "permit", None),
    "in Germany": (question(REGION, {"spatial": "DE"}), "deny", "odrl.constraint.unsatisfied"),
    "nobody says where": (question(REGION), "deny", "fact.unavailable"),
    "sent nobody says where": (question(REGION, action="transfer"), "deny", "odrl.prohibited"),
    "a gold member": (
        question(MEMBER, {"cx:Membership": "active", "cx:BusinessPartnerGroup": ["gold"]}),
        "permit",
        None,
    ),
    "a member by number, its group unknown": (
        question(MEMBER, {"cx:Membership": "active", "cx:BusinessPartnerNumber": "BPNL1"}),
        "permit",
        None,
    ),
    "a member of another number, its group unknown": (
        question(MEMBER, {"cx:Membership": "active", "cx:BusinessPartnerNumber": "BPNL2"}),
        "deny",
        "odrl.operand.unknown",
    ),
    "no member any more": (
        question(MEMBER, {"cx:Membership": "revoked", "cx:BusinessPartnerNumber": "BPNL1"}),
        "deny",
        "odrl.constraint.unsatisfied",
    ),
}


@pytest.mark.parametrize(("asked", "decision", "reason"), CASES.values(), ids=CASES)
def test_examples(engine: WasmEngine, asked: Json, decision: str, reason: str | None):
    found = evaluate(engine, asked)
    assert found["refused"] is None, found["refused"]
    assert found["decision"] == decision
    ids = {each["id"] for each in found["reasons"]}
    assert reason is None or reason in ids, ids


def test_training_brings_masks_and_duties(engine: WasmEngine):
    found = evaluate(engine, question(CORPUS, TRAIN, world={"time": 1790000000}, action="ts:train"))
    assert found["delivery"]["masks"] == ["id_card:redact_pii", "phone:redact_pii"]
    assert found["delivery"]["filters"] == []
    assert [(one["action"], one["due"]) for one in found["obligations"]] == [
        ("odrl:delete", 1790000000 + 2_592_000),
        ("ts:meter", None),
    ]


@pytest.mark.parametrize(
    ("receipt", "decision", "reason"),
    [
        (None, "deny", "odrl.duty.unfulfilled"),
        ({"amount": 500, "currency": "CNY", "evidence": "urn:r"}, "permit", None),
        ({"amount": 500, "currency": "USD"}, "deny", "odrl.constraint.unknown"),
        ({"amount": "499.00", "currency": "CNY"}, "deny", "odrl.constraint.unsatisfied"),
    ],
)
def test_payment_before_use(engine: WasmEngine, receipt: Any, decision: str, reason: str | None):
    amount = constraint("payAmount", "eq", 500, unit="CNY")
    asked = policy(rule(duty=[{"action": {"rdf:value": "compensate", "refinement": amount}}]))
    found = evaluate(engine, question(asked, world={"payments": [receipt] if receipt else []}))
    assert found["decision"] == decision
    assert [each["id"] for each in found["reasons"]] == ([reason] if reason else [])


def test_a_permit_may_leave_part_of_the_columns(engine: WasmEngine):
    asked = policy(rule(constraint("ts:columns", "isAnyOf", ["b", "a"])))
    found = evaluate(engine, question(asked))
    assert found["delivery"] == {"filters": [], "columns": ["a", "b"], "masks": []}
    assert evaluate(engine, question(policy(rule())))["delivery"] is None


def test_many_alternatives_are_decided(engine: WasmEngine):
    alternatives = [
        {"and": [constraint("purpose", "eq", f"urn:p{n}"), constraint("spatial", "eq", f"C{n}")]}
        for n in range(262)
    ]
    asked = policy(rule({"or": alternatives}))
    fitting = evaluate(engine, question(asked, {"purpose": "urn:p261", "spatial": "C261"}))
    assert fitting["decision"] == "permit"
    other = evaluate(engine, question(asked, {"purpose": "urn:p261", "spatial": "C1"}))
    assert other["decision"] == "deny"


def test_a_reference_within_logic_is_followed(engine: WasmEngine):
    graph = [
        {"@id": "urn:p", "@type": "Set", "permission": {"action": "use", "constraint": "urn:c"}},
        {"@id": "urn:c", "or": [{"@id": "urn:c1"}, {"@id": "urn:c2"}]},
        constraint("purpose", "eq", "urn:a") | {"@id": "urn:c1"},
        constraint("purpose", "eq", "urn:b") | {"@id": "urn:c2"},
    ]
    found = evaluate(engine, question({"@graph": graph}, {"purpose": "urn:b"}))
    assert found["decision"] == "permit"
    assert found["rules"][0]["constraints"]["urn:c1"] is False
    cyclic = [graph[0], {"@id": "urn:c", "or": [{"@id": "urn:c"}]}]
    found = evaluate(engine, question({"@graph": cyclic}))
    assert found["refused"]["code"] == "policy.limit"
