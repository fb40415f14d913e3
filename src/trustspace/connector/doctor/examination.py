"""One examination: who is examined and by whom, what was found, and how probes ask.

Probes are functions of an `Examination`. They tell findings as they come; the first fact that makes
all later ones pointless ends the examination. Every request goes through the guarded client, within
a deadline, and is kept in the trace when a participant of ours asks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from trustspace.connector.doctor.findings import Finding
from trustspace.errors import DeadlineError, EgressDeniedError, RemoteProtocolError, TransportError
from trustspace.model import strict_json
from trustspace.model.participant import Role
from trustspace.transport.network import Lookup, system_lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.connector.context import Hosted
    from trustspace.connector.messaging.trace import Trace
    from trustspace.dsp.dialects import Dialect
    from trustspace.model.dataset import Dataset
    from trustspace.transport.http_client import GuardedClient

MAX_ANSWER_BYTES = 32 * 1024 * 1024
SLOW = timedelta(seconds=2)


class Ended(Exception):  # noqa: N818 - no error: the examination is over
    """Nothing more can be found out."""


@dataclass(frozen=True)
class Reply:
    """An answer of whoever is examined."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_html(self) -> bool:
        """Whether it is a page for a browser."""
        start = self.body[:200].lstrip().lower()
        return start.startswith((b"<!doctype", b"<html")) or "html" in self.headers.get(
            "content-type", ""
        )

    def document(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body as JSON.

        Raises:
            RemoteProtocolError: It is none.
        """
        return strict_json.loads(self.body)

    @property
    def members(self) -> Mapping[str, Any]:
        """The body when it is a JSON object; empty otherwise."""
        try:
            found = self.document()
        except RemoteProtocolError:
            return {}
        return found if isinstance(found, Mapping) else {}

    @property
    def reason(self) -> str:
        """Code and reasons of a refusal, in one line of at most 300 characters."""
        members = self.members
        reasons = members.get("reason", members.get("detail", ""))
        listed = reasons if isinstance(reasons, list) else [reasons]
        words = [members.get("code"), *listed]
        return "; ".join(str(word) for word in words if word)[:300]


@dataclass
class Examination:
    """What the probes share.

    Attributes:
        address: URL or DID as it was given.
        client: The guarded client.
        role: What the counterparty is examined as.
        negotiate: Whether a negotiation is opened and ended.
        hosted: Who examines; None without a connector.
        issue: Returns our ``Authorization`` header for an audience.
        trace: Where requests are kept.
        trusted: Further certificate authorities in PEM.
        request_seconds: Longest wait for one answer.
        is_believing: Everybody is believed by name, so a counterparty needs no DID.
        did: The counterparty, once it is known.
        base: URL of its protocol endpoints, once it is known.
        profiles: Profiles that it announces.
        dialect: The dialect that its documents show.
        dataset: A dataset of its catalogue.
    """

    address: str
    client: GuardedClient
    role: Role = Role.PROVIDER
    negotiate: bool = False
    hosted: Hosted | None = None
    issue: Callable[[Hosted, str], str] | None = None
    trace: Trace | None = None
    trusted: str | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    lookup: Lookup = system_lookup
    request_seconds: float = 6.0
    insecure_loopback: bool = False
    is_believing: bool = False
    listener: Callable[[Finding], None] = lambda _: None
    probe: str = ""
    did: str = ""
    base: str = ""
    profiles: frozenset[str] = frozenset()
    dialect: Dialect | None = None
    dataset: Dataset | None = None
    reached: set[tuple[str, str, int]] = field(default_factory=set)
    delays: list[float] = field(default_factory=list)

    def tell(self, finding_id: str, **facts: object) -> None:
        """Tell a finding; DID and base are known to every one."""
        known = {"did": self.did, "base": self.base}
        self.listener(Finding(finding_id, known | facts))

    def end(self, finding_id: str, **facts: object) -> NoReturn:
        """Tell the finding after which nothing else can be found out.

        Raises:
            Ended: Always.
        """
        self.tell(finding_id, **facts)
        raise Ended

    async def ask(
        self,
        method: str,
        url: str,
        *,
        message: Mapping[str, Any] | None = None,
        audience: str | None = None,
    ) -> Reply:
        """Send one request.

        Args:
            method: HTTP method.
            url: Where to.
            message: JSON body.
            audience: Whom our token is for; None sends none.

        Raises:
            TransportError: There is no answer; `fail` tells it.
        """
        headers = {"Accept": "application/json"}
        if audience is not None and self.hosted is not None and self.issue is not None:
            headers["Authorization"] = self.issue(self.hosted, audience)
        start = time.monotonic()
        with contextlib.ExitStack() as stack:
            said = None
            if self.trace is not None and self.hosted is not None:
                said = stack.enter_context(
                    self.trace.sending(
                        self.hosted,
                        method,
                        url,
                        audience=audience or "",
                        message=message,
                        at=self.clock(),
                    )
                )
            answer = await self.client.request(
                method,
                url,
                headers=headers,
                json=message,
                max_bytes=MAX_ANSWER_BYTES,
                deadline=timedelta(seconds=self.request_seconds),
            )
            if said is not None:
                said.answered(answer.status, answer.body)
        self.delays.append(time.monotonic() - start)
        return Reply(url, answer.status, answer.headers, answer.body)

    async def ask_or_end(self, method: str, url: str, **more: Any) -> Reply:  # noqa: ANN401 - as `ask`
        """Send one request whose failure ends the examination.

        Raises:
            Ended: There is no answer.
        """
        try:
            return await self.ask(method, url, **more)
        except TransportError as error:
            self.fail(error, url)

    def fail(self, error: TransportError, url: str) -> NoReturn:
        """Tell why there is no answer.

        Raises:
            Ended: Always.
        """
        if isinstance(error, DeadlineError):
            self.end("http.no_answer", url=url, seconds=f"{self.request_seconds:g}")
        if isinstance(error, EgressDeniedError):
            self.end("address.denied", url=url, reason=error.hint or error)
        cause = error.__cause__
        self.end("http.broken", url=url, reason=f"{error}{f' ({cause})' if cause else ''}")
