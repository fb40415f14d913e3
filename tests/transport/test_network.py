"""Sockets: resolved once, every address checked, connected to a checked one (rows S1 to S3)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import httpcore
import pytest

from trustspace.errors import EgressDeniedError
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.network import (
    FIRST_READ,
    FLUSH_AT,
    LARGEST_READ,
    GuardedNetwork,
    Lookup,
    SyncGuardedNetwork,
    system_lookup,
    until,
)

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "2606:4700:4700::1111"


class RecordedStream(httpcore.NetworkStream):
    """What a connection was told; the reads come from a list of sizes."""

    def __init__(self, sizes: Sequence[int] = ()) -> None:
        self.sizes = list(sizes)
        self.asked: list[int] = []
        self.written: list[int] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        self.asked.append(max_bytes)
        return b"x" * (self.sizes.pop(0) if self.sizes else 0)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self.written.append(len(buffer))


class Recorder(httpcore.NetworkBackend):
    """Opens nothing; notes where a socket would have gone."""

    def __init__(self, dead: Sequence[str] = (), stream: RecordedStream | None = None) -> None:
        self.dead = dead
        self.stream = stream or RecordedStream()
        self.addresses: list[str] = []
        self.timeouts: list[float | None] = []

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any
    ) -> httpcore.NetworkStream:
        assert port == 443
        self.addresses.append(host)
        self.timeouts.append(timeout)
        if host in self.dead:
            raise httpcore.ConnectTimeout
        return self.stream


class AsyncRecordedStream(httpcore.AsyncNetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self.inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return self.inner.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self.inner.write(buffer, timeout)


class AsyncRecorder(httpcore.AsyncNetworkBackend):
    def __init__(self, inner: Recorder) -> None:
        self.inner = inner

    async def connect_tcp(self, *arguments: Any) -> httpcore.AsyncNetworkStream:
        return AsyncRecordedStream(self.inner.connect_tcp(*arguments))


Connect = Callable[..., Any]
POLICY = EgressPolicy()


@pytest.fixture(params=["async", "sync"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Connect to a host with either network."""

    def go(
        host: str,
        lookup: Lookup,
        recorder: Recorder,
        *,
        policy: EgressPolicy = POLICY,
        timeout: float | None = 3.0,
        then: Callable[[Any], Any] = lambda stream: stream,
    ) -> Any:
        if request.param == "sync":
            network = SyncGuardedNetwork(policy, lookup=lookup, inner=recorder)
            return then(network.connect_tcp(host, 443, timeout))

        async def run() -> Any:
            network = GuardedNetwork(policy, lookup=lookup, inner=AsyncRecorder(recorder))
            stream = await network.connect_tcp(host, 443, timeout)
            found = then(stream)
            return await found if hasattr(found, "__await__") else found

        return anyio.run(run)

    return go


def answers(*lists: Sequence[str]) -> Lookup:
    """A look-up that gives one list after the other, and the last for ever."""
    pending = list(lists)
    return lambda _host, _port: pending.pop(0) if len(pending) > 1 else pending[0]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
        [PUBLIC, OTHER_PUBLIC, PUBLIC, PUBLIC, PUBLIC, "10.0.0.1"],
        ["not an address"],
    ],
)
def test_s1_a_bad_address_opens_no_socket(connect: Connect, addresses: list[str]) -> None:
    recorder = Recorder()
    with pytest.raises(EgressDeniedError):
        connect("evil.example", answers(addresses), recorder)
    assert recorder.addresses == []


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254"])
def test_s1_a_bad_literal_is_not_even_resolved(connect: Connect, host: str) -> None:
    recorder, asked = Recorder(), []

    def lookup(name: str, _port: int) -> Sequence[str]:
        asked.append(name)
        return [PUBLIC]

    with pytest.raises(EgressDeniedError):
        connect(host, lookup, recorder)
    assert (recorder.addresses, asked) == ([], [])


def test_s2_the_second_answer_of_a_rebinding_host_is_never_asked_for(connect: Connect) -> None:
    recorder = Recorder()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        connect("rebind.example", answers([PUBLIC], ["127.0.0.1"]), recorder)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert recorder.addresses == [PUBLIC]


def test_s2_every_new_connection_is_checked_anew(connect: Connect) -> None:
    recorder, lookup = Recorder(), answers([PUBLIC], ["127.0.0.1"])
    connect("rebind.example", lookup, recorder)
    with pytest.raises(EgressDeniedError):
        connect("rebind.example", lookup, recorder)
    assert recorder.addresses == [PUBLIC]


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "0x7f.1", "2130706433", "017700000001", "localhost"]
)
def test_s3_odd_spellings_of_loopback_are_denied_after_resolution(
    connect: Connect, host: str
) -> None:
    recorder = Recorder()
    with pytest.raises((EgressDeniedError, httpcore.ConnectError)):
        connect(host, system_lookup, recorder)
    assert recorder.addresses == []


def test_a_dead_address_leaves_time_for_the_next(connect: Connect) -> None:
    recorder = Recorder(dead=[PUBLIC])
    connect("provider.example", answers([PUBLIC, OTHER_PUBLIC]), recorder)
    assert recorder.addresses == [PUBLIC, OTHER_PUBLIC]
    assert all(timeout is not None and timeout <= 1.5 for timeout in recorder.timeouts)


def test_at_most_four_addresses_are_tried(connect: Connect) -> None:
    many = [f"93.184.216.{n}" for n in range(9)]
    recorder = Recorder(dead=many)
    with pytest.raises(httpcore.ConnectTimeout):
        connect("provider.example", answers(many), recorder, timeout=None)
    assert recorder.addresses == many[:4]
    assert recorder.timeouts == [None] * 4


def test_a_host_without_address_is_not_connected(connect: Connect) -> None:
    def fail(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such host")

    for lookup in (fail, answers([])):
        with pytest.raises(httpcore.ConnectError):
            connect("nowhere.example", lookup, Recorder())
    with pytest.raises(httpcore.ConnectError):
        connect("a" * 64 + ".example", system_lookup, Recorder())


def test_a_slow_lookup_ends_in_time(connect: Connect) -> None:
    release = threading.Event()

    def hang(_host: str, _port: int) -> Sequence[str]:
        release.wait(10)
        return [PUBLIC]

    start = time.monotonic()
    with pytest.raises(httpcore.ConnectTimeout):
        connect("slow.example", hang, Recorder(), timeout=0.2, then=lambda _: release.set())
    release.set()
    assert time.monotonic() - start < 5


def test_the_system_resolves_without_repeating() -> None:
    found = system_lookup("127.0.0.1", 443)
    assert found == ("127.0.0.1",)


def test_local_sockets_are_refused() -> None:
    with pytest.raises(EgressDeniedError):
        SyncGuardedNetwork(POLICY).connect_unix_socket("/run/x")

    async def run() -> None:
        network = GuardedNetwork(POLICY)
        await network.sleep(0)
        await network.connect_unix_socket("/run/x")

    with pytest.raises(EgressDeniedError):
        anyio.run(run)


def _converse(stream: Any, steps: Sequence[bytes | None]) -> Any:
    """Write bytes, or read where a step is None, with a stream of either kind."""
    if isinstance(stream, httpcore.NetworkStream):
        for step in steps:
            if step is None:
                stream.read(10)
            else:
                stream.write(step)
        return None

    async def run() -> None:
        for step in steps:
            if step is None:
                await stream.read(10)
            else:
                await stream.write(step)

    return run()


def _conversation(
    connect: Connect, stream: RecordedStream, steps: Sequence[bytes | None]
) -> RecordedStream:
    connect(
        "provider.example",
        answers([PUBLIC]),
        Recorder(stream=stream),
        then=lambda opened: _converse(opened, steps),
    )
    return stream


def test_reads_grow_with_what_comes(connect: Connect) -> None:
    sizes = [FIRST_READ, 10, 4 * FIRST_READ, LARGEST_READ, LARGEST_READ, 1]
    stream = _conversation(connect, RecordedStream(sizes), [None] * 6)
    assert stream.asked == [
        FIRST_READ,
        4 * FIRST_READ,
        4 * FIRST_READ,
        LARGEST_READ,
        LARGEST_READ,
        LARGEST_READ,
    ]


def test_header_and_body_are_sent_together(connect: Connect) -> None:
    stream = _conversation(
        connect, RecordedStream(), [b"head", b"body", b"", None, None, b"x" * FLUSH_AT, None]
    )
    assert stream.written == [8, FLUSH_AT]


def test_an_early_close_still_lets_the_answer_be_read(connect: Connect) -> None:
    class Closed(RecordedStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
            raise httpcore.WriteError

    stream = _conversation(connect, Closed([5]), [b"head", None])
    assert stream.asked == [FIRST_READ]
    with pytest.raises(httpcore.WriteError):
        _conversation(connect, Closed(), [b"x" * FLUSH_AT])


def test_a_passed_deadline_stops_every_synchronous_operation() -> None:
    network = SyncGuardedNetwork(POLICY, lookup=answers([PUBLIC]), inner=Recorder())
    stream = network.connect_tcp("provider.example", 443)
    with until(time.monotonic() - 1):
        with pytest.raises(httpcore.ConnectTimeout):
            network.connect_tcp("provider.example", 443)
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(10)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"x" * FLUSH_AT)
    assert stream.read(10) == b""
