"""The async client: what waits for a person, and offers made without having been asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.client.haggling import Approval
    from trustspace.client.values import Negotiation


class AsyncApprovalMethods(AsyncDriver):
    """Decisions that a person takes."""

    async def approvals(self) -> tuple[Approval, ...]:
        """Return every negotiation that waits for a person; as `Client.approvals`."""
        return await self.drive(self._operations.approvals())

    async def approval(self, negotiation: str) -> Approval:
        """Return one of them; as `Client.approval`."""
        return await self.drive(self._operations.approval(negotiation))

    async def approve(self, negotiation: str) -> Negotiation:
        """Agree to what is asked for, or accept what is offered; as `Client.approve`."""
        return await self.drive(self._operations.approve(negotiation))

    async def reject(self, negotiation: str, *, reason: str | None = None) -> Negotiation:
        """End it; as `Client.reject`."""
        return await self.drive(self._operations.reject(negotiation, reason=reason))

    async def counter(self, negotiation: str, terms: Mapping[str, Any]) -> Negotiation:
        """Answer with other terms; as `Client.counter`."""
        return await self.drive(self._operations.counter(negotiation, terms))

    async def offer(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Offer a consumer an agreement over a dataset of ours; as `Client.offer`."""
        exchange = self._operations.offer(address, dataset, purpose=purpose, terms=terms)
        return await self.drive(exchange)
