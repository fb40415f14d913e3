"""Transfer processes: the kit as consumer, and as provider."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar
from uuid import uuid4

from tests.conformance.kit import POLL_SECONDS, CaseFailedError, Expectation, Kit
from tests.conformance.messages import DATA_ADDRESS, KIT, Json, message

Q, R, P, C, T = "REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"

ENDPOINTS = {
    R: ("start", "TransferStartMessage"),
    P: ("suspension", "TransferSuspensionMessage"),
    C: ("completion", "TransferCompletionMessage"),
    T: ("termination", "TransferTerminationMessage"),
}
"""Path and class of the message that brings a state."""


class Transfer(Kit):
    """What both sides of a transfer share."""

    transitions: ClassVar[Mapping[str, str]] = {
        "": Q,
        Q: f"{R} {T}",
        R: f"{P} {C} {T}",
        P: f"{R} {T}",
    }
    pid = ""
    peer_pid = ""
    consumer_pid = ""
    provider_pid = ""
    base = ""

    async def check(self, state: str) -> None:
        """Ask for the connector's state every 100 ms until it is the right one."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.configuration.wait
        while True:
            await asyncio.sleep(POLL_SECONDS)
            found = await self.get(f"{self.base}/transfers/{self.peer_pid}")
            if found.get("state") == state:
                return
            if loop.time() > end:
                raise CaseFailedError(f"the connector is in {found.get('state')}, not in {state}")

    def hear(self, state: str) -> None:
        """Listen for the message that brings a state."""
        path, kind = ENDPOINTS[state]

        def apply(document: Json) -> Json:
            self.same(document, consumerPid=self.consumer_pid, providerPid=self.provider_pid)
            self.move(state)
            return self.acknowledgement()

        expected = f"/transfers/[^/]+/{path}"
        self.expect(Expectation(expected, kind, apply, is_fallible=state != T))

    async def tell(self, state: str, *, refused: bool = False) -> None:
        """Send the message that brings a state, and wait until the kit is in it."""
        await self.say(state, refused=refused)
        if not refused:
            await self.until(state)

    async def say(
        self, state: str, *, refused: bool = False, data_address: Json | None = None
    ) -> None:
        """Send the message that brings a state; the kit's own state moves with the answer."""
        path, kind = ENDPOINTS[state]
        document = message(
            kind,
            consumerPid=self.consumer_pid,
            providerPid=self.provider_pid,
            code="1" if state in (P, T) else None,
            dataAddress=data_address,
        )
        await self.post(f"{self.base}/transfers/{self.peer_pid}/{path}", document, refused=refused)
        if not refused:
            self.move(state)

    def acknowledgement(self) -> Json:
        """Return the transfer as it is now."""
        return message(
            "TransferProcess",
            consumerPid=self.consumer_pid,
            providerPid=self.provider_pid,
            state=self.state,
        )


class Consumer(Transfer):
    """The kit asks for data of the connector's."""

    async def request(self) -> None:
        """Ask; the kit's own state moves with the answer."""
        self.base = self.configuration.of("http.url")
        self.pid = self.consumer_pid = str(uuid4())
        document = message(
            "TransferRequestMessage",
            consumerPid=self.pid,
            agreementId=self.configured("AGREEMENTID"),
            format=self.configured("FORMAT"),
            callbackAddress=self.address,
        )
        answer = await self.post(f"{self.base}/transfers/request", document)
        found = self.document(answer)
        if found.get("consumerPid") != self.pid or found.get("state") != Q:
            raise CaseFailedError(f"the request is not acknowledged: {found}")
        self.peer_pid = self.provider_pid = found["providerPid"]
        self.move(Q)


class Provider(Transfer):
    """The connector asks for data of the kit's."""

    async def begin(self) -> None:
        """Let the connector ask; wait until it has."""
        self.pid = self.provider_pid = str(uuid4())
        self.expect(Expectation("/transfers/request", "TransferRequestMessage", self._asked))
        order = {
            "providerId": KIT,
            "connectorAddress": self.address,
            "agreementId": self.configured("AGREEMENTID"),
            "format": self.configured("FORMAT"),
        }
        url = self.configuration.of("transfer.initiate.url")
        await self.post(url, order, is_plain=True)
        await self.until(Q)

    def _asked(self, document: Json) -> Json:
        self.same(
            document, agreementId=self.configured("AGREEMENTID"), format=self.configured("FORMAT")
        )
        self.peer_pid = self.consumer_pid = document["consumerPid"]
        # Not cleaned: an address that ends in a slash is called with two.
        self.base = document["callbackAddress"]
        self.move(Q)
        return self.acknowledgement()

    async def start(self) -> None:
        """Start or resume, with an address that nobody fetches from."""
        await self.say(R, data_address=DATA_ADDRESS)
