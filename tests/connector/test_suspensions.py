"""Either side lifts its own pause; the provider's stands until the provider lifts it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.connector.party import Party
from tests.connector.pulling import Pull, started

from trustspace.connector.context import new_pid
from trustspace.dsp.messages import TransferStartMessage

pytestmark = pytest.mark.anyio

FREE: dict[str, Any] = {"purpose": ["research"]}
BY_PROVIDER = "transfer.suspended_by_provider"


@pytest.fixture
async def pull(garden: Party, bank: Party, roses: Any) -> Pull:
    return await started(garden, bank, roses, FREE)


async def paused(pull: Pull, by: str, reason: str) -> None:
    party, pid = (
        (pull.consumer, pull.transfer) if by == "consumer" else (pull.provider, pull.theirs)
    )
    shown = await party.post(f"transfers/{pid}/suspend", reason=reason)
    assert (shown["state"], shown["code"], shown["reasons"]) == ("SUSPENDED", "owner", [reason])
    await pull.consumer.until(f"transfers/{pull.transfer}", "SUSPENDED")
    await pull.provider.until(f"transfers/{pull.theirs}", "SUSPENDED")
    await pull.consumer.settled()
    await pull.provider.settled()


@pytest.mark.parametrize(
    ("first", "then"),
    [("consumer", "consumer"), ("consumer", "provider"), ("provider", "provider")],
)
async def test_who_may_resume_what(pull: Pull, first: str, then: str) -> None:
    await paused(pull, first, "lunch")
    refused = await pull.consumer.ask("GET", f"transfers/{pull.transfer}/edr")
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer.suspended")
    party, pid = (
        (pull.consumer, pull.transfer) if then == "consumer" else (pull.provider, pull.theirs)
    )
    shown = await party.post(f"transfers/{pid}/resume")
    assert (shown["state"], shown["code"], shown["reasons"]) == ("STARTED", None, [])
    await pull.consumer.until(f"transfers/{pull.transfer}", "STARTED")
    await pull.provider.until(f"transfers/{pull.theirs}", "STARTED")
    edr = await pull.consumer.get(f"transfers/{pull.transfer}/edr")
    assert edr["endpoint"].startswith(pull.provider.address)
    assert (await pull.get()).status_code == 200


async def test_the_consumer_cannot_lift_its_providers_suspension(pull: Pull) -> None:
    await paused(pull, "provider", "audit")
    before = pull.provider.stored()
    asked = await pull.consumer.ask("POST", f"transfers/{pull.transfer}/resume", {})
    assert (asked.status_code, asked.json()["code"]) == (409, BY_PROVIDER)
    message = TransferStartMessage(
        id=new_pid(), consumer_pid=pull.transfer, provider_pid=pull.theirs
    )
    said = await pull.consumer.say(pull.provider, f"transfers/{pull.theirs}/start", message)
    assert (said.status_code, said.json()["code"]) == (400, BY_PROVIDER)
    assert pull.provider.stored() == before
    assert (await pull.get()).status_code == 403


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_new_transfer_does_not_walk_round_a_suspension(pull: Pull, gives_up: bool) -> None:
    provider, consumer = pull.provider, pull.consumer
    await paused(pull, "provider", "audit")
    if gives_up:
        await consumer.post(f"transfers/{pull.transfer}/terminate")
        await provider.until(f"transfers/{pull.theirs}", "TERMINATED")
    beside = await consumer.transfer(pull.agreement)
    assert (beside["state"], beside["code"]) == ("TERMINATED", BY_PROVIDER)
    assert beside["reasons"] == ["audit"]
    if gives_up:
        lifted = await provider.post(f"agreements/{pull.agreement}/release")
        assert lifted == {"agreement": pull.agreement, "released": 1}
        assert (await provider.post(f"agreements/{pull.agreement}/release"))["released"] == 0
        assert "agreement.released" in await provider.kinds()
    else:
        await provider.post(f"transfers/{pull.theirs}/resume")
        await consumer.until(f"transfers/{pull.transfer}", "STARTED")
    assert (await consumer.transfer(pull.agreement))["state"] == "STARTED"


async def test_a_provider_that_ends_what_it_suspended_leaves_nothing_standing(pull: Pull) -> None:
    await paused(pull, "provider", "audit")
    await pull.provider.post(f"transfers/{pull.theirs}/terminate")
    await pull.consumer.until(f"transfers/{pull.transfer}", "TERMINATED")
    assert (await pull.consumer.transfer(pull.agreement))["state"] == "STARTED"


async def test_a_consumers_own_pause_holds_nothing(pull: Pull) -> None:
    await paused(pull, "consumer", "lunch")
    assert (await pull.consumer.transfer(pull.agreement))["state"] == "STARTED"
    asked = await pull.provider.ask("POST", "agreements/urn:uuid:none/release", {})
    assert (asked.status_code, asked.json()["code"]) == (404, "not_found")
