"""Sockets: taken before anything is served, given back after, closed to who only holds them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trustspace.connector import listener
from trustspace.connector.listener import Listener, bind
from trustspace.errors import ConfigurationError

pytestmark = pytest.mark.anyio


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body() or b"empty")


async def _slow(_: Request) -> Response:
    await asyncio.sleep(0.3)
    return PlainTextResponse("done")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    bound = bind("127.0.0.1", 0)
    app = Starlette(
        routes=[Route("/", _echo, methods=["GET", "POST"]), Route("/slow", _slow)],
    )
    async with Listener(app, bound):
        yield bound.getsockname()[1]


async def _raw(port: int, *pieces: bytes) -> bytes:
    """Send bytes and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_a_port_is_known_before_it_serves() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert bound.getsockname()[1] > 0


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_with_colons_is_of_the_newer_kind() -> None:
    try:
        with bind("::1", 0) as bound:
            assert bound.family is socket.AF_INET6
    except ConfigurationError:
        pytest.skip("no IPv6 loopback here")


def test_a_taken_port_names_the_setting() -> None:
    with bind("127.0.0.1", 0) as bound:
        bound.listen()
        taken = bound.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{taken}") as told:
            bind("127.0.0.1", taken)
    assert told.value.setting == "listen.port"
    assert told.value.hint


async def test_it_serves_until_the_block_ends(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "empty"
        assert (await client.post(f"http://127.0.0.1:{port}/", content=b"x")).text == "x"


async def test_running_requests_end_before_it_stops() -> None:
    bound = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}/slow"
    app = Starlette(routes=[Route("/slow", _slow)])
    async with httpx.AsyncClient(trust_env=False) as client:
        async with Listener(app, bound):
            asked = asyncio.create_task(client.get(url))
            await asyncio.sleep(0.1)
        assert (await asked).text == "done"
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_a_closed_socket_is_told_at_once() -> None:
    bound = bind("127.0.0.1", 0)
    bound.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        async with Listener(Starlette(), bound):
            pass


async def test_it_does_not_say_what_it_is(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/")
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "request_",
    [
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\n"
        ),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\nX: b\r\n folded\n\n\xff",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=[
        "length and chunks",
        "two lengths",
        "no chunk size",
        "space before the colon",
        "bare line feeds",
        "TLS",
    ],
)
async def test_an_ambiguous_request_is_refused(port: int, request_: bytes) -> None:
    async with asyncio.timeout(5):
        answer = await _raw(port, request_)
    assert answer.partition(b"\r\n")[0].split()[1:2] in ([], [b"400"])


LONG_HEADS = {
    "many headers": [b"X-%d: %s\r\n" % (index, b"x" * 4_000) for index in range(12)],
    "one header": [b"X: " + b"x" * 40_000 + b"\r\n"],
    "a header without end": [b"X: ", *([b"x" * 10_000] * 2_000)],
    "headers without end": [b"X: %d\r\n" % index for index in range(100_000)],
}


@pytest.mark.parametrize("name", LONG_HEADS)
async def test_a_head_beyond_the_limit_is_refused(port: int, name: str) -> None:
    async with asyncio.timeout(15):
        answer = await _raw(port, b"GET / HTTP/1.1\r\nHost: a\r\n", *LONG_HEADS[name], b"\r\n")
    assert answer.partition(b"\r\n")[0].split()[1:2] in ([], [b"400"])


async def test_a_path_beyond_the_limit_is_refused(port: int) -> None:
    async with asyncio.timeout(15):
        answer = await _raw(port, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.partition(b"\r\n")[0].split()[1:2] == [b"400"]


async def test_a_head_within_the_limit_is_read_piece_by_piece(port: int) -> None:
    head = b"".join(b"X-%d: %s\r\n" % (index, b"x" * 1_000) for index in range(30))
    text = b"GET / HTTP/1.1\r\nHost: a\r\n" + head + b"Connection: close\r\n\r\n"
    answer = await _raw(port, *(text[at : at + 500] for at in range(0, len(text), 500)))
    assert answer.startswith(b"HTTP/1.1 200")


async def test_long_bodies_between_heads_are_no_heads(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = await _raw(port, one + one + last)
    assert answer.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX"])
async def test_who_sends_no_whole_head_is_not_waited_for(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    async with asyncio.timeout(5):
        assert await _raw(port, said) == b""
        # The second head of a connection is not waited for either.
        first = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        assert (await _raw(port, first + b"GET /")).count(b"HTTP/1.1") == 1


async def test_web_sockets_are_not_spoken(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
