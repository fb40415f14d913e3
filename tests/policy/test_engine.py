"""Reading an engine's answer: anything but a decision on this very request denies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.policy import documents

from trustspace.errors import PolicyError
from trustspace.policy.decision import REASONS, Decision, DecisionRequest
from trustspace.policy.engine import (
    MAX_INPUT_BYTES,
    EngineFaultError,
    denial,
    encode,
    read_decision,
    read_decisions,
    read_trace,
)

Json = dict[str, Any]
REVISION = "sha256:r"
CASE = documents.CASES["examples/1 time-limited, last second"]


@pytest.fixture
def request_() -> DecisionRequest:
    return documents.read_request(CASE, REVISION)


def answer(**change: Any) -> bytes:
    return json.dumps([{"result": documents.expected(CASE, REVISION) | change}]).encode()


def fault(raw: bytes, request: DecisionRequest) -> str:
    with pytest.raises(EngineFaultError) as caught:
        read_decision(raw, request, REVISION)
    assert isinstance(caught.value, PolicyError)
    assert caught.value.code in REASONS
    return caught.value.code


def test_decision_is_read(request_: DecisionRequest):
    assert read_decision(answer(), request_, REVISION).allow is True


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bundle": "sha256:other"}, "engine.revision"),
        ({"id": "another request"}, "engine.schema"),
        ({"considered": []}, "engine.considered"),
        ({"considered": ["p1", "p2"]}, "engine.considered"),
        ({"allow": "true"}, "engine.schema"),
        ({"allow": 1}, "engine.schema"),
        ({"allow": None}, "engine.schema"),
        ({"allow": False}, "engine.schema"),
        ({"effect": "deny"}, "engine.schema"),
        ({"rules": []}, "engine.schema"),
        ({"reasons": [documents.BASE["reason"] | {"id": "x"}]}, "engine.schema"),
        ({"ttl": 61}, "engine.schema"),
        ({"ttl": -1}, "engine.schema"),
        ({"ttl": 1.5}, "engine.schema"),
        ({"v": 2}, "engine.schema"),
        ({"extra": 1}, "engine.schema"),
        ({"masks": [{"column": "a", "method": "blur", "params": {}}]}, "engine.schema"),
        ({"filters": [{"op": "like", "field": "a", "value": None}]}, "engine.schema"),
    ],
)
def test_odd_decision_is_a_fault(request_: DecisionRequest, change: Json, code: str):
    assert fault(answer(**change), request_) == code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"[]", "engine.undefined"),
        (b"", "engine.schema"),
        (b"{}", "engine.schema"),
        (b"[{}]", "engine.schema"),
        (b'[{"result": true}]', "engine.schema"),
        (b'[{"result": {}}]', "engine.schema"),
        (b'[{"result": {}}, {"result": {}}]', "engine.schema"),
        (b"\xff", "engine.schema"),
    ],
)
def test_odd_answer_is_a_fault(request_: DecisionRequest, raw: bytes, code: str):
    assert fault(raw, request_) == code


def test_each_missing_member_of_a_decision_is_a_fault(request_: DecisionRequest):
    whole = documents.expected(CASE, REVISION)
    for name in whole:
        without = {key: value for key, value in whole.items() if key != name}
        assert fault(json.dumps([{"result": without}]).encode(), request_) == "engine.schema"


def test_several_decisions_are_as_many_as_asked(request_: DecisionRequest):
    whole = documents.expected(CASE, REVISION)
    two = json.dumps([{"result": [whole, whole]}]).encode()
    assert len(read_decisions(two, [request_, request_], REVISION)) == 2
    for count in (1, 3):
        with pytest.raises(EngineFaultError, match="2 of"):
            read_decisions(two, [request_] * count, REVISION)
    swapped = request_.model_copy(update={"id": "other"})
    with pytest.raises(EngineFaultError, match="answers"):
        read_decisions(two, [request_, swapped], REVISION)


def test_denial_names_the_request(request_: DecisionRequest):
    decision = denial(request_, "engine.deadline", REVISION)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
    assert (decision.id, decision.allow, decision.effect) == (request_.id, False, "deny")
    assert [reason.id for reason in decision.reasons] == ["engine.deadline"]
    assert decision.policy == ("urn:agreement:1",)


def test_request_is_encoded_whole(request_: DecisionRequest):
    assert DecisionRequest.model_validate_json(encode(request_)) == request_
    assert len(encode(request_)) < MAX_INPUT_BYTES


def test_request_with_a_foreign_object_is_not_encoded(request_: DecisionRequest):
    with pytest.raises(EngineFaultError) as caught:
        encode(request_.model_copy(update={"facts": {"odrl:purpose": object()}}))
    assert caught.value.code == "engine.input"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, ""),
        ({"bundle": "sha256:other"}, "engine.revision"),
        ({"id": "another"}, "engine.revision"),
        ({"rules": []}, "engine.considered"),
        ({"rules": None}, "engine.schema"),
    ],
)
def test_a_trace_is_of_this_request(request_: DecisionRequest, change: Json, code: str):
    rule = {"rule": "p1", "kind": "permission", "active": True, "values": {}, "duties": []}
    whole = {"v": 1, "id": request_.id, "bundle": REVISION, "rules": [rule]} | change
    found = ""
    try:
        read_trace(json.dumps([{"result": whole}]).encode(), request_, REVISION)
    except EngineFaultError as fault_:
        found = fault_.code
    assert found == code
