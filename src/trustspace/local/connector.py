"""`Connector`: a connector that runs while a block runs, and its client.

The connector is the real one, with listeners on loopback, in a background thread with an event loop
of its own; the client speaks to it over HTTP like any other.

Example::

    with Connector.local("garden") as provider, Connector.local("bank") as bank:
        provider.publish("roses.parquet", id="rose-prices", terms=terms(count=3))
        agreement = bank.negotiate(provider.address, "rose-prices")

    async with Connector.local("garden") as provider:
        await provider.publish("roses.parquet", id="rose-prices", terms=terms(count=3))
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import tempfile
import threading
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from trustspace.client import AsyncClient, Client
from trustspace.connector.app import Running, Sockets, running
from trustspace.connector.home import Home, init_home, open_home
from trustspace.connector.listener import bind, run
from trustspace.errors import ConfigurationError, TrustspaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from trustspace.client.operations.publication import About
    from trustspace.client.values import DatasetInfo
    from trustspace.policy.fact_provider import FactProvider

logger: logging.Logger = logging.getLogger(__name__)

START_SECONDS = 30.0
STOP_SECONDS = 15.0


def _now() -> datetime:
    return datetime.now(UTC)


class LocalClient(Client):
    """The client of a connector that runs in this process.

    Attributes:
        home: Its home.
    """

    home: Home

    @property
    def address(self) -> str:
        """Root URL under which others reach it."""
        return self.home.address

    @property
    def id(self) -> str:
        """The participant's DID."""
        return self.home.id

    def publish(
        self,
        source: Any,  # noqa: ANN401 - a path, a URL or a data frame of polars or pandas
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **about: Unpack[About],
    ) -> DatasetInfo:
        """Offer a file, a URL or a data frame, which is written into the home as Parquet."""
        file = _as_file(source, self.home, id)
        return super().publish(file, id=id, terms=terms, title=title, headers=headers, **about)


class AsyncLocalClient(AsyncClient):
    """The async client of a connector that runs in this process.

    Attributes:
        home: Its home.
    """

    home: Home

    @property
    def address(self) -> str:
        """Root URL under which others reach it."""
        return self.home.address

    @property
    def id(self) -> str:
        """The participant's DID."""
        return self.home.id

    async def publish(
        self,
        source: Any,  # noqa: ANN401 - a path, a URL or a data frame of polars or pandas
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **about: Unpack[About],
    ) -> DatasetInfo:
        """Offer a file, a URL or a data frame, which is written into the home as Parquet."""
        file = _as_file(source, self.home, id)
        return await super().publish(
            file, id=id, terms=terms, title=title, headers=headers, **about
        )


class Connector:
    """A connector that runs while a block runs.

    Args:
        home: Its home, made with `trustspace init` or by name; None for a temporary one.
        name: Short name of the participant of a development home, which is made when it is missing.
        clock: Returns the time, aware and in UTC; by default the machine's.
        facts: Providers of facts about counterparties.

    Raises:
        ConfigurationError: Neither is given.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        name: str | None = None,
        clock: Callable[[], datetime] = _now,
        facts: Sequence[FactProvider] = (),
    ) -> None:
        if home is None and name is None:
            raise ConfigurationError("a connector needs a home or a name", setting="home")
        self._home = None if home is None else Path(home)
        self._name = name
        self._clock = clock
        self._facts = tuple(facts)
        self._cleanup = contextlib.ExitStack()
        self._served: _Served | None = None

    @classmethod
    def local(
        cls,
        name: str,
        *,
        home: str | Path | None = None,
        clock: Callable[[], datetime] = _now,
        facts: Sequence[FactProvider] = (),
    ) -> Self:
        """Return a development connector on free loopback ports.

        Args:
            name: Short name of its participant.
            home: Folder to keep it in; without one everything is gone after the block.
            clock: Returns the time, aware and in UTC; by default the machine's.
            facts: Providers of facts about counterparties.
        """
        return cls(home, name=name, clock=clock, facts=facts)

    def __enter__(self) -> LocalClient:
        """Start it and return its client."""
        served = self._start()
        client = LocalClient(
            served.management_url, served.home.management_token(), sealed=served.home.path
        )
        client.home = served.home
        self._cleanup.push(client)
        return client

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; a temporary one is deleted."""
        self._cleanup.close()

    async def __aenter__(self) -> AsyncLocalClient:
        """Start it and return its async client."""
        served = await asyncio.to_thread(self._start)
        client = AsyncLocalClient(
            served.management_url, served.home.management_token(), sealed=served.home.path
        )
        client.home = served.home
        self._client = client
        return await client.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; a temporary one is deleted."""
        await self._client.__aexit__(kind, error, trace)
        await asyncio.to_thread(self._cleanup.close)

    def _start(self) -> _Served:
        if self._served is not None:
            raise ConfigurationError("this connector runs already", hint="make another one")
        try:
            home, sockets = self._prepare()
            self._served = _Served(home, sockets, self._clock, self._facts)
            self._cleanup.callback(self._served.stop)
        except BaseException:
            self._cleanup.close()
            raise
        return self._served

    def _prepare(self) -> tuple[Home, Sockets | None]:
        """Open or make the home; a temporary one gets ports that are bound already."""
        if self._home is not None:
            home = self._home
            return (init_home(home, name=self._name) if self._name else open_home(home)), None
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="trustspace-"))
        logger.info("connector %s is temporary; give home= to keep it", self._name)
        sockets = Sockets(bind("127.0.0.1", 0), bind("127.0.0.1", 0))
        self._cleanup.callback(sockets.management.close)
        self._cleanup.callback(sockets.public.close)
        port = sockets.public.getsockname()[1]
        return init_home(Path(folder) / "home", name=self._name, port=port), sockets


class _Served:
    """A running connector in a thread of its own."""

    def __init__(
        self,
        home: Home,
        sockets: Sockets | None,
        clock: Callable[[], datetime],
        facts: Sequence[FactProvider],
    ) -> None:
        self.home = home
        self._clock = clock
        self._facts = facts
        self.management_url = ""
        self._started: Future[Running] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(
            target=self._run, args=(sockets,), name=f"trustspace-{home.name}", daemon=True
        )
        self._thread.start()
        self.management_url = self._started.result(START_SECONDS).management_url

    def stop(self) -> None:
        """Stop serving and wait for the end."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            raise TrustspaceError(f"the connector {self.home.name} did not stop in time")

    def _run(self, sockets: Sockets | None) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            serving = running(self.home, sockets, clock=self._clock, facts=self._facts)
            async with serving as connector:
                self._started.set_result(connector)
                await self._stop.wait()

        try:
            run(main())
        except BaseException as error:  # handed to the thread that waits
            if self._started.done():
                logger.exception("connector %s failed", self.home.name)
            else:
                self._started.set_exception(error)


def _as_file(source: Any, home: Home, dataset_id: str) -> Any:  # noqa: ANN401 - see publish
    """Return a source as a path or URL; a data frame becomes a Parquet file of the home."""
    write = getattr(source, "write_parquet", None) or getattr(source, "to_parquet", None)
    if write is None:
        return source
    folder = home.path / "published"
    folder.mkdir(exist_ok=True)
    name = hashlib.sha256(dataset_id.encode()).hexdigest()[:32]
    temporary, file = folder / f"{name}.tmp", folder / f"{name}.parquet"
    write(temporary)
    # An unchanged frame leaves the file alone, so that publishing it again changes nothing.
    if file.exists() and file.read_bytes() == temporary.read_bytes():
        temporary.unlink()
    else:
        temporary.replace(file)
    return file
