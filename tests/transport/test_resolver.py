"""DID documents: kept for minutes, fetched once, refused alike (rows S8, J12, J13)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from tests.transport.conftest import Server

from trustspace.errors import (
    ConnectError,
    EgressDeniedError,
    StatusError,
    TrustspaceError,
    UntrustedIssuerError,
)
from trustspace.identity.did import build_document, did_web
from trustspace.identity.identity_provider import bearer_header, verify_header
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue
from trustspace.transport import resolver as resolver_module
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient
from trustspace.transport.http_transport import ConnectionLimits
from trustspace.transport.resolver import DidResolver

pytestmark = pytest.mark.anyio
QUICK = ConnectionLimits(connect_time=timedelta(milliseconds=200))
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Host:
    """Serves one participant's document, which can change or fail."""

    answer_with: Callable[..., bytes]
    server: Server = field(init=False)
    key: SigningKey = field(default_factory=SigningKey.generate)
    fails: bytes | None = None
    seconds: float = 0.0

    @property
    def did(self) -> str:
        return did_web("localhost", self.server.port, "garden")

    @property
    def fetches(self) -> int:
        return len(self.server.requests)

    def answer(self, _: bytes) -> bytes:
        if self.fails is not None:
            return self.fails
        return self.answer_with(json.dumps(build_document(self.did, self.key).to_wire()).encode())

    def clock(self) -> float:
        return self.seconds


@pytest.fixture
def host(serve: Callable[..., Server], answer_with: Callable[..., bytes]) -> Host:
    found = Host(answer_with)
    found.server = serve(found.answer)
    return found


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient(EgressPolicy.development(), limits=QUICK) as client:
        yield client


@pytest.fixture
async def resolver(client: GuardedClient, host: Host) -> DidResolver:
    return DidResolver(client, insecure_loopback=True, clock=host.clock)


async def test_a_document_is_fetched_once(resolver: DidResolver, host: Host) -> None:
    document = await resolver.resolve(host.did, kid=host.key.key_id(host.did))
    assert await resolver.resolve(host.did) is document
    assert await resolver.look_up(host.did) is document
    assert host.fetches == 1
    request = host.server.requests[0].lower()
    assert request.startswith(b"get /garden/did.json ")
    assert b"accept: application/did+json, application/json" in request
    assert b"authorization" not in request


async def test_many_at_once_cause_one_fetch(resolver: DidResolver, host: Host) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(resolver.resolve, host.did)
    assert host.fetches == 1
    assert resolver._flights == {}


async def test_j12_a_removed_key_stops_working_when_the_document_is_old(
    resolver: DidResolver, host: Host
) -> None:
    removed = host.key

    async def is_believed() -> bool:
        header = bearer_header(issue(removed, issuer=host.did, audience="b", now=NOW))
        document = await resolver.resolve(host.did, kid=removed.key_id(host.did))
        try:
            verify_header(header, document=document, audience="b", now=NOW)
        except UntrustedIssuerError:
            return False
        return True

    assert await is_believed()
    host.key = SigningKey.generate()
    host.seconds = 299
    assert await is_believed()
    host.seconds = 300
    assert not await is_believed()
    assert host.fetches <= 3


async def test_a_new_key_works_at_once(resolver: DidResolver, host: Host) -> None:
    await resolver.resolve(host.did)
    host.key = SigningKey.generate()
    key_id = host.key.key_id(host.did)
    document = await resolver.resolve(host.did, kid=key_id)
    assert key_id in document.token_keys
    assert host.fetches == 2


async def test_j13_unknown_keys_cause_one_fetch_a_minute(resolver: DidResolver, host: Host) -> None:
    for number in range(1_000):
        await resolver.resolve(host.did, kid=f"{host.did}#{number}")
    assert host.fetches == 2
    host.seconds = 59
    await resolver.resolve(host.did, kid="#x")
    assert host.fetches == 2
    host.seconds = 60
    await resolver.resolve(host.did, kid="#x")
    await resolver.resolve(host.did, kid="#y")
    assert host.fetches == 3


async def test_j13_unknown_keys_at_once_cause_one_fetch(resolver: DidResolver, host: Host) -> None:
    async def resolve(number: int) -> None:
        await resolver.resolve(host.did, kid=f"{host.did}#{number}")

    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(resolve, number)
    assert host.fetches == 2


async def test_a_failure_is_remembered_for_a_moment(resolver: DidResolver, host: Host) -> None:
    host.fails = host.answer_with(b"{}", "404 Not Found")
    for _ in range(100):
        with pytest.raises(UntrustedIssuerError):
            await resolver.resolve(host.did, kid="#x")
        with pytest.raises(StatusError):
            await resolver.look_up(host.did)
    assert host.fetches == 1
    host.fails, host.seconds = None, 5
    assert (await resolver.resolve(host.did)).id == host.did


async def test_a_failed_refresh_changes_nothing(resolver: DidResolver, host: Host) -> None:
    document = await resolver.resolve(host.did)
    host.fails = host.answer_with(b"", "500 Oops")
    for _ in range(5):
        assert await resolver.resolve(host.did, kid="#x") is document
    assert await resolver.resolve(host.did) is document
    assert host.fetches == 2
    host.seconds = 300
    with pytest.raises(UntrustedIssuerError):
        await resolver.resolve(host.did)


async def test_a_forgotten_document_is_fetched_for_an_unknown_key(
    resolver: DidResolver, host: Host
) -> None:
    document = await resolver.resolve(host.did)
    resolver._entries.clear()
    assert await resolver._refresh(host.did, document) == document
    resolver._entries.clear()
    host.fails = host.answer_with(b"", "500 Oops")
    assert await resolver._refresh(host.did, document) is document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"id": "did:web:evil.example"}',
        b'{"id": "a", "id": "b"}',
        b"[" * 1_000,
    ],
)
async def test_other_documents_are_refused(resolver: DidResolver, host: Host, body: bytes) -> None:
    host.fails = host.answer_with(body)
    with pytest.raises(UntrustedIssuerError):
        await resolver.look_up(host.did)
    with pytest.raises(UntrustedIssuerError):
        await resolver.resolve(host.did)


async def test_a_large_document_is_refused(resolver: DidResolver, host: Host) -> None:
    host.fails = host.answer_with(b'{"x": "' + b"x" * 262_144 + b'"}')
    with pytest.raises(TrustspaceError, match="262144"):
        await resolver.look_up(host.did)


async def test_no_request_for_what_is_no_did(resolver: DidResolver, host: Host) -> None:
    for did in ("did:web:Localhost", "did:key:z6Mk", "did:web:localhost:..", "https://a.example"):
        with pytest.raises(UntrustedIssuerError):
            await resolver.resolve(did)
    assert host.fetches == 0


async def test_s8_whatever_fails_reads_the_same(
    client: GuardedClient, host: Host, closed_port: int, serve: Callable[..., Server]
) -> None:
    policy = EgressPolicy(allow_loopback=True, ports=None, failure_floor=timedelta(0))
    plain = serve(lambda _: host.answer_with(b"{}"))
    told = set()
    async with GuardedClient(policy, limits=QUICK) as strict:
        for one, did in (
            (DidResolver(strict), f"did:web:localhost%3A{closed_port}:x"),
            (DidResolver(strict), f"did:web:localhost%3A{plain.port}:x"),
            (DidResolver(client, insecure_loopback=True), f"did:web:localhost%3A{plain.port}:x"),
            (DidResolver(GuardedClient()), f"did:web:localhost%3A{plain.port}:x"),
        ):
            with pytest.raises(UntrustedIssuerError) as caught:
                await one.resolve(did)
            told.add(str(caught.value).replace(did, ""))
            assert caught.value.__cause__ is not None
    assert len(told) == 1


async def test_our_own_user_is_told_what_failed(
    client: GuardedClient, resolver: DidResolver, host: Host, closed_port: int
) -> None:
    with pytest.raises(ConnectError):
        await resolver.look_up(f"did:web:localhost%3A{closed_port}:x")
    # Over https, because it was not allowed to be otherwise.
    with pytest.raises(ConnectError):
        await DidResolver(client).look_up(host.did)
    async with GuardedClient(EgressPolicy(failure_floor=timedelta(0))) as guarded:
        with pytest.raises(EgressDeniedError):
            await DidResolver(guarded, insecure_loopback=True).look_up(host.did)
    assert host.fetches == 0


async def test_strangers_cannot_fill_the_memory(
    resolver: DidResolver, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    await resolver.resolve(host.did)
    kept = resolver._kept_bytes + 2 * resolver_module.FAILURE_BYTES
    monkeypatch.setattr(resolver_module, "MAX_KEPT_BYTES", kept)
    for numbers in (range(2), range(2, 4)):
        for number in numbers:
            with pytest.raises(UntrustedIssuerError):
                await resolver.resolve(f"did:web:x{number}.x:..")
        await resolver.resolve(host.did)
    assert len(resolver._entries) == 3
    assert host.fetches == 1
    for number in range(4, 7):
        with pytest.raises(UntrustedIssuerError):
            await resolver.resolve(f"did:web:x{number}.x:..")
    assert host.did not in resolver._entries
    assert resolver._kept_bytes == sum(entry.size for entry in resolver._entries.values()) <= kept


async def test_a_remembered_failure_keeps_no_request_alive(
    resolver: DidResolver, host: Host
) -> None:
    host.fails = host.answer_with(b'{"large": 1}', "503 Busy")
    for _ in range(2):
        with pytest.raises(StatusError) as caught:
            await resolver.look_up(host.did)
        assert (caught.value.status, caught.value.retryable, caught.value.body) == (503, True, None)
    kept = resolver._entries[host.did].found
    assert isinstance(kept, StatusError)
    assert (kept.__traceback__, kept.__context__, kept.__cause__) == (None, None, None)


async def test_a_given_up_fetch_does_not_hold_the_others_up(
    resolver: DidResolver, host: Host, silent: int
) -> None:
    slow = f"did:web:localhost%3A{silent}:x"
    async with anyio.create_task_group() as group:
        group.start_soon(resolver.resolve, slow)
        await anyio.sleep(0.05)
        assert (await resolver.resolve(host.did)).id == host.did
        group.cancel_scope.cancel()
    assert resolver._flights == {}
