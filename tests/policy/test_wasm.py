"""The host: limits, faults, threads and forks."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.policy import arbitrary, documents, modules

from trustspace.errors import ConfigurationError
from trustspace.policy import wasm
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.decision import Decision, DecisionRequest, Fact
from trustspace.policy.engine import EngineFaultError, PolicyEngine
from trustspace.policy.wasm import WasmEngine


@pytest.fixture
def request_(engine: WasmEngine) -> DecisionRequest:
    return documents.read_request(documents.CASES["operators/eq true permission"], engine.revision)


def reason(decision: Decision) -> str:
    assert decision.allow is False
    (only,) = decision.reasons
    return only.id


def test_engine_is_a_policy_engine(engine: WasmEngine):
    assert isinstance(engine, PolicyEngine)
    assert engine.revision == CompiledPolicy.shipped().revision()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (modules.compiled(modules.TRAP), "engine.fault"),
        (modules.compiled(modules.BUILTIN), "engine.fault"),
        (modules.compiled(modules.NO_END), "engine.fault"),
        (modules.compiled(modules.ABORT, text="rule conflict"), "engine.fault"),
        (modules.compiled(modules.ABORT, text="opa_malloc: failed"), "engine.memory"),
        (modules.compiled(modules.ANSWER, text="[]"), "engine.undefined"),
        (modules.compiled(modules.ANSWER, text="null"), "engine.schema"),
        (modules.compiled(modules.ANSWER, text=r"[{\"result\": true}]"), "engine.schema"),
        (modules.compiled(modules.ANSWER, text="[{"), "engine.schema"),
    ],
)
def test_fault_denies(request_: DecisionRequest, module: CompiledPolicy, expected: str):
    assert WasmEngine(module).trace(request_) is None
    engine = WasmEngine(module)
    assert reason(engine.decide(request_)) == expected
    assert [reason(d) for d in engine.decide_many([request_])] == [expected]


def test_runaway_evaluation_ends_at_the_deadline(request_: DecisionRequest):
    engine = WasmEngine(modules.compiled(modules.ENDLESS))
    for _ in range(2):
        start = time.monotonic()
        assert reason(engine.decide(request_)) == "engine.deadline"
        assert 0.2 < time.monotonic() - start < 2


def test_ticker_ends_when_idle_and_comes_back(request_: DecisionRequest, monkeypatch):
    monkeypatch.setattr(wasm, "_IDLE_TICKS", 2)
    engine = WasmEngine(modules.compiled(modules.ENDLESS))
    for _ in range(2):
        assert reason(engine.decide(request_)) == "engine.deadline"
        (thread,) = [t for t in threading.enumerate() if t is engine._code.ticker._thread]
        thread.join(timeout=5)
        assert not thread.is_alive()
        assert engine._code.ticker._thread is None


def test_engine_without_a_ticker_denies(request_: DecisionRequest, monkeypatch):
    engine = WasmEngine(modules.compiled(modules.ENDLESS))
    wasm._reset_tickers()

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert reason(engine.decide(request_)) == "engine.fault"
    assert reason(engine.decide(request_)) == "engine.deadline"


def test_memory_has_a_cap(request_: DecisionRequest):
    grow = "(memory.grow (i32.const 1024)) i32.const -1 i32.eq (if (then unreachable)) i32.const 0"
    engine = WasmEngine(modules.compiled(grow))
    assert reason(engine.decide(request_)) == "engine.fault"
    allowed = grow.replace("1024", "1000").replace("i32.const 0", "i32.const 1024")
    assert reason(WasmEngine(modules.compiled(allowed)).decide(request_)) == "engine.undefined"


def test_input_grows_the_memory_and_has_a_cap(engine: WasmEngine, request_: DecisionRequest):
    def padded(size: int) -> DecisionRequest:
        pieces = {f"ts:pad{n}": Fact.ok("x" * 60_000) for n in range(size // 60_000)}
        return request_.model_copy(update={"facts": request_.facts | pieces})

    assert engine.decide(padded(900_000)).allow
    assert reason(engine.decide(padded(1_080_000))) == "engine.input_too_large"


def test_input_that_cannot_be_encoded_denies(engine: WasmEngine, request_: DecisionRequest):
    broken = request_.model_copy(update={"id": "\ud800"})
    assert reason(engine.decide(broken)) == "engine.input"
    broken = request_.model_copy(update={"action": "\ud800"})
    assert reason(engine.decide(broken)) == "engine.input"
    assert [d.allow for d in engine.decide_many([request_, broken, request_])] == [
        True,
        False,
        True,
    ]


def test_request_of_another_revision_denies(engine: WasmEngine, request_: DecisionRequest):
    assert reason(engine.decide(request_.model_copy(update={"bundle": "x"}))) == "engine.revision"


def test_decision_of_another_revision_denies(request_: DecisionRequest):
    shipped = CompiledPolicy.shipped()
    data = json.dumps({"trustspace": {"meta": {"revision": "sha256:other"}}}).encode()
    engine = WasmEngine(CompiledPolicy.of(shipped.module, data, source="sha256:source"))
    assert reason(engine.decide(request_)) == "engine.revision"


def test_one_conflict_does_not_deny_the_others(engine: WasmEngine, request_: DecisionRequest):
    numbered = [request_.model_copy(update={"id": f"r{n}"}) for n in range(450)]
    numbered[7] = numbered[7].model_copy(update={"action": "\udfff"})
    decisions = engine.decide_many(numbered)
    assert [d.id for d in decisions] == [r.id for r in numbered]
    assert [n for n, d in enumerate(decisions) if not d.allow] == [7]
    assert engine.decide_many([]) == []


def test_slices_stay_below_the_input_cap(engine: WasmEngine, request_: DecisionRequest):
    pad = {f"ts:pad{n}": Fact.ok("x" * 60_000) for n in range(5)}
    large = request_.model_copy(update={"facts": request_.facts | pad})
    assert all(decision.allow for decision in engine.decide_many([large] * 7))


def test_threads_do_not_mix_decisions(engine: WasmEngine):
    random = arbitrary.seeded(99)
    requests = [
        DecisionRequest.model_validate_json(json.dumps(arbitrary.request(random, engine.revision)))
        for _ in range(100)
    ]
    expected = [engine.decide(request) for request in requests]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(engine.decide, requests)) == expected
    assert len(engine._idle) <= 5


def test_fault_throws_the_instance_away(request_: DecisionRequest):
    engine = WasmEngine(modules.compiled(modules.TRAP))
    assert len(engine._idle) == 1
    engine.decide(request_)
    assert len(engine._idle) == 0


def test_memory_stays_flat(engine: WasmEngine, request_: DecisionRequest):
    engine.decide(request_)
    instance = engine._idle[-1]
    before = instance._memory.data_len(instance._store)
    for _ in range(2_000):
        assert engine.decide(request_).allow
    assert engine._idle[-1] is instance
    assert instance._memory.data_len(instance._store) == before


FORK = """
import os, sys, time, warnings
from tests.policy import documents, modules
from trustspace.policy.wasm import WasmEngine

warnings.simplefilter("ignore", DeprecationWarning)  # forking with a ticker alive is the point
engine, endless = WasmEngine(), WasmEngine(modules.compiled(modules.ENDLESS))
request = documents.read_request(documents.CASES["operators/eq true permission"], engine.revision)
assert engine.decide(request).allow
assert endless.decide(request).reasons[0].id == "engine.deadline"
child = os.fork()
start = time.monotonic()
assert engine.decide(request).allow
assert endless.decide(request).reasons[0].id == "engine.deadline"
assert time.monotonic() - start < 2
if child == 0:
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="this system cannot fork")
def test_forked_child_has_a_deadline():
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "policy",
    [
        modules.compiled(modules.ANSWER, builtins=r"{\"http.send\":0}"),
        modules.compiled(modules.ANSWER, builtins="["),
        modules.compiled(modules.ANSWER, entrypoints="{}"),
        modules.compiled(modules.ANSWER, entrypoints=r"{\"trustspace/v1/decide\":0}"),
        modules.compiled(modules.ANSWER, parsed=0),
        modules.compiled(modules.ANSWER, missing="opa_eval"),
        modules.compiled(modules.ANSWER, missing="builtins"),
        modules.compiled(modules.ANSWER, imports='(import "env" "clock" (func))'),
        CompiledPolicy.of(b"", b"{}", source="x"),
        CompiledPolicy.of(b"\0asm", b"{}", source="x"),
        CompiledPolicy.of(b"\0asm\1\0\0\0", b"{}", source="x"),
    ],
)
def test_unusable_policy_is_refused_at_load(policy: CompiledPolicy):
    with pytest.raises(ConfigurationError, match="compiled policy cannot be used") as caught:
        WasmEngine(policy)
    assert caught.value.setting == "policy"
    assert caught.value.hint


def test_parts_of_different_builds_are_refused():
    shipped = CompiledPolicy.shipped()
    broken = (
        {"module": shipped.module[:-1]},
        {"data": shipped.data + b" "},
        {"description": b"{}"},
        {"description": b""},
    )
    for change in broken:
        with pytest.raises(ConfigurationError):
            WasmEngine(dataclasses.replace(shipped, **change))


RUNAWAY = """
package trustspace.v1

decide := count([1 |
	some a in numbers.range(1, 3000)
	some b in numbers.range(1, 3000)
	a * b == -1
])

decide_many := numbers.range(1, 100000000)

trace := {}
"""


@pytest.mark.external
def test_runaway_rules_end(
    opa: Path, tmp_path: Path, request_: DecisionRequest, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "runaway.rego").write_text(RUNAWAY, encoding="utf-8")
    names = ("decide", "decide_many", "trace")
    entries = [part for name in names for part in ("-e", f"trustspace/v1/{name}")]
    subprocess.run(
        [opa, "build", "-t", "wasm", *entries, "-o", "x.tar.gz", "runaway.rego"],
        cwd=tmp_path,
        check=True,
    )
    subprocess.run(["tar", "xzf", "x.tar.gz", "/policy.wasm"], cwd=tmp_path, check=True)
    module = (tmp_path / "policy.wasm").read_bytes()
    engine = WasmEngine(CompiledPolicy.of(module, b"{}", source="x"))
    start = time.monotonic()
    assert reason(engine.decide(request_)) in {"engine.deadline", "engine.memory"}
    assert time.monotonic() - start < 2
    # On a busy machine the deadline may come before the cap does.
    monkeypatch.setattr(wasm, "DEADLINE", 15.0)
    with pytest.raises(EngineFaultError) as caught:
        engine._evaluate("trustspace/v1/decide_many", b"{}")
    assert caught.value.code == "engine.memory"


def test_too_large_a_module_is_not_compiled():
    odd = CompiledPolicy.of(bytes(wasm.MAX_MODULE_BYTES + 1), b"{}", source="x")
    with pytest.raises(ConfigurationError, match="1000001 bytes"):
        WasmEngine(odd)


def test_too_large_a_table_is_not_made():
    odd = modules.compiled(modules.ANSWER, imports="(table 1000000 funcref)")
    with pytest.raises(ConfigurationError, match="table"):
        WasmEngine(odd)


def test_endless_recursion_ends(request_: DecisionRequest):
    endless = "call $again"
    odd = modules.compiled(endless, imports="(func $again (result i32) call $again)")
    assert reason(WasmEngine(odd).decide(request_)) == "engine.fault"


def test_module_that_loops_when_it_is_loaded():
    start = time.monotonic()
    odd = modules.compiled(modules.ANSWER, imports="(func $l (loop br 0)) (start $l)")
    with pytest.raises(ConfigurationError, match="does not load"):
        WasmEngine(odd)
    assert time.monotonic() - start < 5


def test_engines_of_one_module_share_its_code(engine: WasmEngine):
    assert WasmEngine()._code is engine._code
