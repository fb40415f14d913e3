"""What a consumer's connector holds under an agreement, and how it is removed.

Whatever keeps copies of received data implements `KeptCopies`; deletion asks all of them. A copy
that a program of the consumer saved elsewhere is out of reach, and the evidence does not speak of
it.

Example::

    removed = await copies.remove(hosted, agreement)   # {'sealed': 2, 'proof': 'eyJ…'}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trustspace.store import AgreementState
from trustspace.usage.deletion_record import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.connector.context import Hosted
    from trustspace.connector.using.deletion_proof import DeletionProofs
    from trustspace.store import AgreementRow


TRIGGERS = {
    AgreementState.FINALIZED: Trigger.AFTER_USE,
    AgreementState.EXPIRED: Trigger.EXPIRY,
    AgreementState.REVOKED: Trigger.REVOCATION,
    AgreementState.TERMINATED: Trigger.REQUEST,
}
"""Why copies go, by the state of the agreement at the time."""


class KeptCopies(Protocol):
    """A place where data received under agreements is kept."""

    async def remove(self, hosted: Hosted, agreement: AgreementRow) -> Mapping[str, int | str]:
        """Remove what is kept under an agreement; nothing there is no error.

        Returns:
            What was removed, for the evidence: numbers of copies, or digests of proofs, by name.

        Raises:
            ConfigurationError: Something could not be removed; it is tried again later.
        """
        ...


@dataclass(frozen=True)
class Deleting:
    """What deletion needs.

    Attributes:
        places: Where received data is kept.
        proofs: Checks the proofs of counterparties.
    """

    places: Sequence[KeptCopies]
    proofs: DeletionProofs
