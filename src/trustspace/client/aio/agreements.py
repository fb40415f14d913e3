"""The async client: agreements of either role, and the data under them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.handles.async_handle import AsyncHandle, AsyncKeptHandle
from trustspace.client.handles.handle import Handle
from trustspace.client.handles.kept_data import Keeper
from trustspace.client.values import Agreement, Event, id_of

if TYPE_CHECKING:
    from trustspace.client.bound import AsyncBoundAgreement
    from trustspace.client.exchange import Exchange
    from trustspace.client.handles.keeping import Form, Kept

T = TypeVar("T")


class AsyncAgreementMethods(AsyncDriver):
    """Agreements of either role, and the data under them."""

    async def agreements(self) -> tuple[AsyncBoundAgreement, ...]:
        """Return every agreement, either role; as `Client.agreements`."""
        return tuple(map(self._bind, await self.drive(self._operations.agreements())))

    async def agreement(self, agreement: str) -> AsyncBoundAgreement:
        """Return one agreement; as `Client.agreement`."""
        return self._bind(await self.drive(self._operations.agreement(agreement)))

    async def timeline(self, agreement: Agreement | str) -> tuple[Event, ...]:
        """Return everything that happened under an agreement; as `Client.timeline`."""
        return await self.drive(self._operations.timeline(id_of(agreement)))

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
        handle = Handle(
            id_of(agreement),
            drive=self._from_thread,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )
        return AsyncHandle(handle)

    async def keep(
        self,
        agreement: Agreement | str,
        *,
        purpose: str | None = None,
        action: str = "use",
        form: Form | None = None,
    ) -> Kept:
        """Have the data delivered into the own sealed store; as `Client.keep`."""
        keep = partial(
            self._keeper.keep, id_of(agreement), purpose=purpose, action=action, form=form
        )
        return await anyio.to_thread.run_sync(keep)

    async def kept(self, agreement: Agreement | str) -> Kept | None:
        """Return what is kept of an agreement; as `Client.kept`."""
        return await anyio.to_thread.run_sync(self._keeper.kept, id_of(agreement))

    async def use(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> AsyncKeptHandle:
        """Return a governed handle of what is kept; as `Client.use`."""
        use = partial(self._keeper.use, id_of(agreement), purpose=purpose, action=action)
        return AsyncKeptHandle(await anyio.to_thread.run_sync(use))

    @property
    def _keeper(self) -> Keeper:
        return Keeper(self._from_thread, self._operations, self._endpoints, self._kept)

    def _from_thread(self, exchange: Exchange[T]) -> T:
        return anyio.from_thread.run(self.drive, exchange)
