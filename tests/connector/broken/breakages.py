"""How counterparties break: each row is one thing that is answered instead of the proper answer."""

from __future__ import annotations

import asyncio
import contextlib

from tests.connector.broken.raw_peer import Breakage, RawPeer, answer

HTML = b"<!doctype html><title>Welcome</title><script>alert(1)</script>"
MARKER = "s3cret-of-the-peer"
"""What a broken answer holds and nobody is to read again."""


def says(data: bytes) -> Breakage:
    """Return a breakage that is these bytes and the end of the connection."""

    async def say(_: RawPeer, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return say


def redirects(target: str, status: int = 302) -> Breakage:
    return says(answer(b"", status=status, Location=target))


async def silence(_: RawPeer, writer: asyncio.StreamWriter) -> None:
    del writer
    await asyncio.sleep(60)


async def drip(_: RawPeer, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    )
    for _second in range(600):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(_: RawPeer, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with contextlib.suppress(OSError):
        for _piece in range(2_000):
            writer.write(piece)
            await writer.drain()


async def endless_head(_: RawPeer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\n")
    with contextlib.suppress(OSError):
        for number in range(20_000):
            writer.write(b"X-%d: %s\r\n" % (number, b"y" * 1_000))
            await writer.drain()


BREAKAGES: dict[str, Breakage] = {
    "HTML": says(answer(HTML, kind="text/html")),
    "HTML called JSON": says(answer(HTML)),
    "a truncated body": says(answer(b'{"a": "b"}')[:-4]),
    "a truncated chunk": says(b'HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"a": 1'),
    "a chunk that is none": says(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "two lengths": says(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}"),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a closed connection": says(b""),
    "a redirect to metadata": redirects("http://169.254.169.254/latest/meta-data/"),
    "a redirect to loopback": redirects("http://127.0.0.1:1/"),
    "a permanent redirect": redirects("https://attacker.example/", 308),
    "silence": silence,
    "a drip": drip,
    "an endless body": endless,
    "an endless head": endless_head,
    "a large announcement": says(
        b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{"
    ),
    "a negative length": says(b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n{}"),
    "no content": says(b"HTTP/1.1 204 X\r\n\r\n"),
    "an early hint for ever": says(b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "members twice": says(
        answer(b'{"@id": "a", "@id": "b", "providerPid": "x", "providerPid": "y"}')
    ),
    "another type": says(answer({"@type": "CatalogError", "code": MARKER})),
    "an array": says(answer([1, 2])),
    "deep JSON": says(answer(b"[" * 50_000)),
    "not UTF-8": says(answer(b'{"a": "\xff"}')),
    "gzip": says(answer(b"\x1f\x8b\x08\x00", Content_Encoding="gzip")),
    "a stack trace": says(answer(f"Traceback {MARKER}".encode(), status=500, kind="text/plain")),
}
