"""Probes of who is there: version document, clock, DID document, and that they agree."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from trustspace.connector.doctor.network import reach
from trustspace.dsp.binding import VERSION, VERSION_PATH
from trustspace.dsp.dialects import recognise_versions
from trustspace.dsp.messages import ProtocolVersion, VersionResponse
from trustspace.dsp.wire import parse
from trustspace.errors import (
    EgressDeniedError,
    RemoteProtocolError,
    TransportError,
    UntrustedIssuerError,
)
from trustspace.identity.did import (
    DidDocument,
    DidWeb,
    document_url,
    parse_document,
    service_endpoints,
)

if TYPE_CHECKING:
    from trustspace.connector.doctor.examination import Examination, Reply

OFF_SECONDS: Final = 5
WRONG_SECONDS: Final = 30
"""As much as token verification allows."""

MAX_NAMED: Final = 10


async def find(examination: Examination) -> None:
    """Find out who is at the address, from either end.

    Raises:
        Ended: It cannot be said.
    """
    address = examination.address.strip()
    if address.startswith("did:"):
        examination.did = address
        document = await _document(examination, address)
        root = _announced_root(document)
        if root is None:
            services = ", ".join(service_endpoints(document)) or "-"
            examination.end("did.foreign", services=services, base="DataService")
        await _entry(examination, root)
        _check_services(examination, document)
    else:
        if not address.startswith(("http://", "https://")):
            examination.end("address.unreadable", address=address)
        await _entry(examination, address.removesuffix(f"/{VERSION_PATH}").rstrip("/"))
        if examination.is_believing:
            return  # Whose it is the catalogue may say; nothing of it is proven.
        _check_services(examination, await _document(examination, examination.did))
    examination.tell("participant.ok")


# --- the version document ------------------------------------------------------------------------


async def _entry(examination: Examination, root: str) -> None:
    """Read the version document and choose the participant's entry."""
    await reach(examination, root)
    examination.probe = "version"
    url = f"{root}/{VERSION_PATH}"
    reply = await examination.ask_or_end("GET", url)
    _compare_clocks(examination, reply)
    if reply.status != 200 and examination.is_believing and not examination.did:
        examination.base = root
        examination.tell("version.assumed", url=url, status=reply.status)
        return
    if reply.status != 200:
        await _look_elsewhere(examination, root, reply)
    entries = _versions(examination, reply)
    found = _choose(examination, entries)
    path = "/" + found.path.strip("/")
    examination.base = root + path.rstrip("/")
    examination.profiles = _profiles(found)
    examination.dialect = recognise_versions([found])
    examination.tell("version.ok", url=url, path=path)


def _versions(examination: Examination, reply: Reply) -> list[ProtocolVersion]:
    if reply.is_html:
        examination.end("version.html", url=reply.url)
    try:
        document = reply.document()
    except RemoteProtocolError as error:
        examination.end("version.not_json", url=reply.url, reason=error)
    try:
        told = parse(document, VersionResponse)
    except RemoteProtocolError as error:
        examination.end("version.malformed", url=reply.url, reason=error)
    entries = [
        entry
        for entry in told.protocol_versions
        if entry.version == VERSION and entry.binding in (None, "HTTPS")
    ]
    if not entries:
        versions = ", ".join(sorted({entry.version for entry in told.protocol_versions}))
        examination.end("version.unsupported", url=reply.url, versions=versions)
    return entries


async def _look_elsewhere(examination: Examination, root: str, reply: Reply) -> None:
    """Look for the version document above the address, where one is given with a path."""
    parts = urlsplit(root)
    segments = parts.path.split("/")[1:]
    for count in reversed(range(len(segments))):
        other = "/".join((f"{parts.scheme}://{parts.netloc}", *segments[:count]))
        try:
            found = await examination.ask("GET", f"{other}/{VERSION_PATH}")
        except TransportError:
            continue
        if found.status == 200 and "protocolVersions" in found.members:
            examination.end("version.elsewhere", url=reply.url, elsewhere=other)
    finding = "version.html" if reply.is_html and reply.status < 400 else "version.missing"
    examination.end(finding, url=reply.url, status=reply.status)


def _choose(examination: Examination, entries: list[ProtocolVersion]) -> ProtocolVersion:
    is_name = bool if examination.is_believing else _is_did
    dids = sorted({entry.service_id or "" for entry in entries if is_name(entry.service_id)})
    named = ", ".join(dids[:MAX_NAMED])
    if examination.did:
        own = [entry for entry in entries if entry.service_id == examination.did]
        anonymous = [entry for entry in entries if entry.service_id is None]
        if not own and not (len(entries) == 1 and anonymous):
            examination.end("participant.elsewhere", dids=named or "-")
        return (own or anonymous)[0]
    if len(dids) > 1:
        examination.end("participant.several", dids=named)
    if not dids:
        if not examination.is_believing:
            examination.end("participant.unnamed")
        return entries[0]
    examination.did = dids[0]
    return next(entry for entry in entries if entry.service_id == dids[0])


def _profiles(entry: ProtocolVersion) -> frozenset[str]:
    own = (entry.model_extra or {}).get("profile")
    listed = own if isinstance(own, list) else [own]
    return frozenset(profile for profile in listed if isinstance(profile, str))


def _is_did(service_id: str | None) -> bool:
    try:
        DidWeb.parse(service_id or "")
    except UntrustedIssuerError:
        return False
    return True


# --- the clock -----------------------------------------------------------------------------------


def _compare_clocks(examination: Examination, reply: Reply) -> None:
    """Compare with the Date header, which was written at most as long ago as the answer took."""
    try:
        theirs = parsedate_to_datetime(reply.headers["date"])
        seconds = (theirs - examination.clock()).total_seconds()
    except (KeyError, ValueError, TypeError):
        examination.tell("clock.unknown")
        return
    # Dates are whole seconds, and what was said a moment ago is a moment old.
    off = max(0, abs(seconds) - 1 - examination.delays[-1])
    if off < OFF_SECONDS:
        examination.tell("clock.ok", seconds=round(off))
        return
    finding = "clock.off" if off < WRONG_SECONDS else "clock.wrong"
    direction_en, direction_zh = ("ahead", "快") if seconds > 0 else ("behind", "慢")
    examination.tell(
        finding, seconds=round(off), direction_en=direction_en, direction_zh=direction_zh
    )


# --- the DID document ----------------------------------------------------------------------------


async def _document(examination: Examination, did: str) -> DidDocument:
    """Fetch and read a DID document."""
    try:
        url = document_url(did, insecure_loopback=examination.insecure_loopback)
    except UntrustedIssuerError:
        examination.end("address.unreadable", address=did)
    await reach(examination, url)
    examination.probe = "did"
    try:
        reply = await examination.ask("GET", url)
    except TransportError as error:
        examination.end("did.unreachable", url=url, reason=error)
    if reply.status != 200:
        examination.end("did.missing", url=url, status=reply.status)
    try:
        document = reply.document()
    except RemoteProtocolError:
        examination.end("did.not_json", url=url)
    return _read(examination, document, did, url)


def _read(examination: Examination, document: Any, did: str, url: str) -> DidDocument:  # noqa: ANN401 - any JSON value
    found = document.get("id") if isinstance(document, dict) else None
    if isinstance(found, str) and found != did:
        examination.end("did.mismatch", url=url, found=found)
    try:
        parsed = parse_document(document, did)
        keys = parsed.token_keys
    except UntrustedIssuerError as error:
        examination.end("did.malformed", url=url, reason=error)
    if not keys:
        methods = sorted({method.type for method in parsed.methods().values()})
        examination.end("did.no_key", kinds=", ".join(methods) or "-")
    return parsed


def _check_services(examination: Examination, document: DidDocument) -> None:
    """Hold the document's services to the address at which the protocol is spoken."""
    endpoints = service_endpoints(document)
    origins = {_origin(examination, url) for url in endpoints} - {None}
    if _origin(examination, examination.base) not in origins:
        examination.end("did.foreign", services=", ".join(endpoints[:MAX_NAMED]) or "-")
    kinds = sorted({key.algorithm for key in document.token_keys.values()})
    examination.tell("did.ok", count=len(document.token_keys), kinds=", ".join(kinds))


def _announced_root(document: DidDocument) -> str | None:
    endpoints = service_endpoints(document, "DataService")
    exact = [url for url in endpoints if url.endswith(f"/{VERSION_PATH}")]
    for url in exact or endpoints:
        return url.removesuffix(f"/{VERSION_PATH}").rstrip("/")
    return None


def _origin(examination: Examination, url: str) -> tuple[str, str, int | None] | None:
    try:
        parsed = examination.client.policy.check_url(url)
    except EgressDeniedError:
        return None
    return parsed.scheme, parsed.host, parsed.port
