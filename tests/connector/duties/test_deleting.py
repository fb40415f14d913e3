"""Deletion: planned with the use, done by the consumer's connector, proven to the provider."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.connector.duties.owing import agreed, duties, obliging, received, until, within
from tests.connector.party import Json, Party
from tests.connector.pulling import started

pytestmark = pytest.mark.anyio

SOON = obliging({"action": "delete", "constraint": within("delayPeriod", "PT2S")})


async def test_it_is_done_in_time_and_proven(garden: Party, bank: Party, roses: Path) -> None:
    pull = await started(garden, bank, roses, SOON)
    answer = await pull.get(session="s" * 16)
    assert answer.status_code == 200
    await received(bank, pull.agreement, "s" * 16)
    (owed,) = await duties(garden, pull.agreement)
    assert (owed["action"], owed["bearer"], owed["occurrence"]) == (
        "odrl:delete",
        "consumer",
        "s" * 16,
    )
    (mine,) = await until(bank, pull.agreement, "fulfilled")
    (theirs,) = await until(garden, pull.agreement, "fulfilled")
    assert mine["fulfilled_at"] <= owed["due"]
    assert mine["evidence"]["removed"] == {"sealed": 0}
    assert theirs["evidence"]["id"] == mine["evidence"]["id"]
    assert theirs["evidence"]["by"] == bank.id
    assert theirs["evidence"]["report"]["removed"] == {"sealed": 0}
    kinds = [
        event.kind
        for event in await garden.events()
        if event.body.get("agreement") == pull.agreement
    ]
    assert kinds.count("duty.owed") == kinds.count("duty.fulfilled") == 1
    assert (await pull.get()).status_code == 200


async def pushed(garden: Party, bank: Party, roses: Path, policy: Json) -> tuple[str, str]:
    """Have data pushed to the consumer's own sink; return agreement and transfer."""
    agreement = await agreed(garden, bank, roses, policy)
    begun = await bank.post("transfers", agreement=agreement, format="HttpData-PUSH")
    await bank.until(f"transfers/{begun['id']}", "COMPLETED")
    assert (await bank.ask("GET", f"transfers/{begun['id']}/content")).status_code == 200
    return agreement, begun["id"]


async def test_what_was_pushed_is_removed(garden: Party, bank: Party, roses: Path) -> None:
    agreement, transfer = await pushed(garden, bank, roses, SOON)
    (mine,) = await until(bank, agreement, "fulfilled")
    removed = mine["evidence"]["removed"]
    assert removed["sealed"] == 1
    assert removed["proof"]
    assert (await bank.ask("GET", f"transfers/{transfer}/content")).status_code == 404
    await until(garden, agreement, "fulfilled")


async def test_a_revoked_agreement_leaves_no_time(garden: Party, bank: Party, roses: Path) -> None:
    month = obliging({"action": "delete", "constraint": within("delayPeriod", "P30D")})
    agreement, _ = await pushed(garden, bank, roses, month)
    assert {each["state"] for each in await duties(bank, agreement)} == {"open"}
    await garden.post(f"agreements/{agreement}/revoke", reason="licence withdrawn")
    for side in (bank, garden):
        found = await until(side, agreement, "fulfilled")
        assert "end" in {each["occurrence"] for each in found}


async def test_without_a_term_it_is_due_when_the_agreement_has_ended(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement, transfer = await pushed(garden, bank, roses, {"delete": True})
    assert await duties(bank, agreement) == await duties(garden, agreement) == []
    await bank.post(f"agreements/{agreement}/give-up", reason="done")
    (mine,) = await until(bank, agreement, "fulfilled")
    assert mine["occurrence"] == "end"
    (theirs,) = await until(garden, agreement, "fulfilled")
    assert theirs["evidence"]["id"] == mine["evidence"]["id"]
    assert (await bank.ask("GET", f"transfers/{transfer}/content")).status_code in (403, 404)


async def test_what_was_never_fetched_is_not_to_be_deleted(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement = await agreed(garden, bank, roses, {"delete": True})
    await garden.post(f"agreements/{agreement}/revoke", reason="a mistake")
    await bank.until(f"agreements/{agreement}", "REVOKED")
    assert await duties(bank, agreement) == await duties(garden, agreement) == []
