"""The sync client: what waits for a person, and offers made without having been asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.client.haggling import Approval
    from trustspace.client.values import Negotiation


class ApprovalMethods(Driver):
    """Decisions that a person takes."""

    def approvals(self) -> tuple[Approval, ...]:
        """Return every negotiation that waits for a person, newest first."""
        return self.drive(self._operations.approvals())

    def approval(self, negotiation: str) -> Approval:
        """Return one of them.

        Raises:
            NotFoundError: It waits for nobody here.
        """
        return self.drive(self._operations.approval(negotiation))

    def approve(self, negotiation: str) -> Negotiation:
        """Agree to what is asked for, or accept what is offered.

        Raises:
            LocalProtocolError: It does not wait for a person.
            PolicyDeniedError: Policy does not allow it any more.
        """
        return self.drive(self._operations.approve(negotiation))

    def reject(self, negotiation: str, *, reason: str | None = None) -> Negotiation:
        """End it.

        Raises:
            LocalProtocolError: It does not wait for a person.
        """
        return self.drive(self._operations.reject(negotiation, reason=reason))

    def counter(self, negotiation: str, terms: Mapping[str, Any]) -> Negotiation:
        """Answer with other terms.

        Args:
            negotiation: Its id.
            terms: What `trustspace.terms` returns, its keyword arguments, or an ODRL policy.

        Raises:
            LocalProtocolError: It does not wait for a person.
            PolicyError: The terms cannot be read, or not be carried out.
        """
        return self.drive(self._operations.counter(negotiation, terms))

    def offer(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Offer a consumer an agreement over a dataset that is published here.

        Args:
            address: The consumer's root URL or DID.
            dataset: Id of the dataset.
            purpose: What the consumer may use it for; narrows the terms.
            terms: Other terms than those it is published under.

        Returns:
            The negotiation, which waits for the consumer.

        Raises:
            NotFoundError: The dataset is not on offer.
            PolicyError: The terms cannot be read, or not be carried out on this dataset.
        """
        return self.drive(self._operations.offer(address, dataset, purpose=purpose, terms=terms))
