"""The compiled rules against the oracle, on requests nobody wrote by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.policy import arbitrary, documents, oracle, oracle_trace

from trustspace.policy.decision import DecisionRequest
from trustspace.policy.select import applicable
from trustspace.policy.wasm import WasmEngine

Json = dict[str, Any]


def read(document: Json) -> DecisionRequest:
    return DecisionRequest.model_validate_json(json.dumps(document))


@pytest.mark.parametrize("seed", range(5))
def test_oracle_agrees_on_random_requests(engine: WasmEngine, seed: int):
    random = arbitrary.seeded(seed)
    requests = [arbitrary.request(random, engine.revision) for _ in range(600)]
    decisions = engine.decide_many([read(request) for request in requests])
    effects = set()
    for request, decision in zip(requests, decisions, strict=True):
        expected = oracle.decide(request)
        effects.add(decision.effect)
        assert json.loads(decision.model_dump_json()) == expected, json.dumps(request)
    assert effects == {"allow", "conditional", "deny"}


@pytest.mark.soak
def test_oracle_agrees_on_twenty_thousand_random_requests(engine: WasmEngine):
    random = arbitrary.seeded(20_000)
    for _ in range(40):
        requests = [arbitrary.request(random, engine.revision) for _ in range(500)]
        decisions = engine.decide_many([read(request) for request in requests])
        for request, decision in zip(requests, decisions, strict=True):
            assert json.loads(decision.model_dump_json()) == oracle.decide(request)


def test_oracle_agrees_on_how_random_requests_came_out(engine: WasmEngine):
    random = arbitrary.seeded(77)
    for _ in range(300):
        request = arbitrary.request(random, engine.revision)
        told = engine.trace(read(request))
        assert told is not None
        assert json.loads(told.model_dump_json()) == oracle_trace.trace(request)


@given(seed=st.integers(min_value=1000))
@settings(max_examples=60)
def test_selection_never_changes_the_decision(engine: WasmEngine, seed: int):
    whole = read(arbitrary.request(arbitrary.seeded(seed), engine.revision))
    policies = tuple(
        applicable(policy, action=whole.action, subject=whole.subject, resource=whole.resource)
        for policy in whole.policies
    )
    selected = whole.model_copy(update={"policies": policies})
    before, after = engine.decide(whole), engine.decide(selected)
    assert after.considered == selected.rule_ids()
    assert before == after.model_copy(update={"considered": before.considered})


def members(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every member of every object."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(value, dict):
            yield (*path, key)
        if isinstance(item, dict | list):
            yield from members(item, (*path, key))


FULL: Json = {
    "request": {
        "facts": {
            "odrl:count": {"value": {"rule:p1": 3}},
            "odrl:purpose": {"value": "ts:a", "within": ["ts:a"], "parts": ["ts:a"]},
        },
        "subject": {
            "credentials": [{"type": "M", "issuer": "i", "status": "active", "claims": {}}]
        },
        "duties": {"fulfilled": {"d1": {"facts": {"odrl:payAmount": {"value": 5, "unit": "CNY"}}}}},
    },
    "policies": [
        {
            "permissions": [
                {
                    "id": "p1",
                    "counter": "rule:p1",
                    "assignee": "did:web:c",
                    "leaves": [
                        {"id": "c1", "left": "odrl:count", "op": "odrl:lteq", "right": 10},
                        {"id": "c2", "left": "odrl:purpose", "op": "odrl:isA", "right": "ts:a"},
                    ],
                    "logic": [[{"id": "l1", "kind": "and", "args": ["c1", "c2"], "src": "/l1"}]],
                    "top": ["l1"],
                    "duties": [
                        {
                            "id": "d1",
                            "action": "odrl:compensate",
                            "when": "before",
                            "refine": [
                                {
                                    "id": "r1",
                                    "left": "odrl:payAmount",
                                    "op": "odrl:eq",
                                    "right": 5,
                                    "unit": "CNY",
                                }
                            ],
                        }
                    ],
                    "masks": [{"column": "phone", "method": "hash", "params": {}}],
                    "limits": [{"counter": "rule:p1", "max": 10, "unit": "count"}],
                }
            ],
            "prohibitions": [
                {
                    "id": "x1",
                    "leaves": [{"id": "c1", "left": "odrl:purpose", "op": "odrl:eq", "right": "b"}],
                }
            ],
            "obligations": [{"id": "o1", "action": "odrl:delete", "delay": 60}],
        }
    ],
}


def test_each_missing_member_is_refused_or_denies(engine: WasmEngine):
    whole = documents.request(FULL, engine.revision)
    assert engine.decide(read(whole)).allow
    paths = list(members(whole))
    assert len(paths) > 120
    denied = []
    for path in paths:
        without = copy.deepcopy(whole)
        holder = without
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
        try:
            decision = engine.decide(read(without))
        except ValidationError:
            continue
        denied.append("/".join(map(str, path)))
        assert not decision.allow, path
    # What is left out here is a fact or a proof, which the documents may lack.
    assert denied == [
        "facts/odrl:count",
        "facts/odrl:count/value/rule:p1",
        "facts/odrl:purpose",
        "duties/fulfilled/d1",
        "duties/fulfilled/d1/facts/odrl:payAmount",
    ]
