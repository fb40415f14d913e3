"""What two connectors of our profile say to each other about the end of an agreement.

The Dataspace Protocol has no message for it. The profile's own endpoints lie beside the protocol's,
and only a counterparty that announces the profile in its version document is asked there::

    https://garden.example/garden/dsp/2025-1                                      the protocol
    https://garden.example/garden/trustspace/v1/agreements/{agreement_id}/{step}  the profile

A message is sent with the same ``Authorization`` as the protocol's, answered 200 with the state of
the agreement at whoever was told, 404 without a body where there is no such agreement with the
sender. Its ``@id`` is the same over retries; told again, it changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from trustspace.connector.context import DSP_PATH
from trustspace.model.value import Value

PROFILE_PATH = "/trustspace/v1"

AGREEMENT = "agreement"
"""Kind of process under which these messages wait in the outbox."""

LONGEST_REASON = 2_000
"""Characters of a reason."""


class EndingStep(StrEnum):
    """What a message says, the last segment of its path."""

    PROPOSAL = "proposal"
    """Let us end it; it stays in force until the other side accepts."""
    ACCEPTANCE = "acceptance"
    """Agreed, it ends."""
    REJECTION = "rejection"
    """It stays in force."""
    WITHDRAWAL = "withdrawal"
    """The provider has ended it."""
    SURRENDER = "surrender"
    """The consumer has given it up."""


class AgreementEndMessage(Value):
    """One message about the end of an agreement.

    Attributes:
        id: The same over retries; that of a proposal is the proposal's.
        agreement_id: Which agreement.
        proposal_id: Which proposal an acceptance or rejection answers.
        reason: Why, in words.
    """

    id: str = Field(alias="@id", min_length=1, max_length=512)
    type: Literal["AgreementEndMessage"] = Field(default="AgreementEndMessage", alias="@type")
    agreement_id: str = Field(alias="agreementId")
    proposal_id: str | None = Field(default=None, alias="proposalId")
    reason: str = Field(default="", max_length=LONGEST_REASON)


def url_of(dsp_url: str, agreement_id: str, step: EndingStep) -> str | None:
    """Return where a step is told, or None when the address is not of our profile.

    Args:
        dsp_url: Base URL of the counterparty's protocol endpoints.
        agreement_id: Which agreement.
        step: What is told.
    """
    base = dsp_url.rstrip("/")
    if not base.endswith(DSP_PATH):
        return None
    root = base.removesuffix(DSP_PATH) + PROFILE_PATH
    return f"{root}/agreements/{quote(agreement_id, safe='')}/{step}"


def queue_of(agreement_id: str) -> str:
    """Return the outbox's name of the messages about an agreement.

    The id is the provider's choice, who must not name the messages of a negotiation by it.
    """
    return f"{AGREEMENT}:{agreement_id}"
