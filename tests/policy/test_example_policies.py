"""The example offers are understood, negotiable, and say what the cases of the same number say."""

from __future__ import annotations

import json

import pytest
from tests.policy import documents

from trustspace.model.jsonld import read
from trustspace.model.odrl import Offer
from trustspace.policy.decision import DecisionRequest, Fact, PolicyIR
from trustspace.policy.lower import lower
from trustspace.policy.wasm import WasmEngine

EXAMPLES = sorted((documents.POLICIES / "examples").glob("*.json"))


def lowered(name: str) -> PolicyIR:
    text = (documents.POLICIES / "examples" / name).read_text(encoding="utf-8")
    return lower(Offer.read(read(json.loads(text))), kind="offer", target="urn:ds:1")


def ask(engine: WasmEngine, policy: PolicyIR, action: str) -> DecisionRequest:
    case = {"request": {"point": "negotiation", "agreement": None}, "policies": []}
    request = documents.read_request(case, engine.revision)
    facts = {
        "odrl:purpose": Fact.ok("ts:llm-pretraining"),
        "cx:Membership": Fact.ok("active"),
        "cx:BusinessPartnerNumber": Fact.ok("BPNL1"),
    }
    change = {"policies": (policy,), "action": action, "facts": facts}
    return request.model_copy(update=change)


def test_there_is_an_example_of_each():
    assert [path.name[0] for path in EXAMPLES] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_negotiable(engine: WasmEngine, path):
    policy = lowered(path.name)
    action = "ts:train" if "corpus" in path.name else "odrl:use"
    decision = engine.decide(ask(engine, policy, action))
    assert decision.allow, decision.reasons


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("1-time-limited.json", "examples/1 time-limited, last second"),
        ("2-count-limited.json", "examples/2 count-limited, last use"),
        ("3-corpus.json", "examples/3 corpus, training a model"),
        ("4-region.json", "examples/4 region, within"),
        ("5-membership.json", "partners/example 5: a member of the group"),
        ("6-payment.json", "partners/example 6: with a receipt"),
    ],
)
def test_example_is_what_its_case_evaluates(name: str, case: str):
    (policy,) = documents.read_request(documents.CASES[case], "r").policies
    (rule, *_), (wanted, *_) = lowered(name).permissions, policy.permissions
    assert rule.actions[0] in wanted.actions or wanted.actions[0] in rule.actions
    for leaf, other in zip(rule.leaves, wanted.leaves, strict=True):
        assert (leaf.left, leaf.op, leaf.right) == (other.left, other.op, other.right)
    assert rule.limits == wanted.limits
    assert [[node.kind for node in level] for level in rule.logic] == [
        [node.kind for node in level] for level in wanted.logic
    ]
    first = [(duty.id, duty.action, duty.when) for duty in rule.duties]
    assert first == [(duty.id, duty.action, duty.when) for duty in wanted.duties]
    for duty, asked in zip(rule.duties, wanted.duties, strict=True):
        for leaf, proof in zip(duty.refine, asked.refine, strict=True):
            assert (leaf.left, leaf.right, leaf.unit) == (proof.left, proof.right, proof.unit)
    assert set(map(str, rule.masks)) == set(map(str, wanted.masks))
    owed = [(duty.action, duty.delay, duty.when) for duty in lowered(name).obligations]
    assert owed == [(duty.action, duty.delay, duty.when) for duty in policy.obligations]
