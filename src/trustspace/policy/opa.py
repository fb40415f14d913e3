"""The policy engine as an OPA server, reached through ``opa-python-client``.

The server loads the sources that the module in process was compiled from (`source_bundle`), so both
give the same decisions. A request is answered within a second whatever the server does: one that is
slow, down, holds other rules or answers garbage gives a denial that starts with ``engine.``. There
is no falling back to the other engine. After a few failures in a row the server is left alone for
a moment, so that a dead one does not hold up every request.

Example::

    engine = OpaEngine("http://127.0.0.1:8181", token="…")
    engine.decide(request).allow
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from opa_client.opa import OpaClient

from trustspace.errors import ConfigurationError
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.engine import (
    EngineFaultError,
    denial,
    encode,
    read_decision,
    read_decisions,
    read_trace,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.policy.decision import Decision, DecisionRequest, Trace

DEADLINE = 0.9
"""Seconds for one question, the wait for a free connection included."""

CONNECTIONS = 8
"""Questions asked at a time."""

SLICE = 200
"""Requests of one question in `OpaEngine.decide_many`."""

FAILURES = 5
"""Failures in a row after which the server is left alone."""

PAUSE = 1.0
"""Seconds for which a failing server is left alone."""

_PACKAGE = "trustspace.v1"


class OpaEngine:
    """Decides by asking an OPA server; safe to share between threads.

    Args:
        url: Root URL of the server, ``http`` on this machine or ``https``.
        token: Bearer token that the server asks for, or None.
        revision: Revision of the rules that the server has to hold; by default that of the rules
            which come with the package.
        deadline: Seconds for one question.

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        revision: str | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._address = _Address.of(url)
        self._token = token
        self._revision = revision or CompiledPolicy.shipped().revision()
        self._deadline = deadline
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="policy-opa")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._failures = 0
        self._paused_until = 0.0

    @property
    def revision(self) -> str:
        """Digest of the policy sources."""
        return self._revision

    def close(self) -> None:
        """Forget the threads; questions under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def decide(self, request: DecisionRequest) -> Decision:
        """Return the decision, or a denial with an ``engine.*`` reason."""
        try:
            answer = self._ask("decide", encode(request))
            return read_decision(answer, request, self._revision)
        except EngineFaultError as fault:
            return denial(request, fault.code, self._revision)

    def decide_many(self, requests_: Sequence[DecisionRequest]) -> list[Decision]:
        """Return one decision per request, in their order."""
        decisions: list[Decision] = []
        for start in range(0, len(requests_), SLICE):
            decisions += self._decide_slice(requests_[start : start + SLICE])
        return decisions

    def trace(self, request: DecisionRequest) -> Trace | None:
        """Return how every rule came out, or None when the engine failed."""
        try:
            return read_trace(self._ask("trace", encode(request)), request, self._revision)
        except EngineFaultError:
            return None

    def _decide_slice(self, part: Sequence[DecisionRequest]) -> list[Decision]:
        try:
            document = b'{"requests":[' + b",".join(map(encode, part)) + b"]}"
            answer = self._ask("decide_many", document)
            return read_decisions(answer, part, self._revision)
        except EngineFaultError:
            return [self.decide(request) for request in part]

    def _ask(self, rule: str, document: bytes) -> bytes:
        """Ask one question and return the answer in OPA's form ``[{"result": …}]``.

        Raises:
            EngineFaultError: There is no answer in time, or it is none.
        """
        with self._lock:
            if time.monotonic() < self._paused_until:
                raise EngineFaultError("engine.unavailable", "the server failed a moment ago")
        asked: Future[Any] = self._threads.submit(self._post, rule, json.loads(document))
        try:
            body = asked.result(self._deadline)
        except (LateError, requests.Timeout) as error:
            asked.cancel()
            self._count(failed=True)
            raise EngineFaultError("engine.deadline", "no answer in time") from error
        except (requests.RequestException, ValueError, OSError) as error:
            self._count(failed=True)
            raise EngineFaultError("engine.unavailable", str(error)) from error
        self._count(failed=False)
        if not isinstance(body, dict) or "result" not in body:
            raise EngineFaultError("engine.undefined", "the server holds no such rules")
        return json.dumps([{"result": body["result"]}]).encode()

    def _post(self, rule: str, document: Any) -> Any:  # noqa: ANN401 - any JSON value
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._address.client(self._token, self._deadline)
        return client.query_rule(document, _PACKAGE, rule)

    def _count(self, *, failed: bool) -> None:
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            if self._failures >= FAILURES:
                self._failures = 0
                self._paused_until = time.monotonic() + PAUSE


class _Address:
    """Where the server is."""

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        self._host = host
        self._port = port
        self._tls = tls

    @classmethod
    def of(cls, url: str) -> _Address:
        parts = urlsplit(url)
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        usable = parts.scheme == "https" or (parts.scheme == "http" and local)
        if not usable or not parts.hostname or parts.path.strip("/"):
            raise ConfigurationError(
                f"{url!r} cannot be the URL of a policy server",
                setting="policy.url",
                hint="give https://host:port, or http on this machine",
            )
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.hostname, port, tls=parts.scheme == "https")

    def client(self, token: str | None, deadline: float) -> OpaClient:
        """Return a client with a connection of its own."""
        return _Client(
            host=self._host,
            port=self._port,
            ssl=self._tls,
            token=token,
            retries=0,
            timeout=deadline,
        )


class _Client(OpaClient):  # type: ignore[misc]  # it has no types
    """A client that sends questions, which hold facts about people, to nobody but the server."""

    def _init_session(self) -> requests.Session:
        session: requests.Session = super()._init_session()
        # No proxy and no credentials from the environment, which also takes a tenth of the time.
        session.trust_env = False
        session.max_redirects = 0
        return session
