"""The public listener speaks TLS with the owner's certificate, and nothing older than 1.2."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from trustspace.connector.home import init_home
from trustspace.connector.listener import Listener, _tls_context, bind
from trustspace.connector.outward import authorities
from trustspace.errors import ConfigurationError, ConnectError
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


@pytest.mark.anyio
async def test_a_listener_with_a_certificate_speaks_tls(certificate: tuple[Path, Path]) -> None:
    chain, key = certificate
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    app = Starlette(routes=[Route("/", hello)])
    url = f"https://localhost:{port}/"
    async with Listener(app, bound, certificate=str(chain), key=str(key)):
        policy = EgressPolicy.development()
        async with GuardedClient(policy, trusted=chain.read_text()) as client:
            assert (await client.request("GET", url)).body == b"hello"
        async with GuardedClient(policy) as client:
            with pytest.raises(ConnectError):
                await client.request("GET", url)


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    bound = bind("127.0.0.1", 0)
    with pytest.raises(ConfigurationError) as caught:
        Listener(Starlette(), bound, certificate=str(tmp_path / "absent.pem"))
    bound.close()
    assert caught.value.setting == "listen.certificate"


def test_tls_is_1_2_or_newer(certificate: tuple[Path, Path]) -> None:
    context = _tls_context(*map(str, certificate))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_further_authorities_come_from_a_file(
    tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert authorities(init_home(tmp_path / "home")) is None
    monkeypatch.setenv("TRUSTSPACE_TRUSTED_AUTHORITIES", str(certificate[0]))
    assert "BEGIN CERTIFICATE" in (authorities(init_home(tmp_path / "home")) or "")
    monkeypatch.setenv("TRUSTSPACE_TRUSTED_AUTHORITIES", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        authorities(init_home(tmp_path / "home"))
