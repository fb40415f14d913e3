"""What is taken of an agreement's limits when an open is decided: uses, and running time.

Of every limit of uses the session takes one unit, which becomes final with the first byte. Of a
limit of running time it takes the seconds for which its lease may stand; what it does not need
comes back when its last request ends. Rows and bytes are taken as they leave
(`trustspace.connector.delivering.allowance`).

Example::

    reserved = reserve(tx, hosted, order, decision, longest=60, now=now)
    reserved.uses, reserved.amounts, reserved.ends_at
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustspace.connector.deciding.quotas import (
    account_of,
    counters_of,
    exhausted,
    opening,
    opens_next,
    with_opening,
)
from trustspace.errors import PolicyDeniedError
from trustspace.policy.explain import remote_reasons, summary
from trustspace.policy.quantity import Measured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.order import Order
    from trustspace.policy.decision import Decision, Limit
    from trustspace.store import Transaction
    from trustspace.store.portions import Account

_CLOCK = "clock"
"""Version of positions that are seconds of the clock."""

_ENDLESS = 1 << 62


@dataclass(frozen=True)
class Reserved:
    """What an open has taken.

    Attributes:
        uses: Limits of uses, with the counters that have its unit.
        amounts: Limits of rows and bytes, of which is taken as they leave.
        running: Accounts of which it took running time.
        ends_at: When that running time ends; None where it is not limited.
    """

    uses: tuple[Limit, ...] = ()
    amounts: tuple[Limit, ...] = ()
    running: tuple[Account, ...] = ()
    ends_at: datetime | None = None


def reserve(
    tx: Transaction,
    hosted: Hosted,
    order: Order,
    decision: Decision,
    *,
    longest: int,
    now: datetime,
) -> Reserved:
    """Take a unit of every limit of uses, and running time.

    Args:
        tx: The transaction.
        hosted: The provider.
        order: What is asked for.
        decision: An allow.
        longest: Seconds for which the decision may stand.
        now: Current time.

    Raises:
        PolicyDeniedError: There is none left of one; then none is taken.
    """
    of = {limit: Measured.of(limit.unit).what for limit in decision.limits}
    uses = _take_uses(tx, hosted, order, [one for one in of if of[one] == "use"], now=now)
    try:
        timed = [one for one in of if of[one] == "second"]
        running, ends_at = _take_time(tx, hosted, order, timed, longest=longest, now=now)
    except PolicyDeniedError:
        release(tx, hosted, order, uses)
        raise
    amounts = tuple(one for one in of if of[one] in ("row", "byte"))
    return Reserved(uses, amounts, running, ends_at)


def release(tx: Transaction, hosted: Hosted, order: Order, uses: Iterable[Limit]) -> None:
    """Give units back that are not final."""
    for limit in uses:
        tx.counters.release(hosted.name, order.agreement_id, limit.counter, order.session)


def stop_running(
    tx: Transaction, hosted: Hosted, running: Iterable[Account], *, now: datetime
) -> None:
    """Give running time back that a session did not need."""
    behind = math.ceil(now.timestamp())
    for account in running:
        tx.portions.give_back(hosted.name, account, [(behind, _ENDLESS)])


def denied(
    decision: Decision, order: Order, limits: Iterable[Limit], now: datetime
) -> PolicyDeniedError:
    """Return the refusal that a denial stands for.

    Args:
        decision: The denial.
        order: What was asked for.
        limits: What the agreement counts.
        now: Current time.
    """
    code = decision.reasons[0].id
    whole = not order.as_table and code == "pep.unenforceable"
    spent = {(reason.rule, reason.left, reason.unit) for reason in decision.reasons}
    closed = [limit for limit in limits if _key(limit) in spent]
    return PolicyDeniedError(
        summary(decision),
        code=code,
        reasons=with_opening(remote_reasons(decision), now),
        decision=decision,
        hint="ask for the table: a file leaves whole" if whole else opening(closed, now),
    )


def _key(limit: Limit) -> tuple[str, str, str | None]:
    measured = Measured.of(limit.unit)
    rule = limit.counter.removeprefix("rule:").partition(":")[0]
    return rule, measured.left, measured.window


def _take_uses(
    tx: Transaction, hosted: Hosted, order: Order, limits: Iterable[Limit], *, now: datetime
) -> tuple[Limit, ...]:
    """Take a unit of every limit; return the limits with the counters that have it."""
    several = tuple(limits)
    whose = (hosted.name, order.agreement_id)
    behind = counters_of(tx, whose, several, order.session, now=now)
    taken: list[Limit] = []
    for limit in several:
        own = limit.model_copy(update={"counter": behind[limit.counter][0]})
        taken.append(own)
        if not tx.counters.reserve(
            *whose,
            own.counter,
            order.session,
            maximum=limit.max,
            now=now,
            ends_at=opens_next(limit, now),
        ):
            # What this session took of other counters goes back with it.
            release(tx, hosted, order, taken)
            raise exhausted(limit, now)
    return tuple(taken)


def _take_time(
    tx: Transaction,
    hosted: Hosted,
    order: Order,
    limits: Iterable[Limit],
    *,
    longest: int,
    now: datetime,
) -> tuple[tuple[Account, ...], datetime | None]:
    """Take the seconds of the clock for which the session may run, at most so many."""
    start = math.floor(now.timestamp())
    stop: int | None = None
    accounts = []
    for limit in limits:
        account = account_of(limit, order.agreement_id, order.session, _CLOCK, now=now)
        accounts.append(account)
        until = start + longest
        if account.ends_at is not None:
            until = min(until, int(account.ends_at.timestamp()))
        got = tx.portions.take(hosted.name, account, (start, until), maximum=limit.max).stop
        if got <= start:
            stop_running(tx, hosted, accounts, now=now)
            raise exhausted(limit, now)
        stop = got if stop is None else min(stop, got)
    return tuple(accounts), None if stop is None else datetime.fromtimestamp(stop, UTC)
