"""What tests of duties have in common: agreements that oblige, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

from tests.connector.party import Json, Party


def obliging(*obligations: Json, **permission: Any) -> Json:
    """Return terms that permit use and oblige."""
    return {
        "permission": [{"action": "use"} | permission],
        "obligation": list(obligations),
    }


def within(left: str, duration: str) -> list[Json]:
    """Return the constraint that gives a duty its time."""
    value = {"@value": duration, "@type": "xsd:duration"}
    return [{"leftOperand": left, "operator": "eq", "rightOperand": value}]


async def agreed(garden: Party, bank: Party, file: Any, policy: Json, **more: Any) -> str:
    """Publish a dataset under a policy and agree on it."""
    name = f"d-{uuid4()}"
    await garden.publish(file, name, policy, **more)
    return await bank.agree(garden, name, purpose=None)


async def duties(party: Party, agreement: str) -> list[Json]:
    found: list[Json] = (await party.get(f"agreements/{agreement}/duties"))["items"]
    return found


async def until(
    party: Party, agreement: str, state: str, *, action: str = "", seconds: float = 20
) -> list[Json]:
    """Return the duties once all of them, or all of an action, are in a state."""
    end = time.monotonic() + seconds
    while True:
        found = [each for each in await duties(party, agreement) if action in each["action"]]
        if found and all(each["state"] == state for each in found):
            return found
        assert time.monotonic() < end, (state, found)
        await asyncio.sleep(0.05)


async def received(bank: Party, agreement: str, session: str, **more: Any) -> None:
    """Tell the consumer's connector of a delivery, as its SDK does."""
    transfers = (await bank.get("transfers"))["items"]
    pid = next(each["id"] for each in transfers if each["agreement"] == agreement)
    body = {"session": session, "outcome": "delivered", "bytes": 10, "rows": 3} | more
    answer = await bank.ask("POST", f"transfers/{pid}/receipts", body)
    assert answer.status_code == 204, answer.text
