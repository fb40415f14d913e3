"""From an address to a counterparty: whose it is, and where its protocol endpoints are.

Our user names a URL or a DID. A URL leads to the version document (DSP 2025-1, "Exposure of
Versions"), which names a DID; a DID leads to its document, which names the URL (DSP 2025-1,
"Discovery of Service Endpoints"). Both must agree. Otherwise a stranger could name somebody else's
DID, receive the tokens that we issue for that participant, and use them there.

Example::

    counterparty = await Discovery(client, resolver).discover("https://provider.example")
    counterparty.id     # 'did:web:provider.example:garden'
    counterparty.base   # 'https://provider.example/garden/dsp'
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from trustspace.dsp.binding import VERSION, VERSION_PATH
from trustspace.dsp.dialects import Dialect, recognise_versions
from trustspace.dsp.messages import ProtocolVersion, VersionResponse
from trustspace.errors import (
    ConfigurationError,
    EgressDeniedError,
    RemoteProtocolError,
    UntrustedIssuerError,
)
from trustspace.identity.did import DidDocument, DidWeb, service_endpoints
from trustspace.transport.http_client import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from trustspace.model.participant import ParticipantId
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.resolver import DidResolver

MAX_VERSION_BYTES = 1_048_576
"""A root may host many participants, each with an entry."""
VERSION_TTL = timedelta(seconds=60)
"""How long a version document is kept; a loop of negotiations asks once."""
MAX_VERSION_DOCUMENTS = 64

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*\Z")
_CATALOG_SUFFIX: Final = "/catalog"


@dataclass(frozen=True)
class Counterparty:
    """Somebody to speak with.

    Attributes:
        id: Its DID, the audience of our tokens.
        base: URL to which the protocol's paths are appended.
        profiles: Profiles that its version document announces.
        dialect: The dialect that its version document shows, or None.
    """

    id: ParticipantId
    base: str
    profiles: frozenset[str] = frozenset()
    dialect: Dialect | None = None


class Discovery:
    """Finds counterparties; for one event loop.

    Args:
        client: The guarded client.
        resolver: The resolver of DID documents.
        deadline: How long a version document may take.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: GuardedClient,
        resolver: DidResolver,
        *,
        deadline: timedelta = DEADLINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._resolver = resolver
        self._clock = clock
        self._deadline = deadline
        self._versions: OrderedDict[str, tuple[tuple[ProtocolVersion, ...], float]] = OrderedDict()

    async def discover(self, address: str) -> Counterparty:
        """Find out who is at an address.

        Args:
            address: URL of a connector's root, or a DID.

        Raises:
            ConfigurationError: Several participants are at the root; names their DIDs.
            UntrustedIssuerError: The root and the DID document do not name each other.
            RemoteProtocolError: It does not speak a version of the protocol that we speak.
            StatusError: There is no version document, or no DID document.
            TransportError: It cannot be reached, or the guard refuses it.
        """
        if address.startswith("did:"):
            return await self._by_did(address)
        return await self._by_root(root_of(address))

    async def _by_root(self, root: str) -> Counterparty:
        entries = await self._entries(root)
        dids = sorted({entry.service_id or "" for entry in entries if _is_did(entry.service_id)})
        if not dids:
            raise UntrustedIssuerError(
                f"The connector at {root} does not say whose it is",
                hint="Give the participant's DID as the address",
            )
        if len(dids) > 1:
            raise ConfigurationError(
                f"{len(dids)} participants are at {root}: {', '.join(dids[:20])}",
                setting="address",
                hint="Give the DID of one of them as the address",
            )
        counterparty = self._counterparty(root, entries, dids[0])
        document = await self._resolver.look_up(dids[0])
        origins = {self._origin(url) for url in service_endpoints(document)}
        if self._origin(counterparty.base) not in origins:
            raise UntrustedIssuerError(
                f"{root} claims to be {dids[0]}, whose DID document does not name it",
                hint="Announce the connector's address as a service in the DID document",
            )
        return counterparty

    async def _by_did(self, did: str) -> Counterparty:
        document = await self._resolver.look_up(did)
        root = _announced_root(document)
        if root is not None:
            return self._counterparty(root, await self._entries(root), did)
        for endpoint in service_endpoints(document, "CatalogService"):
            if endpoint.endswith(_CATALOG_SUFFIX):
                base = endpoint.removesuffix(_CATALOG_SUFFIX)
                self._client.policy.check_url(base)
                return Counterparty(did, base)
        raise UntrustedIssuerError(
            f"The DID document of {did} names neither a DataService nor a CatalogService",
            hint="Give the connector's URL as the address",
        )

    def _counterparty(
        self, root: str, entries: Sequence[ProtocolVersion], did: str
    ) -> Counterparty:
        """Choose the participant's entry; one without ``serviceId`` counts when it is the only."""
        own = [entry for entry in entries if entry.service_id == did]
        if not own and len(entries) == 1 and entries[0].service_id is None:
            own = list(entries)
        if not own:
            raise UntrustedIssuerError(f"The connector at {root} does not serve {did}")
        return self._at(root, own[0], did)

    def _at(self, root: str, entry: ProtocolVersion, participant: ParticipantId) -> Counterparty:
        """Return the counterparty that an entry of a version document leads to."""
        path = "/" + entry.path.strip("/")
        if not _PATH.match(path):
            raise RemoteProtocolError(
                f"The version document at {root} has a path that is none", code="version.path"
            )
        base = root + path.rstrip("/")
        self._client.policy.check_url(base)
        return Counterparty(participant, base, _profiles(entry), recognise_versions([entry]))

    async def _entries(self, root: str) -> tuple[ProtocolVersion, ...]:
        """Return the entries of a version document in our version, kept for a minute."""
        kept = self._versions.get(root)
        if kept is not None and kept[1] > self._clock():
            return kept[0]
        answer = await self._client.request(
            "GET",
            f"{root}/{VERSION_PATH}",
            headers={"accept": "application/json"},
            max_bytes=MAX_VERSION_BYTES,
            deadline=self._deadline,
        )
        found = VersionResponse.read(_object(answer.expect(200).json(), root))
        entries = tuple(
            entry
            for entry in found.protocol_versions
            if entry.version == VERSION and entry.binding in (None, "HTTPS")
        )
        if not entries:
            spoken = sorted({f"{entry.version[:40]}" for entry in found.protocol_versions})
            raise RemoteProtocolError(
                f"The connector at {root} speaks {', '.join(spoken[:20])}; we speak {VERSION} "
                "over HTTPS",
                code="version.none",
                hint=f"ask its operator for version {VERSION} of the Dataspace Protocol",
            )
        self._versions[root] = entries, self._clock() + VERSION_TTL.total_seconds()
        self._versions.move_to_end(root)
        while len(self._versions) > MAX_VERSION_DOCUMENTS:
            self._versions.popitem(last=False)
        return entries

    def _origin(self, url: str) -> tuple[str, str, int | None] | None:
        """Return scheme, host and port as the guard reads them, or None when it refuses."""
        try:
            parsed: httpx.URL = self._client.policy.check_url(url)
        except EgressDeniedError:
            return None
        return parsed.scheme, parsed.host, parsed.port


def root_of(address: str) -> str:
    """Return the root that a URL names, with or without the path of its version document."""
    return address.strip().removesuffix(f"/{VERSION_PATH}").rstrip("/")


def _announced_root(document: DidDocument) -> str | None:
    """Return the root of the version document that a DID document names."""
    endpoints = service_endpoints(document, "DataService")
    exact = [url for url in endpoints if url.endswith(f"/{VERSION_PATH}")]
    for url in exact or endpoints:
        return root_of(url)
    return None


def _is_did(service_id: str | None) -> bool:
    try:
        DidWeb.parse(service_id or "")
    except UntrustedIssuerError:
        return False
    return True


def _profiles(entry: ProtocolVersion) -> frozenset[str]:
    own = (entry.model_extra or {}).get("profile")
    profiles = own if isinstance(own, list) else [own]
    return frozenset(profile for profile in profiles if isinstance(profile, str))


def _object(document: object, root: str) -> dict[str, object]:
    if not isinstance(document, dict):
        raise RemoteProtocolError(
            f"The version document at {root} is not an object", code="version.malformed"
        )
    return document
