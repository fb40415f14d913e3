"""Agreements that can be opened, because they know the client they came from.

Example::

    agreement = client.negotiate(address, "rose-prices")
    with agreement.open() as data:
        frame = data.to_polars()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from trustspace.client.values import Agreement

if TYPE_CHECKING:
    from trustspace.client.aio.driver import AsyncDriver
    from trustspace.client.async_handle import AsyncHandle
    from trustspace.client.handle import Handle
    from trustspace.client.sync.driver import Driver


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
