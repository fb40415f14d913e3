"""What the constraints of a duty say: under which it binds, what its proof shows, until when.

ODRL writes all three alike, as constraints. What is compared with a proof (an amount paid) is one
of the proof wherever it stands; times are when it is due; everything else is a condition.

Example::

    DutyTerms.of(duty).deadline  # 1798732800
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from trustspace.policy.constraint import Atom

if TYPE_CHECKING:
    from trustspace.policy.constraint import Normal
    from trustspace.policy.document import Duty

_FULFILMENT = frozenset({"odrl:payAmount"})
"""What is compared with the proof of a duty, wherever it is written."""

_DELAYS = frozenset({"odrl:delayPeriod", "odrl:elapsedTime"})
_UNTIL = frozenset({"odrl:lt", "odrl:lteq", "odrl:eq"})
_LATER = frozenset({"odrl:gt", "odrl:gteq"})
_USE = frozenset({"odrl:policyUsage", "policyUsage", "odrl:use"})


@dataclass(frozen=True)
class DutyTerms:
    """The constraints of a duty by what they are for.

    Attributes:
        binding: Conditions under which it binds.
        proof: Conditions on its proof, the refinements of its action first.
        terms: What says when it is due.
        delay: Seconds after the use, or ``None``.
        deadline: Unix seconds until which it has to be done, or ``None``.
        puts_off: Whether it may be done after the use.
    """

    binding: tuple[Normal, ...]
    proof: tuple[Normal, ...]
    terms: tuple[Normal, ...]
    delay: int | None
    deadline: int | None
    puts_off: bool

    @classmethod
    def of(cls, duty: Duty) -> Self:
        """Sort the constraints of a duty."""
        binding: list[Normal] = []
        proof: list[Normal] = list(duty.action.refine)
        terms: list[Normal] = []
        delay = deadline = None
        puts_off = False
        for part in duty.parts:
            left = part.left if isinstance(part, Atom) else ""
            if not isinstance(part, Atom):
                binding.append(part)
            elif left in _FULFILMENT:
                proof.append(part)
            elif left in _DELAYS and isinstance(part.right, int):
                # Of several the soonest: one more may not put the duty off.
                delay = part.right if delay is None else min(delay, part.right)
                puts_off = True
                terms.append(part)
            elif left == "odrl:dateTime" and part.op in _UNTIL and isinstance(part.right, int):
                last = part.right - 1 if part.op == "odrl:lt" else part.right
                deadline = last if deadline is None else min(deadline, last)
                puts_off = True
                terms.append(part)
            elif left == "odrl:event" and set(part.values) & _USE:
                puts_off = puts_off or part.op in _LATER
                terms.append(part)
            else:
                binding.append(part)
        return cls(tuple(binding), tuple(proof), tuple(terms), delay, deadline, puts_off)
