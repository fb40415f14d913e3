"""What the protocol allows whom in which state, written down from the specification a second time.

Not read from the state machines of `trustspace.dsp`: the expected outcome of a case must not be the
answer of what is tested. Source: DSP 2025-1, "Contract Negotiation Protocol" and "Transfer Process
Protocol" (states, message types, and the prose that lets either party terminate at any time).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trustspace.model.participant import Role

Kind = Literal["negotiations", "transfers"]

NEGOTIATION_STATES = (
    "REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED",
)  # fmt: skip
TRANSFER_STATES = ("REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED")
STATES: dict[Kind, tuple[str, ...]] = {
    "negotiations": NEGOTIATION_STATES,
    "transfers": TRANSFER_STATES,
}


@dataclass(frozen=True)
class Said:
    """What is said at an endpoint of a process; a look when it is nothing.

    Attributes:
        endpoint: Path behind the pid; empty for a look.
        type: Class of the message.
        event: Event of an event message.
    """

    endpoint: str
    type: str = ""
    event: str = ""

    def __str__(self) -> str:
        return f"{self.endpoint or 'look'}{self.event and ' ' + self.event}"


LOOK = Said("")
NEGOTIATION_SAID = (
    LOOK,
    Said("request", "ContractRequestMessage"),
    Said("offers", "ContractOfferMessage"),
    Said("agreement", "ContractAgreementMessage"),
    Said("agreement/verification", "ContractAgreementVerificationMessage"),
    Said("events", "ContractNegotiationEventMessage", "ACCEPTED"),
    Said("events", "ContractNegotiationEventMessage", "FINALIZED"),
    Said("termination", "ContractNegotiationTerminationMessage"),
)
TRANSFER_SAID = (
    LOOK,
    Said("start", "TransferStartMessage"),
    Said("suspension", "TransferSuspensionMessage"),
    Said("completion", "TransferCompletionMessage"),
    Said("termination", "TransferTerminationMessage"),
)
SAID: dict[Kind, tuple[Said, ...]] = {
    "negotiations": NEGOTIATION_SAID,
    "transfers": TRANSFER_SAID,
}

_C, _P = Role.CONSUMER, Role.PROVIDER

# By kind and by who sends: state before, what is said, state after.
_ROWS: dict[tuple[Kind, Role], str] = {
    ("negotiations", _C): """
        OFFERED   request                REQUESTED
        OFFERED   events+ACCEPTED        ACCEPTED
        AGREED    agreement/verification VERIFIED
        REQUESTED termination            TERMINATED
        OFFERED   termination            TERMINATED
        ACCEPTED  termination            TERMINATED
        AGREED    termination            TERMINATED
        VERIFIED  termination            TERMINATED
    """,
    ("negotiations", _P): """
        REQUESTED offers                 OFFERED
        REQUESTED agreement              AGREED
        ACCEPTED  agreement              AGREED
        VERIFIED  events+FINALIZED       FINALIZED
        REQUESTED termination            TERMINATED
        OFFERED   termination            TERMINATED
        ACCEPTED  termination            TERMINATED
        AGREED    termination            TERMINATED
        VERIFIED  termination            TERMINATED
    """,
    ("transfers", _C): """
        STARTED   suspension             SUSPENDED
        STARTED   completion             COMPLETED
        SUSPENDED start                  STARTED
        REQUESTED termination            TERMINATED
        STARTED   termination            TERMINATED
        SUSPENDED termination            TERMINATED
    """,
    ("transfers", _P): """
        REQUESTED start                  STARTED
        STARTED   suspension             SUSPENDED
        STARTED   completion             COMPLETED
        SUSPENDED start                  STARTED
        REQUESTED termination            TERMINATED
        STARTED   termination            TERMINATED
        SUSPENDED termination            TERMINATED
    """,
}

_AFTER = {
    (kind, sender, before, said.replace("+", " ")): after
    for (kind, sender), rows in _ROWS.items()
    for before, said, after in (row.split() for row in rows.strip().splitlines())
}


def state_after(kind: Kind, sender: Role, before: str, said: Said) -> str | None:
    """Return the state after a message of a party, or None where it is illegal."""
    if said is LOOK:
        return before
    return _AFTER.get((kind, sender, before, str(said)))
