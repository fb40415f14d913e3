from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
from tests.dataplane.delivery import Delivery, everything

from trustspace.dataplane.arrow_stream import PIECE_BYTES
from trustspace.dataplane.pull import PullRequest
from trustspace.dataplane.source import HttpSource
from trustspace.errors import (
    ConfigurationError,
    ConnectError,
    EgressDeniedError,
    PolicyDeniedError,
    StatusError,
    TransportError,
)
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient

if TYPE_CHECKING:
    from tests.dataplane.conftest import Upstream

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 12_000


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient(EgressPolicy.development()) as client:
        yield client


def replying(body: bytes, status: int = 200, **headers: str) -> Any:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


async def test_a_url_s_bytes_are_passed_on(upstream: Upstream, client: GuardedClient) -> None:
    upstream.reply = replying(DATA)
    source = HttpSource.at(upstream.url + "?key=k3y", media_type="text/csv")
    delivery = Delivery()
    answer = await delivery.serve(source, client=client)
    parts = [part async for part in answer.body]
    await answer.aclose()
    assert b"".join(parts) == DATA
    assert min(len(part) for part in parts[:-1]) >= PIECE_BYTES
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert delivery.size_bytes == len(DATA)
    assert upstream.requests[0][:2] == ("GET", "/api?key=k3y")


async def test_nothing_but_bytes_comes_from_upstream(
    upstream: Upstream, client: GuardedClient
) -> None:
    upstream.reply = replying(
        b"data",
        Set_Cookie="session=s3cret",
        ETag='"upstream"',
        Location=upstream.url,
        Server="intern/1.0",
        Content_Type="text/html",
        WWW_Authenticate="Basic realm=s3cret",
    )
    source = HttpSource.at(upstream.url, headers={"Authorization": "Bearer s3cret"})
    answer = await Delivery().serve(source, client=client)
    assert await everything(answer) == b"data"
    assert answer.headers == {
        "Content-Type": "application/octet-stream",
        "Content-Length": "4",
        "Accept-Ranges": "none",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


async def test_nothing_of_the_consumer_goes_upstream(
    upstream: Upstream, client: GuardedClient
) -> None:
    upstream.reply = replying(b"data")
    source = HttpSource.at(upstream.url, headers={"Authorization": "Bearer s3cret", "X-Api": "1"})
    request = PullRequest.of(
        "GET",
        {
            "authorization": "Bearer of-the-consumer",
            "range": "bytes=0-1",
            "if-none-match": '"x"',
            "cookie": "c=1",
            "x-forwarded-for": "1.2.3.4",
        },
    )
    answer = await Delivery().serve(source, client=client, request=request)
    assert (answer.status, await everything(answer)) == (200, b"data")
    _, _, sent = upstream.requests[0]
    assert sent["authorization"] == "Bearer s3cret"
    assert sent["x-api"] == "1"
    assert sent.keys() <= {
        "host",
        "user-agent",
        "accept-encoding",
        "authorization",
        "x-api",
        "connection",
        "accept",
    }


@pytest.mark.parametrize("status", [204, 206, 301, 401, 404, 500])
async def test_another_status_is_not_passed_on(
    upstream: Upstream, client: GuardedClient, status: int
) -> None:
    upstream.reply = replying(
        b"" if status == 204 else b"internal details", status, Location="http://127.0.0.1:1/"
    )
    with pytest.raises(StatusError) as caught:
        await Delivery().serve(HttpSource.at(upstream.url), client=client)
    assert caught.value.status == status
    assert "internal" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert len(upstream.requests) == 1


async def test_a_compressed_answer_is_refused(upstream: Upstream, client: GuardedClient) -> None:
    upstream.reply = replying(zlib.compress(b"0" * 10_000), Content_Encoding="deflate")
    with pytest.raises(TransportError):
        await Delivery().serve(HttpSource.at(upstream.url), client=client)


async def test_an_upstream_that_breaks_off_breaks_the_answer(
    upstream: Upstream, client: GuardedClient
) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(3 * PIECE_BYTES))
        handler.end_headers()
        handler.wfile.write(b"x" * PIECE_BYTES * 2)
        handler.close_connection = True

    upstream.reply = reply
    delivery = Delivery()
    answer = await delivery.serve(HttpSource.at(upstream.url), client=client)
    with pytest.raises(ConnectError):
        await everything(answer)
    assert delivery.size_bytes <= 2 * PIECE_BYTES


async def test_an_upstream_without_a_length_is_passed_on(
    upstream: Upstream, client: GuardedClient
) -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (b"ab", b"c"):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    upstream.reply = reply
    answer = await Delivery().serve(HttpSource.at(upstream.url), client=client)
    assert await everything(answer) == b"abc"
    assert "Content-Length" not in answer.headers


async def test_an_empty_upstream_is_empty(upstream: Upstream, client: GuardedClient) -> None:
    upstream.reply = replying(b"")
    delivery = Delivery()
    answer = await delivery.serve(HttpSource.at(upstream.url), client=client)
    assert await everything(answer) == b""
    assert delivery.pieces == 0


async def test_the_gate_cuts_what_is_passed_on(upstream: Upstream, client: GuardedClient) -> None:
    upstream.reply = replying(DATA)
    delivery = Delivery()
    delivery.closed_after = 1
    answer = await delivery.serve(HttpSource.at(upstream.url), client=client)
    with pytest.raises(PolicyDeniedError):
        await everything(answer)
    assert delivery.pieces == 1


async def test_a_head_is_not_fetched(upstream: Upstream, client: GuardedClient) -> None:
    source = HttpSource.at(upstream.url)
    answer = await Delivery().serve(source, client=client, request=PullRequest(method="HEAD"))
    assert (answer.status, await everything(answer)) == (200, b"")
    assert upstream.requests == []


async def test_the_guard_holds_for_sources_too(upstream: Upstream) -> None:
    async with GuardedClient(EgressPolicy()) as client:
        with pytest.raises(EgressDeniedError):
            await Delivery().serve(HttpSource.at(upstream.url), client=client)
    assert upstream.requests == []


async def test_a_url_needs_a_client() -> None:
    with pytest.raises(ConfigurationError, match="HTTP client"):
        await Delivery().serve(HttpSource.at("https://x.example/"))
