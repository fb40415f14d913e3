"""What runs is decided again at once when something it hangs on changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.connector.conftest import Start
from tests.connector.deciding.reactors import SMALL, Register
from tests.connector.party import Json, Party
from tests.connector.pulling import Pull

from trustspace.connector.monitoring import monitor as monitoring
from trustspace.policy.engine import PolicyEngine
from trustspace.policy.wasm import WasmEngine

pytestmark = pytest.mark.anyio

MEMBER: Json = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": "https://w3id.org/catenax/2025/9/policy/Membership",
                    "operator": "eq",
                    "rightOperand": "active",
                }
            ],
        }
    ]
}
PLACE: Json = {"spatial": "CN-SH"}


async def attest(garden: Party, bank: Party, **facts: Any) -> None:
    named = {name.replace("_", ":"): fact for name, fact in facts.items()}
    did = bank.id.replace("%", "%25")
    answer = await garden.ask("PUT", f"counterparties/{did}", {"facts": named})
    assert answer.status_code == 200, answer.text


async def running(garden: Party, bank: Party, dataset: str) -> Pull:
    """Negotiate and start a transfer."""
    agreement = await bank.agree(garden, dataset, purpose=None)
    shown = await bank.transfer(agreement)
    assert shown["state"] == "STARTED", shown
    pid = str(shown["id"])
    edr = await bank.get(f"transfers/{pid}/edr")
    theirs = next(
        one["id"] for one in (await garden.get("transfers"))["items"] if one["state"] == "STARTED"
    )
    return Pull(garden, bank, agreement, pid, theirs, edr)


async def state(one: Pull, wanted: str) -> Json:
    shown = await one.provider.until(f"transfers/{one.theirs}", wanted)
    await one.consumer.until(f"transfers/{one.transfer}", wanted)
    return shown


async def test_a_fact_that_goes_pauses_and_one_that_comes_back_resumes(
    start: Start, roses: Path
) -> None:
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses, "members", MEMBER)
    await attest(garden, bank, cx_Membership="active")
    pull = await running(garden, bank, "members")
    assert (await pull.get()).status_code == 200
    await attest(garden, bank, cx_Membership="lapsed")
    paused = await state(pull, "SUSPENDED")
    assert paused["code"] == "odrl.constraint.unsatisfied"
    assert paused["reasons"][0]["left"] == "cx:Membership"
    assert (await pull.get()).status_code in (401, 403)
    # Attested anew, it goes on by itself; so it does when the fact was gone altogether.
    await attest(garden, bank, cx_Membership="active")
    await state(pull, "STARTED")
    await attest(garden, bank)
    assert (await state(pull, "SUSPENDED"))["code"] == "fact.unavailable"
    await attest(garden, bank, cx_Membership="active")
    await state(pull, "STARTED")
    # What its owner paused stays paused.
    await garden.post(f"transfers/{pull.theirs}/suspend")
    await attest(garden, bank, cx_Membership="lapsed")
    await attest(garden, bank, cx_Membership="active")
    await asyncio.sleep(0.5)
    assert (await garden.get(f"transfers/{pull.theirs}"))["code"] == "owner"


async def test_a_revoked_credential_ends_what_runs(start: Start, roses: Path) -> None:
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses, "members", MEMBER)
    await attest(garden, bank, cx_Membership={"value": "active", "revocation": "vc-1"})
    pull = await running(garden, bank, "members")
    await attest(garden, bank, cx_Membership={"value": "revoked", "revocation": "vc-1"})
    assert (await state(pull, "TERMINATED"))["code"] == "odrl.constraint.unsatisfied"


async def test_a_fact_that_ends_pauses_at_that_moment(start: Start, roses: Path) -> None:
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses, "members", MEMBER)
    until = datetime.now(UTC) + timedelta(seconds=4)
    stated = {"value": "active", "until": until.isoformat(timespec="seconds")}
    await attest(garden, bank, cx_Membership=stated)
    pull = await running(garden, bank, "members")
    assert (await state(pull, "SUSPENDED"))["code"] == "fact.unavailable"
    assert datetime.now(UTC) - until < timedelta(seconds=5)


async def test_time_that_is_up_ends_what_runs_at_both_sides(start: Start, roses: Path) -> None:
    garden, bank = await start("garden"), await start("bank")
    end = datetime.now(UTC) + timedelta(seconds=4)
    # Not the end of the agreement as a whole: one of two permissions.
    terms = {
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {
                        "or": [
                            {
                                "leftOperand": "dateTime",
                                "operator": "lt",
                                "rightOperand": {
                                    "@value": end.isoformat(timespec="seconds"),
                                    "@type": "xsd:dateTime",
                                },
                            },
                            {
                                "leftOperand": "spatial",
                                "operator": "eq",
                                "rightOperand": "CN-SH",
                            },
                        ]
                    }
                ],
            }
        ]
    }
    await garden.publish(roses, "timed", terms)
    pull = await running(garden, bank, "timed")
    # It may still become right: somebody may attest the place.
    await state(pull, "SUSPENDED")
    await attest(garden, bank, spatial="CN-SH")
    await state(pull, "STARTED")


async def test_a_provider_that_says_something_else_is_heard(start: Start, roses: Path) -> None:
    register = Register(max_age=timedelta(seconds=1))
    garden, bank = await start("garden", facts=[register]), await start("bank")
    await garden.publish(roses, "small", SMALL)
    pull = await running(garden, bank, "small")
    register.says = "I"
    assert (await state(pull, "SUSPENDED"))["reasons"][0]["left"] == "acme:reactorClass"
    register.says = OSError("down")
    await asyncio.sleep(0.1)
    register.says = "IIb"
    await state(pull, "STARTED")
    register.says = OSError("down")
    assert (await state(pull, "SUSPENDED"))["code"] == "fact.unavailable"
    register.says = "IIb"
    await state(pull, "STARTED")


class Refusing:
    """Rules that deny everything."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine
        self.revision = "sha256:refusing"

    def decide(self, request: Any) -> Any:
        return self.decide_many([request])[0]

    def decide_many(self, requests: Any) -> Any:
        from trustspace.policy.engine import denial  # noqa: PLC0415 - beside its only use

        return [denial(one, "engine.fault", self.revision) for one in requests]


async def test_other_rules_decide_about_what_runs(start: Start, roses: Path) -> None:
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses, "roses", {})
    pull = await running(garden, bank, "roses")
    slot = garden.connector.plane.context.engine
    before = slot.swap(Refusing(slot.current))  # type: ignore[arg-type]
    assert (await state(pull, "SUSPENDED"))["code"] == "engine.fault"
    assert isinstance(before, WasmEngine)
    slot.swap(before)
    await state(pull, "STARTED")


async def test_it_goes_on_watching_after_a_restart(tmp_path: Path, roses: Path) -> None:
    from tests.connector.party import party  # noqa: PLC0415 - beside its only use

    async with party(tmp_path / "bank", "bank") as bank:
        async with party(tmp_path / "garden", "garden") as garden:
            await garden.publish(roses, "members", MEMBER)
            await attest(garden, bank, cx_Membership="active")
            pull = await running(garden, bank, "members")
            await attest(garden, bank, cx_Membership="lapsed")
            await state(pull, "SUSPENDED")
            await garden.settled()
        async with party(tmp_path / "garden", "garden") as garden:
            again = Pull(garden, bank, pull.agreement, pull.transfer, pull.theirs, pull.edr)
            await attest(garden, bank, cx_Membership="active")
            await state(again, "STARTED")


async def test_it_sleeps_while_nothing_changes(
    start: Start, roses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    garden, bank = await start("garden"), await start("bank")
    await garden.publish(roses, "members", MEMBER)
    await attest(garden, bank, cx_Membership="active")
    await running(garden, bank, "members")
    watching = garden.connector.plane.monitor
    await asyncio.sleep(0.5)
    assert len(watching) == 1
    looked: list[object] = []
    decide = monitoring.Monitor._decide

    async def counted(self: monitoring.Monitor) -> None:
        looked.append(self)
        await decide(self)

    monkeypatch.setattr(monitoring.Monitor, "_decide", counted)
    await asyncio.sleep(1.5)
    assert looked == []
