"""The consumer's half of the stand-in for an Eclipse connector, and its way of sending."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from tests.interop.edc_meaning import DSP, EDC, EDC_NS, meaning

Json = dict[str, Any]

HTTP = "https://w3id.org/idsa/v4.1/HTTP"
SAVING = 0.012
"""Seconds between the answer to its step and the moment that the step is saved."""
REPEATS = (0.5, 1.0)


@dataclass
class Process:
    """One negotiation or transfer as the stand-in keeps it."""

    pid: str
    peer: str
    base: str
    client: str
    state: str = "REQUESTED"
    offer: Json = field(default_factory=dict)
    contexts: list[str] = field(default_factory=list)
    agreement: Json = field(default_factory=dict)
    address: Json = field(default_factory=dict)
    saved: bool = True
    dead: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, *states: str) -> str:
        """Wait for a state."""
        async with asyncio.timeout(15):
            while self.state not in states or not self.saved:
                self.changed.clear()
                await self.changed.wait()
        return self.state

    def move(self, state: str, *, saved: bool = True) -> None:
        self.state, self.saved = state, saved
        self.changed.set()


@dataclass
class ConsumerSide:
    """What it says, and what it does as a consumer."""

    url: str
    http: httpx.AsyncClient
    id: str = "edc"
    saving: float = SAVING
    spelling: str = ""
    processes: dict[str, Process] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def root(self) -> str:
        return f"{self.url}/protocol"

    @property
    def base(self) -> str:
        return f"{self.root}/2025-1"

    # --- what it says ------------------------------------------------------------------------

    def message(self, kind: str, **members: Any) -> Json:
        return {"@context": [DSP, EDC], "@id": str(uuid4()), "@type": kind} | members

    def _header(self, audience: str) -> str:
        return json.dumps({"region": "eu", "audience": audience, "clientId": self.id})

    async def call(self, method: str, base: str, path: str, body: Json | None = None) -> Any:
        headers = {"Authorization": self._header(base)}
        return await self.http.request(method, f"{base}/{path}", json=body, headers=headers)

    async def say(self, process: Process, path: str, body: Json, state: str) -> bool:
        """Send a step: repeated on 5xx, the end on 4xx, saved a moment after the answer."""
        for pause in (*REPEATS, None):
            answer = await self.call("POST", process.base, path, body)
            if answer.status_code < 500 or pause is None:
                break
            await asyncio.sleep(pause)
        if not answer.is_success:
            process.dead = f"{path}: {answer.status_code} {answer.text}"
            process.move("TERMINATED")
            return False
        await asyncio.sleep(self.saving)
        process.move(state)
        return True

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- consumer ----------------------------------------------------------------------------

    async def catalog(self, base: str, *, offset: int = 0, limit: int = 50) -> Json:
        query = {
            "@type": "QuerySpec",
            "offset": offset,
            "limit": limit,
            "sortOrder": "ASC",
            "filterExpression": [],
        }
        body = self.message("CatalogRequestMessage", filter=query)
        answer = await self.call("POST", base, "catalog/request", body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def dataset(self, base: str, asset: str) -> Json:
        answer = await self.call("GET", base, f"catalog/datasets/{quote(asset, safe='')}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def negotiate(self, base: str, provider: str, asset: str, offer: Json) -> Process:
        """Ask for an offer as the catalogue has it, read into its own model and written again.

        The agreement is held to what was read, not to what was written.
        """
        policy = _rewritten(offer, self.spelling) | {"assigner": provider, "target": asset}
        process = Process(str(uuid4()), "", base, provider, offer=policy, contexts=[DSP, EDC])
        self.processes[process.pid] = process
        process.saved = False
        body = self.message(
            "ContractRequestMessage",
            consumerPid=process.pid,
            callbackAddress=self.base,
            offer=_written(policy),
        )
        answer = await self.call("POST", base, "negotiations/request", body)
        assert answer.is_success, answer.text
        process.peer = answer.json()["providerPid"]
        await asyncio.sleep(self.saving)
        if process.state == "REQUESTED":
            process.move("REQUESTED")
        return process

    async def transfer(self, base: str, provider: str, agreement: str, **more: Any) -> Process:
        process = Process(str(uuid4()), "", base, provider)
        self.processes[process.pid] = process
        body = self.message(
            "TransferRequestMessage",
            consumerPid=process.pid,
            agreementId=agreement,
            callbackAddress=self.base,
            **{"format": "HttpData-PULL"} | more,
        )
        answer = await self.call("POST", base, "transfers/request", body)
        assert answer.is_success, answer.text
        process.peer = answer.json()["providerPid"]
        return process

    async def end(self, process: Process, message: str, path: str, **more: Any) -> httpx.Response:
        pids = {"consumerPid": process.pid, "providerPid": process.peer}
        body = self.message(message, **pids, **more)
        answer: httpx.Response = await self.call(
            "POST", process.base, f"transfers/{process.peer}/{path}", body
        )
        return answer

    async def pull(self, process: Process, *, bearer: bool) -> httpx.Response:
        """Fetch with what it reads of the data address: full names alone."""
        read = {one["name"]: one["value"] for one in process.address["endpointProperties"]}
        assert read[f"{EDC_NS}authType"] == "bearer"
        assert read[f"{EDC_NS}endpointType"] == HTTP
        token = read[f"{EDC_NS}authorization"]
        header = f"Bearer {token}" if bearer else token
        return await self.http.get(read[f"{EDC_NS}endpoint"], headers={"Authorization": header})

    def take_agreement(self, process: Process, body: Json) -> str:
        agreement = body["agreement"]
        if agreement.get("assigner") != process.client:
            return "assigner"
        if not agreement.get("timestamp"):
            return "timestamp"
        found = meaning(body["@context"], agreement)
        return "" if found == meaning(process.contexts, process.offer) else f"policy {found}"

    async def verify(self, process: Process) -> None:
        await asyncio.sleep(self.saving)
        process.move("AGREED")
        pids = {"consumerPid": process.pid, "providerPid": process.peer}
        body = self.message("ContractAgreementVerificationMessage", **pids)
        path = f"negotiations/{process.peer}/agreement/verification"
        process.saved = False
        await self.say(process, path, body, "VERIFIED")


def _rewritten(value: Any, prefix: str) -> Any:
    """Write a policy as it comes out of its model: types gone, lists of one collapsed."""
    if isinstance(value, list):
        parts = [_rewritten(one, prefix) for one in value]
        return parts[0] if len(parts) == 1 else parts
    if not isinstance(value, dict):
        return value
    if "@value" in value:
        return value["@value"]
    return {
        key: f"{prefix}{part}"
        if key == "leftOperand" and ":" not in part
        else _rewritten(part, prefix)
        for key, part in value.items()
    }


def _written(value: Any) -> Any:
    """Write a policy of its model: every right operand is one string, a list the JSON of it."""
    if isinstance(value, list):
        return [_written(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _operand(part) if key == "rightOperand" else _written(part)
        for key, part in value.items()
    }


def _operand(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps([{"@value": one} for one in value], separators=(",", ":"))
    return value if isinstance(value, str) else json.dumps(value)
