"""Requests refuse what an engine would misread."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from tests.policy import documents

from trustspace.policy.decision import Credential, DecisionRequest, Fact, Subject

Json = dict[str, Any]


def read(change: Json, policies: list[Json] | None = None) -> DecisionRequest:
    whole = documents.request({"policies": policies or [{}]}, "r")
    return DecisionRequest.model_validate_json(json.dumps(documents.merged(whole, change)))


def test_plain_request_is_read():
    assert read({}).point == "access"


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": "1"},
        {"point": "guess"},
        {"now": -1},
        {"now": 1.5},
        {"now": 2**53},
        {"now": "1790000000"},
        {"now": True},
        {"id": ""},
        {"subject": {"id": ""}},
        {"subject": {"role": "x"}},
        {"resource": {"id": None}},
        {"agreement": {"signed": None}},
        {"facts": {"odrl:purpose": {"value": "x"}}},
        {"facts": {"odrl:purpose": documents.BASE["fact"] | {"status": "guess"}}},
        {"facts": {"odrl:purpose": documents.BASE["fact"] | {"value": 1.5}}},
        {"facts": {"odrl:purpose": documents.BASE["fact"] | {"value": {"a": "b"}}}},
        {"facts": {"": documents.BASE["fact"]}},
        {"duties": {"fulfilled": {"d1": {"at": 1, "evidence": "e"}}}},
        {"duties": {"outstanding": {"d1": -1}}},
        {"trace": True},
    ],
)
def test_malformed_request_is_refused(change: Json):
    with pytest.raises(ValidationError):
        read(change)


@pytest.mark.parametrize(
    "policies",
    [
        [{"permissions": [{"id": "p1"}, {"id": "p1"}]}],
        [{"permissions": [{"id": "p1"}]}, {"permissions": [{"id": "p1"}]}],
        [{"permissions": [{"id": "p1"}], "prohibitions": [{"id": "p1"}]}],
        [{"permissions": [{"id": "p1"}], "obligations": [{"id": "p1", "action": "odrl:delete"}]}],
        [
            {"permissions": [{"id": "p1", "duties": [{"id": "d1", "action": "odrl:inform"}]}]},
            {"obligations": [{"id": "d1", "action": "odrl:delete"}]},
        ],
    ],
)
def test_id_used_twice_is_refused(policies: list[Json]):
    with pytest.raises(ValidationError, match="unique within a request"):
        read({}, policies)


def test_lone_surrogates_are_refused_everywhere():
    whole = documents.request({"policies": [{"permissions": [{"id": "p1"}]}]}, "r")
    request = DecisionRequest.model_validate_json(json.dumps(whole))
    for change in ({"id": "\ud800"}, {"action": "a\udfff"}, {"facts": {"\ud800": Fact.ok("x")}}):
        with pytest.raises(ValidationError):
            DecisionRequest.model_validate({**dict(request), **change})
    with pytest.raises(ValidationError):
        Fact.ok("\ud800")


def credential(claims: Any) -> Credential:
    return Credential(type="M", issuer="i", status="active", claims=claims)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"a": None, "b": True, "c": [1, "x", {"d": -1}]},
        {"用途": "\U0001f339"},
        {"a": [[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]},
    ],
)
def test_claims_of_plain_json_are_kept(claims: Json):
    assert credential(claims).claims == claims


@pytest.mark.parametrize(
    "claims",
    [
        {"a": 1.5},
        {"a": 2**53},
        {"a": float("nan")},
        {"a": b"x"},
        {"a": "\ud800"},
        {"\ud800": "a"},
        {"a": [[[[[[[[[[[[[[["too deep"]]]]]]]]]]]]]]]},
    ],
)
def test_claims_that_are_not_plain_json_are_refused(claims: Json):
    with pytest.raises(ValidationError):
        credential(claims)


def test_facts_are_made_in_one_line():
    place = Fact.ok("CN-SH", within=("CN-SH", "CN"), expires=9, depends=("attestation:1",))
    assert (place.status, place.value, place.within) == ("ok", "CN-SH", ("CN-SH", "CN"))
    assert Fact.ok({"rule:p1": 9}).value == {"rule:p1": 9}
    assert Fact.ok(500, unit="CNY", parts=(1,)).unit == "CNY"
    assert Fact.unavailable().status == "missing"
    assert Fact.unavailable("error").value is None


def test_request_names_the_rules_a_decision_must_consider():
    request = read(
        {},
        [
            {"permissions": [{"id": "p1"}], "prohibitions": [{"id": "x1"}]},
            {"permissions": [{"id": "q1"}], "obligations": [{"id": "o1", "action": "odrl:delete"}]},
        ],
    )
    assert request.rule_ids() == ("p1", "x1", "q1", "o1")


def test_documents_are_frozen():
    subject = Subject(id=None, ids=(), groups=(), credentials=())
    with pytest.raises(ValidationError, match="frozen"):
        subject.id = "did:web:c"  # type: ignore[misc]
