"""Agreements that can be opened, because they know the client they came from.

Example::

    agreement = client.negotiate(address, "rose-prices")
    with agreement.open() as data:
        frame = data.to_polars()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

from pydantic import PrivateAttr

from trustspace.client.values import Agreement

if TYPE_CHECKING:
    import os

    from trustspace.client.aio.driver import AsyncDriver
    from trustspace.client.duty import Duty
    from trustspace.client.handles.async_handle import AsyncHandle, AsyncKeptHandle
    from trustspace.client.handles.handle import Handle
    from trustspace.client.handles.keeping import Form, Kept
    from trustspace.client.handles.kept_handle import KeptHandle
    from trustspace.client.receiving import ReceiveOptions
    from trustspace.client.sync.driver import Driver
    from trustspace.client.values import Saved


class BoundAgreement(Agreement):
    """An agreement of a `Client`."""

    _client: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, agreement: Agreement, client: Driver) -> Self:
        """Return the agreement, which is opened through this client."""
        return cls.model_validate(agreement.model_dump(), context=client)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Remember the client that was given as the context."""
        self._client = context

    def open(self, *, purpose: str | None = None, action: str = "use") -> Handle:
        """Open the data of the agreement; as `Client.open`."""
        handle: Handle = self._client.open(self, purpose=purpose, action=action)
        return handle

    def keep(
        self, *, purpose: str | None = None, action: str = "use", form: Form | None = None
    ) -> Kept:
        """Have the data delivered into the own sealed store; as `Client.keep`."""
        kept: Kept = self._client.keep(self, purpose=purpose, action=action, form=form)
        return kept

    def use(self, *, purpose: str | None = None, action: str = "use") -> KeptHandle:
        """Use what is kept; as `Client.use`."""
        handle: KeptHandle = self._client.use(self, purpose=purpose, action=action)
        return handle

    def receive(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        sink: str | None = None,
        **options: Unpack[ReceiveOptions],
    ) -> Saved:
        """Have the provider push the data; as `Client.receive`."""
        saved: Saved = self._client.receive(self, path, sink=sink, **options)
        return saved

    def duties(self, *, state: str | None = None, language: str = "en") -> tuple[Duty, ...]:
        """Return what is and was owed under the agreement; as `Client.duties`."""
        found: tuple[Duty, ...] = self._client.duties(self, state=state, language=language)
        return found


class AsyncBoundAgreement(Agreement):
    """An agreement of an `AsyncClient`."""

    _client: Any = PrivateAttr(default=None)

    @classmethod
    def of(cls, agreement: Agreement, client: AsyncDriver) -> Self:
        """Return the agreement, which is opened through this client."""
        return cls.model_validate(agreement.model_dump(), context=client)

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Remember the client that was given as the context."""
        self._client = context

    def open(self, *, purpose: str | None = None, action: str = "use") -> AsyncHandle:
        """Open the data of the agreement; as `AsyncClient.open`."""
        handle: AsyncHandle = self._client.open(self, purpose=purpose, action=action)
        return handle

    async def keep(
        self, *, purpose: str | None = None, action: str = "use", form: Form | None = None
    ) -> Kept:
        """Have the data delivered into the own sealed store; as `AsyncClient.keep`."""
        kept: Kept = await self._client.keep(self, purpose=purpose, action=action, form=form)
        return kept

    async def use(self, *, purpose: str | None = None, action: str = "use") -> AsyncKeptHandle:
        """Use what is kept; as `AsyncClient.use`."""
        handle: AsyncKeptHandle = await self._client.use(self, purpose=purpose, action=action)
        return handle

    async def receive(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        sink: str | None = None,
        **options: Unpack[ReceiveOptions],
    ) -> Saved:
        """Have the provider push the data; as `Client.receive`."""
        saved: Saved = await self._client.receive(self, path, sink=sink, **options)
        return saved

    async def duties(self, *, state: str | None = None, language: str = "en") -> tuple[Duty, ...]:
        """Return what is and was owed under the agreement; as `Client.duties`."""
        found: tuple[Duty, ...] = await self._client.duties(self, state=state, language=language)
        return found
