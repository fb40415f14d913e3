"""Processes in every state, and every message that an endpoint takes, for the matrices of tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import uuid4

from tests.connector.party import Party
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.dsp.binding import ROUTES
from trustspace.dsp.messages import Message, NegotiationState, TransferState
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.store import AgreementRow

AnyProcess = ContractNegotiation | TransferProcess
Said = tuple[str, Message | None]

RULES = {"permission": [{"action": "use"}], "target": "roses"}
EVENTS = ("ACCEPTED", "FINALIZED")
NEGOTIATIONS = list(product(Role, NegotiationState))
TRANSFERS = list(product(Role, TransferState))


def urn() -> str:
    return f"urn:uuid:{uuid4()}"


def negotiation(
    us: Party, them: Party | ScriptedPeer, role: Role, state: NegotiationState
) -> ContractNegotiation:
    """Return a negotiation of ours with them in a state."""
    now = datetime.now(UTC)
    pid, peer_pid = urn(), urn()
    return ContractNegotiation(
        id=pid,
        role=role,
        consumer_pid=pid if role is Role.CONSUMER else peer_pid,
        provider_pid=pid if role is Role.PROVIDER else peer_pid,
        counterparty=them.id,
        callback_address=them.hosted.dsp_url,
        state=state,
        dataset_id="roses",
        offer=Offer.read(RULES | {"@id": "urn:uuid:o", "@type": "Offer"}),
        agreement=agreement_of(us, them, role),
        created_at=now,
        updated_at=now,
    )


def agreement_of(us: Party, them: Party | ScriptedPeer, role: Role, **changed: Any) -> Agreement:
    provider, consumer = (us.id, them.id) if role is Role.PROVIDER else (them.id, us.id)
    body = RULES | {
        "@id": urn(),
        "@type": "Agreement",
        "assigner": provider,
        "assignee": consumer,
        "timestamp": "2026-01-01T00:00:00Z",
    }
    return Agreement.read(body | changed)


def transfer(
    them: Party | ScriptedPeer, role: Role, state: TransferState, agreement_id: str = ""
) -> TransferProcess:
    """Return a transfer with them in a state."""
    now = datetime.now(UTC)
    pid, peer_pid = urn(), urn()
    return TransferProcess(
        id=pid,
        role=role,
        consumer_pid=pid if role is Role.CONSUMER else peer_pid,
        provider_pid=pid if role is Role.PROVIDER else peer_pid,
        counterparty=them.id,
        callback_address=them.hosted.dsp_url,
        state=state,
        agreement_id=agreement_id or urn(),
        format="HttpData-PULL",
        created_at=now,
        updated_at=now,
    )


async def keep(us: Party, process: AnyProcess) -> None:
    """Store a process, as if it had come so far."""
    if isinstance(process, ContractNegotiation):
        await us.store.write(lambda tx: tx.negotiations.insert(us.name, process))
    else:
        await us.store.write(lambda tx: tx.transfers.insert(us.name, process))


async def keep_agreement(
    us: Party, them: Party | ScriptedPeer, role: Role, **changed: Any
) -> AgreementRow:
    """Store an agreement of ours with them, as if it had been negotiated."""
    agreed = negotiation(us, them, role, NegotiationState.FINALIZED)
    body = agreement_of(us, them, role, **changed).to_wire()
    row = AgreementRow(
        participant=us.name,
        id=body["@id"],
        role=role,
        counterparty=them.id,
        dataset_id="roses",
        negotiation_pid=agreed.id,
        body=body,
        digest=digest(body),
        signed_at=datetime.now(UTC),
    )
    await keep(us, agreed)
    await us.store.write(lambda tx: tx.agreements.insert(us.name, row))
    return row


def messages_to(
    process: AnyProcess, *, consumer_pid: str | None = None, provider_pid: str | None = None
) -> Iterator[Said]:
    """Yield every endpoint of a kind of process, with a well-formed message for this one.

    Args:
        process: The process.
        consumer_pid: Another consumer's pid to write into the message.
        provider_pid: Another provider's pid to write into the message.
    """
    pids = {
        "consumerPid": consumer_pid or process.consumer_pid,
        "providerPid": provider_pid or process.provider_pid,
    }
    prefix = "negotiations/" if isinstance(process, ContractNegotiation) else "transfers/"
    offer = RULES | {"@id": "urn:uuid:o", "@type": "Offer"}
    agreement = RULES | {
        "@id": "urn:uuid:a",
        "@type": "Agreement",
        "assigner": "did:web:a.example",
        "assignee": "did:web:b.example",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    seen = set()
    for route in ROUTES:
        if not route.path.startswith(prefix) or "{pid}" not in route.path or route.path in seen:
            continue
        seen.add(route.path)
        if route.message is None:
            yield route.path, None
            continue
        body: dict[str, Any] = pids | {"@id": urn(), "@type": route.message.__name__}
        members = route.message.model_fields
        body |= {"offer": offer} if "offer" in members else {}
        body |= {"agreement": agreement} if "agreement" in members else {}
        for event in EVENTS if "event_type" in members else (None,):
            yield route.path, route.message.read(body | ({"eventType": event} if event else {}))
