"""The client for many small messages: connections that are kept, and what must not be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transport.conftest import Server

from trustspace.errors import ConnectError, DeadlineError, EgressDeniedError, TransportError
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_transport import ConnectionLimits
from trustspace.transport.message_client import MessageClient

Serve = Callable[..., Server]
AnswerWith = Callable[..., bytes]

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"], scope="session")
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops that serve a connector."""
    return "asyncio", {"use_uvloop": request.param}


def client(**limits: object) -> MessageClient:
    return MessageClient(EgressPolicy.development(), limits=ConnectionLimits(**limits))  # type: ignore[arg-type]


async def get(caller: MessageClient, server: Server, **options: object) -> bytes:
    answer = await caller.request("GET", server.url, **options)  # type: ignore[arg-type]
    return answer.body


async def test_one_connection_carries_every_message(serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    async with client() as caller:
        for _ in range(20):
            answer = await caller.request("POST", f"{server.url}/x", json={"a": 1})
            assert answer.status == 200
    assert server.connections == 1
    assert len(server.requests) == 20


async def test_messages_at_the_same_time_have_connections_of_their_own(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    async with client(per_host=3) as caller:
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for _ in range(9):
                    group.start_soon(get, caller, server)
    assert len(server.requests) == 18
    assert server.connections <= 3


async def test_a_connection_is_kept_only_so_long(serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    async with client(idle_time=timedelta(milliseconds=100)) as caller:
        await get(caller, server)
        await anyio.sleep(0.3)
        assert caller._kept._idle == {}
        await get(caller, server)
    assert server.connections == 2


async def test_no_more_connections_are_kept_than_allowed(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    async with client(idle=0) as caller:
        for _ in range(3):
            await get(caller, server)
    assert server.connections == 3


async def test_a_connection_that_says_it_closes_is_not_kept(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b"{}", headers={"Connection": "close"}))
    async with client() as caller:
        for _ in range(2):
            assert await get(caller, server) == b"{}"
    assert server.connections == 2


async def test_a_body_may_end_with_its_connection(serve: Serve) -> None:
    server = serve(lambda _: iter([b"HTTP/1.1 200 OK\r\n\r\nall", b" of it"]))
    async with client() as caller:
        assert await get(caller, server) == b"all of it"
        assert await get(caller, server) == b"all of it"
    assert server.connections == 2


async def test_a_body_comes_in_chunks(serve: Serve) -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n1\r\n!\r\n0\r\n\r\n"
    )
    server = serve(lambda _: chunked)
    async with client() as caller:
        assert [await get(caller, server) for _ in range(2)] == [b"all!", b"all!"]
    assert server.connections == 1


async def test_a_remark_before_the_answer_is_not_the_answer(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer_with(b"yes"))
    async with client() as caller:
        answer = await caller.request("GET", server.url)
    assert (answer.status, answer.body, answer.headers.get("link")) == (200, b"yes", None)


async def test_an_answer_that_nobody_asked_for_reaches_nobody(
    serve: Serve, answer_with: AnswerWith
) -> None:
    second = answer_with(b"forged", headers={"X-Forged": "1"})
    server = serve(lambda _: answer_with(b"true") + second)
    async with client() as caller:
        for _ in range(3):
            answer = await caller.request("GET", server.url)
            assert (answer.body, answer.headers.get("x-forged")) == (b"true", None)
    assert server.connections == 3


async def test_a_late_extra_answer_closes_the_connection(
    serve: Serve, answer_with: AnswerWith
) -> None:
    def twice(_: bytes) -> Iterator[bytes]:
        yield answer_with(b"true")
        yield answer_with(b"forged")
        server.stopping.wait(5)

    server = serve(twice)
    async with client() as caller:
        assert await get(caller, server) == b"true"
        await anyio.sleep(0.1)
        assert await get(caller, server) == b"true"
    assert server.connections == 2


async def test_what_failed_leaves_its_place_to_the_next(
    serve: Serve, answer_with: AnswerWith, closed_port: int, silent: int
) -> None:
    large = serve(lambda _: answer_with(b"x" * 1_000))
    async with client(per_host=1, total=1) as caller:
        for _ in range(2):
            with pytest.raises(TransportError, match="more than the allowed 10 bytes"):
                await get(caller, large, max_bytes=10)
            with pytest.raises(ConnectError, match="No connection"):
                await caller.request("GET", f"http://127.0.0.1:{closed_port}/")
            with pytest.raises(EgressDeniedError):
                await caller.request("GET", "http://10.0.0.1/")
            with pytest.raises(DeadlineError):
                await caller.request(
                    "GET", f"http://127.0.0.1:{silent}/", deadline=timedelta(milliseconds=50)
                )
        assert await get(caller, large) == b"x" * 1_000
        assert caller._kept._places._hosts == {}


async def test_a_header_with_a_line_break_is_not_written(serve: Serve) -> None:
    server = serve(lambda _: b"")
    async with client() as caller:
        with pytest.raises(TransportError, match="cannot be written"):
            await caller.request("GET", server.url, headers={"X": "a\r\nb: c"})
    assert server.requests == []


async def test_a_closed_client_keeps_nothing(serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    caller = client()
    await get(caller, server)
    await caller.aclose()
    await get(caller, server)
    assert caller._kept._idle == {}
    assert server.connections == 2


@given(text=st.text(st.sampled_from("a/.%2fF:@~?#&=é[] '"), max_size=12))
async def test_a_path_is_read_as_httpx_reads_it(text: str) -> None:
    caller = client()
    url = f"http://provider.test:8080/{text}"
    try:
        expected = caller.policy.check_url(url)
    except EgressDeniedError:
        with pytest.raises(EgressDeniedError):
            caller._target(url)
        return
    target, path = caller._target(url)
    assert path == expected.raw_path.decode()
    assert (target.host, target.port, target.netloc) == (
        expected.host,
        expected.port,
        expected.netloc,
    )


async def test_the_next_address_is_tried(serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    addresses = ["127.0.0.9", "127.0.0.1"]
    policy = EgressPolicy.development()
    async with MessageClient(policy, lookup=lambda _host, _port: addresses) as caller:
        answer = await caller.request("GET", f"http://provider.test:{server.port}/")
    assert answer.status == 200
