"""What was pushed is deleted with its key when the duty says so, and the record is the evidence."""

from __future__ import annotations

from typing import Any

import pytest
from tests.connector.duties.owing import agreed, duties, obliging, until, within
from tests.connector.party import Party

from trustspace.connector.using.deletion_proof import prove
from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger
from trustspace.usage.sealed_home import SealedHome

pytestmark = pytest.mark.anyio

SOON = obliging({"action": "delete", "constraint": within("delayPeriod", "PT2S")})


def stored(party: Party) -> list[bytes]:
    """Return every sealed file of a party."""
    folder = party.connector.home.path / "sealed"
    return [path.read_bytes() for path in folder.rglob("*.sealed*")]


async def test_what_was_pushed_goes_with_its_key(garden: Party, bank: Party, roses: Any) -> None:
    agreement = await agreed(garden, bank, roses, SOON)
    begun = await bank.post("transfers", agreement=agreement, format="HttpData-PUSH")
    shown = await bank.get(f"transfers/{begun['id']}", wait=20, ended="true")
    assert shown["state"] == "COMPLETED"
    home = bank.connector.home
    content = await bank.ask("GET", f"transfers/{begun['id']}/content")
    assert b"\n" in content.content
    (sealed,) = stored(bank)
    assert content.content[:20] not in sealed
    await until(bank, agreement, "fulfilled", action="delete")
    await until(garden, agreement, "fulfilled", action="delete")
    assert stored(bank) == []
    with SealedHome(home.path).store(bank.hosted.name, participant=bank.hosted.id) as store:
        (record,) = Deletion(store).records(agreement)
    assert (record.trigger, record.is_final) == (Trigger.AFTER_USE, False)
    assert [one.object for one in record.objects] == [begun["id"]]
    for party in (bank, garden):
        (done,) = [each for each in await duties(party, agreement) if "delete" in each["action"]]
        evidence = done["evidence"].get("report", done["evidence"])
        assert evidence["removed"] == {"sealed": 1, "proof": prove(record, bank.hosted)}
    gone = await bank.ask("GET", f"transfers/{begun['id']}/content")
    assert gone.status_code == 404
