"""The clients against servers that do everything wrong (rows S5 to S8, P4, P6, P9, D11)."""

from __future__ import annotations

import itertools
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import anyio
import pytest
from tests.transport.conftest import Call, Certificates, Server

from trustspace.errors import (
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    TransportError,
)
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import DEADLINE, GuardedClient, SyncGuardedClient
from trustspace.transport.http_response import Response
from trustspace.transport.http_transport import ConnectionLimits, tls_context

Serve = Callable[..., Server]
AnswerWith = Callable[..., bytes]
SECOND = timedelta(seconds=1)


# What honest servers answer


def test_a_document_goes_out_and_one_comes_back(
    call: Call, serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b'{"ok": true}', "201 Created", {"X-Kind": "a"}))
    answer = call(
        "POST", f"{server.url}/dsp?x=1", json={"@id": "é"}, headers={"Authorization": "Bearer t"}
    )
    assert answer.expect(200, 201).json() == {"ok": True}
    assert (answer.method, answer.url) == ("POST", f"{server.url}/dsp?x=1")
    assert answer.headers["x-kind"] == "a"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "post /dsp?x=1 http/1.1"
    assert f"host: 127.0.0.1:{server.port}" in lines
    assert "accept-encoding: identity" in lines
    assert "authorization: bearer t" in lines
    assert "content-type: application/json" in lines
    assert any(line.startswith("user-agent: trustspace/") for line in lines)
    assert body == '{"@id":"é"}'.encode()


def test_bytes_are_sent_as_they_are(call: Call, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b""))
    headers = {"Content-Type": "text/plain", "Accept-Encoding": "gzip"}
    assert call("PUT", server.url, content=b"a=b", headers=headers).body == b""
    assert b"text/plain" in server.requests[0]
    assert b"gzip" not in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\na=b")


@pytest.mark.anyio
async def test_connections_are_used_again(serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    async with GuardedClient(EgressPolicy.development()) as client:
        for _ in range(5):
            await client.request("POST", server.url, json={})
        assert server.connections == 1
    with SyncGuardedClient(EgressPolicy.development()) as sync_client:
        for _ in range(5):
            sync_client.request("POST", server.url, json={})
    assert server.connections == 2


@pytest.mark.anyio
async def test_a_connection_that_the_server_closed_is_not_used_again(
    serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: [answer_with(b"{}")])
    async with GuardedClient(EgressPolicy.development()) as client:
        for _ in range(5):
            assert (await client.request("GET", server.url)).status == 200
            await anyio.sleep(0.05)
    assert server.connections == 5


# Redirects and proxies (rows S5, S6)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_s5_redirects_are_answers(
    call: Call, serve: Serve, answer_with: AnswerWith, status: str
) -> None:
    second = serve(lambda _: answer_with(b"{}"))
    first = serve(lambda _: answer_with(b"", status, {"Location": f"{second.url}/x"}))
    answer = call("GET", first.url, headers={"Authorization": "Bearer x"})
    assert answer.status == int(status[:3])
    assert second.connections == 0


def test_s6_proxies_of_the_environment_see_nothing(
    call: Call, serve: Serve, answer_with: AnswerWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = serve(lambda _: answer_with(b"proxied"))
    server = serve(lambda _: answer_with(b"direct"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert call("GET", server.url).body == b"direct"
    assert canary.connections == 0


# Refusals look alike (rows S7, S8)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://u:secret@127.0.0.1/",
        "http://127.0.0.1\\@evil.example/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1]/",
    ],
)
def test_s7_refused_urls_open_nothing(call: Call, url: str) -> None:
    with pytest.raises(EgressDeniedError, match="No connection to") as caught:
        call("GET", url)
    assert "egress guard" in caught.value.hint


def test_s7_production_refuses_what_development_may(
    call: Call, serve: Serve, answer_with: AnswerWith
) -> None:
    server = serve(lambda _: answer_with(b"{}"))
    policy = EgressPolicy(failure_floor=timedelta(0))
    for url in (
        server.url,
        f"https://127.0.0.1:{server.port}/",
        f"https://localhost:{server.port}/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://127.1/",
    ):
        with pytest.raises(EgressDeniedError):
            call("GET", url, policy=policy)
    assert server.connections == 0


def _to(address: str) -> Callable[[str, int], list[str]]:
    return lambda _host, _port: [address]


def test_s8_every_failed_connection_looks_the_same(
    call: Call,
    serve: Serve,
    answer_with: AnswerWith,
    certificates: Certificates,
    closed_port: int,
    silent: int,
) -> None:
    policy = EgressPolicy(
        allow_loopback=True, allow_http=True, ports=None, failure_floor=timedelta(milliseconds=300)
    )
    plain = serve(lambda _: answer_with(b"{}"))
    encrypted = serve(lambda _: answer_with(b"{}"), certificates.server)
    limits = ConnectionLimits(connect_time=timedelta(milliseconds=200))
    told, times = set(), []
    for port, address in (
        (closed_port, "127.0.0.1"),
        (plain.port, "127.0.0.1"),
        (encrypted.port, "127.0.0.1"),
        (silent, "127.0.0.1"),
        (plain.port, "10.0.0.1"),
        (closed_port, "169.254.169.254"),
        (443, "nonsense"),
    ):
        start = time.monotonic()
        with pytest.raises((ConnectError, EgressDeniedError)) as caught:
            call(
                "GET",
                f"https://provider.test:{port}/x",
                policy=policy,
                lookup=_to(address),
                limits=limits,
            )
        times.append(time.monotonic() - start)
        told.add(str(caught.value).replace(f":{port}", ""))
    assert told == {"No connection to https://provider.test"}
    assert min(times) >= 0.29
    assert max(times) < 2


# Sizes (rows P4, P6)


def test_p4_a_compressed_answer_is_refused_unread(
    call: Call, serve: Serve, answer_with: AnswerWith
) -> None:
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(b"\0" * 65_536) for _ in range(1_024)]
    bomb = b"".join(parts) + packer.flush()
    assert len(bomb) < 100_000
    server = serve(lambda _: answer_with(bomb, headers={"Content-Encoding": "gzip"}))
    tls_context()
    tracemalloc.start()
    try:
        with pytest.raises(TransportError, match="compressed"):
            call("GET", server.url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * 1_048_576


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, identity", "x"])
def test_p4_any_coding_is_refused(
    call: Call, serve: Serve, answer_with: AnswerWith, coding: str
) -> None:
    server = serve(lambda _: answer_with(b"x", headers={"Content-Encoding": coding}))
    with pytest.raises(TransportError, match="compressed"):
        call("GET", server.url)


def test_p4_identity_is_no_coding(call: Call, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"x", headers={"Content-Encoding": "identity"}))
    assert call("GET", server.url).body == b"x"


def test_p6_a_large_answer_is_refused(call: Call, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"x" * 1_048_577))
    with pytest.raises(TransportError, match="1048576"):
        call("GET", server.url)
    assert len(call("GET", server.url, max_bytes=1_048_577).body) == 1_048_577


def test_p6_an_endless_answer_is_refused_early(call: Call, serve: Serve) -> None:
    sent = []

    def endless(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for number in range(100_000):
            sent.append(number)
            yield b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    with pytest.raises(TransportError, match="more than the allowed 100000 bytes"):
        call("GET", serve(endless).url, max_bytes=100_000)
    # What the sockets buffer is sent although nobody reads it.
    assert len(sent) < 200


def test_p6_a_large_header_is_refused(call: Call, serve: Serve, answer_with: AnswerWith) -> None:
    server = serve(lambda _: answer_with(b"{}", headers={f"X-{n}": "y" * 1_000 for n in range(33)}))
    with pytest.raises(TransportError, match="header"):
        call("GET", server.url)


def test_p6_an_endless_header_is_refused(call: Call, serve: Serve) -> None:
    def endless(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        yield from itertools.repeat(b"X: " + b"y" * 1_000 + b"\r\n", 100_000)

    with pytest.raises(TransportError):
        call("GET", serve(endless).url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y: z\r\n\r\n",
    ],
)
def test_garbage_is_a_broken_connection(call: Call, serve: Serve, answer: bytes) -> None:
    server = serve(lambda _: iter([answer]))
    with pytest.raises(ConnectError, match="broke") as caught:
        call("GET", server.url)
    assert caught.value.retryable


# Time (row P9)


def test_p9_a_dripping_answer_ends_at_the_deadline(call: Call, serve: Serve) -> None:
    def drip(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b"x"

    start = time.monotonic()
    with pytest.raises(DeadlineError) as caught:
        call("GET", serve(drip).url, deadline=0.5 * SECOND)
    assert 0.45 < time.monotonic() - start < 3
    assert caught.value.retryable
    assert timedelta(seconds=10) >= DEADLINE


def test_p9_a_dripping_header_ends_at_the_deadline(call: Call, serve: Serve) -> None:
    def drip(_: bytes) -> Iterator[bytes]:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000:
            time.sleep(0.05)
            yield bytes([byte])

    start = time.monotonic()
    with pytest.raises(DeadlineError):
        call("GET", serve(drip).url, deadline=0.5 * SECOND)
    assert time.monotonic() - start < 3


def test_p9_silence_ends_at_the_deadline(call: Call, silent: int) -> None:
    with pytest.raises(DeadlineError):
        call("GET", f"http://127.0.0.1:{silent}/", deadline=0.3 * SECOND)


def test_p9_who_reads_nothing_ends_at_the_deadline(call: Call, silent: int) -> None:
    with pytest.raises(DeadlineError):
        call(
            "POST",
            f"http://127.0.0.1:{silent}/",
            content=b"x" * 50_000_000,
            deadline=0.5 * SECOND,
        )


# TLS (row D11)


def test_a_trusted_certificate_is_checked_against_the_name(
    call: Call, serve: Serve, answer_with: AnswerWith, certificates: Certificates
) -> None:
    server = serve(lambda _: answer_with(b"{}"), certificates.server)
    asked: list[tuple[str, int]] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    def get(host: str, trusted: str | None = certificates.authority) -> Response:
        url = f"https://{host}:{server.port}/x"
        return call("GET", url, lookup=lookup, trusted=trusted)

    assert get("provider.test").status == 200
    assert asked == [("provider.test", server.port)]
    assert f"host: provider.test:{server.port}".encode() in server.requests[0].lower()
    for host, trusted in (
        ("other.test", certificates.authority),
        ("127.0.0.1", certificates.authority),
        ("provider.test", None),
    ):
        with pytest.raises(ConnectError) as caught:
            get(host, trusted)
        cause = caught.value.__cause__
        assert cause is not None
        causes = (cause, cause.__cause__, cause.__context__)
        assert any(isinstance(each, ssl.SSLCertVerificationError) for each in causes)
    assert len(server.requests) == 1


def test_d11_old_tls_is_refused(
    call: Call, serve: Serve, answer_with: AnswerWith, certificates: Certificates
) -> None:
    server = serve(lambda _: answer_with(b"{}"), certificates.old_tls)
    with pytest.raises(ConnectError):
        call("GET", f"https://localhost:{server.port}/", trusted=certificates.authority)
    assert server.requests == []


def test_clients_guard_by_default() -> None:
    with SyncGuardedClient() as client:
        assert client.policy == EgressPolicy()
