"""Duties that are missed: refused from then on, with the reason, until they are settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.connector.duties.owing import agreed, duties, obliging, until, within
from tests.connector.party import Json, Party
from tests.connector.processes import keep_agreement
from tests.connector.pulling import Pull, started

from trustspace.connector.delivering.order import Order
from trustspace.connector.duties.fulfilment import fulfilment
from trustspace.model.participant import Role
from trustspace.store import AgreementRow, DutyState, Transaction

pytestmark = pytest.mark.anyio

INFORM = {"action": "inform", "constraint": within("delayPeriod", "PT1S")}


async def row_of(party: Party, agreement: str) -> AgreementRow:
    found = await party.store.read(lambda tx: tx.agreements.get(party.name, agreement))
    assert found is not None
    return found


async def missed(garden: Party, bank: Party, roses: Path, duty: Json) -> Pull:
    """Use data and say nothing of it, until the duty that this brings is overdue."""
    pull = await started(garden, bank, roses, obliging(duty))
    assert (await pull.get()).status_code == 200
    await until(garden, pull.agreement, "overdue", action=duty["action"])
    return pull


async def test_what_is_overdue_ends_transfers_and_is_refused_until_it_is_done(
    garden: Party, bank: Party, roses: Path
) -> None:
    pull = await missed(garden, bank, roses, INFORM)
    ended = await bank.until(f"transfers/{pull.transfer}", "TERMINATED")
    assert ended["code"] == "odrl.obligation.overdue"
    assert "inform" in ended["reasons"][0]["op"]
    again = await bank.transfer(pull.agreement)
    assert (again["state"], again["code"]) == ("TERMINATED", "odrl.obligation.overdue")
    (sentence,) = (await bank.get(f"explain/{again['id']}"))["sentences"]
    assert "overdue" in sentence or "due" in sentence
    shown = await garden.get(f"agreements/{pull.agreement}")
    assert [each["state"] for each in shown["duties"]] == ["overdue"]
    in_chinese = await garden.get(f"explain/{pull.agreement}", language="zh")
    assert "逾期" in in_chinese["duties"][0]["words"]
    # The provider's owner cannot say it for the consumer.
    path = f"agreements/{pull.agreement}/duties/d1/fulfil"
    refused = await garden.ask("POST", path, {"evidence": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "duty.proof")
    # The consumer's own connector has not heard of the use; its owner tells.
    nothing = await bank.ask("POST", path, {"evidence": "letter-1"})
    assert nothing.status_code == 404
    session = (await duties(garden, pull.agreement))[0]["occurrence"]
    receipt = {"session": session, "outcome": "delivered", "bytes": 1}
    await bank.ask("POST", f"transfers/{pull.transfer}/receipts", receipt)
    (done,) = await until(garden, pull.agreement, "fulfilled")
    assert done["evidence"]["report"]["bytes"] == 1
    assert (await bank.transfer(pull.agreement))["state"] == "STARTED"


async def test_a_clock_that_is_set_back_opens_nothing(
    garden: Party, bank: Party, roses: Path
) -> None:
    pull = await missed(garden, bank, roses, INFORM)
    agreement = await row_of(garden, pull.agreement)
    back = garden.connector.plane.context.now() - timedelta(hours=1)

    def facts(tx: Transaction) -> int:
        return fulfilment(tx, garden.hosted, agreement, now=back).outstanding["d1"]

    assert await garden.store.read(facts) < int(back.timestamp())


async def test_what_follows_a_lapse_has_to_be_done_as_well(
    garden: Party, bank: Party, roses: Path
) -> None:
    fine = {
        "action": "compensate",
        "constraint": [
            {
                "leftOperand": "payAmount",
                "operator": "eq",
                "rightOperand": {"@value": "10", "@type": "xsd:decimal"},
                "odrl:unit": "CNY",
            }
        ],
    }
    pull = await started(garden, bank, roses, obliging(INFORM | {"odrl:consequence": [fine]}))
    session = "c" * 16
    assert (await pull.get(session=session)).status_code == 200
    await until(garden, pull.agreement, "overdue", action="inform")
    owed = {each["duty"]: each for each in await duties(garden, pull.agreement)}
    assert {name: each["state"] for name, each in owed.items()} == {"d1": "overdue", "d1f1": "open"}
    receipt = {"session": session, "outcome": "delivered"}
    transfer = (await bank.until(f"transfers/{pull.transfer}", "TERMINATED"))["id"]
    await bank.ask("POST", f"transfers/{transfer}/receipts", receipt)
    await until(bank, pull.agreement, "fulfilled", action="inform")
    # Told, but late: the fine is owed, and until it is paid nothing leaves.
    denied = await bank.transfer(pull.agreement)
    assert denied["code"] == "odrl.obligation.overdue"
    path = f"agreements/{pull.agreement}/duties/d1f1/fulfil"
    await garden.post(path, evidence="fine-1", facts={"payAmount": {"value": "10", "unit": "CNY"}})
    await until(garden, pull.agreement, "fulfilled")
    assert (await bank.transfer(pull.agreement))["state"] == "STARTED"


async def test_a_remedy_makes_up_for_what_was_missed(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement = await row_of(garden, await agreed(garden, bank, roses, obliging(INFORM)))
    plane = garden.connector.plane
    now = plane.context.now()

    def miss(tx: Transaction) -> None:
        plane.planner.used(tx, agreement, "s", now=now - timedelta(seconds=9))
        row = tx.duties.get(garden.name, agreement.id, "d1", "s")
        assert row is not None
        tx.duties.put(garden.name, replace(row, state=DutyState.REMEDIED, next_at=None))

    await garden.store.write(miss)
    (shown,) = await duties(garden, agreement.id)
    assert shown["state"] == "remedied"
    assert (await bank.transfer(agreement.id))["state"] == "STARTED"


async def test_what_cannot_be_done_is_refused_before_a_byte_leaves(
    garden: Party, bank: Party, roses: Path
) -> None:
    policy = obliging({"action": "watermark"})
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": policy}
    answer = await garden.ask(
        "PUT", "datasets/marked", body | {"accept_contractual": ["watermark"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "pep.unenforceable")
    # An agreement of another time is refused when it is used.
    await garden.publish(roses)
    row = await keep_agreement(garden, bank, Role.PROVIDER, **policy)
    point = garden.connector.plane.decide
    refusal = await garden.store.read(
        lambda tx: point.transfer(tx, garden.hosted, row, now=row.signed_at)
    )
    assert refusal is not None
    assert refusal.code == "pep.unenforceable"
    order = Order(
        transfer_pid="t",
        agreement_id=row.id,
        consumer=bank.id,
        session="s",
        action=None,
        as_table=True,
    )
    decision = await garden.store.read(
        lambda tx: point.access(tx, garden.hosted, row, order, columns=(), now=row.signed_at)
    )
    assert [reason.id for reason in decision.reasons] == ["pep.unenforceable"]
