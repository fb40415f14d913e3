"""Offers that a provider makes without having been asked.

Example::

    await proposals.offer(hosted, "https://bank.example", "rose-prices", …)
    # the bank's owner finds it under approvals
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.cataloguing.offers import offer_of
from trustspace.errors import NotFoundError, UnsupportedTermError
from trustspace.policy.narrow import narrow_purpose
from trustspace.policy.profile import beyond_profile
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.cataloguing.publications import Publications
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.idempotency import Keep
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.model.odrl import Offer
    from trustspace.store import DatasetRow, Transaction
    from trustspace.transport.discovery import Counterparty, Discovery

Json = dict[str, Any]


@dataclass
class Proposals:
    """What the owner of a provider offers to a consumer."""

    context: ConnectorContext
    negotiations: Negotiations
    publications: Publications
    discovery: Discovery

    async def offer(
        self,
        hosted: Hosted,
        address: str,
        dataset_id: str,
        *,
        purpose: str | None,
        policy: Mapping[str, Any] | None,
        keep: Keep,
    ) -> Json:
        """Offer a consumer an agreement over a published dataset.

        Whether policy allows the consumer is decided when it accepts.

        Args:
            hosted: The provider.
            address: The consumer's URL or DID.
            dataset_id: A dataset that is on offer here.
            purpose: What the consumer may use it for; narrows the terms.
            policy: Other terms than those it is published under.
            keep: Keeps the answer.

        Raises:
            NotFoundError: The dataset is not on offer.
            PolicyError: The terms cannot be evaluated, or not be carried out on this dataset.
            UnsupportedTermError: They say more than the protocol's profile of ODRL, and the
                consumer does not announce ours (``policy.profile``).
        """
        terms = None
        await self.context.store.read(lambda tx: _on_offer(tx, hosted, dataset_id))
        if policy is not None:
            terms = await self.publications.try_terms(hosted, dataset_id, policy)
        counterparty = await self.discovery.discover(address)
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            row = _on_offer(tx, hosted, dataset_id)
            stored = tx.policies.get(hosted.name, row.policy_digest)
            rules = terms if terms is not None or stored is None else stored.body
            offer = offer_of(row, rules or {}, target=row.id)
            _check_understood(offer, counterparty)
            negotiation = self.negotiations.propose(
                tx,
                hosted,
                counterparty=counterparty.id,
                base_url=counterparty.base,
                offer=narrow_purpose(offer, purpose),
                now=now,
            )
            shown = views.negotiation(tx, hosted.name, negotiation)
            keep(tx, shown)
            return shown

        return await self.context.store.write(hop)


def _check_understood(offer: Offer, counterparty: Counterparty) -> None:
    """Offer nothing that the consumer could take for a weaker policy."""
    beyond = beyond_profile(offer)
    if beyond and TRUSTSPACE_NAMESPACE not in counterparty.profiles:
        raise UnsupportedTermError(
            f"{counterparty.id} does not announce that it understands these terms",
            code="policy.profile",
            location=beyond[0],
            hint="let it ask for the offer itself, and send it back whole, or offer other terms",
        )


def _on_offer(tx: Transaction, hosted: Hosted, dataset_id: str) -> DatasetRow:
    row = tx.datasets.get(hosted.name, dataset_id)
    if row is None or row.withdrawn_at is not None:
        raise NotFoundError(f"there is no dataset {dataset_id!r} on offer", hint="publish it first")
    return row
