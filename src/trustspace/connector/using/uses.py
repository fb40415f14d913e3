"""One use of delivered data at the consumer: decide, count, and record it.

The provider decided when the data left. What is kept afterwards is used under the same agreement,
and each use is decided again here: for its action, its purpose and its time, with counters of its
own, so that data which was delivered once is not used without end. A use is one session; asking
again under its id renews the lease and takes nothing.

Example::

    lease = await uses.begin(hosted, agreement_id, UseOrder(session="s1", action="use"))
    lease["until"]  # '2026-12-01T10:00:30+00:00'
    await uses.end(hosted, agreement_id, "s1", outcome="used", size_bytes=4096, rows=120)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.known_facts import (
    Knowing,
    agreement_rules,
    known_agreement,
    main_action,
)
from trustspace.connector.deciding.quotas import (
    counter_of,
    counts_uses,
    exhausted,
    opens_next,
)
from trustspace.errors import LocalProtocolError, PolicyDeniedError
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.policy.explain import remote_reasons, summary
from trustspace.policy.facts import (
    FILES,
    TABLES,
    agreed_purposes,
    count_fact,
    dataset,
    elapsed_fact,
    evaluate,
    purpose_fact,
)
from trustspace.policy.lease import Lease
from trustspace.policy.quantity import Measured
from trustspace.policy.vocabulary import action as known_action

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.policy.decision import Decision, Fact, PolicyIR
    from trustspace.store import AgreementRow, Transaction

Json = dict[str, Any]

OWN = "use:"
"""Begin of the counters of uses after delivery; those without it mirror the provider's."""


EVERY = f"{OWN}every"
"""Counter of all uses of an agreement."""

MAX_SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class UseOrder:
    """What somebody wants to do with delivered data.

    Attributes:
        session: Id of the use.
        action: The ODRL action, or None for the agreement's own.
        purpose: What for; None means what was agreed.
        columns: Columns of the table; none for a file.
        is_counted: Whether it is a use; otherwise the rules are only asked, and nothing is counted
            or recorded.
    """

    session: str
    action: str | None = None
    purpose: str | None = None
    columns: tuple[str, ...] = ()
    is_counted: bool = True


class Uses:
    """Uses of every hosted participant."""

    def __init__(self, context: ConnectorContext, agreed: Agreements) -> None:
        self._context = context
        self._agreed = agreed

    async def begin(self, hosted: Hosted, agreement_id: str, order: UseOrder) -> Json:
        """Decide a use, and count it unless its session was counted before.

        Returns:
            The lease: ``session``, ``until`` (ISO 8601), ``rules``, ``filters``, ``columns``,
            ``masks``, ``obligations``.

        Raises:
            NotFoundError: There is no such agreement.
            LocalProtocolError: We are its provider.
            PolicyDeniedError: The agreement, policy or a counter speak against it.
        """
        outcome = await self._context.decide(
            lambda tx: self._decided(tx, hosted, agreement_id, order)
        )
        if isinstance(outcome, PolicyDeniedError):
            raise outcome
        return outcome

    async def end(
        self,
        hosted: Hosted,
        agreement_id: str,
        session: str,
        *,
        outcome: str,
        size_bytes: int,
        rows: int,
        reasons: Iterable[Any] = (),
    ) -> None:
        """Record what a use came to.

        Raises:
            NotFoundError: There is no such agreement.
        """
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            row = self._agreed.get(tx, hosted, agreement_id)
            tx.meters.add(
                hosted.name, row.id, OWN + session, size_bytes=size_bytes, rows=rows, now=now
            )
            body = _about(row, session) | {"outcome": outcome, "bytes": size_bytes, "rows": rows}
            told = list(reasons)
            tx.events.append(
                hosted.name, "use.ended", body | ({"reasons": told} if told else {}), now=now
            )

        await self._context.store.write(hop)

    def _decided(
        self, tx: Transaction, hosted: Hosted, agreement_id: str, order: UseOrder
    ) -> Json | PolicyDeniedError:
        """Decide and count; a denial is recorded, hence returned and not raised."""
        now, epoch = self._context.now(), self._context.engine.epoch
        row = self._agreed.get(tx, hosted, agreement_id)
        if row.role is not Role.CONSUMER:
            raise LocalProtocolError(
                "the data of this agreement is our own",
                code="agreement.role",
                hint="only what was delivered to us is used under an agreement",
            )
        told = _about(row, order.session) | {"action": order.action, "purpose": order.purpose}
        try:
            self._agreed.live(tx, hosted, row.id)
            rules = agreement_rules(row)
            decision = self._decision(tx, hosted, row, rules, order, now=now)
            is_new = order.is_counted and self._count(
                tx, hosted, row, decision, order.session, now=now
            )
        except PolicyDeniedError as denied:
            body = told | {"code": denied.code, "reasons": [dict(each) for each in denied.reasons]}
            tx.events.append(hosted.name, "use.denied", body, now=now)
            return denied
        if is_new:
            body = told | {"rules": list(decision.rules), "policy_digest": row.digest}
            tx.events.append(hosted.name, "use.granted", body, now=now)
        longest = timedelta(seconds=self._context.settings.delivery.lease_seconds)
        lease = Lease.of(decision, issued_at=now, epoch=epoch)
        until = min(lease.ends_at, now + longest, *([row.ends_at] if row.ends_at else []))
        return _shown(decision, order.session, until)

    def _decision(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        rules: PolicyIR,
        order: UseOrder,
        *,
        now: datetime,
    ) -> Decision:
        known = Knowing(self._context.facts, tx, hosted, now).about(
            hosted.id, rules, point="access", dataset=row.dataset_id
        )
        facts = dict(known.facts)
        purposes = agreed_purposes(Agreement.model_validate(row.body))
        wanted = purposes if order.purpose is None else (order.purpose,)
        facts["odrl:purpose"] = purpose_fact(wanted)
        facts |= self._counted(tx, hosted, row, rules, order.session, now=now)
        facts["odrl:elapsedTime"] = elapsed_fact(row.first_used_at, rules, now=now)
        decision = evaluate(
            self._context.engine,
            "access",
            rules,
            capabilities=TABLES if order.columns else FILES,
            action=known_action(order.action) if order.action else main_action(rules),
            subject=known.subject,
            resource=dataset(row.dataset_id, columns=order.columns),
            agreement=known_agreement(row),
            facts=facts,
            now=now,
        )
        if not decision.allow:
            raise PolicyDeniedError(
                summary(decision),
                code=decision.reasons[0].id,
                reasons=remote_reasons(decision),
                decision=decision,
            )
        return decision

    def _counted(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        rules: PolicyIR,
        session: str,
        *,
        now: datetime,
    ) -> dict[str, Fact]:
        held = tx.counters.held(hosted.name, row.id, session)
        used: dict[str, dict[str, int]] = {}
        for rule in rules.permissions:
            for limit in rule.limits:
                counter = OWN + counter_of(limit, now)
                taken = tx.counters.taken(hosted.name, row.id, counter) or 0
                # Rows, bytes and running time were counted when they were delivered.
                counters = used.setdefault(Measured.of(limit.unit).left, {})
                counters[limit.counter] = taken - (counter in held)
        return {name: count_fact(counters) for name, counters in used.items()}

    def _count(
        self,
        tx: Transaction,
        hosted: Hosted,
        row: AgreementRow,
        decision: Decision,
        session: str,
        *,
        now: datetime,
    ) -> bool:
        """Take a unit of every limit; tell whether the session is a new one."""
        key = (hosted.name, row.id)
        is_new = EVERY not in tx.counters.held(*key, session)
        tx.counters.reserve(*key, EVERY, session, maximum=MAX_SAFE_INTEGER, now=now)
        taken = [EVERY]
        tx.agreements.note_use(*key, now=now)
        for limit in filter(counts_uses, decision.limits):
            counter, ends_at = OWN + counter_of(limit, now), opens_next(limit, now)
            if not tx.counters.reserve(
                *key, counter, session, maximum=limit.max, now=now, ends_at=ends_at
            ):
                for each in taken:
                    tx.counters.release(*key, each, session)
                raise exhausted(limit, now)
            taken.append(counter)
        for counter in taken:
            tx.counters.commit(*key, counter, session, now=now)
        return is_new


def _about(row: AgreementRow, session: str) -> Json:
    return {
        "agreement": row.id,
        "counterparty": row.counterparty,
        "dataset": row.dataset_id,
        "session": session,
    }


def _shown(decision: Decision, session: str, until: datetime) -> Json:
    document = decision.model_dump(
        mode="json", by_alias=True, include={"rules", "filters", "columns", "masks", "obligations"}
    )
    return {"session": session, "until": until.isoformat()} | document
