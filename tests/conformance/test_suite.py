"""Wrong connectors fail, in the cases in which they are wrong and in no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.conformance.connector import free_ports
from tests.conformance.kit import Configuration
from tests.conformance.schemas import Schemas
from tests.conformance.suite import CASES, Outcome, play, play_all

from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.model.participant import Role
from trustspace.testing.tck import scripted_owner
from trustspace.testing.tck.place import Place, properties
from trustspace.testing.tck.script import State, step_of
from trustspace.testing.tck.under_test import under_test

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]

WRONG: dict[tuple[str, State], str | None] = {
    ("ACN0101", NegotiationState.REQUESTED): "agree",
    ("ACN0103", NegotiationState.ACCEPTED): None,
    ("ACNC0101", NegotiationState.OFFERED): "counter",
    ("ACNC0206", NegotiationState.AGREED): None,
    ("ATP0102", TransferState.STARTED): "terminate",
    ("ATP0105", TransferState.REQUESTED): None,
    ("ATPC0203", TransferState.STARTED): "complete",
}
"""Steps that are taken, or left, against the script; none that would pass if it came late."""

SOUND = ("CN_01_04", "CN_C_01_04", "TP_03_02", "TP_C_01_05")


def _wrong(subject: str, role: Role, state: State, *, visit: int) -> str | None:
    if (subject, state) in WRONG:
        return WRONG[subject, state]
    return step_of(subject, role, state, visit=visit)


@pytest.fixture
async def wrong(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Configuration]:
    """A connector whose owner does not keep to the script."""
    monkeypatch.setattr(scripted_owner, "step_of", _wrong)
    port, webhook_port = free_ports(2)
    place = Place(port=port, webhook_port=webhook_port)
    async with under_test(place, delay=timedelta(milliseconds=250)):
        yield Configuration.read(properties(place, wait=4), Schemas(None))


async def _outcomes(configuration: Configuration, *cases: str) -> dict[str, Outcome]:
    return {one.id: one async for one in play_all(configuration, cases)}


@pytest.mark.timeout(60)
async def test_a_connector_that_acts_wrongly_fails(wrong: Configuration) -> None:
    cases = ["CN_01_01", "CN_01_03", "CN_C_01_01", "CN_C_02_06"]
    cases += ["TP_01_02", "TP_01_05", "TP_C_02_03"]
    found = await _outcomes(wrong, *cases, *SOUND)
    assert [case for case, outcome in found.items() if outcome.passed] == list(SOUND)
    assert found["CN_01_03"].problem.startswith("AGREED did not come, the kit stayed in ACCEPTED")


async def test_nothing_there_fails_at_once() -> None:
    (port,) = free_ports(1)
    place = Place(port=port, webhook_port=port)
    configuration = Configuration.read(properties(place), Schemas(None))
    found = await _outcomes(configuration, *CASES)
    assert len(found) == 67
    assert not any(outcome.passed for outcome in found.values())
    assert max(outcome.seconds for outcome in found.values()) < 5


async def test_a_missing_key_fails_its_case() -> None:
    text = properties(Place()).replace("CN_01_01_DATASETID", "X")
    outcome = await play("CN_01_01", Configuration.read(text, Schemas(None)))
    assert outcome.problem.startswith("KeyError")


async def test_a_broken_run_leaves_nothing_behind() -> None:
    configuration = Configuration.read(properties(Place()), Schemas(None))
    outcomes: Any = play_all(configuration)
    await anext(outcomes)
    await outcomes.aclose()
