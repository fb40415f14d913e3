"""Decisions of the past: the list, and the explanation of one by its id.

What is still in the log is explained from what was asked and answered then, whichever rules decide
by now. Of an older access the event log has kept the reasons, without what was found.

Example::

    explained(tx, hosted, "urn:uuid:…", language="zh")
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trustspace.model import strict_json
from trustspace.policy.decision import Decision
from trustspace.policy.explain import explain, summary
from trustspace.policy.messages import phrase
from trustspace.policy.vocabulary import spelled

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.policy.messages import Language
    from trustspace.store import DecisionRow, EventRow, Transaction

Json = dict[str, Any]

_ID = re.compile(r"urn:uuid:[0-9a-f-]{36}")


def listed(row: DecisionRow) -> Json:
    """Return a decision for the list."""
    return {
        "id": row.id,
        "at": row.at.isoformat(),
        "point": row.point,
        "subject": row.subject,
        "dataset": row.dataset,
        "agreement": row.agreement,
        "action": row.action,
        "effect": row.effect,
        "code": row.code or None,
        "revision": row.bundle,
        "digest": row.digest,
        "kept": row.request is not None,
    }


def explained(
    tx: Transaction, hosted: Hosted, decision_id: str, *, language: Language
) -> Json | None:
    """Return the explanation of a decision, or None when no log knows it."""
    row = tx.decisions.get(hosted.name, decision_id)
    if row is not None:
        return _from_log(row, language)
    if not _ID.fullmatch(decision_id):
        return None
    event = tx.events.find(hosted.name, "decision", decision_id)
    return None if event is None else _from_event(event, decision_id, language)


def _from_log(row: DecisionRow, language: Language) -> Json:
    decision = Decision.model_validate_json(row.decision)
    moment = row.at.isoformat(timespec="seconds")
    asked = phrase(
        "decision.asked",
        language,
        subject=row.subject or phrase("decision.anyone", language),
        action=spelled(row.action),
        dataset=row.dataset,
        point=phrase(f"decision.point.{row.point}", language),
        moment=moment,
    )
    sentences = [asked]
    if decision.allow:
        rules = ", ".join(decision.rules)
        sentences += [summary(decision, language=language)]
        sentences += [phrase("decision.rules", language, rules=rules)]
    sentences += explain(decision.reasons, language=language)
    request = None if row.request is None else strict_json.loads(row.request.encode())
    return {
        "id": row.id,
        "kind": "decision",
        "outcome": row.effect,
        "code": row.code or None,
        "sentences": sentences,
        "reasons": [reason.model_dump(mode="json") for reason in decision.reasons],
        "decision": listed(row)
        | {
            "request": request,
            "obligations": [duty.model_dump(mode="json") for duty in decision.obligations],
        },
    }


def _from_event(event: EventRow, decision_id: str, language: Language) -> Json:
    body = event.body
    reasons = list(body.get("reasons", ()))
    code = body.get("code")
    asked = phrase(
        "decision.asked",
        language,
        subject=str(body.get("counterparty") or phrase("decision.anyone", language)),
        action=spelled(str(body.get("action") or "odrl:use")),
        dataset=str(body.get("dataset", "")),
        point=phrase("decision.point.access", language),
        moment=event.at.isoformat(timespec="seconds"),
    )
    return {
        "id": decision_id,
        "kind": "decision",
        "outcome": "deny" if code else "allow",
        "code": code,
        "sentences": [asked, *explain(reasons, language=language)],
        "reasons": reasons,
        "decision": {"id": decision_id, "at": event.at.isoformat(), "event": event.seq},
    }
