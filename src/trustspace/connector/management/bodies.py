"""Parameters and bodies of the management API."""

from typing import Annotated, Any, ClassVar, Literal

from fastapi import Depends, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from trustspace.connector.context import Hosted
from trustspace.connector.control_plane import ControlPlane  # noqa: TC001 - fastapi reads it
from trustspace.connector.negotiating.answering import ROUNDS, Negotiation
from trustspace.connector.transferring.transfer_requests import PushOrder
from trustspace.dataplane.push_target import sink_address
from trustspace.model.participant import Role

MAX_WAIT = 60.0
"""Longest wait for a change, in seconds."""

Wait = Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for a change.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]


# Asynchronous, although it waits for nothing: others are run in a thread of their own.
async def _hosted(request: Request, participant: str) -> Hosted:
    plane: ControlPlane = request.app.state.plane
    return plane.context.participant(participant)


Who = Annotated[Hosted, Depends(_hosted)]


class Body(BaseModel):
    """What every body observes: a member that is not known is refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class NewParticipant(Body):
    """A participant to host beside the others."""

    name: str = Field(max_length=63)


class Publication(Body):
    """A dataset to offer: where it is and under which terms."""

    title: str | None = None
    description: str = ""
    keywords: list[str] = Field(default_factory=list)
    creator: str = ""
    source: dict[str, Any] = Field(examples=[{"kind": "file", "path": "/data/roses.parquet"}])
    policy: dict[str, Any] = Field(examples=[{"purpose": "credit-scoring", "count": 100}])
    negotiation: Negotiation = "automatic"
    rounds: int = Field(default=ROUNDS, ge=0, le=100)
    accept_contractual: list[str] = Field(default_factory=list, examples=[["distribute"]])


class Leaked(Body):
    """A file that may be a copy of a dataset, on the connector's machine."""

    path: str = Field(max_length=4096)


class Criterion(Body):
    """One comparison of a catalogue filter."""

    field: str
    op: str
    value: str | int | list[str]


class CatalogQuery(Body):
    """Whose catalogue to fetch: a URL or a DID; which of its datasets: all that meet the filter."""

    address: str
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None
    filter: list[Criterion] = Field(default_factory=list, max_length=20)


class CrawlOrder(Body):
    """Which catalogues to crawl: URLs or DIDs; none means those that were crawled before."""

    addresses: list[str] = Field(default_factory=list, max_length=1000)


class NegotiationRequest(Body):
    """What to ask a provider for.

    ``policy`` asks for other terms than the offer's; ``fresh`` negotiates even if there is a valid
    agreement; ``counter_offers`` says who answers other terms that the provider offers instead.
    """

    address: str
    dataset: str
    purpose: str | None = None
    offer: str | None = None
    policy: dict[str, Any] | None = None
    counter_offers: Literal["policy", "client"] = "policy"
    fresh: bool = False


class Proposal(Body):
    """What to offer a consumer: a dataset, under its own terms or under others."""

    address: str
    dataset: str
    purpose: str | None = None
    policy: dict[str, Any] | None = None


class Sink(Body):
    """Somebody's sink that a push goes to, with what opens it."""

    url: str = Field(max_length=4096)
    authorization: str | None = Field(default=None, max_length=8192)
    method: str | None = Field(default=None, pattern="^(PUT|POST)$")


class TransferOrder(Body):
    """Under which agreement to ask for data; of a push also where to and in which form."""

    agreement: str
    format: str = "HttpData-PULL"
    sink: Sink | None = None
    form: str | None = Field(default=None, pattern="^(file|table)$")
    media_type: str | None = Field(default=None, max_length=200)

    def push(self) -> PushOrder | None:
        """Return what is said of a push, or None when nothing is.

        Raises:
            ConfigurationError: The sink is none.
        """
        if self.sink is None:
            is_said = self.form is not None or self.media_type is not None
            return PushOrder(form=self.form, media_type=self.media_type) if is_said else None
        address = sink_address(
            self.sink.url,
            authorization=self.sink.authorization,
            method=self.sink.method,
            form=self.form,
            media_type=self.media_type,
        )
        return PushOrder(sink=address)


class Ending(Body):
    """Why something ends or pauses, for the counterparty to read."""

    reason: str = Field(default="", max_length=2000)


class FulfilmentBody(Body):
    """Evidence that a duty was done."""

    evidence: str = Field(min_length=1, max_length=512, examples=["receipt-7"])
    facts: dict[str, Any] = Field(
        default_factory=dict, examples=[{"payAmount": {"value": "500", "unit": "CNY"}}]
    )
    occurrence: str | None = Field(default=None, max_length=512)
    at: AwareDatetime | None = None


class NegotiationStep(Ending):
    """What an owner's step of a negotiation says: why it ends, or which terms are offered."""

    policy: dict[str, Any] | None = None


class Receipt(Body):
    """How a delivery ended at the consumer."""

    session: str = Field(max_length=200)
    outcome: str = Field(pattern="^(delivered|refused|cut)$")
    bytes: int = Field(default=0, ge=0)
    rows: int = Field(default=0, ge=0)
    sha256: str | None = Field(default=None, max_length=200)
    reasons: list[Any] = Field(default_factory=list, max_length=64)


class Attestation(Body):
    """Facts that the owner attests about a counterparty, by left operand."""

    facts: dict[str, Any] = Field(
        max_length=100, examples=[{"spatial": "CN-SH", "cx:Membership": "active"}]
    )


class Consultation(Body):
    """Whom to examine, and as what."""

    address: str
    role: Role = Role.PROVIDER
    negotiate: bool = False


class Speech(Body):
    """Which dialect a counterparty speaks; null leaves it to what it shows."""

    dialect: str | None = Field(max_length=100, examples=["edc"])
