"""The transports under plain httpx clients: nothing that httpx does goes around the guard."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import anyio
import httpx
import pytest
from tests.transport.conftest import Certificates, Server

from trustspace.errors import ConnectError, DeadlineError, EgressDeniedError, TransportError
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_transport import (
    ConnectionLimits,
    GuardedTransport,
    SyncGuardedTransport,
    tls_context,
)

Serve = Callable[..., Server]
AnswerWith = Callable[..., bytes]
Get = Callable[..., httpx.Response]


@pytest.fixture(params=["async", "sync"])
def get(request: pytest.FixtureRequest) -> Get:
    """Fetch a URL with a client of httpx over our transport."""

    def go(url: str, **options: object) -> httpx.Response:
        policy = EgressPolicy.development()
        if request.param == "sync":
            with httpx.Client(transport=SyncGuardedTransport(policy), **options) as client:  # type: ignore[arg-type]
                return client.get(url)

        async def run() -> httpx.Response:
            transport = GuardedTransport(policy)
            async with httpx.AsyncClient(transport=transport, **options) as client:  # type: ignore[arg-type]
                return await client.get(url)

        return anyio.run(run)

    return go


def test_an_httpx_client_works(get: Get, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"hello"))
    assert get(server.url).text == "hello"


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://10.0.0.1/", "file:///etc/passwd"]
)
def test_s5_even_a_client_that_follows_is_guarded_at_every_hop(
    get: Get, serve: Serve, answer_with: AnswerWith, target: str
) -> None:
    server = serve(lambda _: answer_with(b"", "302 Found", {"Location": target}))
    with pytest.raises((EgressDeniedError, httpx.UnsupportedProtocol)):
        get(server.url, follow_redirects=True, headers={"Authorization": "Bearer x"})
    assert len(server.requests) == 1


def test_timeouts_of_httpx_hold(get: Get, silent: int) -> None:
    with pytest.raises(DeadlineError):
        get(f"http://127.0.0.1:{silent}/", timeout=0.2)


def test_a_request_that_cannot_be_written_is_our_mistake(get: Get, serve: Serve) -> None:
    server = serve(lambda _: b"")
    with pytest.raises(TransportError, match="cannot be written"):
        get(server.url, headers={"X": "a\r\nb: c"})
    assert server.requests == []


def test_a_stream_of_httpx_breaks_with_our_error(get: Get, serve: Serve) -> None:
    def broken(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"

    with pytest.raises(ConnectError, match="broke"):
        get(serve(broken).url)


def test_d11_there_is_one_kind_of_tls(certificates: Certificates) -> None:
    for context in (tls_context(), tls_context(certificates.authority)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.anyio
async def test_p9_a_host_that_never_answers_blocks_no_other(
    serve: Serve, answer_with: AnswerWith, silent: int
) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    limits = ConnectionLimits(total=4, per_host=2)
    transport = GuardedTransport(EgressPolicy.development(), limits=limits)
    async with httpx.AsyncClient(transport=transport) as client, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(client.get, f"http://127.0.0.1:{silent}/")
        await anyio.sleep(0.1)
        for _ in range(3):
            with anyio.fail_after(2):
                assert (await client.get(server.url)).status_code == 200
        assert len(transport._places._hosts) == 1
        group.cancel_scope.cancel()
    assert transport._places._hosts == {}


@pytest.mark.anyio
async def test_places_are_given_back_whatever_happens(
    serve: Serve, answer_with: AnswerWith, closed_port: int
) -> None:
    server = serve(lambda _: answer_with(b"x", headers={"Content-Encoding": "gzip"}))
    limits = ConnectionLimits(per_host=1)
    transport = GuardedTransport(EgressPolicy.development(), limits=limits)
    async with httpx.AsyncClient(transport=transport) as client:
        for _ in range(3):
            with pytest.raises(TransportError), anyio.fail_after(2):
                await client.get(server.url)
            with pytest.raises(ConnectError), anyio.fail_after(2):
                await client.get(f"http://127.0.0.1:{closed_port}/")
            with pytest.raises(EgressDeniedError), anyio.fail_after(2):
                await client.get("http://10.0.0.1/")
    assert transport._places._hosts == {}


@pytest.mark.anyio
async def test_a_body_closed_twice_gives_one_place_back(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    transport = GuardedTransport(EgressPolicy.development())
    async with transport:
        responses = [
            await transport.handle_async_request(httpx.Request("GET", server.url)) for _ in range(2)
        ]
        for _ in range(2):
            assert isinstance(responses[0].stream, httpx.AsyncByteStream)
            await responses[0].stream.aclose()
        assert len(transport._places._hosts) == 1
        await responses[1].aclose()
    assert transport._places._hosts == {}
