"""The management interface on the wire: what a `Request` looks like as HTTP, and its answer.

Both clients use it, so that neither knows a header or a path of its own.

Example::

    management = Management("http://127.0.0.1:41235", token, timeout=timedelta(seconds=30))
    management.url_of(Request("GET", "participants"))  # 'http://127.0.0.1:41235/v1/participants'
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from trustspace.client.exchange import Request, Response
from trustspace.errors import ConfigurationError, StatusError
from trustspace.transport.guard import EgressPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""Lists of a connector with very many datasets stay below this."""

DEFAULT_TIMEOUT = timedelta(seconds=30)
"""A negotiation's first answer includes the counterparty's catalogue, hence not a short one."""


@dataclass(frozen=True, slots=True)
class Management:
    """Address and credentials of one management interface.

    Attributes:
        url: Its base URL, without ``/v1``.
        token: Bearer token; a secret.
        timeout: Longest time for an answer that the connector is not asked to hold.
        start_hint: What to do when nothing listens there; empty when that is not known.
    """

    url: str
    token: str = field(repr=False)
    timeout: timedelta = DEFAULT_TIMEOUT
    start_hint: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = f"{self.url!r} is not the URL of a management interface"
            hint = "write it as http://127.0.0.1:PORT; serve prints it"
            raise ConfigurationError(msg, setting="url", hint=hint)
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            msg = f"{self.url} would send the management token over the network in clear"
            raise ConfigurationError(msg, setting="url", hint="use https, or a tunnel to loopback")

    @property
    def egress(self) -> EgressPolicy:
        """What may be called: this host, which the token's owner named, whatever its address."""
        return EgressPolicy(
            allow_loopback=True,
            allow_http=True,
            ports=None,
            allow_hosts=frozenset({urlsplit(self.url).hostname or ""}),
            failure_floor=timedelta(0),
        )

    def url_of(self, request: Request) -> str:
        """Return the URL of a request."""
        query = f"?{urlencode(request.query)}" if request.query else ""
        return f"{self.url.rstrip('/')}/v1/{request.path}{query}"

    def headers_of(self, request: Request) -> dict[str, str]:
        """Return the headers of a request."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        return headers

    def deadline_of(self, request: Request) -> timedelta:
        """Return how long an answer may take."""
        return self.timeout + request.patience

    def read(
        self, status: int, headers: Mapping[str, str], body: bytes, elapsed: timedelta
    ) -> Response:
        """Read an answer.

        Raises:
            StatusError: A success that is not JSON: something else answers at this URL.
        """
        document: Any = None
        try:
            document = json.loads(body) if body else None
        except ValueError as error:
            if status < 400:
                msg = f"{self.url} answered {status} with something that is not JSON"
                hint = "check that it is a management URL, not the connector's public address"
                raise StatusError(msg, status=status, hint=hint) from error
        return Response(
            status=status,
            document=document,
            request_id=headers.get("x-request-id", ""),
            elapsed=elapsed,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
