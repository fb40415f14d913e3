"""The connector under test, running: an ordinary connector, its seed, its owner, the webhooks.

It is a development connector in a folder of its own that is forgotten at the end, and it believes
whoever it is told is speaking (`UnsafeClientId`), as a kit cannot prove who it is.

Example::

    async with under_test(Place()) as connector:
        await asyncio.sleep(3600)
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trustspace.connector.app import Running, Sockets, running
from trustspace.connector.home import init_home
from trustspace.connector.listener import Listener, bind
from trustspace.connector.settings import Settings
from trustspace.dataplane.source import FileSource
from trustspace.testing.tck.place import NAME, Place
from trustspace.testing.tck.scripted_owner import ScriptedOwner
from trustspace.testing.tck.seed import seed
from trustspace.testing.tck.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trustspace.connector.home import Home
    from trustspace.dsp.process import Process

DELAY: Final = timedelta(milliseconds=350)
"""Between a state and the step that follows; with 100 ms a kit still loses messages."""

RESTING_SECONDS: Final = 86_400
"""A process that a case leaves at rest is not ended while later cases run."""

MESSAGE_SECONDS: Final = 5
"""A message that its case has no use for must not reach a later one: a kit does not tell them
apart."""


class AtRest:
    """Lets every process rest in every state."""

    def goes_on(self, process: Process) -> bool:
        """Return False."""
        del process
        return False


@contextlib.asynccontextmanager
async def under_test(place: Place, *, delay: timedelta = DELAY) -> AsyncIterator[Running]:
    """Run a connector under test until the block ends.

    Args:
        place: Where it listens and how it is called.
        delay: How long it waits before each step of its own.

    Raises:
        ConfigurationError: The place cannot be used, or a port is taken.
    """
    ids = {NAME: place.participant_id}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trustspace-tck-")))
        home = _home(folder / "home", place)
        webhook_socket = bind(place.host, place.webhook_port)
        stack.callback(webhook_socket.close)
        sockets = Sockets.of(home)
        connector = await stack.enter_async_context(
            running(home, sockets, reaction=AtRest(), ids=ids)
        )
        plane = connector.plane
        hosted = plane.context.participant(NAME)
        file = folder / "data.txt"
        file.write_text("Nothing of this is ever delivered.\n", encoding="utf-8")
        source = FileSource.at(file)
        await plane.context.store.write(
            lambda tx: seed(tx, hosted, source, now=plane.context.now())
        )
        owner = asyncio.create_task(ScriptedOwner(plane, hosted, delay=delay).run())
        stack.push_async_callback(_end, owner)
        webhooks = Webhooks(plane, hosted, delay=delay)
        await stack.enter_async_context(Listener(webhooks.app(), webhook_socket))
        yield connector


def _home(path: Path, place: Place) -> Home:
    home = init_home(path, name=NAME, port=place.port)
    settings = Settings.of(
        {
            "participant": NAME,
            "public_url": place.address,
            "development": True,
            "identity": "UnsafeClientId",
            "listen": {"host": place.host, "port": place.port},
            "exchange": {
                "deadline_seconds": RESTING_SECONDS,
                "message_seconds": MESSAGE_SECONDS,
            },
        }
    )
    return replace(home, settings=settings)


async def _end(owner: asyncio.Task[None]) -> None:
    owner.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await owner
