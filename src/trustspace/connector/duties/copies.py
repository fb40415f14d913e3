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

from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.store import AgreementRow


class KeptCopies(Protocol):
    """A place where data received under agreements is kept."""

    async def remove(self, hosted: Hosted, agreement: AgreementRow) -> Mapping[str, int | str]:
        """Remove what is kept under an agreement; nothing there is no error.

        Returns:
            What was removed, for the evidence: numbers of copies, or digests of proofs, by name.

        Raises:
            OSError: Something could not be removed; it is tried again later.
        """
        ...


class IncomingCopies:
    """What providers pushed to our own sink, whole or in part.

    Args:
        context: The connector.
        incoming: The folder of what arrived.
    """

    def __init__(self, context: ConnectorContext, incoming: Incoming) -> None:
        self._context = context
        self._incoming = incoming

    async def remove(self, hosted: Hosted, agreement: AgreementRow) -> Mapping[str, int | str]:
        """Remove the files of an agreement's transfers."""
        transfers = await self._context.store.read(
            lambda tx: tx.transfers.about(hosted.name, agreement.id)
        )
        pids = [each.id for each in transfers if each.role is Role.CONSUMER and each.format == PUSH]

        def remove() -> int:
            return sum(self._incoming.remove(hosted, pid) for pid in pids)

        return {"incoming": await anyio.to_thread.run_sync(remove)}
