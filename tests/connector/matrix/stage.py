"""A connector whose processes rest, and a counterparty that brings them into every state with it.

Every state is reached as it is in life: by the messages of the counterparty over HTTP and by the
steps of the owner over the management API.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from starlette.responses import Response
from tests.connector.matrix.protocol import Kind, Said
from tests.connector.party import Json, Party, party
from tests.connector.processes import urn
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

from trustspace.connector.context import Hosted
from trustspace.connector.messaging.outgoing import AnyProcess
from trustspace.connector.reaction import Reaction
from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.dsp.process import Process
from trustspace.dsp.wire import timestamp
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.token import issue
from trustspace.model.participant import Role

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
NEIGHBOUR = "orchard"

# How a process comes into a state: from which one, and by which step of ours (`owner`) or theirs.
_NEGOTIATION_STEPS = {
    "OFFERED": ("REQUESTED", "offer", Said("offers", "ContractOfferMessage")),
    "ACCEPTED": (
        "OFFERED",
        "accept",
        Said("events", "ContractNegotiationEventMessage", "ACCEPTED"),
    ),
    "AGREED": ("ACCEPTED", "agree", Said("agreement", "ContractAgreementMessage")),
    "VERIFIED": (
        "AGREED",
        "verify",
        Said("agreement/verification", "ContractAgreementVerificationMessage"),
    ),
    "FINALIZED": (
        "VERIFIED",
        "finalize",
        Said("events", "ContractNegotiationEventMessage", "FINALIZED"),
    ),
    "TERMINATED": (
        "REQUESTED",
        "terminate",
        Said("termination", "ContractNegotiationTerminationMessage"),
    ),
}
_TRANSFER_STEPS = {
    "STARTED": ("REQUESTED", "start", Said("start", "TransferStartMessage")),
    "SUSPENDED": ("STARTED", "suspend", Said("suspension", "TransferSuspensionMessage")),
    "COMPLETED": ("STARTED", "complete", Said("completion", "TransferCompletionMessage")),
    "TERMINATED": ("STARTED", "terminate", Said("termination", "TransferTerminationMessage")),
}
_CONSUMERS_STEPS = {"ACCEPTED", "VERIFIED"}


class Rest:
    """Takes no step by itself."""

    def goes_on(self, process: Process) -> bool:
        del process
        return False


@dataclass
class Stage:
    """The connector under test, its neighbour on the same connector, and two strangers to it.

    Attributes:
        us: The participant under test.
        peer: The counterparty of all its processes.
        stranger: A participant with a proper identity who is a party to nothing.
        resting: Processes that are only looked at, by kind, role and state.
    """

    us: Party
    peer: ScriptedPeer
    stranger: ScriptedPeer
    resting: dict[tuple[Kind, Role, str], AnyProcess] = field(default_factory=dict)
    _agreements: dict[Role, str] = field(default_factory=dict)

    @property
    def neighbour(self) -> Hosted:
        return self.us.connector.plane.context.hosted[NEIGHBOUR]

    def neighbours_token(self, audience: str) -> str:
        now = datetime.now(UTC)
        hosted = self.neighbour
        return bearer_header(issue(hosted.key, issuer=hosted.id, audience=audience, now=now))

    # --- saying ------------------------------------------------------------------------------

    async def say(
        self, path: str, body: Json | None, token: str | None, *, to: Hosted | None = None
    ) -> httpx.Response:
        headers = {} if token is None else {"Authorization": token}
        url = f"{(to or self.us.hosted).dsp_url}/{path}"
        method = "GET" if body is None else "POST"
        return await self.peer.voice.request(method, url, json=body, headers=headers)

    def body(self, kind: Kind, process: AnyProcess, said: Said) -> Json | None:
        """Return a message about a process that is sound whoever may send it."""
        if not said.type:
            return None
        body: Json = {
            "@context": CONTEXT,
            "@type": said.type,
            "@id": urn(),
            "consumerPid": process.consumer_pid,
            "providerPid": process.provider_pid,
        }
        if kind == "negotiations":
            body |= self._negotiation_members(process, said)
        if said.type == "TransferStartMessage" and process.role is Role.CONSUMER:
            body["dataAddress"] = {
                "@type": "DataAddress",
                "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                "endpoint": f"{self.peer.url}/data",
            }
        return body

    def _negotiation_members(self, process: Any, said: Said) -> Json:
        rules = process.offer.to_wire()
        if said.event:
            return {"eventType": said.event}
        if said.endpoint in ("request", "offers"):
            return {"offer": rules}
        if said.endpoint == "agreement":
            named = {"@id": urn(), "@type": "Agreement", "timestamp": timestamp(datetime.now(UTC))}
            return {"agreement": rules | named | self._parties(process.role)}
        return {}

    def _parties(self, role: Role) -> Json:
        parties = (self.us.id, self.peer.id)
        provider, consumer = parties if role is Role.PROVIDER else reversed(parties)
        return {"assigner": provider, "assignee": consumer}

    def path(self, kind: Kind, pid: str, said: Said) -> str:
        return f"{kind}/{quote(pid, safe='')}" + (f"/{said.endpoint}" if said.endpoint else "")

    # --- processes ---------------------------------------------------------------------------

    async def find(self, kind: Kind, pid: str) -> AnyProcess:
        found: AnyProcess | None = await self.us.store.read(
            lambda tx: getattr(tx, kind).get(self.us.name, pid)
        )
        assert found is not None
        return found

    async def at_rest(self, kind: Kind, role: Role, state: str) -> AnyProcess:
        """Return the process that stands in a state for all cases that must not move it."""
        key = (kind, role, state)
        if key not in self.resting:
            self.resting[key] = await self.brought(kind, role, state)
        return self.resting[key]

    async def brought(self, kind: Kind, role: Role, state: str) -> AnyProcess:
        """Bring a new process into a state, step by step.

        Args:
            kind: Of the process.
            role: Ours.
            state: Where it is to stop.
        """
        if state == "REQUESTED":
            opened = self._negotiation if kind == "negotiations" else self._transfer
            pid = await opened(role)
        else:
            steps = _NEGOTIATION_STEPS if kind == "negotiations" else _TRANSFER_STEPS
            before, step, said = steps[state]
            process = await self.brought(kind, role, before)
            pid = process.id
            if self._is_ours(kind, role, state):
                await self.us.post(f"{kind}/{pid}/{step}")
            else:
                body = self.body(kind, process, said)
                answer = await self.say(
                    self.path(kind, pid, said), body, self.peer.token(self.us.id)
                )
                assert answer.status_code == 200, answer.text
        await self.us.settled()
        process = await self.find(kind, pid)
        assert process.state == state
        assert process.peer_pid is not None
        return process

    def _is_ours(self, kind: Kind, role: Role, state: str) -> bool:
        """Say whether the step into a state is taken by us; where either may, the provider.

        The consumer suspends, because what its provider suspended it may not resume.
        """
        by_consumer = state in _CONSUMERS_STEPS if kind == "negotiations" else state == "SUSPENDED"
        return (Role.CONSUMER if by_consumer else Role.PROVIDER) is role

    async def _negotiation(self, role: Role) -> str:
        self.peer.pid = urn()
        if role is Role.CONSUMER:
            order: Json = {"address": self.peer.url, "dataset": "roses", "purpose": "research"}
            order["fresh"] = True
            return str((await self.us.post("negotiations", **order))["id"])
        answer = await self.say(
            "negotiations/request", await self.request(), self.peer.token(self.us.id)
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["providerPid"])

    async def request(self, **changed: Any) -> Json:
        """Return the counterparty's first request."""
        offer = (await self.us.get("datasets/roses"))["policy"]
        return self._opening("ContractRequestMessage", consumerPid=self.peer.pid) | {
            "offer": offer | {"target": "roses"},
            **changed,
        }

    def offer(self, **changed: Any) -> Json:
        """Return the counterparty's first offer."""
        offer = {"@id": urn(), "@type": "Offer", "target": "tulips"}
        rules = {"permission": [{"action": "use"}]}
        body = self._opening("ContractOfferMessage", providerPid=self.peer.pid)
        return body | {"offer": offer | rules, **changed}

    def transfer_request(self, agreement: str, **changed: Any) -> Json:
        """Return the counterparty's request for data."""
        body = self._opening("TransferRequestMessage", consumerPid=self.peer.pid)
        return body | {"agreementId": agreement, "format": "HttpData-PULL", **changed}

    def _opening(self, name: str, **pids: str) -> Json:
        told = {"@context": CONTEXT, "@type": name, "@id": urn()}
        return told | {"callbackAddress": self.peer.base} | pids

    async def agreement(self, role: Role) -> str:
        """Return an agreement of ours with the counterparty, negotiated once."""
        if role not in self._agreements:
            process: Any = await self.brought("negotiations", role, "FINALIZED")
            self._agreements[role] = process.agreement.id
        return self._agreements[role]

    async def _transfer(self, role: Role) -> str:
        agreement = await self.agreement(role)
        self.peer.pid = urn()
        if role is Role.CONSUMER:
            hosted, requests = self.us.hosted, self.us.connector.plane.requests
            now = datetime.now(UTC)
            opened = await self.us.store.write(
                lambda tx: requests.request(
                    tx, hosted, agreement, format_="HttpData-PULL", now=now, another=True
                )
            )
            return opened.id
        answer = await self.say(
            "transfers/request", self.transfer_request(agreement), self.peer.token(self.us.id)
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["providerPid"])


@contextlib.asynccontextmanager
async def stage(
    folder: Path, *, reaction: Reaction | None = None, policy: Json | None = None
) -> AsyncIterator[Stage]:
    """Set the stage: a connector that offers ``roses``, with a neighbour on it, and two peers.

    Args:
        folder: Where its home is made.
        reaction: Whether its processes go on by themselves; by default they rest.
        policy: Terms of ``roses``.
    """
    file = folder / "roses.csv"
    file.write_text("grade,phone\nA,110\n")
    async with (
        party(folder / "garden", "garden", reaction=reaction or Rest()) as us,
        scripted_peer() as peer,
        scripted_peer() as stranger,
    ):
        await us.publish(file, policy=policy)
        answer = await us.owner.post("/v1/participants", json={"name": NEIGHBOUR})
        assert answer.status_code == 201
        peer.acknowledge("negotiations/request", NegotiationState.REQUESTED)
        peer.acknowledge("transfers/request", TransferState.REQUESTED)
        for said in ("offers", "agreement", "agreement/verification", "events", "termination"):
            peer.answers[f"negotiations/{{pid}}/{said}"] = lambda _: Response()
        for said in ("start", "suspension", "completion", "termination"):
            peer.answers[f"transfers/{{pid}}/{said}"] = lambda _: Response()
        yield Stage(us, peer, stranger)
