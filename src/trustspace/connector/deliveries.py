"""One governed open at the provider: decide, reserve, deliver, meter, and stop when told.

An open is one session, named by the consumer. Its first request asks policy and reserves the
counters in one transaction; ranges, resumes and further requests of the session go on under the
lease of that decision, until it ends, and then ask again. The count is final with the first byte.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import FileSource, read_source
from trustspace.dsp.messages import TransferState
from trustspace.errors import NotFoundError, PolicyDeniedError
from trustspace.model.participant import Role
from trustspace.policy.explain import remote_reasons, summary
from trustspace.policy.lease import Lease

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.agreements import Agreements
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.decision_point import DecisionPoint
    from trustspace.connector.gates import Gate
    from trustspace.connector.order import Order
    from trustspace.dataplane.source import AnySource
    from trustspace.policy.decision import Decision
    from trustspace.store import AgreementRow, DatasetRow, Transaction

FORM_UNAVAILABLE = "form.unavailable"
"""Code of a request for a file of what is only a table, or the other way round."""

GRANTS = 10_000
"""Sessions whose lease is remembered; beyond it the oldest ask again."""


@dataclass
class Counting:
    """Whether the units of a session are final, which they become once."""

    is_done: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)


@dataclass
class Grant:
    """A session's right to data, as long as its lease and its gate stand.

    Attributes:
        order: What was asked.
        agreement: Under which agreement.
        dataset: Which dataset.
        lease: The decision on loan.
        restriction: Filters, columns and masks to carry out.
        gate: Where the delivery is cut.
        counting: Whether its units are final; shared by all grants of the session.
    """

    order: Order
    agreement: AgreementRow
    dataset: DatasetRow
    lease: Lease
    restriction: Restriction = field(repr=False)
    gate: Gate
    counting: Counting = field(default_factory=Counting)

    @property
    def is_counted(self) -> bool:
        """Whether its units are final."""
        return self.counting.is_done


class Deliveries:
    """Grants of every hosted participant."""

    def __init__(
        self, context: ConnectorContext, decide: DecisionPoint, agreed: Agreements
    ) -> None:
        self._context = context
        self._point = decide
        self._agreed = agreed
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
        if self._end_one(session) > 0 or grant.is_counted:
            return
        for key in [key for key in self._grants if _session(hosted, key[1]) == session]:
            if key[0] == hosted.name:
                self._context.gates.leave(self._grants.pop(key).gate)
        if not grant.lease.limits:
            return

        def hop(tx: Transaction) -> None:
            for limit in grant.lease.limits:
                tx.counters.release(
                    hosted.name, grant.order.agreement_id, limit.counter, grant.order.session
                )

        await self._context.store.write(hop)

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
        now = self._context.now()
        if not grant.lease.valid(now, 0):
            return 0.0
        return (grant.lease.ends_at - now).total_seconds()

    async def _decide(self, hosted: Hosted, order: Order, gate: Gate) -> Grant:
        outcome = await self._context.store.write(lambda tx: self._decided(tx, hosted, order, gate))
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
        now = self._context.now()
        order = grant.order

        def hop(tx: Transaction) -> None:
            for limit in grant.lease.limits:
                tx.counters.commit(
                    hosted.name, order.agreement_id, limit.counter, order.session, now=now
                )
            tx.events.append(
                hosted.name,
                "access.granted",
                grant.order.about(grant.dataset.id)
                | {
                    "rules": list(grant.lease.decision.rules),
                    "obligations": [
                        {"action": duty.action, "due": duty.due}
                        for duty in grant.lease.decision.obligations
                    ],
                    "policy_digest": grant.agreement.digest,
                    "bundle": grant.lease.decision.bundle,
                },
                now=now,
            )

        await self._context.store.write(hop)

    async def delivered(
        self, hosted: Hosted, grant: Grant, *, size_bytes: int, rows: int, complete: bool
    ) -> None:
        """Meter what left with one request and note how it ended."""
        now = self._context.now()
        order = grant.order

        def hop(tx: Transaction) -> None:
            tx.meters.add(
                hosted.name,
                order.agreement_id,
                order.session,
                size_bytes=size_bytes,
                rows=rows,
                now=now,
            )
            kind = "delivery.sent" if complete else "delivery.cut"
            body = order.about(grant.dataset.id) | {"bytes": size_bytes, "rows": rows}
            if grant.gate.code is not None:
                body["code"] = grant.gate.code
            tx.events.append(hosted.name, kind, body, now=now)

        await self._context.store.write(hop)

    def _decided(
        self, tx: Transaction, hosted: Hosted, order: Order, gate: Gate
    ) -> Grant | PolicyDeniedError:
        """Decide and reserve; a denial is recorded, hence returned and not raised."""
        now = self._context.now()
        transfer = tx.transfers.get(hosted.name, order.transfer_pid, role=Role.PROVIDER)
        if transfer is None or transfer.agreement_id != order.agreement_id:
            raise NotFoundError("there is no such transfer")
        row = self._agreed.get(tx, hosted, order.agreement_id)
        dataset = tx.datasets.get(hosted.name, row.dataset_id)
        if dataset is None or row.counterparty != order.consumer:
            raise NotFoundError("there is no such dataset")
        try:
            self._agreed.live(tx, hosted, row.id)
            _check_running(transfer.state)
            _check_form(order, read_source(dataset.source))
            decision = self._point.access(
                tx,
                hosted,
                row,
                order,
                columns=_columns(dataset) if order.as_table else (),
                now=now,
            )
            self._reserve(tx, hosted, order, decision)
        except PolicyDeniedError as denied:
            body = order.about(dataset.id) | {
                "code": denied.code,
                "reasons": [dict(reason) for reason in denied.reasons],
            }
            tx.events.append(hosted.name, "access.denied", body, now=now)
            return denied
        tx.transfers.put_off(hosted.name, transfer.id, deadline=now + self._context.idle)
        return Grant(
            order=order,
            agreement=row,
            dataset=dataset,
            lease=self._lease(decision, now=now),
            restriction=Restriction(
                filters=decision.filters,
                columns=decision.columns,
                masks=decision.masks,
                salt=mask_salt(hosted, row.id),
            ),
            gate=gate,
        )

    def _lease(self, decision: Decision, *, now: datetime) -> Lease:
        """Return a decision's lease, at most as long as the owner lets one stand."""
        lease = Lease.of(decision, issued_at=now, epoch=0)
        longest = timedelta(seconds=self._context.settings.delivery.lease_seconds)
        return replace(lease, ttl=min(lease.ttl, longest))

    def _reserve(self, tx: Transaction, hosted: Hosted, order: Order, decision: Decision) -> None:
        if not decision.allow:
            code = decision.reasons[0].id
            whole = not order.as_table and code == "pep.unenforceable"
            raise PolicyDeniedError(
                summary(decision),
                code=code,
                reasons=remote_reasons(decision),
                decision=decision,
                hint="ask for the table: a file leaves whole" if whole else "",
            )
        now = self._context.now()
        for limit in decision.limits:
            if not tx.counters.reserve(
                hosted.name,
                order.agreement_id,
                limit.counter,
                order.session,
                maximum=limit.max,
                now=now,
            ):
                # What this session took of other counters goes back with it.
                for taken in decision.limits:
                    tx.counters.release(
                        hosted.name, order.agreement_id, taken.counter, order.session
                    )
                reason = {
                    "id": "pep.limit_reached",
                    "left": "odrl:count",
                    "op": "odrl:lteq",
                    "expected": limit.max,
                }
                raise PolicyDeniedError(
                    f"all {limit.max} uses are taken", code="pep.limit_reached", reasons=[reason]
                )


def _session(hosted: Hosted, order: Order) -> tuple[str, str, str]:
    return hosted.name, order.agreement_id, order.session


def mask_salt(hosted: Hosted, agreement_id: str) -> bytes:
    """Return the secret that binds hash masks to one agreement.

    Equal values hash alike within an agreement, so that joins work, and differently in another
    one, so that two consumers cannot match their copies.
    """
    derive = HKDF(
        algorithm=hashes.SHA256(), length=32, salt=None, info=b"mask:" + agreement_id.encode()
    )
    return derive.derive(hosted.key.to_pem())


def _check_running(state: TransferState) -> None:
    if state is not TransferState.STARTED:
        raise PolicyDeniedError(
            f"the transfer is {state.lower()}",
            code=f"transfer.{state.lower()}",
            hint="resume the transfer, or ask for a new one",
        )


def _check_form(order: Order, source: AnySource) -> None:
    form = "table" if order.as_table else "file"
    if form not in source.forms:
        raise PolicyDeniedError(
            f"the dataset cannot be had as a {form}",
            code=FORM_UNAVAILABLE,
            hint=f"ask for the {' or '.join(source.forms)}",
        )


def _columns(dataset: DatasetRow) -> tuple[str, ...]:
    source = read_source(dataset.source)
    return source.columns if isinstance(source, FileSource) else ()
