"""Duties as they are shown: with what is owed, by whom and until when, in words.

Example::

    shown(row, "en")["words"]  # 'the consumer owes: delete, until 2026-12-01T10:00:00Z'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.duties.evidence import stamp
from trustspace.policy.messages import phrase
from trustspace.policy.wording import printable, term
from trustspace.store import DutyState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trustspace.policy.messages import Language
    from trustspace.store import DutyRow


def shown(row: DutyRow, language: Language = "en") -> dict[str, Any]:
    """Show one occurrence."""
    return {
        "agreement": row.agreement_id,
        "duty": row.duty_id,
        "occurrence": row.occurrence,
        "action": row.action,
        "bearer": row.bearer.value,
        "params": dict(row.params),
        "state": row.state.value,
        "due": _time(row.due),
        "on_failure": row.on_failure,
        "evidence": None if row.evidence is None else dict(row.evidence),
        "fulfilled_at": _time(row.fulfilled_at),
        "attempts": row.attempts,
        "next_at": _time(row.next_at),
        "error": row.last_error or None,
        "src": row.src,
        "created_at": _time(row.created_at),
        "updated_at": _time(row.updated_at),
        "words": words(row, language),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def words(row: DutyRow, language: Language) -> str:
    """Return how an occurrence stands, in words."""
    name = f"duty.{row.state.value}"
    if row.state is DutyState.OPEN and row.due is None:
        name = "duty.open.always"
    if row.is_owed and row.evidence is not None and row.evidence.get("claimed"):
        name = "duty.claimed"
    evidence = "" if row.evidence is None else printable(row.evidence["id"])
    return phrase(
        name,
        language,
        bearer=phrase(f"role.{row.bearer.value}", language),
        action=term(row.action, language),
        due=_time(row.due) or "",
        evidence=evidence,
        error=printable(row.last_error),
    )


def open_ones(rows: Iterable[DutyRow], language: Language = "en") -> list[dict[str, Any]]:
    """Show what is owed under an agreement, as the agreement is shown with it."""
    return [
        {
            "duty": row.duty_id,
            "occurrence": row.occurrence,
            "action": row.action,
            "bearer": row.bearer.value,
            "state": row.state.value,
            "due": _time(row.due),
            "words": words(row, language),
        }
        for row in rows
    ]
