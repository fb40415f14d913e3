"""The counters behind an agreement's limits, and how much of each is taken.

A limit in all has one counter: ``rule:p1`` of uses, ``rule:p1:row`` of rows. A limit per window has
one for each window, named after its begin: ``rule:p1:P1D:2026-11-25``. A session that took its unit
in one window and goes on in the next keeps that unit: it is one use.

Example::

    counter_of(limit, now)                        # 'rule:p1:P1D:2026-11-25'
    counted(tx, ("garden", agreement_id), limits, session, now=now)  # {'ts:frequency': Fact(…)}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyDeniedError
from trustspace.policy.facts import count_fact
from trustspace.policy.quantity import COUNT, Measured, write_quantity
from trustspace.policy.vocabulary import COUNTED, compact
from trustspace.policy.window import Window
from trustspace.store.portions import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from trustspace.policy.decision import Fact, Limit
    from trustspace.store import Transaction

REACHED = "pep.limit_reached"
"""Code and reason of what a limit leaves nothing of."""


def window_of(limit: Limit) -> Window | None:
    """Return the window in which a limit counts anew, or None."""
    window = Measured.of(limit.unit).window
    return None if window is None else Window.of(window)


def counts_uses(limit: Limit) -> bool:
    """Tell whether a limit is one of uses, of which each session takes one unit."""
    return Measured.of(limit.unit).what == "use"


def counter_of(limit: Limit, now: datetime) -> str:
    """Return the counter of which is taken at a moment."""
    window = window_of(limit)
    return limit.counter if window is None else f"{limit.counter}:{window.label(now)}"


def opens_next(limit: Limit, now: datetime) -> datetime | None:
    """Return when the next window of a limit begins; None for a limit in all."""
    window = window_of(limit)
    return None if window is None else window.ends(now)


def account_of(
    limit: Limit, agreement_id: str, session: str, version: str, *, now: datetime
) -> Account:
    """Return the account of which a session takes amounts of a limit."""
    return Account(
        agreement_id=agreement_id,
        name=limit.counter,
        counter=counter_of(limit, now),
        session=session,
        version=version,
        ends_at=opens_next(limit, now),
    )


def counters_of(
    tx: Transaction,
    whose: tuple[str, str],
    limits: Iterable[Limit],
    session: str,
    *,
    now: datetime,
) -> dict[str, tuple[str, bool]]:
    """Return the counter behind each limit of uses for a session, and whether it has a unit of it.

    Args:
        tx: The transaction.
        whose: Participant and id of the agreement.
        limits: Its limits of uses.
        session: Who asks.
        now: Current time.
    """
    several = tuple(limits)
    held = tx.counters.held(*whose, session) if several else {}
    found = {}
    for limit in several:
        counter = counter_of(limit, now)
        if limit.unit != COUNT:
            begun = (name for name in held if name.startswith(f"{limit.counter}:"))
            counter = next(begun, counter)
        found[limit.counter] = (counter, counter in held)
    return found


def counted(
    tx: Transaction,
    whose: tuple[str, str],
    limits: Iterable[Limit],
    session: str,
    *,
    now: datetime,
) -> dict[str, Fact]:
    """Return the facts of the limits: what is taken, without what a session has taken.

    Of amounts this informs only: what leaves is taken when it leaves, and of what the session has
    had already nothing is taken again.

    Arguments as those of `counters_of`, with limits of every kind.
    """
    used: dict[str, dict[str, int]] = {}
    several = tuple(limits)
    uses = [limit for limit in several if counts_uses(limit)]
    behind = counters_of(tx, whose, uses, session, now=now)
    has_amounts = len(uses) < len(several)
    held = tx.portions.held(*whose, session) if has_amounts else {}
    for limit in several:
        if counts_uses(limit):
            counter, is_held = behind[limit.counter]
            mine = int(is_held)
        else:
            counter, mine = counter_of(limit, now), held.get(limit.counter, 0)
        taken = max(0, (tx.counters.taken(*whose, counter) or 0) - mine)
        used.setdefault(Measured.of(limit.unit).left, {})[limit.counter] = taken
    return {name: count_fact(counters) for name, counters in used.items()}


def standing(
    tx: Transaction, whose: tuple[str, str], limits: Iterable[Limit], *, now: datetime
) -> dict[str, int]:
    """Return what is taken of each limit, of one per window in the window that is now."""
    taken = {limit.counter: tx.counters.taken(*whose, counter_of(limit, now)) for limit in limits}
    return {name: number for name, number in taken.items() if number is not None}


def exhausted(limit: Limit, now: datetime) -> PolicyDeniedError:
    """Return the refusal of what a limit leaves nothing of."""
    measured = Measured.of(limit.unit)
    amount = write_quantity(limit.max, None, measured.what)
    what = {"use": " uses", "row": " rows", "second": " of running time"}.get(measured.what, "")
    reason = {
        "id": REACHED,
        "left": measured.left,
        "op": "odrl:lteq",
        "expected": limit.max,
        "unit": measured.window,
    }
    reasons = [{name: member for name, member in reason.items() if member is not None}]
    return PolicyDeniedError(
        f"all {amount}{what} are taken",
        code=REACHED,
        reasons=with_opening(reasons, now),
        hint=opening((limit,), now),
    )


def with_opening(reasons: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return reasons, those of windows with the moment at which the next one opens."""
    found = []
    for reason in reasons:
        members = dict(reason)
        unit = members.get("unit")
        if isinstance(unit, str) and compact(str(members.get("left"))) in COUNTED:
            members["opens"] = int(Window.of(unit).ends(now).timestamp())
        found.append(members)
    return found


def opening(limits: Iterable[Limit], now: datetime) -> str:
    """Return when the windows of limits have begun anew, in words; empty without a window."""
    moments = [moment for limit in limits if (moment := opens_next(limit, now)) is not None]
    return f"the next window opens at {max(moments).isoformat()}" if moments else ""
