"""How much of a limit of an agreement is used, as clients have it.

Example::

    for quota in agreement.quotas:
        print(quota.term, quota.used, "of", quota.max, quota.window or "in all")
"""

from __future__ import annotations

from datetime import datetime

from trustspace.model.value import Value


class Quota(Value):
    """One limit of an agreement, in the window that is now.

    Attributes:
        counter: Name of its counter, as in `Agreement.used`.
        term: Left operand of the term, for example ``ts:dataRecord``.
        unit: What is counted: ``use``, ``row``, ``byte`` or ``second``.
        window: Length of the window in which it is counted anew, or None.
        max: How much there is.
        used: How much is used; None at a consumer that does not know.
        left: How much is left; None as well.
        opens_at: When the next window opens; None for a limit in all.
    """

    counter: str
    term: str
    unit: str
    window: str | None = None
    max: int
    used: int | None = None
    left: int | None = None
    opens_at: datetime | None = None

    def __str__(self) -> str:
        """Return it in one line: ``300/1000 rows per P1D``."""
        used = "?" if self.used is None else str(self.used)
        per = f" per {self.window}" if self.window else ""
        return f"{used}/{self.max} {self.unit}s{per}"
