"""The connector under test as a process of its own, started as anybody would start it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE = "trustspace.testing.tck"

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class NotReadyError(Exception):
    """The connector under test did not start."""


def free_ports(count: int) -> list[int]:
    """Return distinct ports that are free on loopback now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.asynccontextmanager
async def connector_under_test(
    *options: str, kit: str = "http://127.0.0.1:8083"
) -> AsyncIterator[str]:
    """Run the connector under test; yields the kit's properties file for it.

    Args:
        options: Further options of ``serve``.
        kit: Where the kit will listen.

    Raises:
        NotReadyError: It ended, or did not say that it is ready.
    """
    port, webhook_port = free_ports(2)
    place = ["--port", str(port), "--webhook-port", str(webhook_port)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, "serve", *place, *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await _until_ready(process)
        yield await written_properties(*place, "--kit", kit)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def written_properties(*options: str) -> str:
    """Return what ``properties`` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, "properties", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    text, _ = await process.communicate()
    if process.returncode:
        raise NotReadyError("the properties were not written")
    return text.decode()


async def _until_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if line != b"ready\n":
        raise NotReadyError(f"the connector under test said {line!r} instead of ready")
