"""What a consumer's connector holds under an agreement, and how it is removed.

Whatever keeps copies of received data implements `KeptCopies`; deletion asks all of them. A copy
that a program of the consumer saved elsewhere is out of reach, and the evidence does not speak of
it.

Example::

    removed = await copies.remove(hosted, agreement)   # {'incoming': 2}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio.to_thread

from trustspace.store import AgreementState
from trustspace.usage.deletion_record import Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import Hosted
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.store import AgreementRow
    from trustspace.usage.deletion_record import DeletionRecord


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


class IncomingCopies:
    """What providers pushed to our own sink, whole or in part.

    Args:
        incoming: What arrived.
    """

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    async def remove(self, hosted: Hosted, agreement: AgreementRow) -> Mapping[str, int | str]:
        """Delete what arrived under an agreement; see `trustspace.usage.deletion`."""
        trigger = TRIGGERS[agreement.state]

        def remove() -> DeletionRecord | None:
            return self._incoming.delete(
                hosted, agreement.id, trigger=trigger, is_final=trigger is not Trigger.AFTER_USE
            )

        record = await anyio.to_thread.run_sync(remove)
        if record is None:
            return {"incoming": 0}
        count = record.files.sealed + record.files.partial
        return {"incoming": count, "deletion": record.digest}
