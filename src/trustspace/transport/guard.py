"""Which addresses may be called: everything public, nothing of our own network.

A counterparty names callback addresses, DID hosts and data endpoints. Without a guard it could name
the cloud's metadata service or a printer in the next room, and read the answer from our behaviour.
The text of an address decides nothing, because one address has many spellings; what decides are the
addresses that it resolves to, and the connection goes to an address that was checked.

Example::

    policy = EgressPolicy()                                  # https to public addresses
    policy.check_url("https://provider.example/dsp")         # the URL, parsed once for all
    policy.check_address("169.254.169.254")                  # EgressDeniedError
    EgressPolicy.development().check_address("127.0.0.1")    # passes
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NoReturn

import httpx

from trustspace.errors import EgressDeniedError

DEFAULT_PORTS = frozenset({443, 8443})
"""Ports of https servers; every other port is more often something else."""
MAX_URL_LENGTH = 4_096
"""Characters."""

_UNFIT_CHARACTER: Final = re.compile(r"[\x00-\x20\x7f\\]")
# Letters, digits, dots, hyphens and, in IPv6, colons; no zone, no percent sign, no bracket.
_HOST: Final = re.compile(rb"[a-z0-9._-]+|[0-9a-f:.]+")
_SCHEME_PORTS: Final = {"https": 443, "http": 80}

# Only this block of IPv6 is assigned to hosts at all (RFC 4291, IANA). It leaves out IPv4-mapped
# and -compatible, NAT64 (64:ff9b::/96 reaches IPv4 inside), link-local, site-local, ULA, multicast.
_IPV6_HOSTS: Final = ip_network("2000::/3")
# Not hosts, or ways to reach an IPv4 address that the guard does not see. `is_global` is True for
# several of them on Python 3.11.
_NEVER: Final = tuple(
    ip_network(block)
    for block in (
        "2001::/32",  # Teredo, RFC 4380
        "2001:10::/28",  # ORCHID, RFC 4843
        "2001:20::/28",  # ORCHIDv2, RFC 7343
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
        "192.0.0.0/24",  # protocol assignments and one cloud's metadata service
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "168.63.129.16/32",  # the control address of one cloud, public by its number
    )
)
# What a named host of the owner's own network may resolve to; link-local, where the metadata
# services of clouds live, is not among them, nor are their two other addresses.
_PRIVATE: Final = tuple(
    ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_METADATA: Final = frozenset({ip_address("100.100.100.200"), ip_address("fd00:ec2::254")})


@dataclass(frozen=True)
class EgressPolicy:
    """What may be called.

    Attributes:
        allow_loopback: This machine too; for development.
        allow_http: Plain http too; for development.
        ports: Allowed ports, or None for any.
        allow_hosts: Host names, lower case, that may also resolve to addresses of private networks.
            Owners list here the hosts of their own network that they want called.
        plain_hosts: Of these, the hosts that may be called over plain http.
        failure_floor: The least time that a failed connection takes, so that its duration does not
            tell whether the address was refused by us or by the other side.
    """

    allow_loopback: bool = False
    allow_http: bool = False
    ports: frozenset[int] | None = DEFAULT_PORTS
    allow_hosts: frozenset[str] = field(default=frozenset())
    plain_hosts: frozenset[str] = field(default=frozenset())
    failure_floor: timedelta = timedelta(milliseconds=250)

    @classmethod
    def development(cls) -> EgressPolicy:
        """Return a policy for connectors on one machine: loopback, plain http, any port."""
        return cls(
            allow_loopback=True, allow_http=True, ports=None, failure_floor=timedelta(seconds=0)
        )

    def check_url(self, url: str) -> httpx.URL:
        """Check everything about a URL but the addresses of its host.

        Returns:
            The URL as the connection will read it; nobody parses it a second time.

        Raises:
            EgressDeniedError: Scheme, port or form is not allowed.
        """
        return _checked(self, url)

    def check_parsed_url(self, url: httpx.URL) -> None:
        """Do what `check_url` does for a URL that is parsed already.

        Raises:
            EgressDeniedError: Scheme, port or form is not allowed.
        """
        if url.scheme not in ("https", "http"):
            _deny("the scheme is not https")
        is_plain = self.allow_http or url.host.lower() in self.plain_hosts
        if url.scheme == "http" and not is_plain:
            _deny("plain http is for development only")
        if url.userinfo or not _HOST.fullmatch(url.raw_host):
            _deny("the URL has a user name or no proper host")
        port = _SCHEME_PORTS[url.scheme] if url.port is None else url.port
        if port == 0 or (self.ports is not None and port not in self.ports):
            _deny(f"port {port} is not among the allowed {sorted(self.ports or ())}")

    def check_address(self, address: str, *, host: str = "") -> None:
        """Check one address that a host resolved to.

        Args:
            address: IPv4 or IPv6 address as text.
            host: The name that resolved to it.

        Raises:
            EgressDeniedError: Nobody outside is reached there.
        """
        try:
            ip = ip_address(address)
        except ValueError:
            _deny("the host resolves to something that is no address")
        if self.allow_loopback and _is_loopback(ip):
            return
        if host.lower() in self.allow_hosts and _is_private(ip):
            return
        if not _is_public(ip):
            _deny("the host resolves to an address of this or a private network")


# The origins that a connector speaks with are few, and parsing is slow.
@lru_cache(maxsize=1_024)
def _checked(policy: EgressPolicy, url: str) -> httpx.URL:
    if len(url) > MAX_URL_LENGTH or _UNFIT_CHARACTER.search(url):
        _deny("the URL is too long or has characters that no URL has")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        _deny("the URL cannot be read")
    policy.check_parsed_url(parsed)
    return parsed


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if any(ip in block for block in _NEVER):
        return False
    is_host = isinstance(ip, IPv4Address) or ip in _IPV6_HOSTS
    return is_host and ip.is_global and not ip.is_multicast and not ip.is_reserved


def _is_private(ip: IPv4Address | IPv6Address) -> bool:
    return ip not in _METADATA and (_is_loopback(ip) or any(ip in block for block in _PRIVATE))


def _is_loopback(ip: IPv4Address | IPv6Address) -> bool:
    # From Python 3.13 on, `is_loopback` is also true of IPv4-mapped addresses.
    return ip.is_loopback and getattr(ip, "ipv4_mapped", None) is None


def _deny(reason: str) -> NoReturn:
    raise EgressDeniedError(
        f"The egress guard refuses the address: {reason}",
        hint="Only a development home calls this machine; allow_hosts names hosts of one's network",
    ) from None
