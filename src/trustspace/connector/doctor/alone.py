"""An examination without a connector: everything but what needs an identity.

Example::

    examine_alone("https://provider.example", role=Role.PROVIDER, listener=print)
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from trustspace.connector.doctor.doctor import examine
from trustspace.connector.doctor.examination import Examination
from trustspace.errors import UntrustedIssuerError
from trustspace.identity.did import DidWeb
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.connector.doctor.findings import Finding
    from trustspace.model.participant import Role

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def examine_alone(address: str, *, role: Role, listener: Callable[[Finding], None]) -> None:
    """Examine a counterparty without an identity of our own.

    Args:
        address: Its URL or DID. Only when it names this machine may this machine be called.
        role: As what it is examined.
        listener: Called with each finding as it comes.
    """
    is_local = _host(address) in LOOPBACK
    policy = EgressPolicy.development() if is_local else EgressPolicy()

    async def main() -> None:
        async with GuardedClient(policy) as client:
            examination = Examination(
                address, client, role=role, insecure_loopback=is_local, listener=listener
            )
            await examine(examination)

    anyio.run(main)


def _host(address: str) -> str:
    if address.startswith("did:"):
        try:
            return DidWeb.parse(address).host
        except UntrustedIssuerError:
            return ""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
