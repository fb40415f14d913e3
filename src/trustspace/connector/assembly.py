"""The parts of one connector, put together.

Example::

    plane, public, workers = assemble(home, context, client, stack)
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from starlette.applications import Starlette

from trustspace.connector.cataloguing.catalogs import Catalogs
from trustspace.connector.cataloguing.publications import Publications
from trustspace.connector.cataloguing.watermarks import Watermarks
from trustspace.connector.changes import Changes
from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.crawling.crawls import Crawls
from trustspace.connector.deciding.decision_point import DecisionPoint
from trustspace.connector.delivering.data_api import DataApi
from trustspace.connector.delivering.deliveries import Deliveries
from trustspace.connector.doctor.doctor import Doctor
from trustspace.connector.duties.assembly import DutyParts
from trustspace.connector.duties.copies import Deleting
from trustspace.connector.duties.planner import DutyPlanner
from trustspace.connector.ending.api import ProfileApi
from trustspace.connector.ending.expiry import Expiry
from trustspace.connector.ending.owner import OwnerEndings
from trustspace.connector.ending.steps import Endings
from trustspace.connector.messaging.announcements import Announcements
from trustspace.connector.messaging.authentication import (
    AnnouncedCallbacks,
    Authentication,
    UnsafeAnyCallback,
)
from trustspace.connector.messaging.did_identity import DidIdentity
from trustspace.connector.messaging.dsp_api import DspApi
from trustspace.connector.messaging.finding import finding
from trustspace.connector.messaging.one_spelling import OneSpelling
from trustspace.connector.messaging.outcomes import Outcomes
from trustspace.connector.messaging.peers import Peers
from trustspace.connector.messaging.speaking import Speaking
from trustspace.connector.messaging.worker import Worker
from trustspace.connector.monitoring.monitor import Monitor
from trustspace.connector.negotiating.agreeing import Agreeing
from trustspace.connector.negotiating.agreements import Agreements
from trustspace.connector.negotiating.approvals import Approvals
from trustspace.connector.negotiating.negotiations import Negotiations
from trustspace.connector.negotiating.proposals import Proposals
from trustspace.connector.negotiating.reuse import Reuse
from trustspace.connector.owner_steps import OwnerSteps
from trustspace.connector.pushing.incoming import Incoming
from trustspace.connector.pushing.progress import PushProgress
from trustspace.connector.pushing.sink_api import SinkApi
from trustspace.connector.pushing.worker import PushWorker
from trustspace.connector.transferring.suspensions import Suspensions
from trustspace.connector.transferring.tokens import TokenDesk
from trustspace.connector.transferring.transfer_requests import TransferRequests
from trustspace.connector.transferring.transfers import Transfers
from trustspace.connector.using.deletion_proof import DeletionProofs
from trustspace.connector.using.sealed_copies import SealedCopies, SealedWatch
from trustspace.connector.using.uses import Uses
from trustspace.errors import ConfigurationError
from trustspace.identity.identity_provider import UnsafeClientIdIdentity
from trustspace.transport.resolver import FETCH_DEADLINE, DidResolver
from trustspace.usage.sealed_home import SealedHome

if TYPE_CHECKING:
    import contextlib

    from starlette.routing import Route

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.deciding.rollout import Rollout
    from trustspace.connector.home import Home
    from trustspace.store import Committed
    from trustspace.transport.message_client import MessageClient


class Working(Protocol):
    """What runs as long as the connector."""

    async def run(self) -> None:
        """Run until cancelled."""
        ...


class Part(Protocol):
    """What has endpoints on the public listener."""

    def routes(self) -> list[Route]:
        """Return the routes."""
        ...


def assemble(
    home: Home,
    context: ConnectorContext,
    client: MessageClient,
    rollout: Rollout,
    stack: contextlib.AsyncExitStack,
) -> tuple[ControlPlane, OneSpelling, tuple[Working, ...]]:
    """Put the parts of one connector together.

    Args:
        home: Its home.
        context: What the parts share.
        client: How messages are sent.
        rollout: The rules in force.
        stack: What is undone when it stops.

    Returns:
        The owner's side, what the public listener serves, and what runs beside it.
    """
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
    incoming = Incoming(context, agreed, SealedHome(home.path))
    stack.callback(incoming.close)
    endings = Endings(context, agreed, transfers)
    sealed = SealedCopies(context, incoming)
    owed = DutyParts.of(
        context,
        planner,
        agreed,
        transfers,
        Deleting([sealed], _proofs(context, resolver)),
        authentication,
        client,
    )
    publications = Publications(context)
    steps = OwnerSteps(decide, negotiations, transfers)
    monitor = Monitor(context, transfers)
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
        rollout=rollout,
        planner=planner,
        doctor=Doctor(context, client, authentication),
        uses=Uses(context, agreed),
        watermarks=Watermarks(context),
        monitor=monitor,
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

    watch = SealedWatch(context, sealed, agreed)
    awake = (worker, pushing, owed.worker, monitor, watch)

    def committed(what: Committed) -> None:
        changes.notify(what)
        for each in awake:
            each.committed(what)

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
    return plane, public, (*awake, Expiry(context, agreed, endings))


def _proofs(context: ConnectorContext, resolver: DidResolver) -> DeletionProofs:
    """Return what checks proofs, which takes keys that identities are proven by."""
    return DeletionProofs(resolver if context.settings.identity == "did:web" else None)


def _served(*parts: Part) -> OneSpelling:
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
