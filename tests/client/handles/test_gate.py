from __future__ import annotations

import pytest

from trustspace.client.handles.gate import ExportGate
from trustspace.errors import ConnectError, LocalProtocolError, PolicyDeniedError


class Confirmation:
    """Says what the own connector would, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 100.0
        self.answer: Exception | None = None

    def __call__(self):
        self.asked += 1
        if isinstance(self.answer, ConnectError):
            raise self.answer
        return self.answer


@pytest.fixture
def confirmation():
    return Confirmation()


@pytest.fixture
def gate(confirmation):
    return ExportGate(confirmation, clock=lambda: confirmation.now)


def test_within_half_a_second_of_the_start_nobody_is_asked(gate, confirmation):
    gate.check()
    confirmation.now += 0.49
    gate.check()
    assert confirmation.asked == 0


def test_after_a_second_the_own_connector_is_asked_once(gate, confirmation):
    gate.check()
    confirmation.now += 1
    gate.check()
    gate.check()
    assert confirmation.asked == 1


def test_a_denial_closes_for_good_with_its_reasons(gate, confirmation):
    gate.check()
    confirmation.now += 1
    confirmation.answer = PolicyDeniedError(
        "sold", code="agreement.revoked", reasons=({"id": "x"},)
    )
    with pytest.raises(PolicyDeniedError, match="sold"):
        gate.check()
    confirmation.answer = None
    with pytest.raises(PolicyDeniedError, match="sold") as caught:
        gate.check()
    assert caught.value.code == "agreement.revoked"
    assert caught.value.reasons == ({"id": "x"},)
    assert gate.closed


def test_a_suspension_may_pass(gate, confirmation):
    gate.check()
    confirmation.now += 1
    confirmation.answer = PolicyDeniedError("audit", code="transfer.suspended")
    with pytest.raises(PolicyDeniedError, match="audit"):
        gate.check()
    confirmation.answer = None
    gate.check()


def test_a_connector_that_cannot_be_asked_lets_nothing_out(gate, confirmation):
    gate.check()
    confirmation.now += 1
    confirmation.answer = ConnectError("gone")
    with pytest.raises(ConnectError):
        gate.check()
    assert not gate.closed


def test_closed_by_its_user_is_a_mistake_of_its_user(gate):
    gate.close()
    with pytest.raises(LocalProtocolError, match="handle is closed"):
        gate.check()


def test_the_first_reason_counts(gate):
    gate.close(PolicyDeniedError("first"))
    gate.close(PolicyDeniedError("second"))
    gate.close()
    with pytest.raises(PolicyDeniedError, match="first"):
        gate.check()


def test_each_piece_is_checked_and_counted(gate, confirmation):
    pieces = gate.guard([b"ab", b"cde"], size=len)
    assert next(pieces) == b"ab"
    confirmation.now += 2
    confirmation.answer = PolicyDeniedError("sold")
    with pytest.raises(PolicyDeniedError):
        next(pieces)
    assert gate.bytes == 2
