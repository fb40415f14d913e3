"""The async client: agreements of either role, and the data under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.handles.async_handle import AsyncHandle
from trustspace.client.handles.handle import Handle
from trustspace.client.values import Agreement, id_of

if TYPE_CHECKING:
    from trustspace.client.bound import AsyncBoundAgreement
    from trustspace.client.exchange import Exchange

T = TypeVar("T")


class AsyncAgreementMethods(AsyncDriver):
    """Agreements of either role, and the data under them."""

    async def agreements(self) -> tuple[AsyncBoundAgreement, ...]:
        """Return every agreement, either role; as `Client.agreements`."""
        return tuple(map(self._bind, await self.drive(self._operations.agreements())))

    async def agreement(self, agreement: str) -> AsyncBoundAgreement:
        """Return one agreement; as `Client.agreement`."""
        return self._bind(await self.drive(self._operations.agreement(agreement)))

    async def revoke(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> AsyncBoundAgreement:
        """End an agreement; as `Client.revoke`."""
        return self._bind(
            await self.drive(self._operations.revoke(id_of(agreement), reason=reason))
        )

    async def give_up(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> AsyncBoundAgreement:
        """End an agreement as its consumer; as `Client.give_up`."""
        return self._bind(
            await self.drive(self._operations.give_up(id_of(agreement), reason=reason))
        )

    async def end(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> AsyncBoundAgreement:
        """Propose the end of an agreement, or accept it; as `Client.end`."""
        return self._bind(await self.drive(self._operations.end(id_of(agreement), reason=reason)))

    async def reject_end(
        self, agreement: Agreement | str, *, reason: str | None = None
    ) -> AsyncBoundAgreement:
        """Reject the proposal to end an agreement; as `Client.reject_end`."""
        return self._bind(
            await self.drive(self._operations.reject_end(id_of(agreement), reason=reason))
        )

    def open(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> AsyncHandle:
        """Return a governed handle, to be used in an ``async with`` block; as `Client.open`."""

        def drive(exchange: Exchange[T]) -> T:
            return anyio.from_thread.run(self.drive, exchange)

        handle = Handle(
            id_of(agreement),
            drive=drive,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )
        return AsyncHandle(handle)
