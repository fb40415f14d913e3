"""What mutants are sent to: a connector that goes on by itself, and what each message is about.

A process that a mutant has moved (it was a legal message after all) is replaced by a fresh one.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
from starlette.responses import Response
from tests.connector.matrix.protocol import Kind, Said, state_after
from tests.connector.matrix.stage import CONTEXT, Stage, stage
from tests.connector.party import Json
from tests.connector.processes import keep, keep_agreement, negotiation, transfer, urn
from tests.connector.scripted_peer import Answer

from trustspace.connector.messaging.outgoing import AnyProcess
from trustspace.connector.reaction import GoOn
from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role

MAX_CPU_SECONDS = 2.0
"""What one message may cost the thread that serves it, and this client beside it."""

TABLES = ("negotiations", "transfers", "agreements")

POLICY = {
    "purpose": ["research", "teaching"],
    "count": 3,
    "until": "2040-01-01T00:00:00Z",
    "where": "grade = 'A'",
    "mask": ["phone:hash"],
}


class About(NamedTuple):
    """A message and the process it is about.

    Attributes:
        kind: Of the process.
        role: Ours.
        state: In which the message is legal.
        said: The message; an opening one has its whole path as endpoint.
    """

    kind: Kind
    role: Role
    state: str
    said: Said

    @classmethod
    def of(cls, kind: Kind, role: Role, state: str, *said: str) -> Self:
        return cls(kind, role, state, Said(*said))

    @property
    def opens(self) -> bool:
        return not self.state


_C, _P = Role.CONSUMER, Role.PROVIDER
ABOUT: dict[str, About] = {
    "CatalogRequestMessage": About.of(
        "negotiations", _P, "", "catalog/request", "CatalogRequestMessage"
    ),
    "ContractRequestMessage": About.of(
        "negotiations", _P, "", "negotiations/request", "ContractRequestMessage"
    ),
    "ContractRequestMessage, counter": About.of(
        "negotiations", _P, "OFFERED", "request", "ContractRequestMessage"
    ),
    "ContractOfferMessage": About.of(
        "negotiations", _C, "", "negotiations/offers", "ContractOfferMessage"
    ),
    "ContractOfferMessage, counter": About.of(
        "negotiations", _C, "REQUESTED", "offers", "ContractOfferMessage"
    ),
    "ContractAgreementMessage": About.of(
        "negotiations", _C, "REQUESTED", "agreement", "ContractAgreementMessage"
    ),
    "ContractAgreementVerificationMessage": About.of(
        "negotiations",
        _P,
        "AGREED",
        "agreement/verification",
        "ContractAgreementVerificationMessage",
    ),
    "ContractNegotiationEventMessage ACCEPTED": About.of(
        "negotiations", _P, "OFFERED", "events", "ContractNegotiationEventMessage", "ACCEPTED"
    ),
    "ContractNegotiationEventMessage FINALIZED": About.of(
        "negotiations", _C, "VERIFIED", "events", "ContractNegotiationEventMessage", "FINALIZED"
    ),
    "ContractNegotiationTerminationMessage": About.of(
        "negotiations", _P, "AGREED", "termination", "ContractNegotiationTerminationMessage"
    ),
    "TransferRequestMessage": About.of(
        "transfers", _P, "", "transfers/request", "TransferRequestMessage"
    ),
    "TransferStartMessage": About.of("transfers", _C, "REQUESTED", "start", "TransferStartMessage"),
    "TransferStartMessage, resume": About.of(
        "transfers", _P, "SUSPENDED", "start", "TransferStartMessage"
    ),
    "TransferSuspensionMessage": About.of(
        "transfers", _P, "STARTED", "suspension", "TransferSuspensionMessage"
    ),
    "TransferCompletionMessage": About.of(
        "transfers", _C, "STARTED", "completion", "TransferCompletionMessage"
    ),
    "TransferTerminationMessage": About.of(
        "transfers", _C, "STARTED", "termination", "TransferTerminationMessage"
    ),
}


class Agreeable(dict[str, Answer]):
    """A counterparty's answers: yes to everything, wherever it is said."""

    def get(self, endpoint: str, default: Any = None) -> Any:
        del default
        known = super().get(endpoint)
        return known if known is not None else lambda _: Response()


@dataclass
class Subject:
    """The connector under attack, and the processes that are attacked."""

    stage: Stage
    database: sqlite3.Connection
    agreements: dict[Role, str] = field(default_factory=dict)
    processes: dict[str, AnyProcess] = field(default_factory=dict)

    async def about(self, name: str, ended: bool) -> tuple[AnyProcess | None, Json]:
        """Return what a message is about, and the message before it is changed."""
        process = await self.process(name, ended=ended)
        return process, await self.valid(name, process)

    async def told(
        self, name: str, process: AnyProcess | None, content: bytes | None, path: str = ""
    ) -> tuple[Any, httpx.Response, Any]:
        """Say something; return the answer between what was seen before and after."""
        if content is None:
            content = json.dumps(await self.valid(name, process)).encode()
        before = self.seen(process)
        answer = await self.send(path or self.path(name, process), content)
        return before, answer, self.seen(process)

    async def token(self) -> bytes:
        return self.stage.peer.token(self.stage.us.id).encode()

    async def look(self, path: str, token: str | None = None) -> httpx.Response:
        """Ask for something, as the counterparty or with another token."""
        told = self.stage.peer.token(self.stage.us.id) if token is None else token
        return await self.stage.say(path, None, told)

    async def process(self, name: str, *, ended: bool) -> AnyProcess | None:
        """Return the process that a message is about, or one of its kind that has ended."""
        about = ABOUT[name]
        if about.opens:
            return None
        key = f"{about.kind} {about.role}" if ended else name
        if key not in self.processes:
            self.processes[key] = await self._new(about, "TERMINATED" if ended else about.state)
        return self.processes[key]

    async def _new(self, about: About, state: str) -> AnyProcess:
        us, peer = self.stage.us, self.stage.peer
        process: AnyProcess
        if about.kind == "negotiations":
            offer = Offer.read((await self.offer()) | {"target": "roses"})
            process = negotiation(us, peer, about.role, NegotiationState(state))
            process = process.model_copy(update={"offer": offer})
        else:
            agreement_id = await self.agreement(about.role)
            process = transfer(peer, about.role, TransferState(state), agreement_id)
        await keep(us, process)
        return process

    async def offer(self) -> Json:
        found: Json = (await self.stage.us.get("datasets/roses"))["policy"]
        return found

    async def agreement(self, role: Role) -> str:
        if role not in self.agreements:
            row = await keep_agreement(self.stage.us, self.stage.peer, role)
            self.agreements[role] = row.id
        return self.agreements[role]

    async def valid(self, name: str, process: AnyProcess | None) -> Json:
        """Return the sound message that is to be changed."""
        about = ABOUT[name]
        if process is not None:
            body = self.stage.body(about.kind, process, about.said)
            assert body is not None
            if about.said.endpoint in ("termination", "suspension"):
                body |= {"code": "x", "reason": ["because", {"id": "y"}]}
            return body
        self.stage.peer.pid = urn()
        match about.said.type:
            case "ContractRequestMessage":
                return await self.stage.request()
            case "ContractOfferMessage":
                return self.stage.offer(offer=(await self.offer()) | {"target": "tulips"})
            case "TransferRequestMessage":
                return self.stage.transfer_request(await self.agreement(Role.PROVIDER))
        return {"@context": CONTEXT, "@type": "CatalogRequestMessage", "filter": []}

    def path(self, name: str, process: AnyProcess | None) -> str:
        about = ABOUT[name]
        if process is None:
            return about.said.endpoint
        return self.stage.path(about.kind, process.id, about.said)

    async def moved(self, name: str, process: AnyProcess | None) -> None:
        """Take leave of what a legal message has moved: nothing more of it is sent."""
        if process is None:
            return
        self.processes.pop(name, None)
        us = self.stage.us
        await us.store.write(lambda tx: tx.outbox.drop_for_process(us.name, process.id))

    def seen(self, process: AnyProcess | None) -> tuple[Any, ...]:
        """Return what no refused message may change: processes, agreements, and what they tell."""
        counts = tuple(
            self.database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            for table in TABLES
        )
        if process is None:
            return counts
        table = "negotiations" if process.kind == "negotiation" else "transfers"
        body = self.database.execute(
            f"SELECT state, body FROM {table} WHERE pid = ?",  # noqa: S608
            (process.id,),
        ).fetchone()
        events = self.database.execute(
            "SELECT count(*) FROM events WHERE body LIKE ?", (f"%{process.id}%",)
        ).fetchone()
        return (body, events, *counts)

    async def send(
        self, path: str, content: bytes, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send bytes as the counterparty; what it costs is bounded."""
        peer = self.stage.peer
        said = {
            "Authorization": peer.token(self.stage.us.id),
            "Content-Type": "application/json",
        } | (headers or {})
        before = time.thread_time()
        answer = await peer.voice.post(
            f"{self.stage.us.hosted.dsp_url}/{path}", content=content, headers=said
        )
        assert time.thread_time() - before < MAX_CPU_SECONDS
        return answer


def after(about: About) -> str:
    """Return the state that a legal message brings."""
    if about.opens:
        return "OFFERED" if about.said.type == "ContractOfferMessage" else "REQUESTED"
    found = state_after(about.kind, about.role.other, about.state, about.said)
    assert found is not None
    return found


@contextlib.asynccontextmanager
async def subject(folder: Path) -> AsyncIterator[Subject]:
    """Run the connector under attack."""
    async with stage(folder, reaction=GoOn(), policy=POLICY) as made:
        made.peer.answers = Agreeable(made.peer.answers)
        file = made.us.connector.home.path / "trustspace.db"
        with contextlib.closing(
            sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as database:
            yield Subject(made, database)
