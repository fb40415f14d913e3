"""Negotiations that a consumer has with a scripted provider, brought as far as a test needs."""

from __future__ import annotations

from typing import Any

from tests.connector.party import Json, Party
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.dsp.messages import NegotiationState

PATIENT = "\n[exchange]\nsweep_seconds = 0.1\n"
HASTY = "\n[exchange]\ndeadline_seconds = 1\napproval_seconds = 1\nsweep_seconds = 0.1\n"

NO_ANSWER = ["no answer within the deadline"]

REQUEST, AGREEMENT = "negotiations/request", "negotiations/{pid}/agreement"
VERIFICATION = "negotiations/{pid}/agreement/verification"
TERMINATION, STATE = "negotiations/{pid}/termination", "negotiations/{pid}"


async def ask(consumer: Party, peer: ScriptedPeer) -> str:
    order = {"address": peer.url, "dataset": "roses", "purpose": "research", "fresh": True}
    return str((await consumer.post("negotiations", **order))["id"])


async def requested(consumer: Party, peer: ScriptedPeer) -> tuple[str, Json]:
    """Let the peer accept a request; return our pid and the request."""
    peer.acknowledge(REQUEST, NegotiationState.REQUESTED)
    pid = await ask(consumer, peer)
    await consumer.settled()
    return pid, peer.bodies(REQUEST)[-1]


async def agreed(consumer: Party, peer: ScriptedPeer) -> tuple[str, Json]:
    pid, request = await requested(consumer, peer)
    agreement = peer.agreement(request, consumer.id)
    answer = await peer.say(consumer, f"negotiations/{pid}/agreement", agreement)
    assert answer.status_code == 200
    return pid, request


async def ended(consumer: Party, pid: str) -> tuple[str, Any, Any, Any]:
    shown = await consumer.negotiation(pid)
    return shown["state"], shown["code"], shown["reasons"], shown["ended_by"]
