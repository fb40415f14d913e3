"""Answers: statuses, strict JSON, bodies that come piece by piece."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
from tests.transport.conftest import Call, Server

from trustspace.errors import (
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    RemoteProtocolError,
    StatusError,
    TransportError,
)
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient, SyncGuardedClient
from trustspace.transport.http_response import Response

Serve = Callable[..., Server]
AnswerWith = Callable[..., bytes]
SECOND = timedelta(seconds=1)


def test_a_status_is_data_unless_one_is_expected(
    call: Call, serve: Serve, answer_with: AnswerWith
) -> None:
    headers = {"X-Request-Id": "r1"}
    server = serve(lambda _: answer_with(b'{"code": "x"}', "409 Conflict", headers))
    answer = call("GET", f"{server.url}/a?token=secret")
    assert answer.status == 409
    with pytest.raises(StatusError, match="answered 409, expected 200 or 201") as caught:
        answer.expect(200, 201)
    assert (caught.value.status, caught.value.body) == (409, {"code": "x"})
    assert caught.value.request_id == "r1"
    assert not caught.value.retryable
    assert "secret" not in str(caught.value)
    with pytest.raises(StatusError) as caught:
        Response("GET", "https://a.example", 503, {}, b"<html>").expect(200)
    assert (caught.value.body, caught.value.retryable) == (None, True)


def test_answers_are_read_strictly(call: Call, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b'{"a": 1, "a": 2}'))
    with pytest.raises(RemoteProtocolError) as caught:
        call("GET", server.url).json()
    assert caught.value.code == "json.duplicate"


PIECES = [b"a" * 100_000, b"b" * 200_000, b"c"]


def _chunked(_: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
    for piece in PIECES:
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


def _stalling(_: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"
    time.sleep(0.6)
    yield b"y"


@pytest.mark.anyio
async def test_a_stream_comes_piece_by_piece(serve: Serve) -> None:
    server = serve(_chunked)
    async with (
        GuardedClient(EgressPolicy.development()) as client,
        client.stream("GET", server.url, headers={"Range": "bytes=0-"}) as incoming,
    ):
        assert (incoming.status, incoming.headers["x-a"]) == (206, "b")
        assert b"".join([part async for part in incoming.chunks()]) == b"".join(PIECES)
    assert b"range: bytes=0-" in server.requests[0].lower()


def test_a_synchronous_stream_comes_piece_by_piece(serve: Serve) -> None:
    server = serve(_chunked)
    with (
        SyncGuardedClient(EgressPolicy.development()) as client,
        client.stream("GET", server.url, headers={"Range": "bytes=0-"}) as incoming,
    ):
        assert (incoming.status, incoming.headers["x-a"]) == (206, "b")
        assert b"".join(incoming.chunks()) == b"".join(PIECES)


@pytest.mark.anyio
async def test_a_stream_may_be_left_and_bodies_may_be_streams(
    serve: Serve, answer_with: AnswerWith
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece

    server, taker = serve(_chunked), serve(lambda _: answer_with(b"{}"))
    async with GuardedClient(EgressPolicy.development()) as client:
        async with client.stream("GET", server.url) as incoming:
            async for part in incoming.chunks():
                assert part
                break
        async with client.stream("PUT", taker.url, content=body()) as incoming:
            assert incoming.status == 200
    assert taker.requests[0].count(b"b") >= 200_000
    with SyncGuardedClient(EgressPolicy.development()) as sync_client:
        with sync_client.stream("GET", server.url) as sync_incoming:
            assert next(sync_incoming.chunks())
        with sync_client.stream("PUT", taker.url, content=iter(PIECES)) as sync_incoming:
            assert sync_incoming.status == 200
    assert taker.requests[1].count(b"b") >= 200_000


@pytest.mark.anyio
async def test_a_stream_that_stands_still_ends(serve: Serve) -> None:
    server = serve(_stalling)
    async with GuardedClient(EgressPolicy.development()) as client:
        with pytest.raises(DeadlineError, match="stood still"):
            async with client.stream("GET", server.url, idle=0.2 * SECOND) as incoming:
                assert [part async for part in incoming.chunks()] == []


def test_a_synchronous_stream_that_stands_still_ends(serve: Serve) -> None:
    server = serve(_stalling)
    with (
        SyncGuardedClient(EgressPolicy.development()) as client,
        client.stream("GET", server.url, idle=0.2 * SECOND) as incoming,
        pytest.raises(DeadlineError),
    ):
        list(incoming.chunks())


@pytest.mark.anyio
async def test_a_stream_is_limited_and_guarded(
    serve: Serve, answer_with: AnswerWith, silent: int, closed_port: int
) -> None:
    big, chunked = serve(lambda _: answer_with(b"x" * 11)), serve(_chunked)
    cases = [
        (big.url, TransportError),
        (chunked.url, TransportError),
        ("http://10.0.0.1/", EgressDeniedError),
        ("ftp://127.0.0.1/", EgressDeniedError),
        (f"http://127.0.0.1:{closed_port}/", ConnectError),
        (f"http://127.0.0.1:{silent}/", DeadlineError),
    ]
    for url, expected in cases:
        async with GuardedClient(EgressPolicy.development()) as client:
            with pytest.raises(expected):
                async with client.stream(
                    "GET", url, max_bytes=10, deadline=0.3 * SECOND
                ) as incoming:
                    assert [part async for part in incoming.chunks()] == []
        with (
            SyncGuardedClient(EgressPolicy.development()) as sync_client,
            pytest.raises(expected),
            sync_client.stream("GET", url, max_bytes=10, deadline=0.3 * SECOND) as sync_incoming,
        ):
            list(sync_incoming.chunks())
