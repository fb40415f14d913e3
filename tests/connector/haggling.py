"""What tests of haggling do on either side."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.connector.party import Json, Party
from tests.connector.scripted_peer import OFFER, ScriptedPeer

from trustspace.dsp.messages import ContractOfferMessage, ContractRequestMessage
from trustspace.model.odrl import Offer
from trustspace.policy.terms import terms

UNBOUNDED_USE: Json = {"permission": [{"action": "use"}]}


def urn() -> str:
    return f"urn:uuid:{uuid4()}"


def rules(**words: Any) -> Json:
    return terms(**words)


def offer_of(peer: ScriptedPeer, policy: Json | None = None, **more: Any) -> ContractOfferMessage:
    """Return an offer of a scripted provider: an initial one, unless pids are given."""
    body = OFFER if policy is None else policy | {"@id": OFFER["@id"], "@type": "Offer"}
    return ContractOfferMessage(
        id=urn(),
        provider_pid=peer.pid,
        offer=Offer.read(body | {"target": "roses"}),
        **(more or {"callback_address": peer.base}),
    )


def request_of(
    peer: ScriptedPeer, offer_id: str, dataset: str, policy: Json, **more: Any
) -> ContractRequestMessage:
    """Return a request of a scripted consumer: an initial one, unless pids are given."""
    body = policy | {"@id": offer_id, "@type": "Offer", "target": dataset}
    return ContractRequestMessage(
        id=urn(),
        consumer_pid=peer.pid,
        offer=Offer.read(body),
        **(more or {"callback_address": peer.base}),
    )


async def waiting(party: Party, pid: str) -> Json:
    """Return the entry of what waits for a person, once it does."""
    while True:
        items = (await party.get("approvals"))["items"]
        for item in items:
            if item["id"] == pid:
                return dict(item)
        await party.get("events", after=1_000_000, wait=0.05)


async def first_waiting(party: Party, dataset: str) -> Json:
    """Return the newest entry about a dataset, once there is one."""
    while True:
        for item in (await party.get("approvals"))["items"]:
            if item["dataset"] == dataset:
                return dict(item)
        await party.get("events", after=1_000_000, wait=0.05)


def kinds(entry: Json) -> list[tuple[str, str | None]]:
    return [(each["change"], each["left"]) for each in entry["differences"]]
