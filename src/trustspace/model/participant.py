"""Who takes part: a participant, its identifier, and the two roles of an exchange."""

from enum import StrEnum

from trustspace.model.value import Value

ParticipantId = str
"""Dataspace-wide identifier of a participant, here a DID such as ``did:web:provider.example``."""


class Role(StrEnum):
    """The side a participant plays in one negotiation or transfer."""

    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> "Role":
        """The counterparty's role."""
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


class Participant(Value):
    """A participant context hosted by this connector.

    Attributes:
        name: Short name in URLs and on the command line, ``[a-z0-9][a-z0-9-]*``.
        id: The participant's DID.
        address: Root URL under which its endpoints live.
    """

    name: str
    id: ParticipantId
    address: str
