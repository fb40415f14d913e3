"""Contract negotiations: the kit as consumer, and as provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from uuid import uuid4

from tests.conformance.kit import CaseFailedError, Expectation, IllegalTransitionError, Kit
from tests.conformance.messages import KIT, Json, agreement, message, offer

HARD_CODED = ("CD123:ACN0102:456", "ACN0102")
"""Offer and dataset of the counter-request in ``CN_01_02``, whatever is configured."""

Q, O, C, A, V, F, T = (  # noqa: E741 - one letter each, as the cases name them
    *("REQUESTED", "OFFERED", "ACCEPTED", "AGREED"),
    *("VERIFIED", "FINALIZED", "TERMINATED"),
)


class Negotiation(Kit):
    """What both sides of a negotiation share."""

    transitions: ClassVar[Mapping[str, str]] = {
        "": Q,
        Q: f"{O} {A} {T}",
        O: f"{Q} {O} {C} {T}",
        C: f"{A} {T}",
        A: f"{V} {T}",
        V: f"{F} {T}",
    }
    pid = ""
    """The kit's own pid."""
    peer_pid = ""
    consumer_pid = ""
    provider_pid = ""
    base = ""
    """Where the connector listens."""

    async def check(self, state: str) -> None:
        """Ask once, 100 ms later, for the connector's state."""
        await self.pause()
        found = await self.get(f"{self.base}/negotiations/{self.peer_pid}")
        if found.get("state") != state:
            raise CaseFailedError(f"the connector is in {found.get('state')}, not in {state}")

    async def terminate(self, *, refused: bool = False) -> None:
        """End it, 100 ms later."""
        await self.pause()
        await self.tell("ContractNegotiationTerminationMessage", "termination", refused, code="1")
        if not refused:
            self.move(T)

    async def tell(self, kind: str, path: str, refused: bool, **members: object) -> None:
        """Send a message about the negotiation."""
        document = message(
            kind, consumerPid=self.consumer_pid, providerPid=self.provider_pid, **members
        )
        url = f"{self.base}/negotiations/{self.peer_pid}/{path}"
        await self.post(url, document, refused=refused)

    def hear(self, path: str, kind: str, state: str, *, is_silent: bool = True) -> None:
        """Listen for a message that brings a state; with or without a body in the answer."""

        def apply(document: Json) -> Json | None:
            self.same(document, consumerPid=self.consumer_pid, providerPid=self.provider_pid)
            self.hear_content(document)
            self.move(state)
            return None if is_silent else self.acknowledgement()

        self.expect(Expectation(f"/negotiations/[^/]+/{path}", kind, apply))

    def hear_content(self, document: Json) -> None:
        """Look at what the message says beside the pids."""

    def acknowledgement(self) -> Json:
        """Return the negotiation as it is now."""
        return message(
            "ContractNegotiation",
            consumerPid=self.consumer_pid,
            providerPid=self.provider_pid,
            state=self.state,
        )


class Consumer(Negotiation):
    """The kit asks for a dataset of the connector's."""

    async def request(self) -> None:
        """Ask; the kit's own state moves with the answer."""
        self.base = self.configuration.of("http.url")
        self.pid = self.consumer_pid = str(uuid4())
        self.dataset, self.offer = self.configured("DATASETID"), self.configured("OFFERID")
        document = message(
            "ContractRequestMessage",
            consumerPid=self.pid,
            offer=offer(self.offer, self.dataset),
            callbackAddress=self.address,
        )
        answer = await self.post(f"{self.base}/negotiations/request", document)
        found = self.document(answer)
        if found.get("consumerPid") != self.pid or found.get("state") != Q:
            raise CaseFailedError(f"the request is not acknowledged: {found}")
        self.peer_pid = self.provider_pid = found["providerPid"]
        self.move(Q)

    def expect_offer(self) -> None:
        """Listen for an offer."""
        self.hear("offers", "ContractOfferMessage", O, is_silent=False)

    def expect_agreement(self) -> None:
        """Listen for the agreement."""
        self.hear("agreement", "ContractAgreementMessage", A)

    def expect_finalized(self) -> None:
        """Listen for the end of the negotiation."""
        self.hear("events", "ContractNegotiationEventMessage", F)

    def expect_termination(self) -> None:
        """Listen for its being ended."""
        self.hear("termination", "ContractNegotiationTerminationMessage", T)

    async def counter(
        self, offered: tuple[str, str] | None = None, *, refused: bool = False
    ) -> None:
        """Ask for something else."""
        offer_id, dataset_id = offered or (self.offer, self.dataset)
        await self.tell(
            "ContractRequestMessage",
            "request",
            refused,
            offer=offer(offer_id, dataset_id, assignee=KIT),
        )
        if not refused:
            self.move(Q)

    async def accept(self) -> None:
        """Accept the connector's offer."""
        await self.tell("ContractNegotiationEventMessage", "events", False, eventType="ACCEPTED")
        self.move(C)

    async def verify(self, *, refused: bool = False) -> None:
        """Verify the agreement, 100 ms later."""
        await self.pause()
        await self.tell("ContractAgreementVerificationMessage", "agreement/verification", refused)
        if not refused:
            self.move(V)

    def hear_content(self, document: Json) -> None:
        """Hold offer, agreement and event to what was asked for."""
        policy = document.get("offer") or document.get("agreement") or {"target": self.dataset}
        if policy["target"] != self.dataset:
            raise IllegalTransitionError(f"it is about {policy['target']}")
        if "agreement" in document:
            parties = (policy["assigner"], policy["assignee"])
            if parties != (self.configuration.of("agent.id"), KIT):
                raise IllegalTransitionError(f"its parties are {parties}")
        if document.get("eventType", F) != F:
            raise IllegalTransitionError(f"it tells of {document['eventType']}")


class Provider(Negotiation):
    """The connector asks for a dataset of the kit's."""

    async def begin(self) -> None:
        """Let the connector ask; wait until it has."""
        self.dataset = self.configured("DATASETID")
        self.pid = self.provider_pid = str(uuid4())
        self.expect(Expectation("/negotiations/request", "ContractRequestMessage", self._asked))
        order = {
            "providerId": KIT,
            "connectorAddress": self.address,
            "offerId": f"offer{self.dataset}",
            "datasetId": self.dataset,
        }
        url = self.configuration.of("negotiation.initiate.url")
        await self.post(url, order, is_plain=True)
        await self.until(Q)

    def _asked(self, document: Json) -> Json:
        asked = document["offer"]
        if asked["@id"] != f"offer{self.dataset}" or asked.get("target") != self.dataset:
            raise IllegalTransitionError(f"it asks for {asked['@id']} of {asked.get('target')}")
        self.peer_pid = self.consumer_pid = document["consumerPid"]
        self.base = document["callbackAddress"].rstrip("/")
        self.move(Q)
        return self.acknowledgement()

    def expect_request(self) -> None:
        """Listen for a counter-request."""
        self.hear("request", "ContractRequestMessage", Q, is_silent=False)

    def expect_accepted(self) -> None:
        """Listen for the acceptance of the kit's offer."""
        self.hear("events", "ContractNegotiationEventMessage", C)

    def expect_verification(self) -> None:
        """Listen for the verification of the agreement."""
        self.hear("agreement/verification", "ContractAgreementVerificationMessage", V)

    def expect_termination(self) -> None:
        """Listen for its being ended."""
        self.hear("termination", "ContractNegotiationTerminationMessage", T, is_silent=False)

    def hear_content(self, document: Json) -> None:
        """Hold the event to what was offered."""
        if document.get("eventType", "ACCEPTED") != "ACCEPTED":
            raise IllegalTransitionError(f"it tells of {document['eventType']}")

    async def make_offer(self, *, refused: bool = False) -> None:
        """Offer what was asked for."""
        assignee = self.configuration.of("agent.id")
        offered = offer(f"offer{self.dataset}", self.dataset, assignee=assignee, assigner=KIT)
        await self.tell("ContractOfferMessage", "offers", refused, offer=offered)
        if not refused:
            self.move(O)

    async def agree(self, *, refused: bool = False) -> None:
        """Agree to what is on the table; the address beside it means nothing."""
        await self.tell(
            "ContractAgreementMessage",
            "agreement",
            refused,
            agreement=agreement(self.dataset, self.configuration.of("agent.id")),
            callbackAddress=self.address,
        )
        if not refused:
            self.move(A)

    async def finalize(self, *, refused: bool = False) -> None:
        """Conclude."""
        await self.tell("ContractNegotiationEventMessage", "events", refused, eventType=F)
        if not refused:
            self.move(F)
