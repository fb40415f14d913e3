"""One listener: an ASGI application on a socket of ours, whose port is known before it serves.

The server is uvicorn; granian's embedded server does not tell the port it bound and calls itself
experimental. The caller owns signals and the event loop, because one loop
serves two listeners, in the main thread or in a background one.

Example::

    bound = bind("127.0.0.1", 0)
    async with Listener(app, bound):
        print(bound.getsockname()[1])
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from types import TracebackType

    from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 30
"""Idle connections are closed after this time (slow or silent peers hold no socket longer)."""

HEAD_SECONDS = 10
"""A connection that has not sent the whole head of a request after this time is closed."""

HEAD_BYTES = 32 * 1024
"""Longest head of a request in bytes: its target and all headers together."""

STOP_SECONDS = 3
"""Running requests may finish for this long when the server stops."""

BACKLOG = 1024


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that waits for the head of a request only so long, and reads only so much of it."""

    _slow: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        # A head that begins in the middle of a read is measured when it is complete.
        if self._slow is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._slow is not None and self._head_bytes > HEAD_BYTES:
            self._have_head()
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._slow is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._have_head()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            msg = "the head of the request is too long"
            raise ValueError(msg)  # The parser stops, and the server answers 400.
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._have_head()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._slow = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _have_head(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None


class _Deliberate(logging.Filter):
    """Leaves out what the server says of a response that we broke off on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every other record."""
        return "without completing response" not in record.msg


logging.getLogger("uvicorn.error").addFilter(_Deliberate())


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a connector's main coroutine on the fastest event loop that is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ModuleNotFoundError:
        factory = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def spare_collections() -> None:
    """Leave what start-up made out of garbage collections, and collect what comes less often.

    Some hundred thousand objects live until the process ends; walking them took a twentieth of the
    time of an exchange. A message leaves few cycles behind, so memory grows by little.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def bind(host: str, port: int) -> socket.socket:
    """Take a port before anything is served on it, so that a URL can be made of it.

    Args:
        host: Address to bind.
        port: Port to bind; 0 takes a free one.

    Raises:
        ConfigurationError: The address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            setting="listen.port",
            hint="stop the program that uses the port, or set another one in trustspace.toml",
        ) from error
    return found


def _tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return TLS 1.2 or newer with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
    except OSError as error:
        raise ConfigurationError(
            f"the certificate or its key cannot be used: {error}",
            setting="listen.certificate",
            hint="give PEM files: the certificate chain and its unencrypted private key",
        ) from error
    return context


class Listener:
    """An application served on one socket.

    Args:
        app: The application.
        bound: The socket, from `bind`; closed by the listener.
        certificate: PEM file with the certificate chain, or empty for plain HTTP.
        key: PEM file with its private key.

    Raises:
        ConfigurationError: Certificate or key cannot be read.
    """

    def __init__(
        self, app: ASGIApp, bound: socket.socket, *, certificate: str = "", key: str = ""
    ) -> None:
        self._socket = bound
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            http=_Protocol,
            ws="none",
        )
        if certificate:
            context = _tls_context(certificate, key)
            config.ssl_context_factory = lambda _config, _default: context
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start serving; returns when connections are accepted."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.002)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop accepting, let running requests finish for a moment, close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()
