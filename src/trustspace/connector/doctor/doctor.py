"""The doctor: runs examinations, one beside another, and tells findings while they come.

Example::

    doctor = Doctor(context, client, authentication)
    visit = doctor.begin(hosted, "https://provider.example", role=Role.PROVIDER)
    shown = await doctor.look(hosted, visit.id, after=0, wait=10.0, language="en")
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import anyio

from trustspace.connector.doctor.discovery import find
from trustspace.connector.doctor.dry_run import rehearse
from trustspace.connector.doctor.examination import SLOW, Ended, Examination
from trustspace.connector.doctor.exchange import speak
from trustspace.connector.doctor.findings import Finding, is_well
from trustspace.errors import ConflictError, NotFoundError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.policy.messages import Language
    from trustspace.transport.http_client import GuardedClient

logger: logging.Logger = logging.getLogger(__name__)

WHOLE_SECONDS: Final = 28.0
"""An examination ends within half a minute, whatever it meets."""

MAX_RUNNING: Final = 4
MAX_KEPT: Final = 16


async def examine(examination: Examination, *, seconds: float = WHOLE_SECONDS) -> None:
    """Run every probe; what they find is told to the examination's listener.

    Args:
        examination: The examination.
        seconds: Longest duration.
    """
    with anyio.move_on_after(seconds) as scope, contextlib.suppress(Ended):
        await find(examination)
        await speak(examination)
        if examination.role is Role.PROVIDER:
            await rehearse(examination)
    if scope.cancelled_caught:
        examination.tell("deadline.reached", seconds=f"{seconds:g}", probe=examination.probe)
    if examination.delays:
        slowest = max(examination.delays)
        finding = "http.slow" if slowest > SLOW.total_seconds() else "http.latency"
        facts = {"count": len(examination.delays), "milliseconds": round(slowest * 1000)}
        examination.tell(finding, url=examination.base or examination.address, **facts)


@dataclass
class Visit:
    """One examination under way, or its result.

    Attributes:
        id: Its id.
        participant: Name of the participant that examines.
        findings: What was found so far.
        is_over: Whether nothing more comes.
    """

    id: str
    participant: str
    findings: list[Finding] = field(default_factory=list)
    is_over: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def hear(self, finding: Finding) -> None:
        """Take a finding."""
        self.findings.append(finding)
        self._wake()

    def end(self) -> None:
        """Note that nothing more comes."""
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class Doctor:
    """Examines counterparties for the participants of one connector.

    Args:
        context: The connector.
        client: The guarded client.
        authentication: Who issues our tokens.
    """

    def __init__(
        self, context: ConnectorContext, client: GuardedClient, authentication: Authentication
    ) -> None:
        self._context = context
        self._client = client
        self._authentication = authentication
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def begin(self, hosted: Hosted, address: str, *, role: Role, negotiate: bool) -> Visit:
        """Begin an examination in the name of a participant.

        Args:
            hosted: Who examines.
            address: URL or DID of whom.
            role: As what it is examined.
            negotiate: Whether a negotiation is opened and ended.

        Raises:
            ConflictError: Too many are under way.
        """
        if sum(not visit.is_over for visit in self._visits.values()) >= MAX_RUNNING:
            raise ConflictError(
                f"{MAX_RUNNING} examinations are under way", hint="try again in half a minute"
            )
        visit = Visit(uuid.uuid4().hex, hosted.name)
        settings = self._context.settings
        examination = Examination(
            address,
            self._client,
            role=role,
            negotiate=negotiate,
            hosted=hosted,
            issue=self._authentication.issue,
            trace=self._context.trace,
            trusted=self._client.trusted,
            clock=self._context.now,
            insecure_loopback=settings.development,
            is_believing=settings.identity != "did:web",
            listener=visit.hear,
        )
        visit.task = asyncio.create_task(self._run(visit, examination))
        self._visits[visit.id] = visit
        while len(self._visits) > MAX_KEPT:
            self._visits.popitem(last=False)
        return visit

    async def look(
        self, hosted: Hosted, visit_id: str, *, after: int, wait: float, language: Language
    ) -> dict[str, Any]:
        """Show what was found since, waiting for the next finding when there is none.

        Args:
            hosted: Whose examination.
            visit_id: Its id.
            after: Findings seen so far.
            wait: Longest wait in seconds.
            language: Language of the words.

        Raises:
            NotFoundError: There is no such examination, or it is kept no longer.
        """
        visit = self._visits.get(visit_id)
        if visit is None or visit.participant != hosted.name:
            raise NotFoundError(
                f"there is no examination {visit_id}", hint="the last few are kept; begin another"
            )
        with anyio.move_on_after(wait):
            while len(visit.findings) <= after and not visit.is_over:
                await visit.news.wait()
        return {
            "id": visit.id,
            "findings": [finding.shown(language) for finding in visit.findings[after:]],
            "next": len(visit.findings),
            "over": visit.is_over,
            "well": visit.is_over and is_well(visit.findings),
        }

    def close(self) -> None:
        """End every examination."""
        for visit in self._visits.values():
            if visit.task is not None:
                visit.task.cancel()
            visit.end()

    async def _run(self, visit: Visit, examination: Examination) -> None:
        try:
            await examine(examination)
        except Exception:
            logger.exception("the examination of %s failed", examination.address)
            examination.tell("deadline.failed", probe=examination.probe)
        finally:
            visit.end()
