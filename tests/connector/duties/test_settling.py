"""Settling step by step: suspended, resumed, given up, remedied; messages told twice or wrongly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.connector.duties.owing import agreed, duties, obliging, until, within
from tests.connector.party import Json, Party
from tests.connector.processes import keep_agreement, urn
from tests.connector.pulling import started
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.connector.deciding.known_facts import agreement_rules
from trustspace.connector.duties import fulfilment as facts
from trustspace.connector.duties import planner as planning
from trustspace.connector.duties.evidence import Evidence
from trustspace.connector.duties.message import DutyStep, url_of
from trustspace.connector.duties.telling import MOST_ATTEMPTS
from trustspace.model.participant import Role
from trustspace.policy.decision import PolicyIR
from trustspace.store import AgreementRow, DutyRow, DutyState, Transaction

pytestmark = pytest.mark.anyio

INFORM = {"action": "inform", "constraint": within("delayPeriod", "PT1H")}
METER = {"action": "https://w3id.org/trustspace/ns#meter"}


async def row_of(party: Party, agreement: str) -> AgreementRow:
    found = await party.store.read(lambda tx: tx.agreements.get(party.name, agreement))
    assert found is not None
    return found


async def planned(party: Party, agreement: AgreementRow, session: str) -> DutyRow:
    """Plan what a use brings, and return the first duty of it."""
    plane = party.connector.plane
    now = plane.context.now()

    def hop(tx: Transaction) -> DutyRow:
        plane.planner.used(tx, agreement, session, now=now)
        row = tx.duties.get(party.name, agreement.id, "d1", session)
        assert row is not None
        return row

    return await party.store.write(hop)


async def test_a_delivery_that_nobody_measured_pauses_until_the_owner_says(
    garden: Party, bank: Party, roses: Path
) -> None:
    pull = await started(garden, bank, roses, obliging(METER))
    agreement = await row_of(garden, pull.agreement)
    row = await planned(garden, agreement, "lost")
    plane = garden.connector.plane

    def due_now(tx: Transaction) -> None:
        now = plane.context.now()
        tx.duties.put(garden.name, replace(row, next_at=now))
        plane.planner.moved()
        tx.events.append(garden.name, "test.woken", {}, now=now)

    await garden.store.write(due_now)
    (failed,) = await until(garden, pull.agreement, "failed")
    assert "measured" in failed["error"]
    assert failed["error"] in failed["words"]
    paused = await bank.until(f"transfers/{pull.transfer}", "SUSPENDED")
    assert paused["code"] == "odrl.obligation.overdue"
    path = f"agreements/{pull.agreement}/duties/d1/fulfil"
    await garden.post(path, evidence="counted-by-hand")
    await bank.until(f"transfers/{pull.transfer}", "STARTED")
    assert (await pull.get()).status_code in (200, 401)


async def test_what_cannot_be_told_is_given_up_in_the_end(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement = await row_of(bank, await agreed(garden, bank, roses, obliging(INFORM)))
    plane = bank.connector.plane
    now = plane.context.now()

    # In one transaction, so that the worker does nothing in between.
    def hop(tx: Transaction) -> list[tuple[DutyState, bool]]:
        plane.planner.used(tx, agreement, "s", now=now)
        row = tx.duties.get(bank.name, agreement.id, "d1", "s")
        assert row is not None
        late = replace(row, due=now - timedelta(seconds=9))
        last = replace(late, attempts=MOST_ATTEMPTS - 1)
        done = replace(last, state=DutyState.FULFILLED)
        found = []
        for each in (late, last, done):
            plane.duties._telling.failed(tx, each, "nobody is there", now=now)
            now_is = tx.duties.get(bank.name, agreement.id, "d1", "s")
            assert now_is is not None
            found.append((now_is.state, now_is.next_at is not None))
        return found

    assert await bank.store.write(hop) == [
        (DutyState.OVERDUE, True),
        (DutyState.FAILED, False),
        (DutyState.FULFILLED, False),
    ]
    kinds = [e.kind for e in await bank.events() if e.body.get("agreement") == agreement.id]
    assert kinds[-3:] == ["duty.overdue", "duty.failed", "duty.untold"]


async def test_a_counterparty_of_other_software_is_not_told(
    bank: Party, peer: ScriptedPeer
) -> None:
    rules = obliging(INFORM, {"action": "delete", "constraint": within("delayPeriod", "PT1S")})
    agreement = await keep_agreement(bank, peer, Role.CONSUMER, **rules)
    await planned(bank, agreement, "s")
    bank.connector.plane.planner.moved()
    (failed,) = await until(bank, agreement.id, "failed", action="inform")
    assert "messages" in failed["error"]
    await until(bank, agreement.id, "fulfilled", action="delete")


@pytest.fixture
def remedied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules in which paying makes up for not informing."""

    def rules(agreement: AgreementRow) -> PolicyIR:
        found = agreement_rules(agreement)
        first, *others = found.obligations
        first = first.model_copy(update={"remedies": ("d2",)})
        return found.model_copy(update={"obligations": (first, *others)})

    monkeypatch.setattr(planning, "agreement_rules", rules)
    monkeypatch.setattr(facts, "agreement_rules", rules)


@pytest.mark.usefixtures("remedied")
async def test_a_remedy_makes_up(garden: Party, bank: Party, roses: Path) -> None:
    pay = {"action": "compensate"}
    agreement = await row_of(garden, await agreed(garden, bank, roses, obliging(INFORM, pay)))
    row = await planned(garden, agreement, "s")
    settlement = garden.connector.plane.duties._settlement
    now = garden.connector.plane.context.now()

    def lapse(tx: Transaction) -> None:
        assert tx.duties.get(garden.name, agreement.id, "d2", "s") is None
        late = replace(row, due=now - timedelta(seconds=9))
        settlement.lapse(tx, garden.hosted, agreement, late, now=now)
        told = facts.fulfilment(tx, garden.hosted, agreement, now=now)
        assert told.outstanding["d1"] < int(now.timestamp())
        fine = tx.duties.get(garden.name, agreement.id, "d2", "s")
        assert fine is not None
        paid = Evidence("fine-1", at=now, by=garden.id)
        settlement.fulfil(tx, garden.hosted, agreement, fine, paid, now=now)
        told = facts.fulfilment(tx, garden.hosted, agreement, now=now)
        assert (dict(told.outstanding), set(told.fulfilled)) == ({}, {"d2"})

    await garden.store.write(lapse)
    states = {each["duty"]: each["state"] for each in await duties(garden, agreement.id)}
    assert states == {"d1": "remedied", "d2": "fulfilled"}
    words = (await garden.get(f"agreements/{agreement.id}/duties"))["items"][0]["words"]
    assert "made up" in words


# --- messages -----------------------------------------------------------------------------------


async def say(sender: Party, to: Party, agreement: str, step: str, body: Any) -> httpx.Response:
    url = url_of(to.hosted.dsp_url, agreement, DutyStep.FULFILMENT)
    assert url is not None
    url = url.removesuffix("fulfilment") + step
    return await sender.voice.post(url, json=body, headers={"Authorization": sender.token(to.id)})


def message(agreement: str, **changed: Any) -> Json:
    return {
        "@id": urn(),
        "@type": "DutyMessage",
        "agreementId": agreement,
        "dutyId": "d1",
        "action": "odrl:inform",
        "covers": ["s"],
        "at": "2040-01-01T00:00:00Z",
        "evidence": "urn:ev:1",
    } | changed


async def test_a_message_told_twice_settles_once(garden: Party, bank: Party, roses: Path) -> None:
    agreement = await agreed(garden, bank, roses, obliging(INFORM))
    await planned(garden, await row_of(garden, agreement), "s")
    told = message(agreement)
    for _ in range(3):
        answer = await say(bank, garden, agreement, "fulfilment", told)
        assert answer.status_code == 200
        assert answer.json()["states"] == ["fulfilled"]
    (row,) = await duties(garden, agreement)
    # Nobody has done anything in the future.
    assert row["fulfilled_at"] < "2040"
    kinds = [e.kind for e in await garden.events() if e.body.get("agreement") == agreement]
    assert kinds.count("duty.fulfilled") == 1
    # What a consumer says of a use that the provider has not seen is no news.
    other = await say(bank, garden, agreement, "fulfilment", message(agreement, covers=["x"]))
    assert other.json()["states"] == []
    assert len(await duties(garden, agreement)) == 1


async def test_what_may_not_be_said(
    garden: Party, bank: Party, mallory: Party, roses: Path
) -> None:
    agreement = await agreed(garden, bank, roses, obliging(INFORM))
    good = message(agreement)
    for sender, step, body, status in (
        (mallory, "fulfilment", good, 404),
        (bank, "promise", good, 404),
        (bank, "fulfilment", message(agreement, dutyId="d9"), 404),
        (bank, "fulfilment", message(agreement, action="odrl:delete"), 404),
        (bank, "fulfilment", [good], 400),
        (bank, "fulfilment", message(urn()), 400),
        (bank, "fulfilment", message(agreement, at="yesterday"), 400),
        (bank, "fulfilment", message(agreement, facts={"payAmount": "much"}), 400),
        (bank, "claim", good, 400),
    ):
        answer = await say(sender, garden, agreement, step, body)
        assert answer.status_code == status, (step, body, answer.text)
        assert status != 404 or not answer.content
    url = f"{garden.address}/{garden.name}/trustspace/v1/duties/{quote(agreement, safe='')}/claim"
    assert (await bank.voice.post(url, json=good)).status_code == 404
