"""Probes of the network: name, guard, port, certificate, before anything is said.

Nothing is connected to that the guard would not let through, and no handshake goes on without
verification: why one fails is told by the verification itself.
"""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
import httpcore

from trustspace.errors import EgressDeniedError
from trustspace.transport.http_transport import tls_context
from trustspace.transport.network import GuardedNetwork

if TYPE_CHECKING:
    from trustspace.connector.doctor.examination import Examination

CONNECT_SECONDS: Final = 4.0
LOOKUP_SECONDS: Final = 4.0
EXPIRING_DAYS: Final = 14

_SCHEME_PORTS: Final = {"https": 443, "http": 80}
# Numbers of OpenSSL's verification errors (x509_vfy.h).
_VERIFICATION: Final = {
    9: "tls.not_yet_valid",
    10: "tls.expired",
    18: "tls.self_signed",
    19: "tls.self_signed",
    2: "tls.unknown_authority",
    20: "tls.unknown_authority",
    21: "tls.unknown_authority",
    62: "tls.wrong_host",
    64: "tls.wrong_host",
}
_OLD_PROTOCOL: Final = ("unsupported protocol", "protocol version", "no protocols available")


async def reach(examination: Examination, url: str) -> None:
    """Connect to the host of a URL once, and tell what was met on the way.

    Raises:
        Ended: It cannot be reached.
    """
    try:
        parsed = examination.client.policy.check_url(url)
    except EgressDeniedError as error:
        examination.end("address.denied", url=url, reason=error)
    host, port = parsed.host, parsed.port or _SCHEME_PORTS[parsed.scheme]
    if (parsed.scheme, host, port) in examination.reached:
        return
    examination.reached.add((parsed.scheme, host, port))
    await _resolve(examination, host, port)
    await _connect(examination, host, port, secure=parsed.scheme == "https")


async def _resolve(examination: Examination, host: str, port: int) -> None:
    examination.probe = "dns"
    try:
        with anyio.fail_after(LOOKUP_SECONDS):
            addresses = await anyio.to_thread.run_sync(
                examination.lookup, host, port, abandon_on_cancel=True
            )
    except (OSError, TimeoutError) as error:
        examination.end("dns.unresolved", host=host, reason=str(error) or "no answer")
    examination.tell("dns.ok", host=host, addresses=", ".join(addresses))
    for address in addresses:
        try:
            examination.client.policy.check_address(address, host=host)
        except EgressDeniedError as error:
            examination.end("egress.denied", host=host, address=address, reason=error)
    examination.tell("egress.ok", host=host)


async def _connect(examination: Examination, host: str, port: int, *, secure: bool) -> None:
    examination.probe = "port"
    network = GuardedNetwork(examination.client.policy, lookup=examination.lookup)
    start = time.monotonic()
    try:
        stream = await network.connect_tcp(host, port, timeout=CONNECT_SECONDS)
    except httpcore.ConnectTimeout:
        examination.end("port.silent", host=host, port=port, seconds=f"{CONNECT_SECONDS:g}")
    except (httpcore.ConnectError, OSError):
        examination.end("port.closed", host=host, port=port)
    except EgressDeniedError as error:  # the name resolved differently a moment later
        examination.end("egress.denied", host=host, address="-", reason=error)
    milliseconds = round((time.monotonic() - start) * 1000)
    examination.tell("port.ok", host=host, port=port, milliseconds=milliseconds)
    try:
        if secure:
            stream = await _shake_hands(examination, stream, host)
        else:
            examination.tell("tls.none", host=host)
    finally:
        await stream.aclose()


async def _shake_hands(
    examination: Examination, stream: httpcore.AsyncNetworkStream, host: str
) -> httpcore.AsyncNetworkStream:
    examination.probe = "tls"
    try:
        secured = await stream.start_tls(
            tls_context(examination.trusted), server_hostname=host, timeout=CONNECT_SECONDS
        )
    except (httpcore.ConnectError, httpcore.ConnectTimeout, ssl.SSLError, OSError) as error:
        finding, reason = _why(error)
        examination.end(finding, host=host, reason=reason)
    session = secured.get_extra_info("ssl_object")
    certificate = session.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (ends - examination.clock()).days
    facts = {"host": host, "issuer": _issuer(certificate), "days": days}
    if days < EXPIRING_DAYS:
        examination.tell("tls.expiring", **facts)
    else:
        examination.tell("tls.ok", protocol=session.version(), **facts)
    return secured


def _why(error: BaseException) -> tuple[str, str]:
    """Return the finding of a failed handshake and what it said."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(cause.verify_code, "tls.broken"), cause.verify_message
    text = str(cause or error) or type(error).__name__
    is_old = any(words in text.lower().replace("_", " ") for words in _OLD_PROTOCOL)
    return ("tls.old_protocol" if is_old else "tls.broken"), text


def _issuer(certificate: Any) -> str:  # noqa: ANN401 - what ssl tells
    names = dict(pair for part in certificate.get("issuer", ()) for pair in part)
    return str(names.get("organizationName") or names.get("commonName") or "-")
