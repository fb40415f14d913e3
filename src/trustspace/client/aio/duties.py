"""The async client: what is owed under agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.values import Agreement, id_of

if TYPE_CHECKING:
    from trustspace.client.duty import Duty, ProofOptions


class AsyncDutyMethods(AsyncDriver):
    """Duties of either role."""

    async def duties(
        self,
        agreement: Agreement | str | None = None,
        *,
        state: str | None = None,
        language: str = "en",
    ) -> tuple[Duty, ...]:
        """Return the duties under an agreement, or under all of them; as `Client.duties`."""
        which = None if agreement is None else id_of(agreement)
        return await self.drive(self._operations.duties(which, state=state, language=language))

    async def fulfil(
        self,
        agreement: Agreement | str,
        duty: str,
        evidence: str,
        **options: Unpack[ProofOptions],
    ) -> Duty:
        """Give evidence that a duty was done; as `Client.fulfil`."""
        exchange = self._operations.fulfil(id_of(agreement), duty, evidence, **options)
        return await self.drive(exchange)
