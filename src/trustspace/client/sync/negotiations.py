"""The sync client: contract negotiations of either role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from trustspace.client.operations.negotiation import NEGOTIATION_DEADLINE
from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from trustspace.client.bound import BoundAgreement
    from trustspace.client.haggling import Haggling
    from trustspace.client.values import (
        Negotiation,
    )


class NegotiationMethods(Driver):
    """Contract negotiations of either role."""

    def negotiate(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        deadline: timedelta = NEGOTIATION_DEADLINE,
        **haggling: Unpack[Haggling],
    ) -> BoundAgreement:
        """Find a valid agreement, or negotiate until there is one or a refusal.

        Calls for the same that run at the same time, of whatever client, negotiate once.

        Args:
            address: The provider's root URL or DID.
            dataset: Dataset id in its catalogue.
            purpose: What the data is for; narrows the offer.
            offer: Id of the offer; None means the dataset's first, and with it only an agreement
                of these terms is found.
            fresh: Negotiate even if there is a valid agreement.
            deadline: Longest time to wait; after it the negotiation is terminated, unless another
                call began it.
            haggling: ``terms`` to ask for instead of the offer's own, and a ``strategy`` that
                answers what the provider offers instead (`trustspace.client.haggling`).

        Raises:
            PolicyDeniedError: The other side refused; carries its reasons.
            DeadlineError: No outcome within the deadline.
            NotFoundError: The counterparty does not offer the dataset to us.
        """
        exchange = self._operations.negotiate(
            address,
            dataset,
            purpose=purpose,
            offer=offer,
            fresh=fresh,
            deadline=deadline,
            **haggling,
        )
        return self._bind(self.drive(exchange))

    def ask(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        fresh: bool = False,
        terms: Mapping[str, Any] | None = None,
    ) -> Negotiation:
        """Ask for an agreement and do not wait for the outcome, which a person may decide.

        Args:
            address: The provider's root URL or DID.
            dataset: Dataset id in its catalogue.
            purpose: What the data is for; narrows the offer.
            offer: Id of the offer; None means the dataset's first.
            fresh: Negotiate even if there is a valid agreement.
            terms: Terms to ask for instead of the offer's own.

        Returns:
            The negotiation, or one that was there already.

        Raises:
            NotFoundError: The counterparty does not offer the dataset to us.
        """
        exchange = self._operations.ask(
            address, dataset, purpose=purpose, offer=offer, fresh=fresh, terms=terms
        )
        return self.drive(exchange)

    def negotiations(self) -> tuple[Negotiation, ...]:
        """Return every negotiation, either role."""
        return self.drive(self._operations.negotiations())

    def negotiation(self, negotiation: str) -> Negotiation:
        """Return one negotiation.

        Raises:
            NotFoundError: No such negotiation.
        """
        return self.drive(self._operations.negotiation(negotiation))

    def terminate_negotiation(self, negotiation: str, *, reason: str | None = None) -> Negotiation:
        """Terminate a negotiation that has no outcome yet.

        Raises:
            LocalProtocolError: It is over already.
        """
        return self.drive(self._operations.terminate_negotiation(negotiation, reason=reason))
