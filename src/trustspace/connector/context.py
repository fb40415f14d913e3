"""What every part of one running connector shares.

A `Hosted` is one participant with its key and URLs; `ConnectorContext` holds the store, the policy
engine, the settings and the clock. Nothing here does anything by itself.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from trustspace.connector.deciding.decision_log import DecisionLog
from trustspace.connector.deciding.fact_desk import FactDesk
from trustspace.connector.delivering.gates import Gates
from trustspace.connector.messaging.dialects import PeerDialects
from trustspace.connector.messaging.trace import Trace
from trustspace.connector.reaction import GoOn, Reaction
from trustspace.errors import NotFoundError
from trustspace.model.participant import Participant, ParticipantId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trustspace.connector.deciding.policy_engine import EngineSlot
    from trustspace.connector.settings import Settings
    from trustspace.identity.keys import SigningKey
    from trustspace.store import Transaction
    from trustspace.store.database import Store
    from trustspace.transport.http_client import GuardedClient

T = TypeVar("T")

DSP_PATH = "/dsp/2025-1"

LEASE_SECONDS = 30
"""A message being sent is ours alone for this long; longer than one attempt may take."""


@dataclass(frozen=True)
class Hosted:
    """One participant that this connector speaks for.

    Attributes:
        name: Its participant context, the first segment of all its paths.
        id: Its DID.
        address: Root URL of the connector.
        key: Its private key.
    """

    name: str
    id: ParticipantId
    address: str
    key: SigningKey = field(repr=False)

    @property
    def dsp_url(self) -> str:
        """Base URL of its protocol endpoints; also the callback address it gives."""
        return f"{self.address}/{self.name}{DSP_PATH}"

    def data_url(self, transfer_pid: str) -> str:
        """Return the endpoint at which a transfer's data is pulled."""
        return f"{self.address}/{self.name}/data/{quote(transfer_pid, safe='')}"

    def sink_url(self, transfer_pid: str) -> str:
        """Return the endpoint at which a pushed transfer arrives."""
        return f"{self.address}/{self.name}/sink/{quote(transfer_pid, safe='')}"

    def refresh_url(self, transfer_pid: str) -> str:
        """Return the endpoint at which the consumer's connector renews a transfer's token."""
        return f"{self.address}/{self.name}/renewals/{quote(transfer_pid, safe='')}"

    @property
    def participant(self) -> Participant:
        """What others may know about it."""
        return Participant(name=self.name, id=self.id, address=self.address)


@dataclass(frozen=True)
class ConnectorContext:
    """The shared parts of one running connector.

    Attributes:
        engine: The policy engine that decides now.
        hosted: Participants by name.
        owner: Name under which this process leases outgoing messages.
        clock: Returns the time, aware and in UTC.
        gates: Where running deliveries are cut.
        dialects: Which dialect is spoken with whom.
        reaction: Whether the next step of a process follows by itself.
        trace: The messages of the last moments.
        sources: Fetches what is published at URLs; None for whoever calls others.
        root: Name of the participant whose catalogue names those of the others.
        facts: What providers of facts say.
    """

    store: Store
    engine: EngineSlot
    settings: Settings
    hosted: Mapping[str, Hosted]
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    gates: Gates = field(default_factory=Gates)
    dialects: PeerDialects = field(default_factory=PeerDialects)
    reaction: Reaction = field(default_factory=GoOn)
    trace: Trace = field(default_factory=Trace)
    root: str = ""
    sources: GuardedClient | None = None
    facts: FactDesk = field(default_factory=FactDesk)

    async def decide(self, hop: Callable[[Transaction], T]) -> T:
        """Run a hop that decides, with the facts of providers that it turns out to need.

        Raises:
            StoreError: The database is locked, full or broken; nothing has changed.
        """
        return await self.facts.write(self.store, hop)

    @cached_property
    def decisions(self) -> DecisionLog:
        """What was decided last."""
        keep = self.settings.policy.log_inputs
        return DecisionLog(self.store, keep=keep, clock=self.now)

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self.clock()

    @property
    def deadline(self) -> timedelta:
        """How long a process may stay unfinished."""
        return timedelta(seconds=self.settings.exchange.deadline_seconds)

    @property
    def idle(self) -> timedelta:
        """After which time without a data request a running pull is completed."""
        return timedelta(seconds=self.settings.exchange.idle_seconds)

    @property
    def approval_deadline(self) -> timedelta:
        """How long a process may wait for a person."""
        return timedelta(seconds=self.settings.exchange.approval_seconds)

    @property
    def message_deadline(self) -> timedelta:
        """How long one message is tried."""
        seconds = self.settings.exchange.message_seconds
        return min(timedelta(seconds=seconds), self.deadline)

    def participant(self, name: str) -> Hosted:
        """Return a hosted participant.

        Raises:
            NotFoundError: This connector does not speak for such a participant.
        """
        try:
            return self.hosted[name]
        except KeyError:
            raise NotFoundError(f"there is no participant {name!r} here") from None


def new_pid() -> str:
    """Return a new process, message or agreement id, a random URN."""
    return f"urn:uuid:{uuid.uuid4()}"
