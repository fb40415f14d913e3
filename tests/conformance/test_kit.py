"""The driver is as unkind as the kit: what it drops, refuses, loses and does not repeat."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.conformance import negotiation, transfer
from tests.conformance.kit import CaseFailedError, Configuration, Kit
from tests.conformance.messages import Json, agreement, encoded, message, offer
from tests.conformance.schemas import Schemas
from tests.conformance.wire import Answer, Client, Reply, serving

pytestmark = pytest.mark.anyio

CONFIGURATION = """
dataspacetck.dsp.default.wait=1
dataspacetck.dsp.connector.agent.id=CONNECTOR
dataspacetck.dsp.connector.http.headers.authorization={"clientId":"TCK_PARTICIPANT"}
CN_01_01_DATASETID=ACN0101
CN_01_01_OFFERID=CD123:ACN0101:456
"""


@pytest.fixture
def configuration() -> Configuration:
    return Configuration.read(CONFIGURATION, Schemas(None))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    found = Client("nobody")
    yield found
    await found.aclose()


@pytest.fixture
async def consumer(configuration: Configuration) -> AsyncIterator[negotiation.Consumer]:
    """The kit in REQUESTED, as a consumer of the connector."""
    kit = negotiation.Consumer("CN_01_01", configuration)
    kit.consumer_pid, kit.provider_pid, kit.state = "c", "p", "REQUESTED"
    kit.dataset, kit.offer = "ACN0101", "CD123:ACN0101:456"
    async with kit.listening():
        yield kit


@pytest.fixture
async def receiver(configuration: Configuration) -> AsyncIterator[transfer.Consumer]:
    """The kit in REQUESTED, as a consumer of the connector's data."""
    kit = transfer.Consumer("TP_01_01", configuration)
    kit.consumer_pid, kit.provider_pid, kit.state = "c", "p", "REQUESTED"
    async with kit.listening():
        yield kit


async def told(kit: Kit, client: Client, path: str, kind: str, **members: Any) -> Answer:
    members = {"consumerPid": "c", "providerPid": "p"} | members
    body = json.dumps(message(kind, **members)).encode()
    return await client.send("POST", f"{kit.address.rstrip('/')}{path}", body)


async def offered(kit: Kit, client: Client, **changed: Any) -> Answer:
    terms = offer("CD123:ACN0101:456", "ACN0101") | changed
    return await told(kit, client, "/negotiations/c/offers", "ContractOfferMessage", offer=terms)


async def test_who_comes_before_the_handler_is_not_heard(
    consumer: negotiation.Consumer, client: Client
) -> None:
    answer = await offered(consumer, client)
    assert (answer.status, answer.body) == (404, b"No handler registered on this endpoint")
    consumer.expect_offer()
    answer = await offered(consumer, client)
    assert answer.status == 200
    assert json.loads(answer.body)["state"] == consumer.state == "OFFERED"
    assert "content-type" not in answer.headers
    # A handler hears one message.
    assert (await offered(consumer, client)).status == 404


async def test_what_comes_without_a_body_is_chunked(
    consumer: negotiation.Consumer, client: Client
) -> None:
    consumer.expect_agreement()
    terms = agreement("ACN0101", "TCK_PARTICIPANT") | {"assigner": "CONNECTOR"}
    path = "/negotiations/c/agreement/"
    answer = await told(consumer, client, path, "ContractAgreementMessage", agreement=terms)
    assert (answer.status, answer.body, answer.headers["transfer-encoding"]) == (
        200,
        b"",
        "chunked",
    )


async def test_a_negotiation_drops_what_is_too_early_and_hears_it_again(
    consumer: negotiation.Consumer, client: Client
) -> None:
    consumer.state = ""
    consumer.expect_offer()
    with pytest.raises(ConnectionResetError):
        await offered(consumer, client)
    consumer.state = "REQUESTED"
    assert (await offered(consumer, client)).status == 200


async def test_a_negotiation_drops_what_is_about_something_else(
    consumer: negotiation.Consumer, client: Client
) -> None:
    consumer.expect_offer()
    with pytest.raises(ConnectionResetError):
        await offered(consumer, client, target="another")
    with pytest.raises(CaseFailedError, match="another"):
        await consumer.until("OFFERED")


async def test_a_message_with_another_context_fails_the_case(
    consumer: negotiation.Consumer, client: Client
) -> None:
    consumer.expect_termination()
    path, kind = "/negotiations/c/termination", "ContractNegotiationTerminationMessage"
    with pytest.raises(ConnectionResetError):
        await told(consumer, client, path, kind, **{"@context": ["https://example.org/"]})
    with pytest.raises(CaseFailedError, match="@context"):
        await consumer.until("TERMINATED")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}"])
async def test_what_is_no_message_fails_the_case(
    consumer: negotiation.Consumer, client: Client, body: bytes
) -> None:
    consumer.expect_offer()
    with pytest.raises(ConnectionResetError):
        await client.send("POST", f"{consumer.address.rstrip('/')}/negotiations/c/offers", body)
    with pytest.raises(CaseFailedError, match="no ContractOfferMessage"):
        await consumer.until("OFFERED")


async def test_another_message_at_the_endpoint_fails_the_case(
    consumer: negotiation.Consumer, client: Client
) -> None:
    consumer.expect_offer()
    with pytest.raises(ConnectionResetError):
        await told(consumer, client, "/negotiations/c/offers", "ContractNegotiation", state="x")
    with pytest.raises(CaseFailedError, match="found ContractNegotiation"):
        await consumer.until("OFFERED")


async def test_other_pids_fail_the_case(consumer: negotiation.Consumer, client: Client) -> None:
    consumer.expect_termination()
    path, kind = "/negotiations/c/termination", "ContractNegotiationTerminationMessage"
    with pytest.raises(ConnectionResetError):
        await told(consumer, client, path, kind, providerPid="another")
    with pytest.raises(CaseFailedError, match="providerPid"):
        await consumer.until("TERMINATED")


async def test_a_transfer_uses_the_handler_up_on_what_is_too_early(
    receiver: transfer.Consumer, client: Client
) -> None:
    receiver.hear("COMPLETED")
    statuses = [
        (
            await told(receiver, client, "/transfers/c/completion", "TransferCompletionMessage")
        ).status
        for _ in range(2)
    ]
    assert statuses == [409, 404]
    with pytest.raises(CaseFailedError, match="not listened to: /transfers/c/completion"):
        await receiver.until("COMPLETED")


async def test_a_transfer_drops_an_early_termination_and_hears_it_again(
    receiver: transfer.Consumer, client: Client
) -> None:
    receiver.state = ""
    receiver.hear("TERMINATED")
    path, kind = "/transfers/c/termination", "TransferTerminationMessage"
    with pytest.raises(ConnectionResetError):
        await told(receiver, client, path, kind)
    receiver.state = "REQUESTED"
    assert (await told(receiver, client, path, kind)).status == 200


async def test_a_case_looks_every_100_ms(consumer: negotiation.Consumer) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    consumer.state = "OFFERED"
    await consumer.until("OFFERED")
    assert loop.time() - begun >= 0.09


# --- what the kit sends --------------------------------------------------------------------------


@asynccontextmanager
async def connector(
    *statuses: int, body: bytes | None = None
) -> AsyncIterator[tuple[str, list[str]]]:
    """A connector that answers with these statuses in turn; yields its URL and what it hears."""
    heard: list[str] = []

    async def answer(path: str, _: bytes) -> Reply:
        heard.append(path)
        return Reply(statuses[min(len(heard), len(statuses)) - 1], body)

    async with serving(answer) as port:
        yield f"http://127.0.0.1:{port}/x", heard


@pytest.mark.parametrize(
    ("statuses", "attempts", "passes"),
    [
        ([200], 1, True),
        ([204], 1, True),
        ([400, 409, 200], 3, True),
        ([400, 400, 400], 3, False),
        ([404], 1, False),
        ([500], 1, False),
        ([302], 1, False),
    ],
)
async def test_what_must_succeed_is_repeated_twice_but_not_after_404(
    consumer: negotiation.Consumer, statuses: list[int], attempts: int, passes: bool
) -> None:
    async with connector(*statuses) as (url, heard):
        if passes:
            await consumer.post(url, {"@type": "x"})
        else:
            with pytest.raises(CaseFailedError, match=str(statuses[-1])):
                await consumer.post(url, {"@type": "x"})
    assert len(heard) == attempts


@pytest.mark.parametrize(
    ("status", "passes"), [(400, True), (409, True), (404, False), (200, False), (500, False)]
)
async def test_what_must_be_refused_is_sent_once(
    consumer: negotiation.Consumer, status: int, passes: bool
) -> None:
    async with connector(status) as (url, heard):
        if passes:
            await consumer.post(url, {"@type": "x"}, refused=True)
        else:
            with pytest.raises(CaseFailedError, match="must be refused"):
                await consumer.post(url, {"@type": "x"}, refused=True)
    assert len(heard) == 1


@pytest.mark.parametrize("status", [400, 404, 503])
async def test_a_state_is_asked_for_once(consumer: negotiation.Consumer, status: int) -> None:
    async with connector(status) as (url, heard):
        with pytest.raises(CaseFailedError, match=str(status)):
            await consumer.get(url)
    assert len(heard) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"@type": "ContractNegotiation"}'])
async def test_an_answer_must_be_a_message(consumer: negotiation.Consumer, body: bytes) -> None:
    async with connector(200, body=body) as (url, _):
        with pytest.raises(CaseFailedError, match=r"JSON|malformed"):
            await consumer.get(url)
        if body:
            with pytest.raises(CaseFailedError, match=r"JSON|malformed"):
                await consumer.post(url, {"@type": "x"})


async def test_a_dropped_connection_fails_the_case(consumer: negotiation.Consumer) -> None:
    async def drop(_: str, __: bytes) -> None:
        return None

    async with serving(drop) as port:
        with pytest.raises(CaseFailedError, match="ConnectionResetError"):
            await consumer.get(f"http://127.0.0.1:{port}/x")


@pytest.mark.parametrize(
    ("found", "problem"),
    [({"state": "OFFERED"}, "not acknowledged"), ({"consumerPid": "x"}, "not acknowledged")],
)
async def test_a_request_must_be_acknowledged(
    configuration: Configuration, found: Json, problem: str
) -> None:
    async def answer(_: str, body: bytes) -> Reply:
        asked = json.loads(body)
        pids = {"consumerPid": asked["consumerPid"], "providerPid": "p"}
        kind = asked["@type"].replace("ContractRequestMessage", "ContractNegotiation")
        kind = kind.replace("TransferRequestMessage", "TransferProcess")
        return Reply(
            body=json.dumps(message(kind, **(pids | {"state": "REQUESTED"} | found))).encode()
        )

    async with serving(answer) as port:
        values = {
            "dataspacetck.dsp.connector.http.url": f"http://127.0.0.1:{port}",
            "TP_01_01_AGREEMENTID": "a",
            "TP_01_01_FORMAT": "f",
        }
        pointed = Configuration({**configuration.values, **values}, configuration.schemas)
        for kit in (
            negotiation.Consumer("CN_01_01", pointed),
            transfer.Consumer("TP_01_01", pointed),
        ):
            async with kit.listening():
                with pytest.raises(CaseFailedError, match=problem):
                    await kit.request()


@pytest.mark.parametrize("kind", [negotiation.Consumer, transfer.Consumer])
async def test_the_wrong_state_fails_the_case(
    configuration: Configuration, kind: type[negotiation.Consumer | transfer.Consumer]
) -> None:
    kit = kind("CN_01_01", configuration)
    name = "ContractNegotiation" if kind is negotiation.Consumer else "TransferProcess"
    document = message(name, consumerPid="c", providerPid="p", state="REQUESTED")
    async with connector(200, body=json.dumps(document).encode()) as (url, heard), kit.listening():
        kit.base = url
        await kit.check("REQUESTED")
        with pytest.raises(CaseFailedError, match="REQUESTED, not in TERMINATED"):
            await kit.check("TERMINATED")
    # A negotiation is asked about once, a transfer until its time is up.
    assert (len(heard) == 2) is (kind is negotiation.Consumer)


def test_members_come_in_any_order_and_none_is_lost() -> None:
    document = message("ContractNegotiation", consumerPid="c", providerPid="p", state="x")
    draws = [random.Random(seed) for seed in range(50)]  # noqa: S311 - an order, not a secret
    orders = {tuple(json.loads(encoded(document, draw))) for draw in draws}
    assert len(orders) > 10
    assert any(order[-1] == "@context" for order in orders)
    assert all(set(order) == set(document) for order in orders)
    assert document["@id"] != message("ContractNegotiation")["@id"]
