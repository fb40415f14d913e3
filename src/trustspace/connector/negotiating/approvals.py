"""What waits for a person: requests for what is offered here, and offers of others.

A provider's dataset that is published for approval lets a request that policy allows rest until its
owner decides; a consumer's owner decides about offers that it did not ask for and, where it wants
to, about counter-offers. Each entry tells what was asked for, what is offered, and the difference
in words.

Example::

    page = await approvals.page(hosted, limit=100, cursor=None)
    await approvals.decide(hosted, page["items"][0]["id"], "approve")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trustspace.connector import views
from trustspace.connector.cataloguing.offers import offer_of
from trustspace.errors import ConfigurationError, LocalProtocolError, NotFoundError
from trustspace.model.participant import Role
from trustspace.policy.change import changes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trustspace.connector.cataloguing.publications import Publications
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.owner_steps import OwnerSteps
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.model.odrl import Offer
    from trustspace.store import Transaction

Json = dict[str, Any]

Decision = Literal["approve", "reject", "counter"]

_STEPS: Mapping[tuple[Role, Decision], str] = {
    (Role.PROVIDER, "approve"): "agree",
    (Role.PROVIDER, "counter"): "offer",
    (Role.CONSUMER, "approve"): "accept",
    (Role.CONSUMER, "counter"): "counter",
    (Role.PROVIDER, "reject"): "terminate",
    (Role.CONSUMER, "reject"): "terminate",
}
"""The step that carries a decision out."""


@dataclass
class Approvals:
    """Negotiations that wait for a person of ours."""

    context: ConnectorContext
    steps: OwnerSteps
    publications: Publications

    async def page(self, hosted: Hosted, *, limit: int, cursor: str | None) -> Json:
        """Show what waits, newest first."""

        def query(tx: Transaction) -> Json:
            page = tx.negotiations.awaiting(hosted.name, "approval", limit=limit, cursor=cursor)
            items = [_entry(tx, hosted, value, until=until) for value, until in page.items]
            return {"items": items, "next": page.cursor}

        return await self.context.store.read(query)

    async def entry(self, hosted: Hosted, pid: str) -> Json:
        """Show one of them, or one that a program of ours is to answer.

        Raises:
            NotFoundError: There is no such negotiation, or it waits for nobody here.
        """

        def query(tx: Transaction) -> Json:
            value = tx.negotiations.get(hosted.name, pid)
            if value is None or value.awaiting is None:
                raise NotFoundError(f"no negotiation {pid} waits for anybody here")
            until = tx.negotiations.deadline(hosted.name, pid)
            return _entry(tx, hosted, value, until=until)

        return await self.context.store.read(query)

    async def decide(
        self,
        hosted: Hosted,
        pid: str,
        decision: Decision,
        *,
        reason: str = "",
        policy: Mapping[str, Any] | None = None,
    ) -> Json:
        """Decide about what waits.

        Args:
            hosted: Whose.
            pid: Our pid of the negotiation.
            decision: ``approve`` agrees to what is asked for or accepts what is offered;
                ``reject`` ends it; ``counter`` answers with other terms.
            reason: Why it is rejected, for the counterparty.
            policy: The other terms.

        Raises:
            NotFoundError: There is no such negotiation.
            LocalProtocolError: It does not wait for a person (any more).
            PolicyDeniedError: Policy does not allow it any more.
            PolicyError: The terms cannot be evaluated, or not be carried out.
        """
        if decision == "counter" and policy is None:
            raise ConfigurationError(
                "a counter-offer needs terms",
                setting="policy",
                hint="give an ODRL policy or the keyword arguments of terms()",
            )
        value = await self.context.store.read(lambda tx: _waiting(tx, hosted, pid))
        if policy is not None and value.role is Role.PROVIDER:
            await self.publications.try_terms(hosted, value.dataset_id, policy)
        now = self.context.now()

        def hop(tx: Transaction) -> Json:
            found = _waiting(tx, hosted, pid)
            step = _STEPS[found.role, decision]
            moved = self.steps.negotiation(
                tx, hosted, pid, step, reason=reason, policy=policy, now=now
            )
            return views.negotiation(tx, hosted.name, moved)

        return await self.context.decide(hop)


def _waiting(tx: Transaction, hosted: Hosted, pid: str) -> ContractNegotiation:
    value = tx.negotiations.get(hosted.name, pid)
    if value is None:
        raise NotFoundError(f"there is no negotiation {pid}")
    if value.awaiting != "approval":
        raise LocalProtocolError(
            f"the negotiation is {value.state.lower()} and waits for nobody's approval",
            code="negotiation.state",
            hint="see what waits: trustspace approvals list",
        )
    return value


def _entry(
    tx: Transaction, hosted: Hosted, value: ContractNegotiation, *, until: datetime | None
) -> Json:
    """Show what is asked for and what is offered, whoever of the two spoke last."""
    if value.role is Role.PROVIDER:
        asked, offered = value.offer, value.previous_offer or _stored(tx, hosted, value)
        before, after = offered, asked
    else:
        asked, offered = value.previous_offer, value.offer
        before, after = asked, offered
    differing = () if before is None or after is None else changes(before, after)
    return {
        "id": value.id,
        "role": value.role.value,
        "counterparty": value.counterparty,
        "dataset": value.dataset_id,
        "state": value.state.value,
        "awaiting": value.awaiting,
        "rounds": value.rounds,
        "asked": None if asked is None else asked.to_wire(),
        "offered": None if offered is None else offered.to_wire(),
        "differences": [change.document() for change in differing],
        "since": views.time(value.updated_at),
        "until": views.time(until),
    }


def _stored(tx: Transaction, hosted: Hosted, value: ContractNegotiation) -> Offer | None:
    """Return the offer of a dataset as it is published now."""
    row = tx.datasets.get(hosted.name, value.dataset_id)
    policy = None if row is None else tx.policies.get(hosted.name, row.policy_digest)
    if row is None or policy is None:
        return None
    return offer_of(row, policy.body, target=row.id)
