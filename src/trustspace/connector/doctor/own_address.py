"""Probes of the own connector as others see it: does it run, and is it what public_url leads to."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import anyio

from trustspace.connector.doctor.examination import Ended, Examination, Reply
from trustspace.connector.doctor.findings import Finding, Severity
from trustspace.connector.doctor.network import reach
from trustspace.dsp.binding import VERSION_PATH
from trustspace.errors import IdentityError, TransportError
from trustspace.identity.did import document_url, parse_document
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import GuardedClient, SyncGuardedClient

if TYPE_CHECKING:
    from trustspace.connector.doctor.own_files import Tell
    from trustspace.connector.home import Home

ANSWER: Final = timedelta(seconds=3)
OFF_SECONDS: Final = 5.0


def look_whether_it_runs(home: Home, tell: Tell) -> bool:
    """Ask the running connector for its health; tells whether it runs."""
    command = f"trustspace serve --home {home.path}"
    try:
        told = json.loads(home.running_file.read_bytes())
        url, pid = str(told["management_url"]), int(told["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        tell("running.no", command=command)
        return False
    try:
        with SyncGuardedClient(EgressPolicy.development()) as client:
            client.request("GET", f"{url}/health", deadline=ANSWER).expect(200)
    except TransportError as error:
        tell("running.silent", pid=pid, url=url, reason=error, command=command)
        return False
    tell("running.yes", pid=pid, url=url)
    return True


def look_from_outside(home: Home, tell: Tell, *, trusted: str | None) -> None:
    """Fetch the own documents through the public address.

    Args:
        home: The home.
        tell: Takes a finding's id and facts.
        trusted: Certificate authorities to trust beside the usual ones, in PEM.
    """
    anyio.run(_look, home, tell, trusted)


async def _look(home: Home, tell: Tell, trusted: str | None) -> None:
    # The owner's own name may well lead to an address of the own network.
    own = frozenset({(urlsplit(home.address).hostname or "").lower()})
    policy = (
        EgressPolicy.development()
        if home.development
        else EgressPolicy(ports=None, allow_hosts=own)
    )

    def hear(finding: Finding) -> None:
        words = {f"reason_{code}": finding.shown(code)["found"] for code in ("en", "zh")}
        if finding.severity is Severity.ERROR:
            tell("public.unreachable", address=home.address, **words)
        elif finding.severity is Severity.WARNING:
            tell("public.expiring", address=home.address, **words)

    async with GuardedClient(policy, trusted=trusted) as client:
        examination = Examination(home.address, client, trusted=trusted, listener=hear)
        try:
            await reach(examination, home.address)
            if await _is_ours(examination, home, tell):
                tell("public.ok", address=home.address, did=home.id)
        except Ended:
            return


async def _is_ours(examination: Examination, home: Home, tell: Tell) -> bool:
    did = home.id
    url = f"{home.address}/{home.name}/{VERSION_PATH}"
    reply = await examination.ask_or_end("GET", url)
    _compare_clocks(reply, tell)
    entries = reply.members.get("protocolVersions")
    facts: dict[str, Any] = {"address": home.address, "url": url, "status": reply.status}
    if not isinstance(entries, list) or not any(_names(entry, did) for entry in entries):
        tell("public.other", **facts)
        return False
    if not did.startswith("did:"):
        return True  # Where everybody is believed nobody needs a document.
    url = document_url(did, insecure_loopback=home.development)
    reply = await examination.ask_or_end("GET", url)
    facts |= {"url": url, "status": reply.status}
    try:
        keys = parse_document(dict(reply.members), did).token_keys
    except IdentityError:
        tell("public.other", **facts)
        return False
    if home.key_file(home.name).exists() and home.signing_key(home.name).key_id(did) not in keys:
        tell("public.wrong_key", **facts)
        return False
    return True


def _names(entry: object, did: str) -> bool:
    return isinstance(entry, dict) and entry.get("serviceId") == did


def _compare_clocks(reply: Reply, tell: Tell) -> None:
    try:
        theirs = parsedate_to_datetime(reply.headers["date"])
        off = abs((theirs - datetime.now(UTC)).total_seconds())
    except (KeyError, ValueError, TypeError):
        return
    if off > OFF_SECONDS:
        tell("time.other", url=reply.url, seconds=round(off))
