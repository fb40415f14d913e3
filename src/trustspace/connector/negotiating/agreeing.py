"""The consumer's way to an agreement: find it, join who negotiates it, or negotiate.

What is found by the provider's address alone is found without asking anybody. Otherwise the
provider tells who it is and what it offers, and the last look is in the transaction that would
begin the negotiation, so that of many calls for the same one begins it
(`trustspace.connector.negotiating.reuse`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.negotiating.reuse import Reuse, Wish
from trustspace.errors import NotFoundError
from trustspace.model.odrl import Offer
from trustspace.policy.facts import agreed_purposes
from trustspace.policy.lower import lower
from trustspace.policy.narrow import narrow_purpose
from trustspace.policy.terms import read_terms
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.idempotency import Keep
    from trustspace.connector.messaging.peers import Peers
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.dsp.negotiation import ContractNegotiation, CounterOffers
    from trustspace.model.dataset import Dataset
    from trustspace.store import Transaction
    from trustspace.transport.discovery import Discovery

Json = dict[str, Any]


@dataclass(frozen=True)
class Manner:
    """How a provider is asked.

    Attributes:
        offer_id: Under which offer; None for the dataset's first, and for whatever terms an
            agreement found has.
        policy: Terms to ask for instead of the offer's own.
        counter_offers: Who answers other terms that the provider offers.
        fresh: Negotiate, whatever there is.
    """

    offer_id: str | None = None
    policy: Mapping[str, Any] | None = None
    counter_offers: CounterOffers = "policy"
    fresh: bool = False

    @property
    def names_terms(self) -> bool:
        """Whether only an agreement of certain terms will do."""
        return self.offer_id is not None or self.policy is not None

    @property
    def purpose(self) -> str | None:
        """The one purpose that the terms name, or None."""
        purposes = () if self.policy is None else agreed_purposes(_rules(self.policy))
        return purposes[0] if len(purposes) == 1 else None

    def terms_of(self, offer: Offer) -> Offer:
        """Return what is asked for under an offer."""
        if self.policy is None:
            return offer
        return _rules(self.policy).model_copy(update={"id": offer.id})

    def may_be(self, known: ContractNegotiation) -> bool:
        """Say whether a negotiation will do: a program cannot answer in one of somebody else's."""
        return self.counter_offers == "policy" or known.is_terminal


@dataclass
class Agreeing:
    """What the owner of a consumer asks providers for."""

    context: ConnectorContext
    negotiations: Negotiations
    reuse: Reuse
    discovery: Discovery
    peers: Peers

    async def negotiate(
        self,
        hosted: Hosted,
        wish: Wish,
        how: Manner,
        *,
        keep: Keep,
    ) -> Json:
        """Find an agreement, join the negotiation of it, or ask the provider for it.

        Args:
            hosted: The consumer.
            wish: Whom is asked, for which dataset and purpose.
            how: Under which terms, and who answers others.
            keep: Keeps the answer.

        Raises:
            NotFoundError: The provider does not offer it to us, or not under this offer id.
            UnsupportedTermError: We could not enforce the terms, hence do not ask for them.
        """

        def found(tx: Transaction) -> Json | None:
            known = self.reuse.find(tx, hosted, wish, terms=None, now=self.context.now())
            if known is None or not how.may_be(known):
                return None
            return self._shown(tx, hosted, known, keep, reused=True)

        if not how.fresh and not how.names_terms:
            shown = await self.context.store.write(found)
            if shown is not None:
                return shown
        return await self._begin(hosted, wish, how, keep=keep)

    async def _begin(self, hosted: Hosted, wish: Wish, how: Manner, *, keep: Keep) -> Json:
        counterparty = await self.discovery.discover(wish.whose)
        dataset = await self.peers.dataset(hosted, counterparty, wish.dataset_id)
        offer = how.terms_of(_choose(dataset, how.offer_id))
        dialect = self.context.dialects.of(hosted.name, counterparty.id, counterparty.base)
        if not (offer.is_empty and dialect.policies_without_rules):
            lower(offer, kind="offer", target=dataset.id)
        if TRUSTSPACE_NAMESPACE in counterparty.profiles:
            offer = narrow_purpose(offer, wish.purpose or how.purpose)
        asked = offer.model_copy(update={"target": dataset.id})
        same = Wish(counterparty.id, wish.dataset_id, wish.purpose)
        terms = asked if how.names_terms else None
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            known = None
            if not how.fresh:
                known = self.reuse.find(tx, hosted, same, terms=terms, now=now)
            if known is not None and how.may_be(known):
                return self._shown(tx, hosted, known, keep, reused=True)
            negotiation = self.negotiations.request(
                tx,
                hosted,
                counterparty=counterparty.id,
                base_url=counterparty.base,
                offer=asked,
                counter_offers=how.counter_offers,
                now=now,
            )
            self.reuse.remember(tx, hosted, wish, negotiation, now=now)
            return self._shown(tx, hosted, negotiation, keep, reused=False)

        return await self.context.store.write(hop)

    def _shown(
        self,
        tx: Transaction,
        hosted: Hosted,
        negotiation: ContractNegotiation,
        keep: Keep,
        *,
        reused: bool,
    ) -> Json:
        shown = views.negotiation(tx, hosted.name, negotiation) | {"reused": reused}
        keep(tx, shown)
        return shown


def _rules(policy: Mapping[str, Any]) -> Offer:
    return Offer.model_validate(
        {**read_terms(policy), "@id": "urn:trustspace:asked", "@type": "Offer"}
    )


def _choose(dataset: Dataset, offer_id: str | None) -> Offer:
    for offer in dataset.offers:
        if offer_id in (None, offer.id):
            return offer
    known = ", ".join(offer.id for offer in dataset.offers)
    raise NotFoundError(f"the dataset has no offer {offer_id}", hint=f"it has: {known}")
