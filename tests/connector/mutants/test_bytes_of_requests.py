"""Requests that lie about their bodies: refused in order, and never more in memory than allowed."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer
from tests.connector.serving import Served, served

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MIB = 1024 * 1024
BODY = json.dumps(
    {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "CatalogRequestMessage",
    }
).encode()
GROWTH = 24 * MIB
"""What ten senders of one allowed MiB each may leave behind, copies and parsing included."""


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A connector in a process of its own, whose memory can be read."""
    with served(tmp_path_factory.mktemp("bytes") / "garden", "garden") as running:
        yield running


@pytest.fixture
async def sender() -> AsyncIterator[ScriptedPeer]:
    """Somebody with a proper identity: bodies of nobody are not read at all."""
    async with scripted_peer() as running:
        yield running


def _peak(garden: Served) -> int:
    """Return the most memory that the process has ever held, in bytes."""
    assert garden._process is not None
    status = Path(f"/proc/{garden._process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def _head(garden: Served, sender: ScriptedPeer, *lines: str, version: str = "1.1") -> bytes:
    path = f"/{garden.home.name}/dsp/2025-1/catalog/request"
    head = [
        f"POST {path} HTTP/{version}",
        "Host: x",
        f"Authorization: {sender.token(garden.home.id)}",
        "Content-Type: application/json",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


async def _status(garden: Served, *pieces: bytes) -> int | None:
    """Send pieces until an answer comes; None when the connection is closed without one."""
    port = urlsplit(garden.home.address).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.readline())
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
            if answer.done():
                break
        line = await asyncio.wait_for(answer, 20)
    except OSError:
        line = b""
    finally:
        answer.cancel()
        writer.close()
    return int(line.split()[1]) if line else None


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize(
    ("lines", "body", "statuses"),
    [
        ((f"Content-Length: {len(BODY) - 5}",), BODY, {400}),
        (("Content-Length: 5", "Content-Length: 6"), BODY, {400}),
        ((f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), BODY, {400}),
        (("Content-Length: -1",), BODY, {400}),
        (("Content-Length: 0x10",), BODY, {400}),
        (("Content-Length: 99999999999999999999999",), BODY, {400, 413}),
        (("Transfer-Encoding: chunked",), b"zz\r\n" + BODY, {400}),
        (("Transfer-Encoding: chunked",), b"-5\r\nhello\r\n", {400}),
        (("Transfer-Encoding: chunked",), b"ffffffffffffffffffff\r\n", {400}),
        (("Transfer-Encoding: chunked",), _chunk(BODY)[:-2] + b"XX", {400}),
        (
            ("Transfer-Encoding: gzip, chunked",),
            _chunk(gzip.compress(BODY)) + b"0\r\n\r\n",
            {400, 501},
        ),
        (("Content-Encoding: gzip", "Content-Length: 10"), b"x" * 10, {415}),
        (("Expect: 100-continue", f"Content-Length: {MIB + 1}"), b"", {413}),
        (("X: " + "y" * 70_000, "Content-Length: 0"), b"", {400, 431}),
        (("Content-Length: 0",), b"", {400}),
        (("Bad Header",), b"", {400}),
        (("Content-Type: text/html", "Content-Length: 2"), b"{}", {400, 415}),
    ],
)
async def test_a_lie_about_the_body_is_refused(
    garden: Served, sender: ScriptedPeer, lines: tuple[str, ...], body: bytes, statuses: set[int]
) -> None:
    assert await _status(garden, _head(garden, sender, *lines), body) in statuses | {None}
    sound = _head(garden, sender, f"Content-Length: {len(BODY)}")
    assert await _status(garden, sound, BODY) == 200


async def test_no_body_beyond_the_limit_is_held(garden: Served, sender: ScriptedPeer) -> None:
    """Ten senders at once: announced, in chunks without an end, compressed, and by nobody."""
    allowed = BODY.ljust(MIB)
    piece = _chunk(b" " * 65_536)
    sound = [
        _status(garden, _head(garden, sender, f"Content-Length: {MIB}"), allowed) for _ in range(10)
    ]
    assert set(await asyncio.gather(*sound)) == {200}
    before = _peak(garden)
    bomb = gzip.compress(b" " * 64 * MIB)
    announced = ("Content-Length: 10485760",)
    nobody = re.sub(
        rb"Authorization: [^\r]+", b"Authorization: Bearer x", _head(garden, sender, *announced)
    )
    lies = []
    for _ in range(10):
        lies += [
            _status(garden, _head(garden, sender, *announced), *[b" " * 65_536] * 160),
            _status(garden, _head(garden, sender, "Transfer-Encoding: chunked"), *[piece] * 160),
            _status(
                garden,
                _head(garden, sender, "Content-Encoding: gzip", f"Content-Length: {len(bomb)}"),
                bomb,
            ),
            _status(garden, nobody, *[b" " * 65_536] * 160),
        ]
    found = await asyncio.gather(*lies)
    assert set(found) <= {413, 415, 401, None}
    assert {413, 415} <= set(found)
    assert _peak(garden) - before < GROWTH
