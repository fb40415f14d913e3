"""Pre-selection keeps what can concern a request; that it never changes a decision is tested in
``test_semantics``."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.policy import documents

from trustspace.policy.decision import DecisionRequest, PolicyIR
from trustspace.policy.select import applicable


def policy() -> PolicyIR:
    rules: list[dict[str, Any]] = [
        {"id": "any", "target": None},
        {"id": "read", "actions": ["odrl:read"]},
        {"id": "dataset", "target": "urn:ds:1"},
        {"id": "collection", "target": "urn:collection:7"},
        {"id": "elsewhere", "target": "urn:ds:2"},
        {"id": "party", "assignee": "did:web:c"},
        {"id": "alias", "assignee": "BPNL1"},
        {"id": "group", "assignee": "urn:group:gold"},
        {"id": "stranger", "assignee": "did:web:x"},
    ]
    forbidden = [rule | {"id": f"not {rule['id']}"} for rule in rules]
    owed = [{"id": "o1", "action": "odrl:delete"}]
    whole = documents.policy({"permissions": rules, "prohibitions": forbidden, "obligations": owed})
    return PolicyIR.model_validate_json(json.dumps(whole))


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        ("odrl:use", ["any", "dataset", "collection", "party", "alias", "group"]),
        ("odrl:read", ["read"]),
        ("odrl:sell", []),
    ],
)
def test_only_rules_that_cover_the_request_are_kept(action: str, kept: list[str]):
    case: dict[str, Any] = {"policies": []}
    request = DecisionRequest.model_validate_json(json.dumps(documents.request(case, "r")))
    chosen = applicable(policy(), action=action, subject=request.subject, resource=request.resource)
    assert [rule.id for rule in chosen.permissions] == kept
    assert [rule.id for rule in chosen.prohibitions] == [f"not {name}" for name in kept]
    assert [duty.id for duty in chosen.obligations] == ["o1"]
    assert chosen.digest == policy().digest
