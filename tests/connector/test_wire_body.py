"""What bad bodies get, over the wire: the documented status, and nothing stored."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party

pytestmark = pytest.mark.anyio

LIMIT = 1024 * 1024
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
ENDPOINTS = ("negotiations/request", "transfers/request", "catalog/request")
ERRORS = {
    "negotiations/request": "ContractNegotiationError",
    "transfers/request": "TransferError",
    "catalog/request": "CatalogError",
}


def _message(**changed: Any) -> bytes:
    return json.dumps({"@context": [CONTEXT], "@type": "CatalogRequestMessage"} | changed).encode()


MALFORMED = {
    "not JSON": (b"{", "json.syntax"),
    "not UTF-8": (b'{"a": "\xff"}', "json.encoding"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "json.encoding"),
    "100,000 nested arrays": (b"[" * 100_000 + b"]" * 100_000, "json.depth"),
    "100,000 nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "json.depth"),
    "a member given twice": (b'{"@type": "a", "@type": "b"}', "json.duplicate"),
    "NaN": (b'{"a": NaN}', "json.number"),
    "an infinite number": (b'{"a": 1e999}', "json.number"),
    "a million digits": (b'{"a": ' + b"9" * 1_000_000 + b"}", "json.number"),
    "half a surrogate pair": (b'{"a": "\\ud800"}', "json.surrogate"),
    "10,001 members": (
        json.dumps({str(index): 0 for index in range(10_001)}).encode(),
        "json.keys",
    ),
    "200,000 numbers": (b'{"a": [' + b"1.5," * 199_999 + b"1.5]}", "json.items"),
    "a string of 300,000 characters": (_message(filter=["x" * 300_000]), "json.string"),
    "a number": (b"1", "message.malformed"),
    "an array": (b"[]", "message.malformed"),
    "no context": (b'{"@type": "CatalogRequestMessage"}', "message.context"),
    "a context that is no address": (
        _message(**{"@context": [CONTEXT, "attacker"]}),
        "message.context",
    ),
    "an inline context": (
        _message(**{"@context": [CONTEXT, {"assignee": "https://attacker.example/#a"}]}),
        "message.context",
    ),
    "another message": (_message(**{"@type": "ContractNegotiation"}), "message.type"),
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_body_is_refused(
    garden: Party, bank: Party, name: str, endpoint: str
) -> None:
    body, code = MALFORMED[name]
    before = garden.stored()
    answer = await bank.say(
        garden, endpoint, content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["@type"] == ERRORS[endpoint]
    assert answer.json()["code"] == code
    assert answer.json()["@context"] == [CONTEXT]
    assert garden.stored() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Encoding": "gzip"}, gzip.compress(_message()), 415),
        ({"Content-Encoding": "br"}, _message(), 415),
        ({"Content-Type": "text/plain"}, _message(), 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=b", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({}, b"", 400),
        ({}, b" " * (LIMIT + 1), 413),
    ],
    ids=["gzip", "brotli", "plain text", "a form", "a multipart form", "empty", "too large"],
)
async def test_an_unfit_body_is_not_read(
    garden: Party,
    bank: Party,
    headers: dict[str, str],
    body: bytes,
    status: int,
    endpoint: str,
) -> None:
    before = garden.stored()
    said = {"Content-Type": "application/json"} | headers
    answer = await bank.say(garden, endpoint, content=body, headers=said)
    assert answer.status_code == status
    assert answer.json()["@type"] == ERRORS[endpoint]
    assert answer.json()["code"] == "message.body"
    assert garden.stored() == before


async def test_a_body_of_exactly_the_limit_is_read(garden: Party, bank: Party) -> None:
    body = _message().ljust(LIMIT)
    answer = await bank.say(
        garden, "catalog/request", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["application/ld+json", "application/json; charset=utf-8", None])
async def test_json_of_any_name_is_read(garden: Party, bank: Party, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    answer = await bank.say(garden, "catalog/request", content=_message(), headers=headers)
    assert answer.status_code == 200


async def test_a_body_without_length_is_counted(garden: Party, bank: Party) -> None:
    """The answer comes long before everything was sent."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * LIMIT:
            yield b" " * 65_536
            sent += 65_536
            await asyncio.sleep(0)

    reader, writer = await _connect(garden)
    writer.write(_head(garden, bank, "negotiations/request", "Transfer-Encoding: chunked"))
    answered = asyncio.create_task(reader.readline())
    async for piece in endless():
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        if answered.done():
            break
    assert (await answered).split()[1] == b"413"
    # What the sockets of both sides hold is no business of the connector's.
    assert sent < 16 * LIMIT
    writer.close()


async def test_a_length_that_is_too_large_is_refused_at_once(garden: Party, bank: Party) -> None:
    reader, writer = await _connect(garden)
    writer.write(_head(garden, bank, "negotiations/request", f"Content-Length: {LIMIT + 1}"))
    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_a_body_that_stalls_is_refused(start: Start, bank: Party) -> None:
    garden = await start("garden", settings="\n[limits]\nbody_seconds = 0.2\n")
    before = garden.stored()
    reader, writer = await _connect(garden)
    writer.write(_head(garden, bank, "negotiations/request", "Content-Length: 100"))
    writer.write(b"{")
    assert (await reader.readline()).split()[1] == b"408"
    writer.close()
    assert garden.stored() == before


async def test_a_sender_that_hangs_up_leaves_nothing(garden: Party, bank: Party) -> None:
    before = garden.stored()
    _, writer = await _connect(garden)
    writer.write(_head(garden, bank, "negotiations/request", "Content-Length: 100"))
    writer.write(b"{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    answer = await bank.say(garden, "catalog/request", content=_message())
    assert answer.status_code == 200
    assert garden.stored() == before


async def test_an_unknown_sender_is_told_nothing_of_its_body(garden: Party) -> None:
    answer = await garden.voice.post(
        f"{garden.hosted.dsp_url}/negotiations/request", content=b"{", headers={}
    )
    assert (answer.status_code, answer.content) == (404, b"")


async def _connect(party: Party) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", urlsplit(party.address).port)


def _head(to: Party, sender: Party, endpoint: str, length: str) -> bytes:
    url = urlsplit(f"{to.hosted.dsp_url}/{endpoint}")
    return (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: {sender.token(to.id)}\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n"
    ).encode()
