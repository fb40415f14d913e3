"""The one refusal of the enforcement point: a decision's filter or mask that it cannot carry out.

A filter that cannot be evaluated exactly, or a mask that would miss its column, must not let a
single row through: the delivery is denied as a whole, with ``pep.unenforceable`` (the id that the
decision document has for it).

Example::

    raise unenforceable("the table has no column 'grade'", term="ts:rowFilter", subject="grade")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from trustspace.errors import PolicyDeniedError

if TYPE_CHECKING:
    from trustspace.policy.predicate import MaskSpec

UNENFORCEABLE = "pep.unenforceable"

Term = Literal["ts:rowFilter", "ts:columns", "ts:mask", "odrl:watermark"]
"""The term of the policy that cannot be carried out."""


def unenforceable(
    message: str, *, term: Term, subject: str, operator: str = "", hint: str = ""
) -> PolicyDeniedError:
    """Return the denial for a term that cannot be carried out on this table.

    Args:
        message: Why not, in one sentence without values of the table.
        term: The term of the policy.
        subject: Column that it is about.
        operator: Operator or method that was asked for.
        hint: What the owner of the data can change.
    """
    reason = {
        "id": UNENFORCEABLE,
        "src": "",
        "left": term,
        "op": operator,
        "expected": subject,
    }
    return PolicyDeniedError(message, code=UNENFORCEABLE, reasons=(reason,), hint=hint)


def unmaskable(mask: MaskSpec, because: str, *, hint: str = "choose another method") -> Exception:
    """Return the denial for a mask that cannot be carried out on its column."""
    return unenforceable(
        f"column {mask.column!r} cannot be masked: {because}",
        term="ts:mask",
        subject=mask.column,
        operator=mask.method,
        hint=hint,
    )
