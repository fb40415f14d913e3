"""What a home's connector may call, and whose certificates it trusts.

Example::

    client = MessageClient(egress(home), trusted=authorities(home))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError
from trustspace.transport.guard import EgressPolicy

if TYPE_CHECKING:
    from trustspace.connector.home import Home

_PLAIN = "http://"


def authorities(home: Home) -> str | None:
    """Read the certificate authorities that are trusted beside the usual ones."""
    path = home.settings.trusted_authorities
    try:
        return Path(path).read_text(encoding="ascii") if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}",
            setting="trusted_authorities",
            hint="give a PEM file with certificates",
        ) from error


def source_egress(home: Home) -> EgressPolicy:
    """Return where the sources of a home's datasets may be.

    They are named by the owner alone, so that the hosts that the owner lists may be in a private
    network; nobody else's address ever comes under this policy.
    """
    if home.development:
        return EgressPolicy.development()
    listed = home.settings.delivery.source_hosts
    plain = {name.removeprefix(_PLAIN).lower() for name in listed if name.startswith(_PLAIN)}
    hosts = frozenset(plain | {name.lower() for name in listed if not name.startswith(_PLAIN)})
    if not hosts:
        return EgressPolicy()
    return EgressPolicy(ports=None, allow_hosts=hosts, plain_hosts=frozenset(plain))


def egress(home: Home) -> EgressPolicy:
    """Return where a home's connector may connect to."""
    if home.development:
        return EgressPolicy.development()
    return EgressPolicy()
