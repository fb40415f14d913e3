"""Shadow decisions: what other rules would have said to what was asked."""

from __future__ import annotations

from tests.policy import documents, modules

from trustspace.policy.engine import PolicyEngine
from trustspace.policy.rollout.shadow import compare, logged
from trustspace.policy.wasm import WasmEngine


def test_requests_that_cannot_be_read_are_counted(engine: WasmEngine):
    request = documents.read_request(
        documents.CASES["operators/eq true permission"], engine.revision
    )
    found, unreadable = logged([request.model_dump_json(), "{}", "["])
    assert (found, unreadable) == ([request], 2)


def test_same_rules_say_the_same(engine: WasmEngine):
    requests = [documents.read_request(case, "sha256:older") for case in documents.CASES.values()]
    told = compare(requests, engine, WasmEngine())
    assert (told["inputs"], told["changed"]) == (len(requests), 0)
    assert told["examples"] == []


def test_other_rules_differ(engine: WasmEngine):
    class Harsh:
        """An engine that takes a mask for a denial and tells nothing of limits."""

        revision = engine.revision

        def decide_many(self, requests):
            decided = engine.decide_many(requests)
            denied = WasmEngine(modules.compiled(modules.TRAP)).decide_many(requests)
            return [
                two if one.masks else one.model_copy(update={"limits": ()})
                for one, two in zip(decided, denied, strict=True)
            ]

    harsh: PolicyEngine = Harsh()  # type: ignore[assignment]
    requests = [documents.read_request(case, engine.revision) for case in documents.CASES.values()]
    told = compare(requests, engine, harsh, examples=2, language="zh")
    assert told["changed"] > 2
    assert set(told["effects"]) <= {"allow", "conditional"}
    assert all(after == {"deny": n} for after in told["effects"].values() for n in after.values())
    assert told["members"]["limits"] > 0
    assert told["members"]["effect"] == sum(n for a in told["effects"].values() for n in a.values())
    first = told["examples"][0]
    assert (first["after"]["effect"], first["after"]["code"]) == ("deny", "engine.fault")
    assert first["before"]["summary"]
    assert len(told["examples"]) == 2
