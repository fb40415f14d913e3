"""What connectors say to each other (DSP 2025-1, sections "Message Types" of the three protocols).

Thirteen messages, two acknowledgements, three errors and the version document, named as in the
specification. Each is a frozen value; ``@type`` is fixed by the class, ``@context`` belongs to
``trustspace.dsp.wire``. Rules that the specification states in prose and that a reader cannot do
without (an offer's ``target``, an agreement's ``timestamp``) are checked here; what only a sender
must observe is checked by ``wire.emit``.

Example::

    request = ContractRequestMessage(
        consumer_pid="urn:uuid:c1",
        offer=Offer.read({"@id": "urn:uuid:o1", "target": "d1", "permission": [{"action": "use"}]}),
        callback_address="https://consumer.example/dsp",
    )
    request.is_initial  # True
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from trustspace.model.data_address import DataAddress
from trustspace.model.dataset import Catalog, Dataset
from trustspace.model.odrl import Agreement, Offer, Policy
from trustspace.model.value import Value

Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A pid, id or address: any text the schemas allow, but not empty, endless or with controls."""

# xsd:dateTime as the schema's pattern has it, here anchored; the zone is optional when reading.
_DATE_TIME = re.compile(
    r"-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)"
    r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?",
    re.ASCII,
)


class NegotiationState(StrEnum):
    """States of a contract negotiation (DSP 2025-1, "Contract Negotiation Protocol", States)."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class NegotiationEvent(StrEnum):
    """What a ContractNegotiationEventMessage announces."""

    ACCEPTED = "ACCEPTED"
    FINALIZED = "FINALIZED"


class TransferState(StrEnum):
    """States of a transfer process (DSP 2025-1, "Transfer Process Protocol", States)."""

    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class _Said(Value):
    """Anything with an optional ``@id`` of its own, the same over retries."""

    id: Identifier | None = Field(default=None, alias="@id")


class _WithPids(_Said):
    """Anything about an existing process, which both pids name."""

    consumer_pid: Identifier = Field(alias="consumerPid")
    provider_pid: Identifier = Field(alias="providerPid")


class _WithReasons(Value):
    """An optional code and reasons; a reason may be any JSON value."""

    code: str | None = None
    reasons: tuple[Any, ...] = Field(default=(), alias="reason")


class CatalogRequestMessage(_Said):
    """Asks for the catalogue (DSP 2025-1, "Catalog Request Message").

    Attributes:
        filter: Query in a language the two sides agreed on elsewhere; empty means everything.
    """

    type: Literal["CatalogRequestMessage"] = Field(default="CatalogRequestMessage", alias="@type")
    filter: tuple[Any, ...] = ()


class DatasetRequestMessage(_Said):
    """Asks for one dataset (DSP 2025-1, "Dataset Request Message"); over HTTPS a GET without body.

    Attributes:
        dataset: Id of the dataset.
    """

    type: Literal["DatasetRequestMessage"] = Field(default="DatasetRequestMessage", alias="@type")
    dataset: Identifier


class CatalogError(_Said, _WithReasons):
    """Refuses a catalogue request (DSP 2025-1, "Error - Catalog Error")."""

    type: Literal["CatalogError"] = Field(default="CatalogError", alias="@type")


def _check_offer(offer: Offer) -> None:
    """Hold an offer inside a message to the prose: it has the target, its rules have none."""
    if offer.target is None:
        msg = "the offer of a message has a target, the id of the dataset"
        raise ValueError(msg)
    _check_rules(offer)


def _check_rules(policy: Policy) -> None:
    for pointer, rule in policy.rules():
        if "target" in (rule.model_extra or {}):
            msg = f"the rule {pointer} has a target of its own; the policy's target stands for all"
            raise ValueError(msg)


class ContractRequestMessage(_Said):
    """The consumer's offer, first or counter (DSP 2025-1, "Contract Request Message").

    Attributes:
        provider_pid: Absent in the initial request, present in a counter-offer.
        callback_address: Base URL of the consumer; required in the initial request, meaningless in
            a counter-offer.
    """

    type: Literal["ContractRequestMessage"] = Field(default="ContractRequestMessage", alias="@type")
    consumer_pid: Identifier = Field(alias="consumerPid")
    provider_pid: Identifier | None = Field(default=None, alias="providerPid")
    offer: Offer
    callback_address: Identifier | None = Field(default=None, alias="callbackAddress")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.provider_pid is None and self.callback_address is None:
            msg = "an initial request has a callbackAddress, a counter-offer the providerPid"
            raise ValueError(msg)
        _check_offer(self.offer)
        return self

    @property
    def is_initial(self) -> bool:
        """Whether it asks for a new negotiation."""
        return self.provider_pid is None


class ContractOfferMessage(_Said):
    """The provider's offer, first or counter (DSP 2025-1, "Contract Offer Message").

    Attributes:
        consumer_pid: Absent in the initial offer, present in a counter-offer.
        callback_address: Base URL of the provider; required in the initial offer, meaningless in a
            counter-offer.
    """

    type: Literal["ContractOfferMessage"] = Field(default="ContractOfferMessage", alias="@type")
    provider_pid: Identifier = Field(alias="providerPid")
    consumer_pid: Identifier | None = Field(default=None, alias="consumerPid")
    offer: Offer
    callback_address: Identifier | None = Field(default=None, alias="callbackAddress")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.consumer_pid is None and self.callback_address is None:
            msg = "an initial offer has a callbackAddress, a counter-offer the consumerPid"
            raise ValueError(msg)
        _check_offer(self.offer)
        return self

    @property
    def is_initial(self) -> bool:
        """Whether it opens a new negotiation."""
        return self.consumer_pid is None


class ContractAgreementMessage(_WithPids):
    """The provider's agreement (DSP 2025-1, "Contract Agreement Message")."""

    type: Literal["ContractAgreementMessage"] = Field(
        default="ContractAgreementMessage", alias="@type"
    )
    agreement: Agreement

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not _DATE_TIME.fullmatch(self.agreement.timestamp or ""):
            msg = "the agreement has a timestamp, an xsd:dateTime"
            raise ValueError(msg)
        _check_rules(self.agreement)
        return self


class ContractAgreementVerificationMessage(_WithPids):
    """The consumer's yes (DSP 2025-1, "Contract Agreement Verification Message")."""

    type: Literal["ContractAgreementVerificationMessage"] = Field(
        default="ContractAgreementVerificationMessage", alias="@type"
    )


class ContractNegotiationEventMessage(_WithPids):
    """An event (DSP 2025-1, "Contract Negotiation Event Message").

    Attributes:
        event_type: ``ACCEPTED`` by the consumer, ``FINALIZED`` by the provider.
    """

    type: Literal["ContractNegotiationEventMessage"] = Field(
        default="ContractNegotiationEventMessage", alias="@type"
    )
    event_type: NegotiationEvent = Field(alias="eventType")


class ContractNegotiationTerminationMessage(_WithPids, _WithReasons):
    """Either side's end (DSP 2025-1, "Contract Negotiation Termination Message")."""

    type: Literal["ContractNegotiationTerminationMessage"] = Field(
        default="ContractNegotiationTerminationMessage", alias="@type"
    )


class ContractNegotiation(_WithPids):
    """Acknowledges with the state reached (DSP 2025-1, "Ack - Contract Negotiation")."""

    type: Literal["ContractNegotiation"] = Field(default="ContractNegotiation", alias="@type")
    state: NegotiationState


class ContractNegotiationError(_WithPids, _WithReasons):
    """Refuses a message (DSP 2025-1, "Error - Contract Negotiation Error"); no state changes."""

    type: Literal["ContractNegotiationError"] = Field(
        default="ContractNegotiationError", alias="@type"
    )


class TransferRequestMessage(_Said):
    """Asks for the data of an agreement (DSP 2025-1, "Transfer Request Message").

    Attributes:
        format: A format of one of the dataset's distributions, for example ``HttpData-PULL``.
        data_address: Where the provider delivers; only for a push.
        callback_address: Base URL of the consumer.
    """

    type: Literal["TransferRequestMessage"] = Field(default="TransferRequestMessage", alias="@type")
    consumer_pid: Identifier = Field(alias="consumerPid")
    agreement_id: Identifier = Field(alias="agreementId")
    format: Identifier
    data_address: DataAddress | None = Field(default=None, alias="dataAddress")
    callback_address: Identifier = Field(alias="callbackAddress")


class TransferStartMessage(_WithPids):
    """Starts or resumes (DSP 2025-1, "Transfer Start Message").

    Attributes:
        data_address: Where the consumer fetches; only for a pull and only from the provider.
    """

    type: Literal["TransferStartMessage"] = Field(default="TransferStartMessage", alias="@type")
    data_address: DataAddress | None = Field(default=None, alias="dataAddress")


class TransferSuspensionMessage(_WithPids, _WithReasons):
    """Pauses (DSP 2025-1, "Transfer Suspension Message")."""

    type: Literal["TransferSuspensionMessage"] = Field(
        default="TransferSuspensionMessage", alias="@type"
    )


class TransferCompletionMessage(_WithPids):
    """Says that all has been delivered (DSP 2025-1, "Transfer Completion Message")."""

    type: Literal["TransferCompletionMessage"] = Field(
        default="TransferCompletionMessage", alias="@type"
    )


class TransferTerminationMessage(_WithPids, _WithReasons):
    """Ends for good (DSP 2025-1, "Transfer Termination Message")."""

    type: Literal["TransferTerminationMessage"] = Field(
        default="TransferTerminationMessage", alias="@type"
    )


class TransferProcess(_WithPids):
    """Acknowledges with the state reached (DSP 2025-1, "Ack - Transfer Process")."""

    type: Literal["TransferProcess"] = Field(default="TransferProcess", alias="@type")
    state: TransferState


class TransferError(_WithPids, _WithReasons):
    """Refuses a message (DSP 2025-1, "Error - Transfer Error"); no state changes."""

    type: Literal["TransferError"] = Field(default="TransferError", alias="@type")


class ProtocolAuth(Value):
    """How an endpoint is secured, for example ``DCP`` ``1.0``."""

    protocol: str
    version: str
    profile: tuple[str, ...] = ()


class ProtocolVersion(Value):
    """One entry of the version document.

    Attributes:
        path: Absolute path to append to the root, for example ``/dsp/2025-1``.
        binding: ``HTTPS``; entries of older versions have none.
        service_id: Groups the endpoints of one data service; here the participant's DID.
        identifier_type: Kind of participant identifier, for example ``did:web``.
    """

    version: str
    path: str
    binding: str | None = None
    service_id: str | None = Field(default=None, alias="serviceId")
    identifier_type: str | None = Field(default=None, alias="identifierType")
    auth: ProtocolAuth | None = None


class VersionResponse(Value):
    """The version document, plain JSON (DSP 2025-1, "Exposure of Versions")."""

    protocol_versions: tuple[ProtocolVersion, ...] = Field(alias="protocolVersions", min_length=1)


NegotiationMessage = (
    ContractRequestMessage
    | ContractOfferMessage
    | ContractAgreementMessage
    | ContractAgreementVerificationMessage
    | ContractNegotiationEventMessage
    | ContractNegotiationTerminationMessage
)
"""What moves a contract negotiation."""

TransferMessage = (
    TransferRequestMessage
    | TransferStartMessage
    | TransferSuspensionMessage
    | TransferCompletionMessage
    | TransferTerminationMessage
)
"""What moves a transfer process."""

Acknowledgement = ContractNegotiation | TransferProcess
"""What answers a message that was accepted."""

ErrorMessage = CatalogError | ContractNegotiationError | TransferError
"""What answers a message that was refused."""

Message = (
    CatalogRequestMessage
    | DatasetRequestMessage
    | Catalog
    | Dataset
    | NegotiationMessage
    | TransferMessage
    | Acknowledgement
    | ErrorMessage
)
"""Everything that has an ``@type``, hence all but the version document."""

MESSAGE_TYPES: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {message.__name__: message for message in get_args(Message)}
)
"""Class of each ``@type``."""
