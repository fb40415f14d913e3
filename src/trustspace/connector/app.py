"""A running connector: the parts put together, two listeners, one worker.

The same function serves the service (`serve`, in the main thread until a signal comes) and the
embedded use (`trustspace.local`, in a background thread).

Example::

    async with running(open_home(Path("garden-home"))) as connector:
        print(connector.management_url)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.connector.assembly import Working, assemble
from trustspace.connector.context import ConnectorContext
from trustspace.connector.deciding.fact_sources import fact_desk
from trustspace.connector.deciding.high_water import kept
from trustspace.connector.deciding.policy_engine import EngineSlot, policy_engine
from trustspace.connector.deciding.rollout import begin_rollout, starting_rules
from trustspace.connector.home import Home, open_home, write_running
from trustspace.connector.hosting import Hosting
from trustspace.connector.listener import Listener, bind, run, spare_collections
from trustspace.connector.management.app import management_app, token_hash
from trustspace.connector.messaging.dialects import PeerDialects
from trustspace.connector.messaging.speaking import Speaking
from trustspace.connector.outward import authorities, egress, source_egress
from trustspace.connector.reaction import GoOn, Reaction
from trustspace.errors import ConfigurationError
from trustspace.store import EVERY_PARTICIPANT, HOST, Store, Transaction
from trustspace.transport.http_client import GuardedClient
from trustspace.transport.message_client import MessageClient

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from trustspace.connector.control_plane import ControlPlane
    from trustspace.connector.messaging.one_spelling import OneSpelling
    from trustspace.model.participant import ParticipantId
    from trustspace.policy.fact_provider import FactProvider
    from trustspace.policy.rollout.module import RuleModule

logger: logging.Logger = logging.getLogger(__name__)

TOKEN_KEY = "management.token"  # noqa: S105 - the name of a setting
"""Setting under which the hash of the management token is stored."""


@dataclass(frozen=True)
class Sockets:
    """The two bound sockets of a connector."""

    public: socket.socket
    management: socket.socket

    @classmethod
    def of(cls, home: Home) -> Sockets:
        """Bind what a home's settings say.

        Raises:
            ConfigurationError: A port cannot be bound.
        """
        listen, management = home.settings.listen, home.settings.management
        public = bind(listen.host, listen.port)
        try:
            return cls(public, bind(management.host, management.port))
        except ConfigurationError:
            public.close()
            raise


@dataclass(frozen=True)
class Running:
    """A connector that serves.

    Attributes:
        home: Its home.
        plane: Its control plane.
        management_url: URL of its management API.
    """

    home: Home
    plane: ControlPlane
    management_url: str


@contextlib.asynccontextmanager
async def running(
    home: Home,
    sockets: Sockets | None = None,
    *,
    reaction: Reaction | None = None,
    ids: Mapping[str, ParticipantId] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    facts: Sequence[FactProvider] = (),
) -> AsyncIterator[Running]:
    """Serve a home until the block ends.

    Args:
        home: The home.
        sockets: Sockets bound already; by default those that the home's settings say.
        reaction: Whether processes go on by themselves; by default they do.
        ids: Ids of participants, by name, that are not the DIDs of their addresses; only where
            everybody is believed.
        clock: Returns the time, aware and in UTC.
        facts: Providers of facts beside those of the settings and of installed packages.

    Raises:
        ConfigurationError: A setting, key, token or port is unusable.
        StoreError: The database cannot be opened, or a newer version wrote it.
    """
    sockets = sockets or Sockets.of(home)
    host, port = sockets.management.getsockname()[:2]
    management_url = f"http://{host}:{port}"
    if ids is None and home.settings.participant_id:
        ids = {home.name: home.settings.participant_id}
    try:
        _check_ids(home, ids)
        async with contextlib.AsyncExitStack() as stack:
            store = Store.open(home.database_url, synchronous=home.settings.synchronous)
            stack.push_async_callback(store.aclose)
            hosting = Hosting(home, store, ids=ids)
            await hosting.load()
            digest = await store.write(lambda tx: _token_digest(tx, home))
            # One process serves a home at a time (its ports say so), so what is leased under its
            # name was being sent when the last one ended.
            owner = str(home.path)
            await store.write(lambda tx: tx.outbox.give_back(EVERY_PARTICIPANT, owner=owner))
            engine, rules = await _engine(home, store, stack)
            trusted = authorities(home)
            desk = await fact_desk(home, engine, stack, given=facts, trusted=trusted, clock=clock)
            context = ConnectorContext(
                store,
                engine,
                home.settings,
                hosting.hosted,
                owner=owner,
                clock=clock,
                dialects=PeerDialects(home.settings.dialects),
                reaction=reaction or GoOn(),
                root=home.name,
                facts=desk,
                sources=await stack.enter_async_context(
                    GuardedClient(source_egress(home), trusted=trusted)
                ),
            )
            client = MessageClient(egress(home), trusted=trusted)
            await stack.enter_async_context(client)
            await Speaking(context).load()
            rollout = await begin_rollout(context, home, rules, stack)
            plane, public, workers = assemble(home, context, client, rollout, stack)
            management = management_app(plane, hosting, token_digest=digest)
            await stack.enter_async_context(_public(home, public, sockets.public))
            await stack.enter_async_context(Listener(management, sockets.management))
            # Waiting requests end before the listeners stop, hence after them on the stack.
            stack.callback(plane.changes.close)
            stack.callback(plane.doctor.close)
            stack.push_async_callback(plane.crawls.aclose)
            for worker in workers:
                await stack.enter_async_context(_working(worker))
            write_running(home, management_url=management_url)
            stack.callback(home.running_file.unlink, missing_ok=True)
            yield Running(home, plane, management_url)
    finally:
        sockets.public.close()
        sockets.management.close()


async def _engine(
    home: Home, store: Store, stack: contextlib.AsyncExitStack
) -> tuple[EngineSlot, RuleModule | None]:
    """Return the engine with the rules in force, and these where they are not the shipped ones."""
    rules = await starting_rules(home, store)
    engine = EngineSlot(policy_engine(home.settings, stack, rules))
    forget = home.settings.policy.clock == "UnsafeSetBack"
    await stack.enter_async_context(kept(engine.latest, store, forget=forget))
    return engine, rules


def _check_ids(home: Home, ids: Mapping[str, ParticipantId] | None) -> None:
    if ids and home.settings.identity == "did:web":
        raise ConfigurationError(
            f"nobody can prove an id that is not the DID of its address: {', '.join(ids.values())}",
            setting="participant_id",
            hint="leave it out: only with the identity UnsafeClientId an id is believed",
        )


def serve(path: Path, *, ready: Callable[[str], None]) -> None:
    """Serve a home in this thread until SIGINT or SIGTERM.

    Args:
        path: Folder of the home.
        ready: Called with one line when connections are accepted.

    Raises:
        ConfigurationError: There is no home, or a setting is unusable.
        StoreError: The database cannot be opened.
    """
    home = open_home(path)
    logging.getLogger("trustspace").setLevel(home.settings.log_level.upper())

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, stop.set)
        async with running(home) as connector:
            kind = "development, loopback only" if home.development else "production"
            ready(
                f"{home.id} ready at {home.address} ({kind}); "
                f"management at {connector.management_url}"
            )
            spare_collections()
            await stop.wait()

    run(main())


def _public(home: Home, app: OneSpelling, bound: socket.socket) -> Listener:
    listen = home.settings.listen
    return Listener(app, bound, certificate=listen.certificate, key=listen.key)


@contextlib.asynccontextmanager
async def _working(worker: Working) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _token_digest(tx: Transaction, home: Home) -> str:
    """Return the hash of the management token; the file, where it is there, decides."""
    if home.token_file.exists():
        digest = token_hash(home.management_token())
        tx.settings.put(HOST, TOKEN_KEY, digest)
        return digest
    stored = tx.settings.get(HOST, TOKEN_KEY)
    return stored if stored is not None else token_hash(home.management_token())
