"""The consumer's way to an agreement: find it, join who negotiates it, or negotiate.

What is found by the provider's address alone is found without asking anybody. Otherwise the
provider tells who it is and what it offers, and the last look is in the transaction that would
begin the negotiation, so that of many calls for the same one begins it
(`trustspace.connector.reuse`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.reuse import Reuse, Wish
from trustspace.errors import NotFoundError
from trustspace.policy.lower import lower
from trustspace.policy.narrow import narrow_purpose
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.idempotency import Keep
    from trustspace.connector.negotiations import Negotiations
    from trustspace.connector.peers import Peers
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.model.dataset import Dataset
    from trustspace.model.odrl import Offer
    from trustspace.store import Transaction
    from trustspace.transport.discovery import Discovery

Json = dict[str, Any]


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
        *,
        offer_id: str | None,
        fresh: bool,
        keep: Keep,
    ) -> Json:
        """Find an agreement, join the negotiation of it, or ask the provider for it.

        Args:
            hosted: The consumer.
            wish: Whom is asked, for which dataset and purpose.
            offer_id: Under which offer; None for the dataset's first, and for whatever terms an
                agreement found has.
            fresh: Negotiate, whatever there is.
            keep: Keeps the answer.

        Raises:
            NotFoundError: The provider does not offer it to us, or not under this offer id.
            UnsupportedTermError: We could not enforce the offer's terms, hence do not ask for it.
        """

        def found(tx: Transaction) -> Json | None:
            known = self.reuse.find(tx, hosted, wish, terms=None, now=self.context.now())
            return None if known is None else self._shown(tx, hosted, known, keep, reused=True)

        if not fresh and offer_id is None:
            shown = await self.context.store.write(found)
            if shown is not None:
                return shown
        return await self._begin(hosted, wish, offer_id=offer_id, fresh=fresh, keep=keep)

    async def _begin(
        self, hosted: Hosted, wish: Wish, *, offer_id: str | None, fresh: bool, keep: Keep
    ) -> Json:
        counterparty = await self.discovery.discover(wish.whose)
        dataset = await self.peers.dataset(hosted, counterparty, wish.dataset_id)
        offer = _choose(dataset, offer_id)
        lower(offer, kind="offer", target=dataset.id)
        if TRUSTSPACE_NAMESPACE in counterparty.profiles:
            offer = narrow_purpose(offer, wish.purpose)
        asked = offer.model_copy(update={"target": dataset.id})
        same = Wish(counterparty.id, wish.dataset_id, wish.purpose)
        terms = None if offer_id is None else asked
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            known = None if fresh else self.reuse.find(tx, hosted, same, terms=terms, now=now)
            if known is not None:
                return self._shown(tx, hosted, known, keep, reused=True)
            negotiation = self.negotiations.request(
                tx,
                hosted,
                counterparty=counterparty.id,
                base_url=counterparty.base,
                offer=asked,
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


def _choose(dataset: Dataset, offer_id: str | None) -> Offer:
    for offer in dataset.offers:
        if offer_id in (None, offer.id):
            return offer
    known = ", ".join(offer.id for offer in dataset.offers)
    raise NotFoundError(f"the dataset has no offer {offer_id}", hint=f"it has: {known}")
