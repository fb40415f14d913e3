"""The slot: other rules take their place while questions are asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.policy import documents

from trustspace.connector.deciding.policy_engine import EngineSlot, Handover
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.decision import Decision, DecisionRequest, Trace
from trustspace.policy.engine import PolicyEngine, denial
from trustspace.policy.wasm import WasmEngine

CASE = documents.CASES["operators/eq true permission"]


def other_rules(revision: str) -> WasmEngine:
    """The shipped rules under another name."""
    shipped = CompiledPolicy.shipped()
    data = shipped.data.replace(shipped.revision().encode(), revision.encode())
    return WasmEngine(CompiledPolicy.of(shipped.module, data, source=revision))


@pytest.fixture
def slot() -> EngineSlot:
    return EngineSlot(WasmEngine())


def asked(slot: EngineSlot) -> DecisionRequest:
    return documents.read_request(CASE, slot.revision)


def test_slot_decides_like_its_engine(slot: EngineSlot):
    assert isinstance(slot, PolicyEngine)
    request = asked(slot)
    assert slot.decide(request) == slot.current.decide(request)
    assert slot.decide_many([request, request]) == [slot.current.decide(request)] * 2
    assert slot.trace(request) == slot.current.trace(request)


def test_swap_tells_who_wants_to_know(slot: EngineSlot):
    told: list[str] = []
    first = slot.current
    forget = slot.on_change(lambda: told.append(slot.revision))
    assert slot.swap(other_rules("sha256:b")) is first
    assert (slot.revision, slot.epoch, told) == ("sha256:b", 1, ["sha256:b"])
    forget()
    slot.swap(first)
    assert (slot.revision, slot.epoch, told) == (first.revision, 2, ["sha256:b"])


def test_question_under_way_is_answered_by_the_rules_of_now(slot: EngineSlot):
    request = asked(slot)
    slot.swap(other_rules("sha256:b"))
    decision = slot.decide(request)
    assert (decision.allow, decision.bundle) == (True, "sha256:b")
    assert slot.decide_many([request]) == [decision]
    trace = slot.trace(request)
    assert trace is not None
    assert trace.bundle == "sha256:b"


def test_question_for_rules_that_never_were_here_denies(slot: EngineSlot):
    request = asked(slot).model_copy(update={"bundle": "sha256:stranger"})
    assert [reason.id for reason in slot.decide(request).reasons] == ["engine.revision"]


def test_question_of_an_earlier_moment_is_denied(slot: EngineSlot):
    request = asked(slot)
    late = request.model_copy(update={"now": request.now + 3_600})
    answers = slot.decide_many([request, late, request])
    assert [answer.allow for answer in answers] == [True, True, False]
    assert [one.id for one in answers[2].reasons] == ["engine.clock"]
    assert [one.id for one in slot.decide(request).reasons] == ["engine.clock"]
    first, _ = slot.decide_many([request, late])
    assert [one.id for one in first.reasons] == ["engine.clock"]


class Server:
    """A server that holds one kind of rules, asked for another."""

    def __init__(self, held: list[str], wanted: str) -> None:
        self._held = held
        self.revision = wanted

    def decide(self, request: DecisionRequest) -> Decision:
        if self._held[0] != self.revision:
            return denial(request, "engine.revision", self.revision)
        return WasmEngine().decide(
            request.model_copy(update={"bundle": CompiledPolicy.shipped().revision()})
        )

    def decide_many(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        return [self.decide(request) for request in requests]

    def trace(self, request: DecisionRequest) -> Trace | None:
        del request
        return None


def test_old_rules_answer_until_the_server_has_the_new_ones():
    held = ["a"]
    old, new = Server(held, "a"), Server(held, "b")
    slot = EngineSlot(old)
    handover = Handover(old, new, slot)
    slot.swap(handover)
    request = asked(slot)
    assert slot.decide(request).allow
    assert handover.look() is False
    assert slot.current is handover
    held[0] = "c"
    assert [reason.id for reason in slot.decide(request).reasons] == ["engine.revision"]
    assert slot.current is handover
    held[0] = "b"
    assert slot.decide_many([request, request])[1].allow
    assert slot.current == new  # type: ignore[comparison-overlap]
    assert slot.revision == "b"
    assert handover.trace(request) is None
    assert handover.look() is True
