"""Pushes to sinks that break, refuse, stand still or mislead; and what a provider goes on with."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from tests.connector.backend import SECRET, backend
from tests.connector.conftest import Start
from tests.connector.party import Json, Party

from trustspace.connector.listener import Listener, bind
from trustspace.connector.pushing.attempt import digest_header

pytestmark = pytest.mark.anyio

PUSH = "HttpData-PUSH"
MIB = 1024 * 1024


@dataclass
class Sink:
    """A sink of somebody's that behaves as a test says and keeps what it was sent.

    Attributes:
        url: Where it is.
        heard: Method and headers of every request.
        body: What it has.
        digest: Of which version.
        before: Called with each piece; may raise or wait.
        status: What it answers in the end.
        headers: And with which headers.
        writing: Requests that write.
        can_tell: Whether it tells what it has: by ``HEAD``, by ``PUT``, or not.
    """

    url: str
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    digest: str = ""
    before: Callable[[int], Any] | None = None
    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    can_tell: str = "HEAD"
    writing: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def quiet(self) -> int:
        """Wait until nobody writes any more; return what is here."""
        async with asyncio.timeout(10):
            await self.idle.wait()
        return len(self.body)

    async def answer(self, request: Request) -> Response:
        self.heard.append((request.method, dict(request.headers)))
        part = request.headers.get("content-range", "")
        if request.method == "HEAD":
            if self.can_tell != "HEAD":
                return Response(status_code=405 if self.can_tell == "PUT" else 404)
            told = {"Upload-Offset": str(len(self.body)), "Repr-Digest": self.digest}
            return Response(status_code=204, headers=told)
        if part.startswith("bytes */"):
            headers = {"Range": f"bytes=0-{len(self.body) - 1}"} if self.body else {}
            return Response(status_code=308, headers=headers)
        if not part:
            self.body.clear()
        self.digest = request.headers.get("repr-digest", "")
        self.writing += 1
        self.idle.clear()
        try:
            return await self.written(request)
        finally:
            self.writing -= 1
            if not self.writing:
                self.idle.set()

    async def written(self, request: Request) -> Response:
        with contextlib.suppress(ClientDisconnect):
            async for piece in request.stream():
                self.body += piece
                if self.before is not None:
                    stop = self.before(len(self.body))
                    if asyncio.iscoroutine(stop):
                        stop = await stop
                    if stop:
                        return Response(status_code=stop)
        return Response(status_code=self.status, headers=self.headers)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    bound = bind("127.0.0.1", 0)
    found = Sink(f"http://127.0.0.1:{bound.getsockname()[1]}/in")
    app = Starlette(routes=[Route("/{p:path}", found.answer, methods=["PUT", "POST", "HEAD"])])
    async with Listener(app, bound):
        yield found


@pytest.fixture
async def pusher(start: Start, sink: Sink) -> Party:
    """A provider that may push to the sink, and is soon impatient."""
    host = sink.url.split("/")[2]
    settings = (
        f'\n[delivery]\npush_hosts = ["{host}"]\npush_idle_seconds = 1\npush_attempts = 3\n'
        "\n[exchange]\nsweep_seconds = 0.1\n"
    )
    return await start("pusher", settings=settings)


@pytest.fixture
def big(tmp_path: Any) -> Any:
    file = tmp_path / "big.bin"
    file.write_bytes(bytes(range(256)) * 4 * 1024 * 16)
    return file


async def ordered(pusher: Party, bank: Party, sink: Sink, file: Any, **more: Any) -> Json:
    await pusher.publish(file, "data", more.pop("policy", {}))
    agreement = await bank.agree(pusher, "data", purpose=None)
    order = {"url": sink.url, "authorization": "Bearer sink-key"} | more
    begun: Json = await bank.post("transfers", agreement=agreement, format=PUSH, sink=order)
    return begun | {"agreement": agreement}


async def theirs(bank: Party, begun: Json) -> str:
    await bank.until(f"transfers/{begun['id']}", "STARTED")
    known = await bank.store.read(lambda tx: tx.transfers.get("bank", begun["id"]))
    assert known is not None
    return known.provider_pid or ""


async def test_nothing_of_the_providers_goes_with_the_data(
    pusher: Party, bank: Party, sink: Sink
) -> None:
    async with backend() as behind:
        source = {"kind": "http", "url": behind.url, "headers": {"Authorization": SECRET}}
        body = {"source": source, "policy": {}}
        assert (await pusher.ask("PUT", "datasets/url", body)).status_code == 201
        agreement = await bank.agree(pusher, "url", purpose=None)
        order = {"url": sink.url, "authorization": "Bearer sink-key"}
        begun = await bank.post("transfers", agreement=agreement, format=PUSH, sink=order)
        shown = await bank.until(f"transfers/{begun['id']}", "COMPLETED")
    (method, headers), *rest = sink.heard
    assert (method, rest) == ("PUT", [])
    assert headers["authorization"] == "Bearer sink-key"
    allowed = {"host", "authorization", "content-type", "user-agent", "accept-encoding"}
    assert set(headers) <= allowed | {"content-length", "transfer-encoding"}
    assert SECRET not in str(headers)
    assert pusher.connector.home.management_token() not in str(headers)
    assert shown["sha256"] == hashlib.sha256(sink.body).hexdigest()
    assert b"provider-s3cret" not in sink.body


@pytest.mark.parametrize("can_tell", ["HEAD", "PUT", "not"])
async def test_it_goes_on_after_a_break(
    pusher: Party, bank: Party, sink: Sink, big: Any, can_tell: str
) -> None:
    broken: list[int] = []

    def once(size: int) -> int | None:
        if size >= 2 * MIB and not broken:
            broken.append(size)
            return 503
        return None

    sink.before, sink.can_tell = once, can_tell
    begun = await ordered(pusher, bank, sink, big, policy={"count": 1})
    shown = await bank.until(f"transfers/{begun['id']}", "COMPLETED", seconds=20)
    assert bytes(sink.body) == big.read_bytes()
    assert shown["sha256"] == hashlib.sha256(sink.body).hexdigest()
    last = sink.heard[-1][1]
    resumed = f"bytes {broken[0]}-{len(sink.body) - 1}/{len(sink.body)}"
    assert last.get("content-range") == (None if can_tell == "not" else resumed)
    used = (await pusher.get(f"agreements/{begun['agreement']}"))["used"]
    assert sum(used.values()) == 1


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (302, {"Location": "http://169.254.169.254/latest/meta-data"}, "push.refused"),
        (307, {"Location": "http://127.0.0.1:1/"}, "push.refused"),
        (403, {}, "push.refused"),
        (413, {}, "push.refused"),
        (500, {}, "push.unreachable"),
        (201, {"Repr-Digest": digest_header("0" * 64)}, "push.unreachable"),
    ],
)
async def test_a_hostile_sink_gets_nothing_else(
    pusher: Party,
    bank: Party,
    sink: Sink,
    roses: Any,
    status: int,
    headers: dict[str, str],
    code: str,
) -> None:
    sink.status, sink.headers = status, headers
    begun = await ordered(pusher, bank, sink, roses)
    shown = await bank.until(f"transfers/{begun['id']}", "TERMINATED", seconds=20)
    assert shown["code"] == code
    assert shown["reasons"]
    assert "provider" not in str(shown["reasons"])


async def test_a_sink_that_stands_still_is_given_up(
    pusher: Party, bank: Party, sink: Sink, big: Any
) -> None:
    async def stand(_: int) -> None:
        await asyncio.sleep(3)

    sink.before = stand
    begun = await ordered(pusher, bank, sink, big)
    shown = await bank.until(f"transfers/{begun['id']}", "TERMINATED", seconds=20)
    assert (shown["code"], shown["reasons"]) == ("push.unreachable", ["the sink stands still"])


@pytest.mark.parametrize("by", ["suspend", "revoke"])
async def test_it_is_cut_and_goes_on_only_when_it_may(
    pusher: Party, bank: Party, sink: Sink, big: Any, by: str
) -> None:
    reached = asyncio.Event()
    free = asyncio.Event()

    async def slowly(size: int) -> None:
        if size >= MIB:
            reached.set()
        if size >= MIB and not free.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await free.wait()

    sink.before = slowly
    begun = await ordered(pusher, bank, sink, big)
    pid = await theirs(bank, begun)
    await reached.wait()
    if by == "revoke":
        await pusher.post(f"agreements/{begun['agreement']}/revoke", reason="over")
        shown = await bank.until(f"transfers/{begun['id']}", "TERMINATED")
        assert shown["code"] == "agreement.revoked"
    else:
        await pusher.post(f"transfers/{pid}/suspend", reason="audit")
        await bank.until(f"transfers/{begun['id']}", "SUSPENDED")
    await _cut(pusher)
    free.set()  # What is on its way in the machine arrives; nothing follows.
    size = await sink.quiet()
    assert MIB <= size < len(big.read_bytes())
    row = await pusher.store.read(lambda tx: tx.pushes.get("pusher", pid))
    assert row is not None
    assert row.next_at is None
    if by == "revoke":
        assert row.address == ""
        return
    assert len(sink.heard) == 1
    await pusher.post(f"transfers/{pid}/resume")
    await bank.until(f"transfers/{begun['id']}", "COMPLETED", seconds=15)
    assert bytes(sink.body) == big.read_bytes()
    assert sink.heard[-1][1]["content-range"].startswith(f"bytes {size}-")


async def _cut(pusher: Party) -> None:
    """Wait until the provider has noted that a delivery was cut."""
    after = 0
    while "delivery.cut" not in await pusher.kinds():
        after = (await pusher.get("events", after=after, limit=1000, wait=5))["next"]


async def test_existing_connectors_take_a_plain_post(
    pusher: Party, bank: Party, sink: Sink, roses: Any
) -> None:
    begun = await ordered(pusher, bank, sink, roses, method="POST")
    await bank.until(f"transfers/{begun['id']}", "COMPLETED")
    ((method, headers),) = sink.heard
    assert (method, headers["authorization"]) == ("POST", "Bearer sink-key")
    assert bytes(sink.body) == roses.read_bytes()


async def test_a_counterparty_has_so_many_pushes_unfinished(
    start: Start, bank: Party, sink: Sink, big: Any
) -> None:
    host = sink.url.split("/")[2]
    settings = f'\n[delivery]\npush_hosts = ["{host}"]\npushes = 2\n'
    pusher = await start("pusher", settings=settings)
    released = asyncio.Event()

    async def wait(_size: int) -> None:
        await released.wait()

    sink.before = wait
    first = await ordered(pusher, bank, sink, big)
    await theirs(bank, first)
    order = {
        "agreement": first["agreement"],
        "format": PUSH,
        "sink": {"url": sink.url, "authorization": "Bearer sink-key"},
    }
    second = await bank.post("transfers", **order)
    await theirs(bank, second)
    third = await bank.post("transfers", **order)
    refused = await bank.until(f"transfers/{third['id']}", "TERMINATED")
    assert (refused["code"], refused["reasons"]) == (
        "push.too_many",
        [{"id": "push.too_many", "expected": 2}],
    )
    # Others are not concerned, nor is a pull.
    assert (await bank.transfer(first["agreement"]))["state"] == "STARTED"
    released.set()
