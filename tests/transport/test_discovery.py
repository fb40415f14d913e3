"""Discovery: both documents name each other, or nobody is spoken with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.transport.conftest import Server

from trustspace.errors import (
    ConfigurationError,
    ConnectError,
    EgressDeniedError,
    RemoteProtocolError,
    StatusError,
    TrustspaceError,
    UntrustedIssuerError,
)
from trustspace.identity.did import Service, build_document, did_web
from trustspace.identity.keys import SigningKey
from trustspace.transport import discovery as discovery_module
from trustspace.transport.discovery import Counterparty, Discovery
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient
from trustspace.transport.resolver import DidResolver

pytestmark = pytest.mark.anyio
KEY = SigningKey.generate()
WELL_KNOWN = ".well-known/dspace-version"


@dataclass
class Host:
    """Serves JSON documents by path."""

    answer_with: Callable[..., bytes]
    server: Server = field(init=False)
    documents: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}"

    def did(self, name: str = "garden") -> str:
        return did_web("localhost", self.server.port, name)

    def announce(self, name: str = "garden", *services: tuple[str, str]) -> str:
        """Serve a DID document with services, by default the connector's root."""
        did = self.did(name)
        listed = [
            Service.of(did, kind, url)
            for kind, url in services or [("DataService", f"{self.url}/{name}/{WELL_KNOWN}")]
        ]
        self.documents[f"/{name}/did.json"] = build_document(did, KEY, listed).to_wire()
        return did

    def versions(self, *entries: dict[str, Any], at: str = "") -> None:
        self.documents[f"{at}/{WELL_KNOWN}"] = {"protocolVersions": list(entries)}

    def entry(self, did: str | None = None, **changes: Any) -> dict[str, Any]:
        made = {"version": "2025-1", "path": "/garden/dsp", "binding": "HTTPS"}
        if did is not None:
            made["serviceId"] = did
        return made | changes

    def answer(self, request: bytes) -> bytes:
        path = request.split(b" ")[1].decode()
        if path not in self.documents:
            return self.answer_with(b"{}", "404 Not Found")
        document = self.documents[path]
        return self.answer_with(
            document if isinstance(document, bytes) else json.dumps(document).encode()
        )


@pytest.fixture
def host(serve: Callable[..., Server], answer_with: Callable[..., bytes]) -> Host:
    found = Host(answer_with)
    found.server = serve(found.answer)
    return found


@pytest.fixture
async def discovery(host: Host) -> AsyncIterator[Discovery]:
    async with GuardedClient(EgressPolicy.development()) as client:
        resolver = DidResolver(client, insecure_loopback=True, clock=lambda: host.seconds)
        yield Discovery(client, resolver, clock=lambda: host.seconds)


@pytest.mark.parametrize("suffix", ["", "/", f"/{WELL_KNOWN}"])
async def test_a_root_leads_to_its_participant(
    discovery: Discovery, host: Host, suffix: str
) -> None:
    did = host.announce()
    host.versions(host.entry(did, profile=["urn:p", 1], auth={"protocol": "x", "version": "1"}))
    found = await discovery.discover(host.url + suffix)
    assert found == Counterparty(did, f"{host.url}/garden/dsp", frozenset({"urn:p"}))


async def test_a_root_may_have_a_path_and_a_path_no_slash(discovery: Discovery, host: Host) -> None:
    did = host.announce()
    host.versions(host.entry(did, path="dsp/", profile="urn:p"), at="/garden")
    found = await discovery.discover(f"{host.url}/garden/")
    assert found == Counterparty(did, f"{host.url}/garden/dsp", frozenset({"urn:p"}))
    host.versions(host.entry(did, path="/"), at="/other")
    assert (await discovery.discover(f"{host.url}/other")).base == f"{host.url}/other"


async def test_several_participants_are_named(discovery: Discovery, host: Host) -> None:
    dids = [host.announce(name) for name in ("garden", "bank")]
    host.versions(*(host.entry(did) for did in dids))
    with pytest.raises(ConfigurationError) as caught:
        await discovery.discover(host.url)
    assert all(did in str(caught.value) for did in dids)
    assert "DID" in caught.value.hint


async def test_other_versions_and_bindings_are_passed_over(
    discovery: Discovery, host: Host
) -> None:
    did = host.announce()
    host.versions(
        host.entry("did:web:x.example", version="2024-1"),
        host.entry("did:web:y.example", binding="MQTT"),
        host.entry(did, path="/a"),
        host.entry(did, path="/b"),
    )
    assert (await discovery.discover(host.url)).base == f"{host.url}/a"


async def test_a_stranger_cannot_speak_for_another(
    discovery: Discovery, host: Host, serve: Callable[..., Server]
) -> None:
    did = host.announce()
    evil = Host(host.answer_with)
    evil.server = serve(evil.answer)
    evil.versions(evil.entry(did))
    with pytest.raises(UntrustedIssuerError, match="does not name it"):
        await discovery.discover(evil.url)


@pytest.mark.parametrize(
    "endpoint",
    ["https://localhost:{port}/x", "http://127.0.0.1:{port}/x", "ftp://localhost:{port}/", "", "x"],
)
async def test_the_document_must_name_the_same_origin(
    discovery: Discovery, host: Host, endpoint: str
) -> None:
    did = host.announce("garden", ("DataService", endpoint.format(port=host.server.port)))
    host.versions(host.entry(did))
    with pytest.raises(UntrustedIssuerError):
        await discovery.discover(host.url)


@pytest.mark.parametrize("service_id", [None, "conn-1", "did:web:Localhost", "https://x.example"])
async def test_a_root_must_say_whose_it_is(
    discovery: Discovery, host: Host, service_id: str | None
) -> None:
    host.versions(host.entry(service_id))
    with pytest.raises(UntrustedIssuerError, match="does not say whose"):
        await discovery.discover(host.url)


async def test_a_did_leads_to_its_version_document(discovery: Discovery, host: Host) -> None:
    did, other = host.announce(), host.announce("bank")
    host.versions(host.entry(other, path="/bank"), host.entry(did, path="/dsp"), at="/garden")
    found = await discovery.discover(did)
    assert found == Counterparty(did, f"{host.url}/garden/dsp")


async def test_a_did_may_name_a_root_whose_only_entry_has_no_id(
    discovery: Discovery, host: Host
) -> None:
    did = host.announce("garden", ("DataService", f"{host.url}/root/"))
    host.versions(host.entry(path="/dsp"), at="/root")
    assert (await discovery.discover(did)).base == f"{host.url}/root/dsp"


async def test_a_did_may_name_its_catalogue_only(discovery: Discovery, host: Host) -> None:
    did = host.announce(
        "garden", ("CatalogService", f"{host.url}/x"), ("CatalogService", f"{host.url}/dsp/catalog")
    )
    assert await discovery.discover(did) == Counterparty(did, f"{host.url}/dsp")


@pytest.mark.parametrize(
    "services",
    [[("Other", "http://localhost/catalog")], [("CatalogService", "http://localhost/other")]],
)
async def test_a_did_that_names_no_endpoint_is_not_spoken_with(
    discovery: Discovery, host: Host, services: list[tuple[str, str]]
) -> None:
    did = host.announce("garden", *services)
    with pytest.raises(UntrustedIssuerError, match="neither"):
        await discovery.discover(did)


async def test_a_did_at_the_wrong_connector_is_not_spoken_with(
    discovery: Discovery, host: Host
) -> None:
    did = host.announce()
    for entries in (
        [host.entry("did:web:evil.example")],
        [host.entry(), host.entry()],
    ):
        host.versions(*entries, at="/garden")
        with pytest.raises(UntrustedIssuerError, match="does not serve"):
            await discovery.discover(did)
        host.seconds += 60


@pytest.mark.parametrize(
    "path",
    ["/a?b", "/a#b", "/a b", "/a\\b", "/é", "/a\r\nb", "/a[b"],
)
async def test_a_path_that_is_no_path_is_refused(
    discovery: Discovery, host: Host, path: str
) -> None:
    host.versions(host.entry(host.announce(), path=path))
    with pytest.raises(RemoteProtocolError, match="path"):
        await discovery.discover(host.url)


@pytest.mark.parametrize("path", ["@evil.example", ".evil.example", ":1/x", "//evil.example/x"])
async def test_p12_a_path_cannot_move_the_host(discovery: Discovery, host: Host, path: str) -> None:
    host.versions(host.entry(host.announce(), path=path))
    found = await discovery.discover(host.url)
    assert found.base.startswith(f"{host.url}/")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", RemoteProtocolError),
        (b"[]", RemoteProtocolError),
        (b"{}", RemoteProtocolError),
        (b'{"protocolVersions": []}', RemoteProtocolError),
        (b'{"protocolVersions": [{"version": "2024-1", "path": "/"}]}', RemoteProtocolError),
        (b'{"protocolVersions": [{"version": 1}]}', RemoteProtocolError),
        (b'{"protocolVersions": 1, "protocolVersions": []}', RemoteProtocolError),
        (b"x" * 1_048_577, TrustspaceError),
    ],
)
async def test_other_version_documents_are_refused(
    discovery: Discovery, host: Host, body: bytes, error: type[Exception]
) -> None:
    host.documents[f"/{WELL_KNOWN}"] = body
    with pytest.raises(error):
        await discovery.discover(host.url)


async def test_what_is_not_there_is_said(
    discovery: Discovery, host: Host, closed_port: int
) -> None:
    with pytest.raises(StatusError):
        await discovery.discover(host.url)
    with pytest.raises(ConnectError):
        await discovery.discover(f"http://127.0.0.1:{closed_port}")
    for address in ("http://10.0.0.1", "ftp://x", "nonsense", ""):
        with pytest.raises(EgressDeniedError):
            await discovery.discover(address)
    for did in ("did:key:z6Mk", "did:web:", "did:"):
        with pytest.raises(UntrustedIssuerError):
            await discovery.discover(did)


async def test_version_documents_are_kept_for_a_minute(
    discovery: Discovery, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = host.announce()
    host.versions(host.entry(did))
    for _ in range(3):
        await discovery.discover(host.url)
    assert len(host.server.requests) == 2
    host.seconds = 60
    await discovery.discover(host.url)
    assert len(host.server.requests) == 3

    monkeypatch.setattr(discovery_module, "MAX_VERSION_DOCUMENTS", 2)
    for at in ("/a", "/b", "/c"):
        host.versions(host.entry(did), at=at)
        await discovery.discover(host.url + at)
    assert list(discovery._versions) == [f"{host.url}/b", f"{host.url}/c"]
