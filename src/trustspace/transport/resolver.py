"""DID documents of counterparties: fetched when needed, kept for minutes, never for longer.

A connector verifies every message against its sender's document, so the document is kept; a key
that its owner removed must stop working soon, so it is not kept for long. Strangers name the DIDs
and keys: each DID is fetched by one request at a time, failures are remembered for a moment, and a
key that the document does not hold causes at most one fetch a minute.

Example::

    resolver = DidResolver(client)
    document = await resolver.resolve("did:web:garden.example", kid=unverified.kid)
    document.token_keys
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import anyio

from trustspace.errors import (
    RemoteProtocolError,
    StatusError,
    TrustspaceError,
    UntrustedIssuerError,
)
from trustspace.identity.did import DidDocument, document_url, parse_document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trustspace.transport.http_client import GuardedClient

TTL = timedelta(minutes=5)
"""How long a document is believed; a removed key works at most this long."""
FAILURE_TTL = timedelta(seconds=5)
"""How long a failure is remembered: enough against floods, short for who corrects a mistake."""
REFRESH_INTERVAL = timedelta(seconds=60)
"""Time between two fetches that an unknown key causes."""
FETCH_DEADLINE = timedelta(seconds=5)
MAX_DOCUMENT_BYTES = 262_144
MAX_KEPT_BYTES = 8_388_608
"""Bytes of all documents kept, as they were fetched: some thousand ordinary ones."""
FAILURE_BYTES = 1_024
"""What a failure counts for."""

_ACCEPT: Final = "application/did+json, application/json"


@dataclass
class _Entry:
    """What is known of one DID, by the monotonic clock."""

    found: DidDocument | TrustspaceError
    size: int
    expires: float
    refreshed: float = -math.inf

    def document(self) -> DidDocument:
        if isinstance(self.found, TrustspaceError):
            raise _again(self.found)
        return self.found


class DidResolver:
    """Fetches and keeps DID documents; for one event loop.

    Args:
        client: The guarded client.
        insecure_loopback: Fetch documents of this machine over plain http; for development.
        ttl: How long a document is believed.
        deadline: How long one fetch may take.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: GuardedClient,
        *,
        insecure_loopback: bool = False,
        ttl: timedelta = TTL,
        deadline: timedelta = FETCH_DEADLINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._insecure_loopback = insecure_loopback
        self._ttl = ttl.total_seconds()
        self._deadline = deadline
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._kept_bytes = 0
        self._flights: dict[str, tuple[anyio.Lock, int]] = {}

    async def resolve(self, did: str, *, kid: str | None = None) -> DidDocument:
        """Return the document of a sender.

        Args:
            did: The sender's DID.
            kid: The key that its token names; when the document at hand lacks it, a newer one is
                fetched, within limits. The caller still checks that the key is there.

        Raises:
            UntrustedIssuerError: There is no document to be had. The text is the same whatever
                failed, because it may reach the sender; the cause says more.
        """
        try:
            document = await self.look_up(did)
            if kid is not None and kid not in document.token_keys:
                document = await self._refresh(did, document)
        except TrustspaceError as error:
            raise UntrustedIssuerError(f"The DID document of {did} cannot be had") from error
        return document

    async def look_up(self, did: str) -> DidDocument:
        """Return the document of a participant that our own user named.

        Raises:
            UntrustedIssuerError: It is no ``did:web``, or the document is not its document.
            StatusError: There is no document.
            TransportError: Its host cannot be reached.
        """
        entry = self._fresh(did)
        if entry is None:
            async with self._flight(did):
                entry = self._fresh(did) or await self._fetch(did)
                self._keep(did, entry)
        return entry.document()

    def _fresh(self, did: str) -> _Entry | None:
        entry = self._entries.get(did)
        if entry is None or entry.expires <= self._clock():
            return None
        self._entries.move_to_end(did)
        return entry

    async def _refresh(self, did: str, document: DidDocument) -> DidDocument:
        """Fetch again for a key that is not there, unless this was done a moment ago.

        A failure changes nothing: strangers choose the key, and must not make us forget others.
        """
        async with self._flight(did):
            entry = self._entries.get(did)
            now = self._clock()
            if entry is None or now - entry.refreshed >= REFRESH_INTERVAL.total_seconds():
                newer = await self._fetch(did)
                if entry is None or isinstance(newer.found, DidDocument):
                    entry = newer
                entry.refreshed = now
                self._keep(did, entry)
        return entry.found if isinstance(entry.found, DidDocument) else document

    async def _fetch(self, did: str) -> _Entry:
        try:
            document, size = await self._document(did)
        except TrustspaceError as error:
            expires = self._clock() + FAILURE_TTL.total_seconds()
            return _Entry(_again(error), FAILURE_BYTES, expires)
        return _Entry(document, size, self._clock() + self._ttl)

    def _keep(self, did: str, entry: _Entry) -> None:
        """Keep what was found; strangers may name any number of DIDs with large documents."""
        replaced = self._entries.pop(did, None)
        self._entries[did] = entry
        self._kept_bytes += entry.size - (0 if replaced is None else replaced.size)
        while self._kept_bytes > MAX_KEPT_BYTES:
            self._kept_bytes -= self._entries.popitem(last=False)[1].size

    async def _document(self, did: str) -> tuple[DidDocument, int]:
        url = document_url(did, insecure_loopback=self._insecure_loopback)
        answer = await self._client.request(
            "GET",
            url,
            headers={"accept": _ACCEPT},
            max_bytes=MAX_DOCUMENT_BYTES,
            deadline=self._deadline,
        )
        try:
            return parse_document(answer.expect(200).json(), did), len(answer.body)
        except RemoteProtocolError as error:
            raise UntrustedIssuerError(f"A DID document cannot be read: {error}") from error

    @asynccontextmanager
    async def _flight(self, did: str) -> AsyncIterator[None]:
        """Let one request per DID out; the others wait for what it finds."""
        lock, users = self._flights.get(did) or (anyio.Lock(), 0)
        self._flights[did] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._flights.pop(did)
            if users > 1:
                self._flights[did] = lock, users - 1


def _again(error: TrustspaceError) -> TrustspaceError:
    """Copy an error without what it met on its way: a kept traceback keeps whole requests alive."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    if isinstance(copy, StatusError):
        copy.body = None
    return copy
