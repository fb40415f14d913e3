"""Gates: closed once, for one agreement or transfer, and whoever waits on one is told."""

from __future__ import annotations

import threading

import pytest

from trustspace.connector.delivering.gates import Gate, Gates
from trustspace.errors import PolicyDeniedError


@pytest.fixture
def gates() -> Gates:
    return Gates()


def _open(gates: Gates) -> dict[str, Gate]:
    return {
        f"{agreement}{transfer}": gates.open(agreement_id=agreement, transfer_pid=transfer)
        for agreement, transfer in ("a1", "a2", "b3")
    }


def _closed(gates: dict[str, Gate]) -> set[str]:
    return {name for name, gate in gates.items() if gate.code is not None}


def test_an_open_gate_lets_through(gates: Gates) -> None:
    gate = gates.open(agreement_id="a", transfer_pid="t")
    gate.check()
    assert gate.code is None


def test_an_agreement_closes_all_of_its_gates(gates: Gates) -> None:
    opened = _open(gates)
    gates.close(agreement_id="a", code="agreement.revoked")
    assert _closed(opened) == {"a1", "a2"}
    with pytest.raises(PolicyDeniedError, match="the delivery was cut") as told:
        opened["a1"].check()
    assert told.value.code == "agreement.revoked"


def test_a_transfer_closes_its_own(gates: Gates) -> None:
    opened = _open(gates)
    gates.close(transfer_pid="2", code="transfer.suspended")
    assert _closed(opened) == {"a2"}


def test_both_must_fit(gates: Gates) -> None:
    opened = _open(gates)
    gates.close(agreement_id="b", transfer_pid="2", code="x")
    assert _closed(opened) == set()
    gates.close(code="shutdown")
    assert _closed(opened) == set(opened)


def test_the_first_reason_stands(gates: Gates) -> None:
    gate = gates.open(agreement_id="a", transfer_pid="t")
    gates.close(agreement_id="a", code="first")
    gates.close(transfer_pid="t", code="second")
    assert gate.code == "first"


def test_a_gate_that_was_left_is_not_closed(gates: Gates) -> None:
    gate = gates.open(agreement_id="a", transfer_pid="t")
    gates.leave(gate)
    gates.leave(gate)
    gates.close(agreement_id="a", code="x")
    assert gate.code is None


def test_who_waits_is_called_once(gates: Gates) -> None:
    calls: list[str] = []
    gate = gates.open(agreement_id="a", transfer_pid="t")
    gate.on_close(lambda: calls.append("first"))
    assert calls == []
    gates.close(agreement_id="a", code="x")
    gate.close("y")
    assert calls == ["first"]
    gate.on_close(lambda: calls.append("late"))
    assert calls == ["first", "late"]


def test_gates_open_and_close_from_many_threads(gates: Gates) -> None:
    opened: list[Gate] = []

    def work() -> None:
        for _ in range(200):
            opened.append(gates.open(agreement_id="a", transfer_pid="t"))
            gates.close(agreement_id="a", code="x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 800
    assert all(gate.code == "x" for gate in opened)


def test_several_transfers_close_each_with_its_own_code(gates: Gates) -> None:
    opened = _open(gates)
    gates.close_all({"1": "fact.unavailable", "3": "odrl.prohibited"})
    assert {name: gate.code for name, gate in opened.items()} == {
        "a1": "fact.unavailable",
        "a2": None,
        "b3": "odrl.prohibited",
    }


def test_whoever_waits_is_told_to_ask_again(gates: Gates) -> None:
    opened = _open(gates)
    told: list[str] = []
    for name, gate in opened.items():
        gate.on_close(lambda name=name: told.append(name))  # type: ignore[misc]
    gates.close(transfer_pid="1", code="owner")
    gates.ask_again({"1", "2"})
    assert told == ["a1", "a2"]
    assert [name for name, gate in opened.items() if gate.is_stale] == ["a2"]
