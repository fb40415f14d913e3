"""A silent or dripping client loses its connection; a quick one beside it is served (P8)."""

import logging
import socket
import time

import pytest
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from trustspace.connector import listener
from trustspace.connector.listener import Listener, bind


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def closed_after(start: float, connection: socket.socket) -> float:
    connection.settimeout(5)
    assert connection.recv(1024) == b""
    return time.monotonic() - start


@pytest.mark.anyio
@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_head_that_never_ends_closes_the_connection(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.3)
    bound = bind("127.0.0.1", 0)
    address = bound.getsockname()
    async with Listener(Starlette(routes=[Route("/", hello)]), bound):
        start = time.monotonic()
        with socket.create_connection(address) as silent:
            silent.sendall(head)
            with socket.create_connection(address) as quick:
                quick.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                quick.settimeout(5)
                answer = await to_thread.run_sync(quick.recv, 4096)
            assert answer.startswith(b"HTTP/1.1 200")
            seconds = await to_thread.run_sync(closed_after, start, silent)
    assert seconds >= 0.25


def test_a_delivery_cut_on_purpose_is_not_reported_as_a_fault() -> None:
    log = logging.getLogger("uvicorn.error")
    cut = log.makeRecord(
        log.name,
        logging.ERROR,
        "x",
        1,
        "ASGI callable returned without completing response.",
        (),
        None,
    )
    fault = log.makeRecord(
        log.name, logging.ERROR, "x", 1, "Exception in ASGI application", (), None
    )
    assert not log.filter(cut)
    assert log.filter(fault)
