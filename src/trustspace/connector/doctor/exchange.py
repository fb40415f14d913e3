"""Probes of the protocol itself: endpoints, identity, catalogue, dataset, dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from trustspace.connector.context import new_pid
from trustspace.dsp.binding import catalog_request_path, dataset_path, join, negotiation_path
from trustspace.dsp.dialects import STRICT, recognise
from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.wire import emit, parse
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.dataset import Catalog, Dataset
from trustspace.model.participant import Role
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from trustspace.connector.doctor.examination import Examination, Reply

REFUSING: Final = frozenset({401, 403})

A = TypeVar("A", Catalog, Dataset)


async def speak(examination: Examination) -> None:
    """Ask what an exchange begins with.

    Raises:
        Ended: The counterparty cannot be spoken with.
    """
    if examination.role is Role.PROVIDER:
        await _catalogue(examination)
        if examination.dataset is not None:
            await _dataset(examination, examination.dataset.id)
    await _unknown_process(examination)
    _dialect(examination)


async def _catalogue(examination: Examination) -> None:
    examination.probe = "catalogue"
    url = join(examination.base, catalog_request_path())
    message = emit(CatalogRequestMessage())
    reply = await examination.ask_or_end(
        "POST", url, message=message, audience=_audience(examination)
    )
    if reply.status in REFUSING and examination.hosted is None:
        examination.end("identity.not_checked")
    if reply.status != 200:
        _refused(examination, reply)
    if examination.hosted is not None:
        examination.tell("identity.accepted", status=reply.status)
    catalogue = _read(examination, reply, Catalog)
    _check_catalogue(examination, catalogue)


def _refused(examination: Examination, reply: Reply) -> None:
    """Tell what a refused catalogue request means.

    Raises:
        Ended: Always.
    """
    facts = {"url": reply.url, "status": reply.status, "reason": reply.reason}
    is_ours = reply.members.get("@type") == "CatalogError" or "code" in reply.members
    if reply.is_html and reply.status < 400:
        examination.end("catalog.html", **facts)
    if reply.status in REFUSING or (reply.status == 404 and is_ours):
        examination.end("identity.refused", **facts)
    if reply.status in (404, 405):
        examination.end("base.not_found", **facts)
    examination.end("catalog.refused", **facts)


def _check_catalogue(examination: Examination, catalogue: Catalog) -> None:
    found = catalogue.participant_id
    if examination.is_believing and not examination.did.startswith("did:"):
        examination.did = examination.did or found or ""
        examination.tell("participant.believed", name=examination.did or "-")
    if found is not None and examination.did and found != examination.did:
        examination.tell("catalog.other_participant", found=found)
    if not catalogue.datasets:
        examination.tell("catalog.empty")
        return
    examination.dataset = catalogue.datasets[0]
    examination.tell("catalog.ok", count=len(catalogue.datasets))


async def _dataset(examination: Examination, dataset_id: str) -> None:
    examination.probe = "dataset"
    url = join(examination.base, dataset_path(dataset_id))
    reply = await examination.ask_or_end("GET", url, audience=_audience(examination))
    if reply.status != 200 and examination.dialect and examination.dialect.searches_catalog:
        examination.tell("dataset.by_catalogue", id=dataset_id, status=reply.status)
        return
    if reply.status != 200:
        examination.tell("dataset.refused", id=dataset_id, status=reply.status)
        return
    try:
        examination.dataset = parse(reply.document(), Dataset)
    except RemoteProtocolError as error:
        examination.tell("dataset.malformed", id=dataset_id, reason=error)
        return
    examination.tell("dataset.ok", id=dataset_id)


async def _unknown_process(examination: Examination) -> None:
    """Ask for a process that nobody has: what answers 404 to it speaks the protocol there."""
    if examination.hosted is None:
        return
    examination.probe = "negotiations"
    url = join(examination.base, negotiation_path(new_pid()))
    reply = await examination.ask_or_end("GET", url, audience=_audience(examination))
    facts = {"url": url, "status": reply.status, "reason": reply.reason}
    if reply.status in REFUSING:
        examination.end("identity.refused", **facts)
    examination.tell("base.ok" if reply.status == 404 else "base.odd", **facts)


def _dialect(examination: Examination) -> None:
    if TRUSTSPACE_NAMESPACE in examination.profiles:
        name = "trustspace"
    else:
        name = (examination.dialect or STRICT).name
    examination.tell("dialect.known", name=name)


def _read(examination: Examination, reply: Reply, expected: type[A]) -> A:
    """Read an answer with the checks that messages to us are read with, then with a sender's.

    Raises:
        Ended: It cannot be read.
    """
    if reply.is_html:
        examination.end("catalog.html", url=reply.url, status=reply.status)
    try:
        document = reply.document()
    except RemoteProtocolError as error:
        examination.end("catalog.not_json", url=reply.url, reason=error)
    try:
        value = parse(document, expected)
    except RemoteProtocolError as error:
        examination.end("catalog.malformed", url=reply.url, reason=error)
    examination.dialect = recognise(document) or examination.dialect
    try:
        emit(value)
    except LocalProtocolError as error:
        reason = str(error).removeprefix(f"{expected.__name__} ")
        examination.tell("catalog.lax", url=reply.url, reason=reason)
    return value


def _audience(examination: Examination) -> str:
    return examination.did or examination.base
