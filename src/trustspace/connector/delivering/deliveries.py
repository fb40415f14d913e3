"""One governed open at the provider: decide, reserve, deliver, meter, and stop when told.

An open is one session, named by the consumer. Its first request asks policy and reserves the
counters in one transaction; ranges, resumes and further requests of the session go on under the
lease of that decision, until it ends, and then ask again. The count is final with the first byte.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from trustspace.connector.cataloguing.watermarks import watermark_key, watermark_of
from trustspace.connector.delivering.allowance import Allowance
from trustspace.connector.delivering.delivery_checks import (
    check_form,
    check_running,
    columns_of,
    mask_salt,
)
from trustspace.connector.delivering.grant import Grant
from trustspace.connector.delivering.reserving import denied, release, reserve, stop_running
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import read_source
from trustspace.errors import NotFoundError, PolicyDeniedError
from trustspace.model.participant import Role
from trustspace.policy.lease import Lease

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.connector.delivering.gates import Gate
    from trustspace.connector.delivering.order import Order
    from trustspace.connector.delivering.reserving import Reserved
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.dataplane.source import AnySource
    from trustspace.policy.decision import Decision
    from trustspace.store import Transaction

GRANTS = 10_000
"""Sessions whose lease is remembered; beyond it the oldest ask again."""


class Deliveries:
    """Grants of every hosted participant."""

    def __init__(
        self,
        context: ConnectorContext,
        decide: DecisionPoint,
        agreed: Agreements,
        duties: DutyPlanner,
    ) -> None:
        self._context = context
        self._point = decide
        self._agreed = agreed
        self._duties = duties
        self._grants: OrderedDict[tuple[str, Order], Grant] = OrderedDict()
        self._running: Counter[tuple[str, str, str]] = Counter()

    async def grant(self, hosted: Hosted, order: Order) -> Grant:
        """Decide a data request, or go on under the session's lease; `leave` it when it has ended.

        Raises:
            NotFoundError: There is no such transfer or dataset.
            PolicyDeniedError: Policy, a counter, the agreement or the transfer speak against it.
        """
        session = _session(hosted, order)
        self._running[session] += 1
        try:
            return await self._granted(hosted, order)
        except BaseException:
            self._end_one(session)
            raise

    async def leave(self, hosted: Hosted, grant: Grant) -> None:
        """Note the end of a request; a session of which no byte left gives its units back."""
        session = _session(hosted, grant.order)
        is_last = self._end_one(session) <= 0
        if grant.order.call:
            self._context.gates.leave(grant.gate)
            self._grants.pop((hosted.name, grant.order), None)
        if is_last and grant.running:
            await self._stop_running(hosted, grant)
        if grant.order.call:
            return
        if not is_last or grant.is_counted:
            return
        for key in [key for key in self._grants if _session(hosted, key[1]) == session]:
            if key[0] == hosted.name:
                self._context.gates.leave(self._grants.pop(key).gate)
        if not grant.lease.limits:
            return

        await self._context.store.write(
            lambda tx: release(tx, hosted, grant.order, grant.lease.limits)
        )

    async def _stop_running(self, hosted: Hosted, grant: Grant) -> None:
        """Give the running time back that a session does not need; its next request asks anew."""
        session = _session(hosted, grant.order)
        for key, known in self._grants.items():
            if key[0] == hosted.name and _session(hosted, key[1]) == session:
                known.lease = replace(known.lease, ttl=timedelta(0))
        now = self._context.now()
        await self._context.store.write(lambda tx: stop_running(tx, hosted, grant.running, now=now))

    def _end_one(self, session: tuple[str, str, str]) -> int:
        """Return how many requests of a session still run."""
        self._running[session] -= 1
        left = self._running[session]
        if left <= 0:
            del self._running[session]
        return left

    async def _granted(self, hosted: Hosted, order: Order) -> Grant:
        known = self._grants.get((hosted.name, order))
        if known is not None and known.gate.code is None and self.seconds_left(known) > 0:
            return known
        if known is not None and known.gate.code is None:
            # Other requests of the session may run under this gate; it stays theirs and ours.
            return await self._decide(hosted, order, known.gate)
        # Opened before the decision: what is revoked from here on closes it.
        gate = self._context.gates.open(
            agreement_id=order.agreement_id, transfer_pid=order.transfer_pid
        )
        try:
            return await self._decide(hosted, order, gate)
        except BaseException:
            self._context.gates.leave(gate)
            raise

    async def renew(self, hosted: Hosted, grant: Grant) -> Grant:
        """Decide once more for a delivery under way, which goes on with what it has.

        Raises:
            NotFoundError: The transfer or dataset is gone.
            PolicyDeniedError: Policy, a counter, the agreement or the transfer speak against it,
                or what may leave has become less.
        """
        renewed = await self._decide(hosted, grant.order, grant.gate)
        if renewed.restriction != grant.restriction:
            raise PolicyDeniedError("what may leave has changed", code="pep.lease_expired")
        return renewed

    def seconds_left(self, grant: Grant) -> float:
        """Return for how long a grant's lease still stands, in seconds."""
        if grant.gate.is_stale:
            return 0.0
        now = self._context.now()
        if not grant.lease.valid(now, self._context.engine.epoch):
            return 0.0
        return (grant.lease.ends_at - now).total_seconds()

    async def _decide(self, hosted: Hosted, order: Order, gate: Gate) -> Grant:
        gate.is_stale = False
        outcome = await self._context.decide(lambda tx: self.decided(tx, hosted, order, gate))
        if isinstance(outcome, PolicyDeniedError):
            raise outcome
        gate.check()
        key = (hosted.name, order)
        before = self._grants.pop(key, None)
        if before is not None:
            outcome.counting = before.counting
            outcome.gate = self._one_gate(before.gate, gate)
        self._grants[key] = outcome
        while len(self._grants) > GRANTS:
            forgotten = self._grants.popitem(last=False)[1]
            forgotten.gate.close("pep.lease_expired")
            self._context.gates.leave(forgotten.gate)
        return outcome

    def _one_gate(self, before: Gate, gate: Gate) -> Gate:
        """Return the gate under which the session's requests run on, and forget the other one."""
        if before is gate:
            return gate
        kept, forgotten = (before, gate) if before.code is None else (gate, before)
        self._context.gates.leave(forgotten)
        return kept

    async def count(self, hosted: Hosted, grant: Grant) -> None:
        """Make the session's units final, before its first byte leaves."""
        async with grant.counting.lock:
            if not grant.is_counted:
                await self._count(hosted, grant)
                grant.counting.is_done = True

    async def _count(self, hosted: Hosted, grant: Grant) -> None:
        await self._context.store.write(lambda tx: self.make_final(tx, hosted, grant))

    def make_final(self, tx: Transaction, hosted: Hosted, grant: Grant) -> None:
        """Make the units of a grant final and record the access."""
        now = self._context.now()
        order = grant.order
        for limit in grant.lease.limits:
            tx.counters.commit(
                hosted.name, order.agreement_id, limit.counter, order.session, now=now
            )
        if grant.agreement.first_used_at is None:
            tx.agreements.note_use(hosted.name, order.agreement_id, now=now)
        seq = tx.events.append(
            hosted.name,
            "access.granted",
            grant.order.about(grant.dataset.id)
            | {
                "rules": list(grant.lease.decision.rules),
                "obligations": [
                    {"action": duty.action, "due": duty.due}
                    for duty in grant.lease.decision.obligations
                ],
                "decision": grant.lease.decision.id,
                "policy_digest": grant.agreement.digest,
                "bundle": grant.lease.decision.bundle,
            },
            now=now,
        )
        self._duties.used(
            tx,
            grant.agreement,
            order.session,
            obligations=grant.lease.decision.obligations,
            event=seq,
            now=now,
        )

    def allowance(
        self,
        hosted: Hosted,
        grant: Grant,
        source: AnySource,
        restriction: Restriction | None = None,
    ) -> Allowance | None:
        """Return what of a delivery may leave, or None where nothing of it is counted.

        Args:
            hosted: The provider.
            grant: Under which grant.
            source: Where the data comes from.
            restriction: What is carried out on a table; None for everything else.
        """
        return Allowance.of(self._context, hosted, grant, source, restriction)

    async def delivered(
        self,
        hosted: Hosted,
        grant: Grant,
        *,
        size_bytes: int,
        rows: int,
        complete: bool,
        code: str = "",
    ) -> None:
        """Meter what left with one request and note how it ended.

        Args:
            hosted: The provider.
            grant: Under which grant.
            size_bytes: Bytes that left.
            rows: Rows that left.
            complete: Whether that was all.
            code: What stopped it, where it was not its gate.
        """
        now = self._context.now()
        order = grant.order

        def hop(tx: Transaction) -> None:
            tx.meters.add(
                hosted.name,
                order.agreement_id,
                order.metered_as,
                size_bytes=size_bytes,
                rows=rows,
                now=now,
            )
            if any(duty.action == "ts:meter" for duty in grant.lease.decision.obligations):
                self._duties.metered(tx, grant.agreement, order.session, now=now)
            kind = "delivery.sent" if complete else "delivery.cut"
            body = order.about(grant.dataset.id) | {"bytes": size_bytes, "rows": rows}
            if grant.gate.code or code:
                body["code"] = grant.gate.code or code
            tx.events.append(hosted.name, kind, body, now=now)

        await self._context.store.write(hop)

    def decided(
        self, tx: Transaction, hosted: Hosted, order: Order, gate: Gate
    ) -> Grant | PolicyDeniedError:
        """Decide and reserve; a denial is recorded, hence returned and not raised.

        Raises:
            NotFoundError: There is no such transfer or dataset.
            CalledInstead: The dataset is an interface, and this is no call.
        """
        now = self._context.now()
        # Read before the question: what other rules replace meanwhile has a lease of no use.
        epoch = self._context.engine.epoch
        transfer = tx.transfers.get(hosted.name, order.transfer_pid, role=Role.PROVIDER)
        if transfer is None or transfer.agreement_id != order.agreement_id:
            raise NotFoundError("there is no such transfer")
        row = self._agreed.get(tx, hosted, order.agreement_id)
        dataset = tx.datasets.get(hosted.name, row.dataset_id)
        if dataset is None or row.counterparty != order.consumer:
            raise NotFoundError("there is no such dataset")
        try:
            self._agreed.live(tx, hosted, row.id)
            check_running(transfer.state)
            check_form(order, read_source(dataset.source))
            decision = self._point.access(
                tx,
                hosted,
                row,
                order,
                columns=columns_of(dataset) if order.as_table else (),
                now=now,
            )
            if not decision.allow:
                raise denied(decision, order, self._point.limits(row), now)
            longest = min(decision.ttl, self._context.settings.delivery.lease_seconds)
            reserved = reserve(tx, hosted, order, decision, longest=longest, now=now)
        except PolicyDeniedError as refusal:
            body = order.about(dataset.id) | {
                "code": refusal.code,
                "reasons": [dict(reason) for reason in refusal.reasons],
            }
            if refusal.decision is not None:
                body["decision"] = refusal.decision.id
            tx.events.append(hosted.name, "access.denied", body, now=now)
            return refusal
        tx.transfers.put_off(hosted.name, transfer.id, deadline=now + self._context.idle)
        return Grant(
            order=order,
            agreement=row,
            dataset=dataset,
            lease=self._lease(decision, reserved, epoch=epoch, now=now),
            restriction=Restriction(
                filters=decision.filters,
                columns=decision.columns,
                masks=decision.masks,
                salt=mask_salt(hosted, row.id),
                watermark=watermark_of(read_source(dataset.source), watermark_key(hosted, row.id)),
            ),
            gate=gate,
            amounts=reserved.amounts,
            running=reserved.running,
        )

    def _lease(self, decision: Decision, reserved: Reserved, *, epoch: int, now: datetime) -> Lease:
        """Return a decision's lease, at most as long as the owner lets one stand."""
        lease = Lease.of(decision, issued_at=now, epoch=epoch)
        ends = [lease.ttl, timedelta(seconds=self._context.settings.delivery.lease_seconds)]
        if reserved.ends_at is not None:
            ends.append(reserved.ends_at - now)
        return replace(lease, ttl=min(ends), limits=reserved.uses)


def _session(hosted: Hosted, order: Order) -> tuple[str, str, str]:
    return hosted.name, order.agreement_id, order.session
