"""Our provider and an Eclipse connector as consumer, from the catalogue to the data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.connector.party import Party
from tests.interop.conftest import ROSES
from tests.interop.edc import Edc, edc
from tests.interop.edc_consumer import Process

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]

OURS = "trustspace-garden"
TERMS: dict[str, dict[str, Any]] = {
    "use": {"permission": [{"action": "use"}]},
    "purpose": {"purpose": ["research"]},
    "purposes": {"purpose": ["research", "teaching"]},
    "time and count": {"until": "2099-01-01", "count": 5},
    "a plain number": {
        "permission": [
            {
                "action": "use",
                "constraint": [{"leftOperand": "count", "operator": "lteq", "rightOperand": 5}],
            }
        ]
    },
    "places": {"spatial": ["CN-SH", "CN-BJ"]},
    "either": {
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
                                    "@value": "2099-01-01T00:00:00Z",
                                    "@type": "xsd:dateTime",
                                },
                            },
                            {
                                "leftOperand": "dateTime",
                                "operator": "gteq",
                                "rightOperand": {
                                    "@value": "2020-01-01T00:00:00Z",
                                    "@type": "xsd:dateTime",
                                },
                            },
                        ]
                    }
                ],
            }
        ]
    },
}


async def _agreed(garden: Party, peer: Edc, asset: str = "roses") -> Process:
    base = garden.hosted.dsp_url
    (dataset,) = (await peer.catalog(base))["dataset"]
    assert dataset["@id"] == asset
    process = await peer.negotiate(base, OURS, asset, dataset["hasPolicy"][0])
    await process.until("FINALIZED", "TERMINATED")
    assert process.state == "FINALIZED", (process.dead, peer.bodies("/termination"))
    return process


@pytest.mark.parametrize("bearer", [False, True])
async def test_an_eclipse_consumer_fetches_our_data(
    garden: Party, roses: Path, bearer: bool
) -> None:
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer") as peer:
        base = garden.hosted.dsp_url
        found = await peer.catalog(base)
        assert found["participantId"] == OURS
        formats = [one["format"] for one in found["dataset"][0]["distribution"]]
        assert "HttpData-PULL" in formats
        assert (await peer.dataset(base, "roses"))["@id"] == "roses"

        agreed = await _agreed(garden, peer)
        assert agreed.agreement["assigner"] == OURS
        assert agreed.agreement["assignee"] == "edc-consumer"
        transfer = await peer.transfer(base, OURS, agreed.agreement["@id"])
        await transfer.until("STARTED")
        answer = await peer.pull(transfer, bearer=bearer)
        assert (answer.status_code, answer.text) == (200, ROSES)

        ended = await peer.end(transfer, "TransferCompletionMessage", "completion")
        assert ended.status_code == 200
        assert (await peer.pull(transfer, bearer=False)).status_code in (401, 403)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("written", ["bare", "odrl:"])
async def test_our_terms_come_back_as_the_consumer_wrote_them(
    garden: Party, roses: Path, name: str, written: str
) -> None:
    """It refuses any agreement that means something else than its request, and dies of it."""
    await garden.publish(roses, policy=TERMS[name])
    async with edc(id="edc-consumer") as peer:
        if written == "odrl:":
            peer.spelling = "odrl:"
        agreed = await _agreed(garden, peer)
        assert not agreed.dead


async def test_a_consumer_that_saves_late_is_waited_for(garden: Party, roses: Path) -> None:
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer", saving=0.08) as peer:
        await _agreed(garden, peer)
        assert peer.conflicts


async def test_many_negotiations_at_once_come_to_agreements(garden: Party, roses: Path) -> None:
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer") as peer:
        found = await asyncio.gather(*(_agreed(garden, peer) for _ in range(20)))
        assert len({one.agreement["@id"] for one in found}) == 20


async def test_repeats_under_other_ids_are_repeats(garden: Party, roses: Path) -> None:
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer") as peer:
        agreed = await _agreed(garden, peer)
        pids = {"consumerPid": agreed.pid, "providerPid": agreed.peer}
        again = peer.message("ContractAgreementVerificationMessage", **pids)
        path = f"negotiations/{agreed.peer}/agreement/verification"
        answer = await peer.call("POST", garden.hosted.dsp_url, path, again)
        assert answer.status_code == 200, answer.text


async def test_an_address_that_a_pull_does_not_need_is_passed_over(
    garden: Party, roses: Path
) -> None:
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer") as peer:
        agreed = await _agreed(garden, peer)
        proxy = {"@type": "DataAddress", "endpointType": "HttpProxy", "endpointProperties": []}
        base = garden.hosted.dsp_url
        transfer = await peer.transfer(base, OURS, agreed.agreement["@id"], dataAddress=proxy)
        await transfer.until("STARTED")


async def test_who_resumes_is_sent_another_token(garden: Party, roses: Path) -> None:
    """It threw the first one away when it suspended, and waits for our start."""
    await garden.publish(roses, policy=TERMS["use"])
    async with edc(id="edc-consumer") as peer:
        agreed = await _agreed(garden, peer)
        transfer = await peer.transfer(garden.hosted.dsp_url, OURS, agreed.agreement["@id"])
        await transfer.until("STARTED")
        suspended = await peer.end(transfer, "TransferSuspensionMessage", "suspension")
        assert suspended.status_code == 200
        transfer.address = {}
        transfer.move("RESUMED")
        resumed = await peer.end(transfer, "TransferStartMessage", "start")
        assert resumed.status_code == 200
        await transfer.until("STARTED")
        answer = await peer.pull(transfer, bearer=False)
        assert (answer.status_code, answer.text) == (200, ROSES)
        assert len(peer.bodies("/start")) == 2


async def test_a_refusal_is_told_in_text(garden: Party, roses: Path) -> None:
    await garden.publish(roses, policy=TERMS["purpose"])
    async with edc(id="edc-consumer") as peer:
        base = garden.hosted.dsp_url
        (dataset,) = (await peer.catalog(base))["dataset"]
        offer = dataset["hasPolicy"][0] | {"permission": [{"action": "use"}]}
        process = await peer.negotiate(base, OURS, "roses", offer)
        await process.until("TERMINATED")
        *_, told = peer.bodies("/termination")  # Repeated where it was not saved yet.
        assert told["code"] in ("offer.wider", "fact.unavailable")
        assert all(isinstance(reason, str) and reason for reason in told["reason"])


async def test_who_names_nobody_is_nobody(garden: Party) -> None:
    async with edc() as peer:
        url = f"{garden.hosted.dsp_url}/catalog/request"
        body = peer.message("CatalogRequestMessage")
        for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": '{"region": "eu"}'}):
            answer = await peer.http.post(url, json=body, headers=header)
            assert answer.status_code == 401
