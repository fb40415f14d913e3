"""What waits for a person, decided; and offers made without having been asked.

Example::

    for entry in client.drive(Operations().approvals()):
        client.drive(Operations().approve(entry.id))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from trustspace.client.exchange import Exchange, Request, because, call
from trustspace.client.haggling import Approval
from trustspace.client.operations.participant import ParticipantOperations
from trustspace.client.values import Negotiation
from trustspace.policy.terms import read_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.model.value import JsonObject


class ApprovalOperations(ParticipantOperations):
    """Decisions that a person takes."""

    def approvals(self) -> Exchange[tuple[Approval, ...]]:
        """Return every negotiation that waits for a person, newest first."""
        items = yield from self._collect("approvals")
        return tuple(Approval.read(item) for item in items)

    def approval(self, negotiation: str) -> Exchange[Approval]:
        """Return one of them.

        Raises:
            NotFoundError: It waits for nobody here.
        """
        path = yield from self._path("approvals", negotiation)
        response = yield from call(Request("GET", path))
        return Approval.read(response.document)

    def approve(self, negotiation: str) -> Exchange[Negotiation]:
        """Agree to what is asked for, or accept what is offered.

        Raises:
            LocalProtocolError: It does not wait for a person.
            PolicyDeniedError: Policy does not allow it any more.
        """
        return (yield from self._decide(negotiation, "approve", {}))

    def reject(self, negotiation: str, *, reason: str | None = None) -> Exchange[Negotiation]:
        """End it.

        Raises:
            LocalProtocolError: It does not wait for a person.
        """
        return (yield from self._decide(negotiation, "reject", because(reason)))

    def counter(self, negotiation: str, terms: Mapping[str, Any]) -> Exchange[Negotiation]:
        """Answer with other terms.

        Args:
            negotiation: Its id.
            terms: What `trustspace.terms` returns, its keyword arguments, or an ODRL policy.

        Raises:
            LocalProtocolError: It does not wait for a person.
            PolicyError: The terms cannot be read, or not be carried out.
        """
        return (yield from self._decide(negotiation, "counter", {"policy": read_terms(terms)}))

    def offer(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> Exchange[Negotiation]:
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
        body: JsonObject = {"address": address, "dataset": dataset}
        if purpose is not None:
            body["purpose"] = purpose
        if terms is not None:
            body["policy"] = read_terms(terms)
        path = yield from self._path("offers")
        response = yield from call(Request("POST", path, body=body, key=str(uuid4())))
        return Negotiation.read(response.document)

    def _decide(self, negotiation: str, decision: str, body: JsonObject) -> Exchange[Negotiation]:
        path = yield from self._path("approvals", negotiation, decision)
        response = yield from call(Request("POST", path, body=body))
        return Negotiation.read(response.document)
