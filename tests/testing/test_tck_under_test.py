"""The connector under test: its seed, its webhooks, its patience."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conformance.connector import free_ports
from tests.conformance.wire import Reply, serving

from trustspace.connector.app import Running
from trustspace.dsp.messages import TransferState
from trustspace.errors import ConfigurationError
from trustspace.model.participant import Role
from trustspace.store import Transaction
from trustspace.testing.tck.cases import KIT, offer_id
from trustspace.testing.tck.place import NAME, NEGOTIATIONS, TRANSFERS, Place
from trustspace.testing.tck.under_test import under_test

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("connector"),
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]

DELAY = timedelta(milliseconds=400)
CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]


@dataclass
class Counterparty:
    """A kit that acknowledges everything.

    Attributes:
        heard: Path, body and time of every message.
        status: What it answers.
    """

    address: str = ""
    heard: list[tuple[str, dict[str, Any], float]] = field(default_factory=list)
    status: int = 200

    async def answer(self, path: str, body: bytes) -> Reply:
        document = json.loads(body)
        self.heard.append((path, document, asyncio.get_running_loop().time()))
        pids = {"providerPid": "urn:p", "consumerPid": "urn:c"} | document
        return Reply(self.status, json.dumps({key: pids[key] for key in pids}).encode())

    async def message(self, kind: str) -> tuple[dict[str, Any], float]:
        """Return the first message of a class, as soon as it is here."""
        for _ in range(500):
            for _path, document, at in self.heard:
                if document["@type"] == kind:
                    return document, at
            await asyncio.sleep(0.02)
        raise AssertionError(f"{kind} did not come; heard {self.heard}")


@pytest.fixture(scope="module")
def place() -> Place:
    port, webhook_port = free_ports(2)
    return Place(port=port, webhook_port=webhook_port, id="CONNECTOR")


@pytest.fixture(scope="module")
async def connector(place: Place) -> AsyncIterator[Running]:
    async with under_test(place, delay=DELAY) as running:
        yield running


@pytest.fixture
async def kit() -> AsyncIterator[Counterparty]:
    found = Counterparty()
    async with serving(found.answer) as port:
        found.address = f"http://127.0.0.1:{port}"
        yield found


@pytest.fixture
async def voice() -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": json.dumps({"clientId": KIT})}
    async with httpx.AsyncClient(headers=headers, timeout=10, trust_env=False) as client:
        yield client


async def _said(voice: httpx.AsyncClient, url: str, kind: str, **members: Any) -> httpx.Response:
    return await voice.post(url, json={"@context": CONTEXT, "@type": kind, **members})


def _offer(dataset: str) -> dict[str, Any]:
    return {
        "@id": offer_id(dataset),
        "@type": "Offer",
        "target": dataset,
        "permission": [{"action": "use", "constraints": []}],
    }


# --- the seed ----------------------------------------------------------------------------------


async def test_the_catalogue_has_what_the_kit_looks_for(
    place: Place, voice: httpx.AsyncClient
) -> None:
    answer = await _said(voice, f"{place.base_url}/catalog/request", "CatalogRequestMessage")
    catalog = answer.json()
    assert catalog["participantId"] == "CONNECTOR"
    ids = {dataset["@id"] for dataset in catalog["dataset"]}
    assert {"CAT0101", "CAT0102", "ACN0101", "ACN0304"} < ids
    assert "CAT0103" not in ids
    offers = {dataset["@id"]: dataset["hasPolicy"][0]["@id"] for dataset in catalog["dataset"]}
    assert offers["ACN0304"] == "CD123:ACN0304:456"
    assert "Link" not in answer.headers


async def test_the_agreements_are_of_both_roles(connector: Running) -> None:
    def query(tx: Transaction) -> list[tuple[str, Role, str]]:
        rows = tx.agreements.list(NAME, limit=100).items
        return [(row.id, row.role, row.counterparty) for row in rows]

    found = await connector.plane.context.store.read(query)
    assert len(found) == 32
    assert ("ATP0101", Role.PROVIDER, KIT) in found
    assert ("ATPC0306", Role.CONSUMER, KIT) in found


# --- the webhooks ------------------------------------------------------------------------------


async def test_a_webhook_begins_a_negotiation_under_the_given_offer(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    order = {
        "providerId": KIT,
        "connectorAddress": kit.address,
        "offerId": "offerACNC0201",
        "datasetId": "ACNC0201",
        "more": 1,
    }
    begun = asyncio.get_running_loop().time()
    answer = await voice.post(place.webhooks + NEGOTIATIONS + "/", json=order)
    assert (answer.status_code, answer.content) == (202, b"")
    request, at = await kit.message("ContractRequestMessage")
    assert request["offer"] == {
        "@id": "offerACNC0201",
        "@type": "Offer",
        "target": "ACNC0201",
        "permission": [{"action": "use"}],
    }
    assert request["callbackAddress"] == place.base_url
    assert "providerPid" not in request
    assert at - begun >= DELAY.total_seconds()


async def test_each_webhook_begins_a_transfer_of_its_own_where_the_kit_is_now(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    order = {"providerId": KIT, "agreementId": "ATPC0301", "format": "HttpData-PULL"}
    for _ in range(2):
        answer = await voice.post(
            place.webhooks + TRANSFERS, json=order | {"connectorAddress": kit.address}
        )
        assert answer.status_code == 202
    for _ in range(250):
        if len(kit.heard) == 2:
            break
        await asyncio.sleep(0.02)
    requests = [document for _, document, _ in kit.heard]
    assert [one["@type"] for one in requests] == ["TransferRequestMessage"] * 2
    assert len({one["consumerPid"] for one in requests}) == 2


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"providerId": 1}', b'{"a": 1, "a": 2}', b"<html>"]
)
@pytest.mark.parametrize("path", [NEGOTIATIONS, TRANSFERS])
async def test_a_bad_webhook_is_refused(
    place: Place, voice: httpx.AsyncClient, path: str, body: bytes
) -> None:
    answer = await voice.post(place.webhooks + path, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_webhook_for_an_unknown_agreement_begins_nothing(
    place: Place,
    kit: Counterparty,
    voice: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order = {
        "providerId": KIT,
        "connectorAddress": kit.address,
        "agreementId": "ATPC9999",
        "format": "HttpData-PULL",
    }
    assert (await voice.post(place.webhooks + TRANSFERS, json=order)).status_code == 202
    for _ in range(250):
        if caplog.records:
            break
        await asyncio.sleep(0.02)
    assert "ATPC9999" in caplog.text
    assert kit.heard == []


async def test_the_service_has_no_webhooks(place: Place, voice: httpx.AsyncClient) -> None:
    for path in (NEGOTIATIONS, TRANSFERS):
        assert (await voice.post(place.address + path, json={})).status_code == 404


# --- the owner ---------------------------------------------------------------------------------


async def _requested(
    voice: httpx.AsyncClient, place: Place, kit: Counterparty, dataset: str, pid: str
) -> str:
    answer = await _said(
        voice,
        f"{place.base_url}/negotiations/request",
        "ContractRequestMessage",
        consumerPid=pid,
        offer=_offer(dataset),
        callbackAddress=kit.address,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["providerPid"])


async def _state(voice: httpx.AsyncClient, place: Place, pid: str) -> str:
    return str((await voice.get(f"{place.base_url}/negotiations/{pid}")).json()["state"])


async def test_each_step_waits_for_the_answer_and_for_the_last_message(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    begun = asyncio.get_running_loop().time()
    pid = await _requested(voice, place, kit, "ACN0205", "urn:c:0205")
    assert await _state(voice, place, pid) == "REQUESTED"
    offer, at = await kit.message("ContractOfferMessage")
    assert offer["offer"]["@id"] == "CD123:ACN0205:456"
    assert at - begun >= DELAY.total_seconds()
    _, later = await kit.message("ContractNegotiationTerminationMessage")
    assert later - at >= DELAY.total_seconds()


async def test_a_message_that_is_not_heard_is_repeated_before_the_next_step(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    kit.status = 404
    await _requested(voice, place, kit, "ACN0205", "urn:c:0205:again")
    await kit.message("ContractOfferMessage")
    kit.status = 200
    _, later = await kit.message("ContractNegotiationTerminationMessage")
    offers = [at for _, document, at in kit.heard if document["@type"] == "ContractOfferMessage"]
    assert len(offers) >= 2
    assert later - offers[-1] >= DELAY.total_seconds()


async def test_nothing_is_done_where_the_counterparty_was_faster(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    pid = await _requested(voice, place, kit, "ACN0101", "urn:c:0101")
    ended = await _said(
        voice,
        f"{place.base_url}/negotiations/{pid}/termination",
        "ContractNegotiationTerminationMessage",
        consumerPid="urn:c:0101",
        providerPid=pid,
    )
    assert ended.status_code == 200
    await asyncio.sleep(2 * DELAY.total_seconds())
    assert kit.heard == []
    assert await _state(voice, place, pid) == "TERMINATED"


async def test_what_is_not_in_the_script_rests(
    place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    pid = await _requested(voice, place, kit, "ACN0202", "urn:c:0202")
    other = await _requested(voice, place, kit, "CAT0101", "urn:c:cat")
    await asyncio.sleep(2 * DELAY.total_seconds())
    assert kit.heard == []
    assert {await _state(voice, place, one) for one in (pid, other)} == {"REQUESTED"}


async def test_a_step_that_cannot_be_taken_stops_nothing(
    connector: Running,
    place: Place,
    kit: Counterparty,
    voice: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The offer has gone before the owner agrees to it."""
    await _requested(voice, place, kit, "ACN0104", "urn:c:0104")
    hosted = connector.plane.context.participant(NAME)
    await connector.plane.publications.withdraw(hosted, "ACN0104")
    for _ in range(250):
        if "no agree" in caplog.text:
            break
        await asyncio.sleep(0.02)
    assert "no agree" in caplog.text
    await _requested(voice, place, kit, "ACN0203", "urn:c:0203")
    agreed, _ = await kit.message("ContractAgreementMessage")
    assert agreed["agreement"]["assigner"] == "CONNECTOR"
    assert agreed["agreement"]["assignee"] == KIT


async def test_a_transfer_is_started_with_an_address(
    connector: Running, place: Place, kit: Counterparty, voice: httpx.AsyncClient
) -> None:
    answer = await _said(
        voice,
        f"{place.base_url}/transfers/request",
        "TransferRequestMessage",
        consumerPid="urn:t:0201",
        agreementId="ATP0201",
        format="HttpData-PULL",
        callbackAddress=kit.address,
    )
    assert answer.status_code == 201
    start, _ = await kit.message("TransferStartMessage")
    assert start["dataAddress"]["@type"] == "DataAddress"
    pid = answer.json()["providerPid"]
    found = await connector.plane.context.store.read(lambda tx: tx.transfers.get(NAME, pid))
    assert found is not None
    assert found.state is TransferState.STARTED


# --- the place ---------------------------------------------------------------------------------


async def test_a_port_that_is_taken_is_said(place: Place) -> None:
    (free,) = free_ports(1)
    for taken in (
        Place(port=place.port, webhook_port=free),
        Place(port=free, webhook_port=place.webhook_port),
    ):
        with pytest.raises(ConfigurationError, match="cannot listen"):
            async with under_test(taken):
                raise AssertionError


def test_a_rest_outlives_a_run(connector: Running) -> None:
    exchange = connector.home.settings.exchange
    assert exchange.deadline_seconds > 3_600
    assert exchange.message_seconds <= 10
    assert connector.home.settings.identity == "UnsafeClientId"
