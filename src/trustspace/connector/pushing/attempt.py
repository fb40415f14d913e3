"""One attempt at a push: what the sink has, the rest of it, and what its answer means.

The sink may be anybody's, so it is treated as such. It is called through the guarded client, which
follows no redirect; of the provider nothing goes with the data but the data; what it answers is
read up to a limit; and it may stand still for so long and no longer.

How a sink is written to, in full, is in the guide "Ways of delivery".
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import anyio

from trustspace.connector.delivering.attribution import attribution_headers
from trustspace.connector.delivering.delivery_response import Meter
from trustspace.connector.delivering.watch import until_over
from trustspace.dataplane.pull import Passage, PullRequest, serve_pull
from trustspace.dataplane.source import FileSource
from trustspace.errors import (
    IntegrityError,
    PolicyDeniedError,
    StatusError,
    TransportError,
    TrustspaceError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.allowance import Allowance
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.delivering.grant import Grant
    from trustspace.dataplane.pull import PullAnswer
    from trustspace.dataplane.push_target import PushTarget
    from trustspace.dataplane.restriction import Restriction
    from trustspace.dataplane.source import AnySource
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.http_response import Response

logger: logging.Logger = logging.getLogger(__name__)

OFFSET: Final = "Upload-Offset"
"""Header with how many bytes a sink has."""

COMPLETE: Final = "Upload-Complete"
"""Header that says ``?1`` when a sink has all of them."""

ANSWER_BYTES: Final = 64 * 1024
"""A sink's answer is read up to here."""

LONGEST: Final = timedelta(days=2)
"""Of one request; what bounds it is that it may not stand still."""

_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):")
_RANGE: Final = re.compile(r"bytes=0-(\d{1,18})")


@dataclass
class Sent:
    """What came of an attempt.

    Attributes:
        size_bytes: Bytes of the whole that the sink has, as far as known.
        sha256: Digest of the whole, when all of it is there.
        was_cut: Whether the right to go on ended.
    """

    size_bytes: int = 0
    sha256: str | None = None
    was_cut: bool = False


@dataclass
class Attempt:
    """One attempt under a grant.

    Attributes:
        target: The sink.
        source: Where the data comes from.
        form: ``file`` or ``table``.
        restriction: Filters, columns and masks to carry out on a table.
        allowance: What may leave; None where nothing is counted.
        sources: Fetches a source that is a URL; None for the client of the sink.
        meter: What left.
    """

    hosted: Hosted
    grant: Grant
    target: PushTarget
    source: AnySource
    form: str
    restriction: Restriction
    client: GuardedClient
    idle: timedelta
    allowance: Allowance | None = None
    sources: GuardedClient | None = None
    meter: Meter = field(default_factory=Meter)
    _moved_at: float = field(default_factory=time.monotonic)

    @property
    def version(self) -> str:
        """Digest of the whole, where it is known before; empty where not, hence from the start."""
        is_file = self.form == "file" and isinstance(self.source, FileSource)
        return self.source.sha256 if is_file and isinstance(self.source, FileSource) else ""

    def left(self, rows: int) -> tuple[int, int]:
        """Return the bytes and rows that left.

        Args:
            rows: Rows of a file that is a table, which leave with its first byte.
        """
        return self.meter.size_bytes, self.meter.rows or (rows if self.meter.size_bytes else 0)

    async def ask(self) -> Sent:
        """Ask the sink what it has of this version.

        Raises:
            TransportError: It does not answer.
        """
        if not self.version or self.target.method != "PUT":
            return Sent()
        length = self.source.size_bytes if isinstance(self.source, FileSource) else 0
        answer = await self._ask("HEAD", {})
        if answer.status in (405, 501):
            # Sinks of another habit tell it in answer to an empty write.
            answer = await self._ask("PUT", {"Content-Range": f"bytes */{length}"})
            found = _RANGE.fullmatch(answer.headers.get("range", ""))
            has = int(found[1]) + 1 if answer.status == 308 and found else 0
            return Sent(has if has < length else 0)
        offset = answer.headers.get(OFFSET.lower(), "")
        if answer.status not in (200, 204) or not offset.isdecimal():
            return Sent()
        if digest_of(answer.headers) != self.version or int(offset) > length:
            return Sent()
        if int(offset) < length:
            return Sent(int(offset))
        # A sink that has all of it and does not say so did not take it; it gets it once more.
        is_complete = answer.headers.get(COMPLETE.lower()) == "?1"
        return Sent(length, self.version) if is_complete else Sent()

    async def _ask(self, method: str, headers: Mapping[str, str]) -> Response:
        return await self.client.request(
            method,
            self.target.url,
            headers={**self.target.headers, **headers},
            content=b"" if method == "PUT" else None,
            max_bytes=ANSWER_BYTES,
            deadline=self.idle,
        )

    async def send(self, deliveries: Deliveries, *, offset: int) -> Sent:
        """Send what the sink lacks, watched.

        Raises:
            PolicyDeniedError: The right to it ended before the first byte, or a limit is reached.
            IntegrityError: The source is not what was published, or the sink has something else.
            StatusError: The sink refuses.
            TransportError: The sink cannot be reached, breaks off or stands still.
        """
        answer = await serve_pull(
            self.source,
            "table" if self.form == "table" else "file",
            PullRequest(range=f"bytes={offset}-" if offset else None),
            Passage(self.grant.gate.check, self.meter, self.allowance),
            restriction=self.restriction,
            client=self.sources or self.client,
        )
        sent = Sent(offset)
        failed: list[TrustspaceError] = []
        stalled = False

        async def deliver(scope: anyio.CancelScope) -> None:
            try:
                await self._write(answer, sent)
            except (TransportError, IntegrityError, PolicyDeniedError) as error:
                failed.append(error)
            scope.cancel()

        async def watch(scope: anyio.CancelScope) -> None:
            self.grant = await until_over(deliveries, self.hosted, self.grant)
            sent.was_cut = True
            scope.cancel()

        async def attend(scope: anyio.CancelScope) -> None:
            nonlocal stalled
            await self._until_still()
            stalled = True
            scope.cancel()

        try:
            await deliveries.count(self.hosted, self.grant)
            async with anyio.create_task_group() as tasks:
                for work in (deliver, watch, attend):
                    tasks.start_soon(work, tasks.cancel_scope)
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()
        is_limit = self.allowance is not None and bool(self.allowance.code)
        if sent.sha256 is not None or (sent.was_cut and not is_limit):
            return sent
        if is_limit and self.allowance is not None:
            raise self.allowance.refusal()
        if failed:
            raise failed[0]
        if stalled:
            raise TransportError("the sink stands still", retryable=True)
        return sent

    async def _until_still(self) -> None:
        """Wait until nothing has moved for as long as a push may stand still."""
        while True:
            left = self._moved_at + self.idle.total_seconds() - time.monotonic()
            if left <= 0:
                return
            await anyio.sleep(left)

    async def _write(self, answer: PullAnswer, sent: Sent) -> None:
        whole = hashlib.sha256()
        headers = {**self.target.headers, "Content-Type": answer.headers["Content-Type"]}
        headers |= attribution_headers(self.hosted, self.grant)
        for name in ("Content-Length", "Content-Range", "Repr-Digest"):
            if name in answer.headers:
                headers[name] = answer.headers[name]

        async def body() -> AsyncIterator[bytes]:
            self._moved_at = time.monotonic()
            async for data in answer.body:
                whole.update(data)
                yield data
                self._moved_at = time.monotonic()
                sent.size_bytes += len(data)

        async with self.client.stream(
            self.target.method,
            self.target.url,
            headers=headers,
            content=body(),
            max_bytes=ANSWER_BYTES,
            deadline=LONGEST,
        ) as said:
            if not 200 <= said.status < 300:
                raise StatusError(f"the sink answered {said.status}", status=said.status)
            expected = self.version or whole.hexdigest()
            found = digest_of(said.headers)
            if found not in (None, expected):
                raise IntegrityError(
                    "the sink has something else", expected=expected, found=str(found)
                )
            sent.sha256 = expected


def digest_of(headers: Mapping[str, str]) -> str | None:
    """Return the SHA-256 of a ``Repr-Digest`` header (RFC 9530) in hex, or None."""
    found = _DIGEST.search(headers.get("repr-digest", ""))
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True).hex()
    except ValueError:
        return None


def digest_header(sha256: str) -> str:
    """Return the ``Repr-Digest`` header of a digest in hex."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
