"""A published interface: each call decided, counted, passed on clean, and cut when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.connector.backend import SECRET, Backend, backend
from tests.connector.party import Party
from tests.connector.pulling import Pull, started

pytestmark = pytest.mark.anyio

HOSTILE = ("/admin", "/m/%2e%2e/admin", "/m/..%2fadmin", "/m/%252e%252e/x", "//m/x", "/m/a;b")


@pytest.fixture
async def behind() -> AsyncIterator[Backend]:
    async with backend() as running:
        yield running


async def opened(
    garden: Party, bank: Party, behind: Backend, policy: Any = None, **more: Any
) -> Pull:
    source = behind.source | more
    return await started(garden, bank, "", policy or {}, source=source)


async def call(pull: Pull, path: str = "", method: str = "GET", **more: Any) -> httpx.Response:
    headers = {"Authorization": pull.edr["authorization"]} | more.pop("headers", {})
    url = httpx.URL(pull.edr["endpoint"] + path)
    return await pull.consumer.voice.request(method, url, headers=headers, **more)


async def test_a_call_is_passed_on_clean_in_both_directions(
    garden: Party, bank: Party, behind: Backend
) -> None:
    pull = await opened(garden, bank, behind, methods=["GET", "POST"], paths=["/score", "/m/*"])
    said = {
        "Cookie": "session=1",
        "Proxy-Authorization": "Basic x",
        "X-Forwarded-For": "10.0.0.1",
        "X-Remote-User": "root",
        "Accept-Language": "zh",
        "Content-Type": "application/json",
        "Connection": "x-api-key",
        "X-Api-Key": "consumer",
    }
    answer = await call(pull, "/score?lang=en&a=%2F", "POST", headers=said, content=b'{"a":1}')
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "path": "/v1/score?lang=en&a=%2F",
        "method": "POST",
        "body": '{"a":1}',
    }
    assert answer.headers["trustspace-answer"] == "interface"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["cache-control"] == "no-store"
    assert not {"set-cookie", "www-authenticate", "x-internal"} & set(answer.headers)
    assert "behind" not in str(answer.headers)
    assert SECRET not in str(answer.headers) + answer.text

    method, target, headers, body = behind.heard[-1]
    assert (method, target, body) == ("POST", "/v1/score?lang=en&a=%2F", b'{"a":1}')
    assert headers["authorization"] == SECRET
    assert headers["accept-language"] == "zh"
    names = {"cookie", "proxy-authorization", "x-forwarded-for", "x-remote-user", "x-api-key"}
    assert not names & set(headers)
    assert not [name for name in headers if name.startswith("trustspace")]
    assert pull.edr["authorization"] not in str(headers)


async def test_only_what_was_published_can_be_called(
    garden: Party, bank: Party, behind: Backend
) -> None:
    pull = await opened(garden, bank, behind, {"count": 3}, paths=["/score", "/m/*"])
    for path in (
        "/admin",
        "/m/%2e%2e/admin",
        "/m/..%2fadmin",
        "/m/%252e%252e/x",
        "//m/x",
        "/m/a;b",
    ):
        refused = await call(pull, path)
        assert refused.status_code == 404, path
        assert "trustspace-answer" not in refused.headers
    refused = await call(pull, "/score", "DELETE")
    assert (refused.status_code, refused.json()["detail"]) == (
        405,
        "the interface takes GET, not DELETE",
    )
    refused = await call(pull, "/score", content=b"x")
    assert refused.status_code == 400
    assert behind.heard == []
    assert await pull.used() == {}
    assert (await call(pull, "/m/x")).status_code == 200
    forged = await call(pull, "/score", headers={"Authorization": "Bearer x"})
    assert forged.status_code == 401
    big = await call(pull, "/score", "POST", content=bytes(1 << 21))
    assert big.status_code == 413


async def test_each_call_is_decided_counted_and_metered(
    garden: Party, bank: Party, behind: Backend
) -> None:
    pull = await opened(garden, bank, behind, {"count": 2})
    session = {"Trustspace-Session": "0" * 32}
    sizes = 0
    for number in (1, 2):
        answer = await call(pull, "", headers=session)
        assert answer.status_code == 200
        sizes += len(answer.content)
        await pull.until_used(number)
    refused = await call(pull, "", headers=session)
    assert (refused.status_code, refused.json()["code"]) == (403, "odrl.constraint.unsatisfied")
    assert len(behind.heard) == 2
    await pull.delivered(2)
    shown = await garden.get(f"transfers/{pull.theirs}")
    assert (shown["state"], shown["bytes"]) == ("STARTED", sizes)
    assert await pull.kinds() == ["access.granted", "delivery.sent"] * 2 + ["access.denied"]
    events = [e.body for e in await garden.events() if e.body.get("agreement") == pull.agreement]
    assert {body["call"] for body in events if "call" in body} == {"GET /"}


async def test_what_the_interface_says_of_the_provider_stays_there(
    garden: Party, bank: Party, behind: Backend
) -> None:
    pull = await opened(garden, bank, behind)
    for path, status in (("/moved", 302), ("/401", 401)):
        answer = await call(pull, path)
        assert (answer.status_code, answer.json()["code"]) == (502, "counterparty.refused"), path
        assert str(status) in answer.json()["detail"]
        assert "location" not in answer.headers
        assert behind.url not in answer.text
    for path in ("/403", "/404", "/500"):
        answer = await call(pull, path)
        assert answer.json() == {"said": path[1:]}
        assert answer.headers["trustspace-answer"] == "interface"


async def test_a_call_that_reached_nobody_is_not_counted(garden: Party, bank: Party) -> None:
    async with backend() as gone:
        pull = await opened(garden, bank, gone, {"count": 1})
    answer = await call(pull, "/score")
    assert (answer.status_code, answer.json()["code"]) == (502, "unreachable")
    assert gone.url not in answer.text
    assert "127.0.0.1" not in answer.text
    await pull.until_used(0)


async def test_an_answer_under_way_is_cut_with_the_agreement(
    garden: Party, bank: Party, behind: Backend
) -> None:
    pull = await opened(garden, bank, behind)
    headers = {"Authorization": pull.edr["authorization"]}
    url = pull.edr["endpoint"] + "/stream"

    async def listen() -> None:
        async with bank.voice.stream("GET", url, headers=headers) as answer:
            async for piece in answer.aiter_raw():
                if b"data: 0" in piece:
                    await garden.post(f"agreements/{pull.agreement}/revoke", reason="over")

    with pytest.raises(httpx.RemoteProtocolError):
        await listen()
    await pull.delivered(1)
    assert (await pull.kinds())[-1] == "delivery.cut"
    assert (await call(pull)).status_code == 403


async def test_filters_cannot_be_promised_for_an_interface(garden: Party, behind: Backend) -> None:
    body = {"source": behind.source, "policy": {"where": "grade = 'A'"}}
    refused = await garden.ask("PUT", "datasets/api", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "pep.unenforceable")
    body = {"source": behind.source | {"methods": "GET"}, "policy": {}}
    assert (await garden.ask("PUT", "datasets/api", body)).status_code == 422


async def test_an_interface_does_not_idle_out(
    garden: Party, bank: Party, behind: Backend, roses: Any
) -> None:
    pull = await opened(garden, bank, behind)
    file = await started(garden, bank, roses, {})
    read = garden.store.read
    assert await read(lambda tx: tx.transfers.deadline("garden", pull.theirs)) is None
    assert await read(lambda tx: tx.transfers.deadline("garden", file.theirs)) is not None
    assert (await call(file, "/x")).status_code == 404
