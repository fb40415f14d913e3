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
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from starlette.applications import Starlette

from trustspace.connector.cataloguing.catalogs import Catalogs
from trustspace.connector.cataloguing.publications import Publications
from trustspace.connector.changes import Changes
from trustspace.connector.context import ConnectorContext
from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.crawling.crawls import Crawls
from trustspace.connector.deciding.decision_point import DecisionPoint
from trustspace.connector.deciding.policy_engine import EngineSlot, policy_engine
from trustspace.connector.delivering.data_api import DataApi
from trustspace.connector.delivering.deliveries import Deliveries
from trustspace.connector.doctor.doctor import Doctor
from trustspace.connector.duties.assembly import DutyParts
from trustspace.connector.duties.planner import DutyPlanner
from trustspace.connector.ending.api import ProfileApi
from trustspace.connector.ending.expiry import Expiry
from trustspace.connector.ending.owner import OwnerEndings
from trustspace.connector.ending.steps import Endings
from trustspace.connector.home import Home, open_home, write_running
from trustspace.connector.hosting import Hosting
from trustspace.connector.listener import Listener, bind, run, spare_collections
from trustspace.connector.management.app import management_app, token_hash
from trustspace.connector.messaging.announcements import Announcements
from trustspace.connector.messaging.authentication import (
    AnnouncedCallbacks,
    Authentication,
    UnsafeAnyCallback,
)
from trustspace.connector.messaging.dialects import PeerDialects
from trustspace.connector.messaging.did_identity import DidIdentity
from trustspace.connector.messaging.dsp_api import DspApi
from trustspace.connector.messaging.finding import finding
from trustspace.connector.messaging.one_spelling import OneSpelling
from trustspace.connector.messaging.outcomes import Outcomes
from trustspace.connector.messaging.peers import Peers
from trustspace.connector.messaging.speaking import Speaking
from trustspace.connector.messaging.worker import Worker
from trustspace.connector.negotiating.agreeing import Agreeing
from trustspace.connector.negotiating.agreements import Agreements
from trustspace.connector.negotiating.approvals import Approvals
from trustspace.connector.negotiating.negotiations import Negotiations
from trustspace.connector.negotiating.proposals import Proposals
from trustspace.connector.negotiating.reuse import Reuse
from trustspace.connector.outward import authorities, egress
from trustspace.connector.owner_steps import OwnerSteps
from trustspace.connector.pushing.incoming import Incoming
from trustspace.connector.pushing.progress import PushProgress
from trustspace.connector.pushing.sink_api import SinkApi
from trustspace.connector.pushing.worker import PushWorker
from trustspace.connector.reaction import GoOn, Reaction
from trustspace.connector.transferring.suspensions import Suspensions
from trustspace.connector.transferring.tokens import TokenDesk
from trustspace.connector.transferring.transfer_requests import TransferRequests
from trustspace.connector.transferring.transfers import Transfers
from trustspace.connector.using.uses import Uses
from trustspace.errors import ConfigurationError
from trustspace.identity.identity_provider import UnsafeClientIdIdentity
from trustspace.store import EVERY_PARTICIPANT, HOST, Committed, Store, Transaction
from trustspace.transport.message_client import MessageClient
from trustspace.transport.resolver import FETCH_DEADLINE, DidResolver

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from starlette.routing import Route

    from trustspace.model.participant import ParticipantId

logger: logging.Logger = logging.getLogger(__name__)

TOKEN_KEY = "management.token"  # noqa: S105 - the name of a setting
"""Setting under which the hash of the management token is stored."""


class _Working(Protocol):
    """What runs as long as the connector."""

    async def run(self) -> None: ...


class _Part(Protocol):
    """What has endpoints on the public listener."""

    def routes(self) -> list[Route]: ...


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
) -> AsyncIterator[Running]:
    """Serve a home until the block ends.

    Args:
        home: The home.
        sockets: Sockets bound already; by default those that the home's settings say.
        reaction: Whether processes go on by themselves; by default they do.
        ids: Ids of participants, by name, that are not the DIDs of their addresses; only where
            everybody is believed.

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
            engine = EngineSlot(policy_engine(home.settings, stack))
            context = ConnectorContext(
                store,
                engine,
                home.settings,
                hosting.hosted,
                owner=owner,
                dialects=PeerDialects(home.settings.dialects),
                reaction=reaction or GoOn(),
                root=home.name,
            )
            client = MessageClient(egress(home), trusted=authorities(home))
            await stack.enter_async_context(client)
            await Speaking(context).load()
            plane, public, workers = _assemble(home, context, client, stack)
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


def _assemble(
    home: Home,
    context: ConnectorContext,
    client: MessageClient,
    stack: contextlib.AsyncExitStack,
) -> tuple[ControlPlane, OneSpelling, tuple[_Working, ...]]:
    """Put the parts of one connector together."""
    development = context.settings.development
    patience = timedelta(seconds=context.settings.exchange.answer_seconds)
    resolver = DidResolver(
        client, insecure_loopback=development, deadline=min(patience, FETCH_DEADLINE)
    )
    authentication = _authentication(context, resolver)
    tokens = TokenDesk(context)
    decide = DecisionPoint(context)
    planner = DutyPlanner()
    agreed = Agreements(planner)
    negotiations = Negotiations(context, decide, agreed)
    progress = PushProgress()
    transfers = Transfers(context, decide, agreed, progress)
    peers = Peers(context, client, authentication, tokens)
    changes = Changes()
    incoming = Incoming(context, agreed, home.path / "incoming")
    endings = Endings(context, agreed, transfers)
    owed = DutyParts.of(context, planner, agreed, transfers, incoming, authentication, client)
    publications = Publications(context)
    steps = OwnerSteps(decide, negotiations, transfers)
    discovery = peers.discovery = finding(context, client, resolver, peers)
    plane = ControlPlane(
        context=context,
        decide=decide,
        agreed=agreed,
        agreeing=Agreeing(context, negotiations, Reuse(decide), discovery, peers),
        endings=OwnerEndings(context, agreed, decide, endings, discovery, changes),
        negotiations=negotiations,
        transfers=transfers,
        requests=TransferRequests(context, agreed, tokens),
        suspensions=Suspensions(context, agreed),
        incoming=incoming,
        publications=publications,
        peers=peers,
        crawls=Crawls(context, discovery, peers),
        tokens=tokens,
        steps=steps,
        approvals=Approvals(context, steps, publications),
        proposals=Proposals(context, negotiations, publications, discovery),
        discovery=discovery,
        changes=changes,
        speaking=Speaking(context),
        duties=owed.owner,
        planner=planner,
        doctor=Doctor(context, client, authentication),
        uses=Uses(context, agreed),
    )
    worker = Worker(
        context, peers, Outcomes(context, negotiations, transfers, endings, owed.telling)
    )
    deliveries = Deliveries(context, decide, agreed, planner)
    pushing = PushWorker(
        context,
        deliveries,
        transfers,
        progress,
        authentication,
        client,
        folder=home.path / "outgoing",
    )

    def committed(what: Committed) -> None:
        changes.notify(what)
        worker.committed(what)
        pushing.committed(what)
        owed.worker.committed(what)

    stack.callback(context.store.on_commit(committed))
    dsp = DspApi(
        context,
        authentication,
        Catalogs(context, decide),
        negotiations,
        transfers,
        tokens,
        incoming,
    )
    data = DataApi(context, authentication, deliveries, tokens, client)
    sinks = SinkApi(context, agreed, incoming, planner)
    profile = ProfileApi(context, authentication, endings)
    # What is announced lies behind the protocol's endpoints.
    public = _served(dsp, owed.api, profile, data, sinks, Announcements(context))
    return plane, public, (worker, pushing, owed.worker, Expiry(context, agreed, endings))


def _served(*parts: _Part) -> OneSpelling:
    """Put the endpoints of the public listener together."""
    served = Starlette(routes=[route for part in parts for route in part.routes()])
    # A redirect would name whatever host the request names.
    served.router.redirect_slashes = False
    return OneSpelling(served)


def _authentication(context: ConnectorContext, resolver: DidResolver) -> Authentication:
    """Return how participants prove who they are, as the settings say."""
    if context.settings.identity == "did:web":
        return Authentication(
            context, lambda hosted: DidIdentity(hosted, resolver), AnnouncedCallbacks(resolver)
        )
    if not context.settings.development:
        raise ConfigurationError(
            "UnsafeClientId believes everybody",
            setting="identity",
            hint="set identity to did:web; the unsafe one is for development homes only",
        )
    return Authentication(
        context, lambda hosted: UnsafeClientIdIdentity(hosted.id), UnsafeAnyCallback()
    )


@contextlib.asynccontextmanager
async def _working(worker: _Working) -> AsyncIterator[None]:
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
