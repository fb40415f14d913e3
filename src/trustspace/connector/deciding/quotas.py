"""The counters behind an agreement's limits, and how many units of each are taken.

A limit of uses in all has one counter, ``rule:p1``. A limit per window has one for each window,
named after its begin: ``rule:p1:P1D:2026-11-25``. A session that took its unit in one window and
goes on in the next keeps that unit: it is one use.

Example::

    counter_of(limit, now)                        # 'rule:p1:P1D:2026-11-25'
    counted(tx, ("garden", agreement_id), limits, session, now=now)  # {'ts:frequency': Fact(…)}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.errors import PolicyDeniedError
from trustspace.policy.facts import count_fact
from trustspace.policy.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trustspace.policy.decision import Fact, Limit
    from trustspace.store import Transaction

COUNT = "count"
"""Unit of a limit of uses in all; other units are windows."""

PER_WINDOW = "ts:frequency"
"""Left operand of a limit per window."""

OPERANDS = {True: PER_WINDOW, False: "odrl:count"}
"""Left operand of a limit, by whether it is per window."""


def is_per_window(limit: Limit) -> bool:
    """Tell whether a limit begins anew with each window."""
    return limit.unit != COUNT


def counter_of(limit: Limit, now: datetime) -> str:
    """Return the counter of which a use at a moment takes a unit."""
    if not is_per_window(limit):
        return limit.counter
    return f"{limit.counter}:{Window.of(limit.unit).label(now)}"


def opens_next(limit: Limit, now: datetime) -> datetime:
    """Return when the next window of a limit per window begins."""
    return Window.of(limit.unit).ends(now)


def counters_of(
    tx: Transaction,
    whose: tuple[str, str],
    limits: Iterable[Limit],
    session: str,
    *,
    now: datetime,
) -> dict[str, tuple[str, bool]]:
    """Return the counter behind each limit for a session, and whether it has a unit of it.

    Args:
        tx: The transaction.
        whose: Participant and id of the agreement.
        limits: Its limits.
        session: Who asks.
        now: Current time.
    """
    several = tuple(limits)
    held = tx.counters.held(*whose, session) if several else {}
    found = {}
    for limit in several:
        counter = counter_of(limit, now)
        if is_per_window(limit):
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
    """Return the facts of the limits: units taken, without those of a session.

    Arguments as those of `counters_of`.
    """
    several = tuple(limits)
    used: dict[str, dict[str, int]] = {}
    behind = counters_of(tx, whose, several, session, now=now)
    for limit in several:
        counter, is_held = behind[limit.counter]
        taken = (tx.counters.taken(*whose, counter) or 0) - is_held
        used.setdefault(OPERANDS[is_per_window(limit)], {})[limit.counter] = taken
    return {name: count_fact(counters) for name, counters in used.items()}


def standing(
    tx: Transaction, whose: tuple[str, str], limits: Iterable[Limit], *, now: datetime
) -> dict[str, int]:
    """Return the units taken of each limit, of one per window those of the window that is now."""
    taken = {limit.counter: tx.counters.taken(*whose, counter_of(limit, now)) for limit in limits}
    return {name: number for name, number in taken.items() if number is not None}


def exhausted(limit: Limit, now: datetime) -> PolicyDeniedError:
    """Return the refusal of a use of which no unit is left."""
    reason = {
        "id": "pep.limit_reached",
        "left": OPERANDS[is_per_window(limit)],
        "op": "odrl:lteq",
        "expected": limit.max,
    }
    return PolicyDeniedError(
        f"all {limit.max} uses are taken",
        code="pep.limit_reached",
        reasons=[reason],
        hint=opening((limit,), now),
    )


def opening(limits: Iterable[Limit], now: datetime) -> str:
    """Return when the windows of limits have begun anew, in words; empty without a window."""
    moments = [opens_next(limit, now) for limit in limits if is_per_window(limit)]
    return f"the next window opens at {max(moments).isoformat()}" if moments else ""
