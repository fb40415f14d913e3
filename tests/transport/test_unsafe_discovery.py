"""Discovery where everybody is believed: roots, bases, names from catalogues."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.transport.conftest import Server
from tests.transport.test_discovery import Host

from trustspace.dsp.dialects import EDC, STRICT, Dialect
from trustspace.errors import (
    ConfigurationError,
    EgressDeniedError,
    RemoteProtocolError,
    StatusError,
)
from trustspace.transport import unsafe_discovery as module
from trustspace.transport.discovery import Counterparty
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient
from trustspace.transport.resolver import DidResolver
from trustspace.transport.unsafe_discovery import UnsafeDiscovery

pytestmark = pytest.mark.anyio


class Catalogs:
    """Tells whose catalogue is at a base, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.dialect: Dialect = EDC

    async def __call__(self, base: str) -> tuple[str, Dialect]:
        self.asked.append(base)
        return "edc-provider", self.dialect


@pytest.fixture
def host(serve: Callable[..., Server], answer_with: Callable[..., bytes]) -> Host:
    found = Host(answer_with)
    found.server = serve(found.answer)
    return found


@pytest.fixture
def catalogs() -> Catalogs:
    return Catalogs()


@pytest.fixture
async def discovery(host: Host, catalogs: Catalogs) -> AsyncIterator[UnsafeDiscovery]:
    async with GuardedClient(EgressPolicy.development()) as client:
        resolver = DidResolver(client, insecure_loopback=True, clock=lambda: host.seconds)
        yield UnsafeDiscovery(client, resolver, ask=catalogs, clock=lambda: host.seconds)


async def test_a_root_leads_to_its_base_and_the_catalogue_to_its_name(
    discovery: UnsafeDiscovery, host: Host, catalogs: Catalogs
) -> None:
    host.versions(host.entry(path="/2025-1"), at="/protocol")
    expected = Counterparty("edc-provider", f"{host.url}/protocol/2025-1", dialect=EDC)
    catalogs.dialect = STRICT
    for suffix in ("", "/", "/.well-known/dspace-version"):
        assert await discovery.discover(f"{host.url}/protocol{suffix}") == expected
    assert catalogs.asked == [expected.base]


async def test_a_base_is_a_base(discovery: UnsafeDiscovery, host: Host, catalogs: Catalogs) -> None:
    base = f"{host.url}/protocol/2025-1"
    assert await discovery.discover(base) == Counterparty("edc-provider", base, dialect=EDC)
    host.seconds += module.NAME_TTL.total_seconds()
    await discovery.discover(base + "/")
    assert catalogs.asked == [base, base]


async def test_a_name_in_the_version_document_is_believed(
    discovery: UnsafeDiscovery, host: Host, catalogs: Catalogs
) -> None:
    host.versions(host.entry("trustspace-bank"))
    found = await discovery.discover(host.url)
    assert found == Counterparty("trustspace-bank", f"{host.url}/garden/dsp")
    assert not catalogs.asked


async def test_several_names_are_told(discovery: UnsafeDiscovery, host: Host) -> None:
    host.versions(host.entry("one"), host.entry("two"))
    with pytest.raises(ConfigurationError, match="one, two"):
        await discovery.discover(host.url)


async def test_a_did_is_resolved_as_ever(discovery: UnsafeDiscovery, host: Host) -> None:
    did = host.announce()
    host.versions(host.entry(did), at="/garden")
    assert (await discovery.discover(did)).id == did


async def test_a_broken_peer_is_not_asked_further(
    discovery: UnsafeDiscovery, serve: Callable[..., Server], catalogs: Catalogs
) -> None:
    server = serve(lambda _: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(StatusError):
        await discovery.discover(f"http://localhost:{server.port}")
    with pytest.raises(EgressDeniedError):
        await discovery.discover("http://192.0.2.1/protocol")
    assert not catalogs.asked


async def test_other_versions_are_named(discovery: UnsafeDiscovery, host: Host) -> None:
    host.versions(host.entry(version="2024/1"), host.entry(version="v0.8"))
    with pytest.raises(RemoteProtocolError, match=r"speaks 2024/1, v0\.8; we speak 2025-1"):
        await discovery.discover(host.url)


async def test_names_are_forgotten_when_there_are_many(
    discovery: UnsafeDiscovery, host: Host, catalogs: Catalogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMES", 1)
    for path in ("a", "b", "a"):
        await discovery.discover(f"{host.url}/{path}")
    assert len(catalogs.asked) == 3
