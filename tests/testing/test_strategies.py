"""The strategies make what the evaluator understands, and what comes out both ways."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings

from trustspace.errors import ConfigurationError
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.wasm import WasmEngine
from trustspace.testing.strategies import policies, requests, worlds


@pytest.fixture(scope="module")
def engine() -> WasmEngine:
    return WasmEngine()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(policy=policies(), request_=requests(), world=worlds())
def test_everything_is_understood(engine: WasmEngine, policy: Any, request_: Any, world: Any):
    answer = evaluate(engine, {"policy": policy, "request": request_, "world": world})
    assert answer["refused"] is None, answer["refused"]
    assert not [one for one in answer["reasons"] if one["id"].startswith("engine.")]


@pytest.mark.parametrize("decision", ["permit", "deny"])
def test_both_decisions_are_found(engine: WasmEngine, decision: str):
    def decides(policy: Any) -> bool:
        request = {"action": "use", "context": {"count": 1, "purpose": "urn:value:1"}}
        world = {"time": "2026-01-02T00:00:00Z"}
        question = {"policy": policy, "request": request, "world": world}
        return bool(evaluate(engine, question)["decision"] == decision)

    find(policies(), decides, settings=settings(max_examples=400, deadline=None))


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "trustspace.testing.strategies")
    with pytest.raises(ConfigurationError) as raised:
        __import__("trustspace.testing.strategies")
    assert raised.value.hint == "pip install hypothesis"
