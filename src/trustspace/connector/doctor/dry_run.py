"""The only probe that the counterparty will remember: a negotiation, opened and ended at once.

Nothing of it is stored here, so whatever the counterparty sends meanwhile is answered 404, and an
agreement is never verified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio

from trustspace.connector.context import new_pid
from trustspace.dsp.binding import join, negotiation_path, path_of
from trustspace.dsp.messages import (
    ContractNegotiation,
    ContractNegotiationTerminationMessage,
    ContractRequestMessage,
    NegotiationState,
)
from trustspace.dsp.wire import emit, parse
from trustspace.errors import PolicyError, RemoteProtocolError
from trustspace.policy.lower import lower
from trustspace.policy.narrow import narrow_purpose
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from trustspace.connector.doctor.examination import Examination, Reply
    from trustspace.model.odrl import Offer

NOT_YET: Final = frozenset({409, 503})
"""A counterparty that is just saving its own step answers one of these."""
CLOSING_TRIES: Final = 10
CLOSING_PAUSE: Final = 0.1
"""Seconds."""


async def rehearse(examination: Examination) -> None:
    """Open a negotiation over the first offer of the catalogue and terminate it.

    Raises:
        Ended: There is no answer.
    """
    if examination.hosted is None or not examination.negotiate:
        examination.tell("dry_run.not_asked")
        return
    if examination.dataset is None:
        examination.tell("dry_run.nothing")
        return
    examination.probe = "dry run"
    dataset = examination.dataset
    offer = dataset.offers[0]
    try:
        lower(offer, kind="offer", target=dataset.id)
        if TRUSTSPACE_NAMESPACE in examination.profiles:
            offer = narrow_purpose(offer, None)
    except PolicyError as error:
        examination.tell("dry_run.unsupported", dataset=dataset.id, reason=error)
        return
    await _open(examination, offer.model_copy(update={"target": dataset.id}), dataset.id)


async def _open(examination: Examination, offer: Offer, dataset_id: str) -> None:
    hosted = examination.hosted
    message = ContractRequestMessage(
        id=new_pid(),
        consumer_pid=new_pid(),
        offer=offer,
        callback_address="" if hosted is None else hosted.dsp_url,
    )
    reply = await _post(examination, message)
    if reply.status not in (200, 201):
        facts = {"status": reply.status, "reason": reply.reason}
        examination.tell("dry_run.refused", dataset=dataset_id, **facts)
        return
    try:
        opened = parse(reply.document(), ContractNegotiation)
    except RemoteProtocolError as error:
        examination.tell("dry_run.malformed", status=reply.status, reason=error)
        return
    await _close(examination, opened, dataset_id)


async def _close(examination: Examination, opened: ContractNegotiation, dataset_id: str) -> None:
    message = ContractNegotiationTerminationMessage(
        id=new_pid(),
        consumer_pid=opened.consumer_pid,
        provider_pid=opened.provider_pid,
        code="dry-run",
        reasons=("a dry run of trustspace doctor",),
    )
    reply = await _post(examination, message, opened.provider_pid)
    for _ in range(CLOSING_TRIES):
        if reply.status not in NOT_YET:
            break
        await anyio.sleep(CLOSING_PAUSE)
        reply = await _post(examination, message, opened.provider_pid)
    state: object = NegotiationState.TERMINATED
    if reply.status not in (200, 204):
        # It may have ended by itself: its agreement was answered 404 meanwhile.
        url = join(examination.base, negotiation_path(opened.provider_pid))
        looked = await examination.ask_or_end("GET", url, audience=_audience(examination))
        state = looked.members.get("state", "-")
    if state == NegotiationState.TERMINATED:
        examination.tell("dry_run.ok", dataset=dataset_id, state=opened.state.value)
    else:
        examination.tell("dry_run.not_terminated", status=reply.status, state=state)


async def _post(examination: Examination, message: Any, peer_pid: str | None = None) -> Reply:  # noqa: ANN401 - either message
    url = join(examination.base, path_of(message, peer_pid))
    return await examination.ask_or_end(
        "POST", url, message=emit(message), audience=_audience(examination)
    )


def _audience(examination: Examination) -> str:
    return examination.did or examination.base
