"""Servers on loopback that answer as told, certificates for them, and callers of both kinds."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol, Self

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient, SyncGuardedClient
from trustspace.transport.http_response import Response
from trustspace.transport.message_client import MessageClient

Answer = Callable[[bytes], bytes | Iterable[bytes]]


@dataclass
class Server:
    """Speaks HTTP/1.1 on loopback: one thread per connection, ``answer`` makes every answer.

    An answer that is not whole bytes is sent piece by piece, and the connection is closed after it.
    """

    answer: Answer
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    _sockets: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.stopping = threading.Event()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        # Closing alone would not wake a thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self.tls is None:
                self._converse(connection)
            else:
                with self.tls.wrap_socket(connection, server_side=True) as encrypted:
                    self._converse(encrypted)

    def _converse(self, connection: socket.socket) -> None:
        while request := _read_request(connection):
            self.requests.append(request)
            answer = self.answer(request)
            if isinstance(answer, bytes):
                connection.sendall(answer)
                continue
            for part in answer:
                if self.stopping.is_set():
                    return
                connection.sendall(part)
            return


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    chunked = b"transfer-encoding: chunked" in head.lower()
    while len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n")):
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def http_answer(
    body: bytes = b"{}", status: str = "200 OK", headers: dict[str, str] | None = None
) -> bytes:
    all_headers = {"Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


@pytest.fixture
def answer_with() -> Callable[..., bytes]:
    return http_answer


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that stop with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda answer, tls=None: stack.enter_context(Server(answer, tls))


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a listener that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass(frozen=True)
class Certificates:
    """A certificate authority, and server contexts with certificates of it."""

    authority: str
    server: ssl.SSLContext
    old_tls: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for ``provider.test`` and ``localhost``."""
    folder = tmp_path_factory.mktemp("certificates")
    authority_key, authority = _certificate("authority", None, [])
    key, certificate = _certificate(
        "server", (authority_key, authority), ["provider.test", "localhost"]
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    pem = authority.public_bytes(serialization.Encoding.PEM).decode()
    return Certificates(pem, _server_context(path), _server_context(path, old=True))


def _server_context(path: Path, *, old: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if old:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


Signed = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def _certificate(name: str, issuer: Signed | None, hosts: list[str]) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[1].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=issuer is None,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signer = key if issuer is None else issuer[0]
    if hosts:
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names.append(x509.IPAddress(ip_address("127.0.0.9")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    return key, builder.sign(signer, hashes.SHA256())


class Call(Protocol):
    """Sends one request with a client of its own."""

    def __call__(
        self, method: str, url: str, *, policy: EgressPolicy | None = None, **options: Any
    ) -> Response: ...


_CLIENT_OPTIONS = ("limits", "trusted", "lookup")


@pytest.fixture(params=["async", "messages", "sync"])
def call(request: pytest.FixtureRequest) -> Call:
    """Send a request with either client; the policy is the development one unless given."""
    client_type = MessageClient if request.param == "messages" else GuardedClient

    def send(
        method: str, url: str, *, policy: EgressPolicy | None = None, **options: Any
    ) -> Response:
        policy = policy or EgressPolicy.development()
        of_client = {name: options.pop(name) for name in _CLIENT_OPTIONS if name in options}

        async def run() -> Response:
            async with client_type(policy, **of_client) as client:
                return await client.request(method, url, **options)

        if request.param != "sync":
            return anyio.run(run)
        with SyncGuardedClient(policy, **of_client) as client:
            return client.request(method, url, **options)

    return send
