"""The owner's side of the end of agreements: revoke, give up, end by agreement of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector import views
from trustspace.connector.ending.one_sided import COUNTERPARTY
from trustspace.connector.ending.steps import ACCEPTED, STANDING, unknown_to
from trustspace.connector.terms_shown import agreement_terms
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE
from trustspace.store import AgreementState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from trustspace.connector.changes import Changes
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.connector.ending.steps import Endings
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.store import AgreementRow, Transaction
    from trustspace.transport.discovery import Discovery

Json = dict[str, Any]

ANSWER_SECONDS = 5.0
"""How long a consumer that accepts a proposal waits for the provider to have it."""


class OwnerEndings:
    """What the owner of either side does to end an agreement."""

    def __init__(
        self,
        context: ConnectorContext,
        agreed: Agreements,
        decide: DecisionPoint,
        endings: Endings,
        discovery: Discovery,
        changes: Changes,
    ) -> None:
        self._context = context
        self._agreed = agreed
        self._decide = decide
        self._endings = endings
        self._discovery = discovery
        self._changes = changes

    async def revoke(self, hosted: Hosted, agreement_id: str, *, reason: str) -> Json:
        """End an agreement as its provider: streams are cut, transfers ended, the consumer told.

        Raises:
            NotFoundError: There is no such agreement.
            LocalProtocolError: We are its consumer.
            ConflictError: It has ended in another way.
        """
        return await self._step(hosted, agreement_id, self._endings.withdraw, reason=reason)

    async def give_up(self, hosted: Hosted, agreement_id: str, *, reason: str) -> Json:
        """End an agreement as its consumer; the provider is told.

        Raises:
            NotFoundError: There is no such agreement.
            LocalProtocolError: We are its provider.
            ConflictError: It has ended in another way.
        """
        return await self._step(hosted, agreement_id, self._endings.give_up, reason=reason)

    async def end(self, hosted: Hosted, agreement_id: str, *, reason: str) -> Json:
        """Propose to end an agreement, or accept the counterparty's standing proposal.

        Raises:
            NotFoundError: There is no such agreement.
            LocalProtocolError: The counterparty does not know such proposals.
            ConflictError: It has ended in another way.
            TransportError: The counterparty does not tell what it knows.
        """
        row = await self._row(hosted, agreement_id)
        if row.state is AgreementState.FINALIZED and not _is_under_way(row):
            counterparty = await self._discovery.discover(row.counterparty)
            if TRUSTSPACE_NAMESPACE not in counterparty.profiles:
                raise unknown_to(row)
        shown = await self._step(hosted, agreement_id, self._endings.end, reason=reason)
        if shown["state"] == AgreementState.FINALIZED and shown["proposal"]["state"] == ACCEPTED:
            return await self._ended(hosted, agreement_id) or shown
        return shown

    async def reject(self, hosted: Hosted, agreement_id: str, *, reason: str) -> Json:
        """Reject the counterparty's standing proposal to end an agreement.

        Raises:
            NotFoundError: There is no such agreement.
            LocalProtocolError: The counterparty has proposed nothing.
            ConflictError: It has ended.
        """
        return await self._step(hosted, agreement_id, self._endings.reject, reason=reason)

    async def _step(
        self,
        hosted: Hosted,
        agreement_id: str,
        step: Callable[..., AgreementRow],
        *,
        reason: str,
    ) -> Json:
        now: datetime = self._context.now()

        def hop(tx: Transaction) -> Json:
            row = self._agreed.get(tx, hosted, agreement_id)
            return self._shown(tx, step(tx, hosted, row, reason=reason, now=now))

        return await self._context.store.write(hop)

    async def _ended(self, hosted: Hosted, agreement_id: str) -> Json | None:
        def query(tx: Transaction) -> Json | None:
            row = self._agreed.get(tx, hosted, agreement_id)
            return None if row.state is AgreementState.FINALIZED else self._shown(tx, row)

        async def look() -> Json | None:
            return await self._context.store.read(query)

        return await self._changes.until(hosted.name, look, seconds=ANSWER_SECONDS)

    async def _row(self, hosted: Hosted, agreement_id: str) -> AgreementRow:
        return await self._context.store.read(lambda tx: self._agreed.get(tx, hosted, agreement_id))

    def _shown(self, tx: Transaction, row: AgreementRow) -> Json:
        terms = agreement_terms(self._context, tx, row)
        limits, now = self._decide.limits(row), self._context.now()
        return views.agreement(tx, row, limits=limits, terms=terms, now=now)


def _is_under_way(row: AgreementRow) -> bool:
    """Say whether a proposal was exchanged already, so that both know what it is."""
    return row.proposal is not None and (
        row.proposal["state"] == ACCEPTED
        or (row.proposal["state"] == STANDING and row.proposal["by"] == COUNTERPARTY)
    )
