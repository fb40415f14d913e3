"""`did:web` identifiers and the documents behind them.

A participant is its DID, compared character by character: no case folding, no decoding, no prefix.
That only works when every identity has one spelling, so the method's grammar is read narrowly:
lower-case host, ``%3A`` as the only escape, no empty or dotted segment, no address as host.

Example::

    did = did_web("localhost", 8000, "garden")            # 'did:web:localhost%3A8000:garden'
    document_url(did, insecure_loopback=True)              # 'http://localhost:8000/garden/did.json'
    document = build_document(did, key, [Service.of(did, "DataService", "https://…")])
    parse_document(document.to_wire(), did).token_keys     # {'did:web:…#…': VerificationKey(…)}
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from trustspace.errors import ConfigurationError, RemoteProtocolError, UntrustedIssuerError
from trustspace.identity.keys import Jwk, SigningKey, VerificationKey
from trustspace.model.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_DID_LENGTH = 512
"""Characters; a host has at most 253, the rest is the participant's path."""
MAX_METHODS = 32
"""Keys of one document that are looked at."""
MAX_SERVICES = 64
"""Services of one document that are looked at."""

_PREFIX: Final = "did:web:"
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}\Z")
_SEGMENT: Final = re.compile(r"(?!\.+\Z)[A-Za-z0-9._-]+\Z")
# What a resolver would read as an IPv4 address in one of its odd spellings.
_NUMBER_LABEL: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_LOOPBACK_ADDRESS: Final = "127.0.0.1"

_CONTEXTS: Final = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/jws-2020/v1",
]


@dataclass(frozen=True)
class DidWeb:
    """The parts of a ``did:web`` identifier.

    Attributes:
        host: Lower-case host name.
        port: TCP port, or None for the scheme's own.
        path: Path segments; empty when the document lies under ``/.well-known``.
    """

    host: str
    port: int | None = None
    path: tuple[str, ...] = ()

    @classmethod
    def parse(cls, did: str) -> DidWeb:
        """Take an identifier apart.

        Raises:
            UntrustedIssuerError: It is not a ``did:web`` in its one spelling.
        """
        if len(did) > MAX_DID_LENGTH or not did.startswith(_PREFIX):
            raise UntrustedIssuerError("An identity is not a did:web")
        authority, *path = did.removeprefix(_PREFIX).split(":")
        host, escape, port = authority.partition("%3A")
        if not _is_host(host) or not all(_SEGMENT.match(segment) for segment in path):
            raise UntrustedIssuerError("A did:web has a host or path in another spelling")
        if not escape:
            return cls(host, None, tuple(path))
        if not _PORT.match(port) or int(port) > 65_535:
            raise UntrustedIssuerError("A did:web has an impossible port")
        return cls(host, int(port), tuple(path))

    @property
    def is_loopback(self) -> bool:
        """Whether the host names this machine."""
        return self.host in ("localhost", _LOOPBACK_ADDRESS) or self.host.endswith(".localhost")

    def __str__(self) -> str:
        authority = self.host if self.port is None else f"{self.host}%3A{self.port}"
        return _PREFIX + ":".join((authority, *self.path))


def did_web(host: str, port: int | None = None, *path: str) -> str:
    """Make an identifier.

    Args:
        host: Host name; upper case is folded here, once, because it names the same host.
        port: TCP port, or None when the scheme's own is used.
        path: Segments, for example the participant's name.

    Raises:
        ConfigurationError: The result would not be a valid ``did:web``.
    """
    did = str(DidWeb(host.lower(), port, path))
    try:
        DidWeb.parse(did)
    except UntrustedIssuerError as error:
        raise ConfigurationError(
            f"{did!r} cannot be a DID: {error}",
            setting="public_url",
            hint="Use a host name; names consist of letters, digits, '.', '_' and '-'",
        ) from error
    return did


def document_url(did: str, *, insecure_loopback: bool = False) -> str:
    """Return where the DID document lies (did:web method, "Read").

    Args:
        did: The identifier.
        insecure_loopback: Use plain http when the host is this machine; for development only.

    Raises:
        UntrustedIssuerError: It is not a ``did:web`` in its one spelling.
    """
    parts = DidWeb.parse(did)
    scheme = "http" if insecure_loopback and parts.is_loopback else "https"
    authority = parts.host if parts.port is None else f"{parts.host}:{parts.port}"
    return "/".join((f"{scheme}://{authority}", *(parts.path or (".well-known",)), "did.json"))


class VerificationMethod(Value):
    """A key of the document, under an absolute or relative id."""

    id: str
    type: str
    controller: str
    public_key_jwk: Jwk | None = Field(default=None, alias="publicKeyJwk")


class Service(Value):
    """An endpoint that the participant announces as its own."""

    id: str
    type: str | tuple[str, ...]
    service_endpoint: Any = Field(alias="serviceEndpoint")

    @classmethod
    def of(cls, did: str, kind: str, endpoint: str) -> Service:
        """Announce one endpoint.

        Args:
            did: Whose endpoint it is.
            kind: ``DataService``, ``CatalogService`` (DSP 2025-1) or ``CredentialService`` (DCP).
            endpoint: URL.
        """
        return cls(id=f"{did}#{kind}", type=kind, service_endpoint=endpoint)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The service's types."""
        return (self.type,) if isinstance(self.type, str) else self.type

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs; the objects that DID Core also allows are left out."""
        found = self.service_endpoint
        listed = found if isinstance(found, list) else [found]
        return tuple(url for url in listed if isinstance(url, str))


class DidDocument(Value):
    """A participant's keys and services (DID Core 1.0, section 5)."""

    id: str
    verification_methods: tuple[VerificationMethod, ...] = Field(
        default=(), alias="verificationMethod", max_length=MAX_METHODS
    )
    authentication: tuple[str | VerificationMethod, ...] = Field(default=(), max_length=MAX_METHODS)
    assertion_method: tuple[str | VerificationMethod, ...] = Field(
        default=(), alias="assertionMethod", max_length=MAX_METHODS
    )
    capability_invocation: tuple[str | VerificationMethod, ...] = Field(
        default=(), alias="capabilityInvocation", max_length=MAX_METHODS
    )
    services: tuple[Service, ...] = Field(default=(), alias="service", max_length=MAX_SERVICES)

    @cached_property
    def token_keys(self) -> Mapping[str, VerificationKey]:
        """Keys by absolute id that may sign the participant's tokens.

        DCP 1.0 names ``capabilityInvocation``; documents of existing peers list the same key under
        ``authentication`` only, which DID Core means for exactly this use.
        """
        return self._keys((*self.capability_invocation, *self.authentication))

    @cached_property
    def assertion_keys(self) -> Mapping[str, VerificationKey]:
        """Keys by absolute id that may sign statements such as agreements."""
        return self._keys(self.assertion_method)

    def methods(self) -> Mapping[str, VerificationMethod]:
        """Every method, embedded ones included, by absolute id.

        Raises:
            UntrustedIssuerError: Two different methods share one id.
        """
        found: dict[str, VerificationMethod] = {}
        for entry in (
            *self.verification_methods,
            *self.authentication,
            *self.assertion_method,
            *self.capability_invocation,
        ):
            if isinstance(entry, VerificationMethod) and entry != found.setdefault(
                self._absolute(entry.id), entry
            ):
                raise UntrustedIssuerError("A DID document lists two keys under one id")
        return found

    def _keys(self, listed: Sequence[str | VerificationMethod]) -> Mapping[str, VerificationKey]:
        """Resolve a relationship; keys of a kind we cannot use are as if absent."""
        methods = self.methods()
        found = {}
        for entry in listed:
            key_id = self._absolute(entry if isinstance(entry, str) else entry.id)
            key = self._usable(methods[key_id], key_id) if key_id in methods else None
            if key is not None:
                found[key_id] = key
        return found

    def _usable(self, method: VerificationMethod, key_id: str) -> VerificationKey | None:
        is_own = key_id.startswith(f"{self.id}#") and method.controller == self.id
        if not is_own or method.public_key_jwk is None:
            return None
        try:
            return VerificationKey.from_jwk(method.public_key_jwk)
        except UntrustedIssuerError:
            return None

    def _absolute(self, method_id: str) -> str:
        return self.id + method_id if method_id.startswith("#") else method_id


def build_document(
    did: str, key: SigningKey, services: Sequence[Service] = (), *, retired: Sequence[Jwk] = ()
) -> DidDocument:
    """Make the document of a participant of ours.

    Args:
        did: Whose document it is.
        key: The key that signs its tokens, listed under all three relationships.
        services: Endpoints to announce; every one is taken as the participant's own by others.
        retired: Public JWKs with ``kid`` that are rolled over and stay valid for a while.
    """
    jwks = [key.jwk(), *retired]
    ids = tuple(f"{did}#{jwk['kid']}" for jwk in jwks)
    # Conformance kits refuse a method or service with any further member.
    methods = [
        {"id": key_id, "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": jwk}
        for key_id, jwk in zip(ids, jwks, strict=True)
    ]
    return DidDocument.model_validate(
        {
            "@context": _CONTEXTS,
            "id": did,
            "verificationMethod": methods,
            "authentication": ids,
            "assertionMethod": ids,
            "capabilityInvocation": ids,
            "service": services,
        }
    )


def parse_document(document: object, expected_did: str) -> DidDocument:
    """Read a fetched document.

    Args:
        document: Decoded JSON.
        expected_did: The DID that was resolved.

    Raises:
        UntrustedIssuerError: It is no DID document, is somebody else's, or lists two keys under one
            id.
    """
    if not isinstance(document, dict):
        raise UntrustedIssuerError("A DID document is not an object")
    try:
        parsed = DidDocument.read(document)
    except RemoteProtocolError as error:
        raise UntrustedIssuerError(str(error)) from error
    if parsed.id != expected_did:
        raise UntrustedIssuerError("A DID document is somebody else's")
    parsed.methods()
    return parsed


def service_endpoints(document: DidDocument, kind: str | None = None) -> tuple[str, ...]:
    """Return the URLs that a participant announces as its own.

    Args:
        document: The participant's document.
        kind: Only services of this type, for example ``DataService``.
    """
    return tuple(
        url
        for service in document.services
        if kind is None or kind in service.kinds
        for url in service.endpoints
    )


def _is_host(host: str) -> bool:
    if host == _LOOPBACK_ADDRESS:
        return True
    labels = host.split(".")
    return (
        len(host) <= 253
        and all(_LABEL.match(label) for label in labels)
        and not _NUMBER_LABEL.match(labels[-1])
    )
