"""What a handshake tells: certificates that are well, and all the ways in which they are not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trustspace.connector.doctor import network
from trustspace.connector.doctor.doctor import examine
from trustspace.connector.doctor.examination import Ended, Examination
from trustspace.connector.doctor.findings import Finding
from trustspace.connector.doctor.network import reach
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient
from trustspace.transport.network import GuardedNetwork, system_lookup

pytestmark = pytest.mark.anyio

KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])


def certificate(
    subject: str, *, start: int = -1, end: int = 90, name: str = "localhost", ca: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.2"))]
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    return (
        x509.CertificateBuilder()
        .subject_name(AUTHORITY if ca else own)
        .issuer_name(AUTHORITY)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=start))
        .not_valid_after(now + timedelta(days=end))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(KEY, hashes.SHA256())
    )


def pem(made: x509.Certificate) -> str:
    return made.public_bytes(serialization.Encoding.PEM).decode()


TRUSTED = pem(certificate("authority", ca=True, end=400))


@contextlib.asynccontextmanager
async def server(made: x509.Certificate | None, folder: Path) -> AsyncIterator[int]:
    """Serve handshakes; without a certificate, plain text."""
    context = None
    if made is not None:
        private = KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / "server.pem").write_text(private.decode() + pem(made))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if context is None:
                await reader.read(1)
                writer.write(b"220 mail.example ready\r\n\r\n")
            await reader.read(65536)
            writer.close()
            await writer.wait_closed()

    running = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with running:
        yield running.sockets[0].getsockname()[1]


async def met(url: str, **more: Any) -> dict[str, dict[str, str]]:
    """Reach a URL; return the findings in words, by id."""
    found: list[Finding] = []
    trusted = more.pop("trusted", TRUSTED)
    async with GuardedClient(EgressPolicy.development(), trusted=trusted) as client:
        examination = Examination(url, client, trusted=trusted, listener=found.append, **more)
        with contextlib.suppress(Ended):
            await reach(examination, url)
            await reach(examination, f"{url}/again")
    return {finding.id: finding.shown("en") for finding in found}


async def test_a_good_certificate_is_told_with_its_days(tmp_path):
    async with server(certificate("peer"), tmp_path) as port:
        found = await met(f"https://localhost:{port}")
    assert list(found) == ["dns.ok", "egress.ok", "port.ok", "tls.ok"]
    assert "TLSv1.3, certificate by Test Authority, 8" in found["tls.ok"]["found"]


@pytest.mark.parametrize(
    ("finding", "how", "trusted"),
    [
        ("tls.expiring", {"end": 5}, TRUSTED),
        ("tls.expired", {"start": -10, "end": -1}, TRUSTED),
        ("tls.not_yet_valid", {"start": 5}, TRUSTED),
        ("tls.wrong_host", {"name": "other.example"}, TRUSTED),
        ("tls.unknown_authority", {}, None),
    ],
)
async def test_a_bad_certificate_is_told(tmp_path, finding, how, trusted):
    async with server(certificate("peer", **how), tmp_path) as port:
        found = await met(f"https://localhost:{port}", trusted=trusted)
    assert list(found)[-1] == finding


async def test_an_old_protocol_is_told():
    def refuse(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            # A fatal alert, "protocol version" (RFC 8446, section 6).
            connection.sendall(bytes([21, 3, 2, 0, 2, 2, 70]))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=refuse, args=(listening,))
        thread.start()
        found = await met(f"https://localhost:{listening.getsockname()[1]}")
        thread.join()
    assert list(found)[-1] == "tls.old_protocol", found


async def test_a_port_that_speaks_no_tls_is_told(tmp_path):
    async with server(None, tmp_path) as port:
        found = await met(f"https://localhost:{port}")
    assert list(found)[-1] == "tls.broken"


async def test_a_name_that_is_not_looked_up_in_time_is_told(monkeypatch):
    monkeypatch.setattr(network, "LOOKUP_SECONDS", 0.05)

    def sleepy(host: str, port: int) -> Sequence[str]:
        time.sleep(0.5)
        return system_lookup(host, port)

    assert list(await met("http://localhost:1", lookup=sleepy)) == ["dns.unresolved"]


async def test_a_silent_port_is_told(monkeypatch):
    async def connect(*_: Any, **__: Any) -> None:
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(GuardedNetwork, "connect_tcp", connect)
    assert list(await met("http://localhost:1"))[-1] == "port.silent"


async def test_a_name_that_leads_elsewhere_a_moment_later_is_refused():
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    found = await met("http://localhost:1", lookup=lambda *_: answers.pop(0))
    assert list(found) == ["dns.ok", "egress.ok", "egress.denied"]


async def test_an_examination_ends_in_time(tmp_path):
    found: list[str] = []
    async with (
        server(None, tmp_path) as port,
        GuardedClient(EgressPolicy.development()) as client,
    ):
        url = f"http://localhost:{port}"
        examination = Examination(url, client, listener=lambda each: found.append(each.id))
        await examine(examination, seconds=0)
    assert found == ["deadline.reached"]


async def test_an_answer_that_is_no_http_is_told(tmp_path):
    found: list[Finding] = []
    async with (
        server(None, tmp_path) as port,
        GuardedClient(EgressPolicy.development()) as client,
    ):
        examination = Examination(f"http://localhost:{port}", client, listener=found.append)
        await examine(examination)
    assert found[-1].id == "http.broken"
    assert "illegal status line" in found[-1].shown("en")["found"]
