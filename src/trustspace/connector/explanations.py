"""Why something came out as it did, for its owner: reasons in words, English or Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.known_facts import limits_of
from trustspace.connector.deciding.past_decisions import explained
from trustspace.connector.duties.words import open_ones
from trustspace.connector.quotas_shown import in_words, quotas_of
from trustspace.connector.terms_shown import agreement_terms, dataset_terms
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.errors import NotFoundError
from trustspace.policy.explain import explain
from trustspace.policy.messages import phrase
from trustspace.store import AgreementState, EventRow, Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.policy.messages import Language

RECENT_EVENTS = 2_000
"""How far back a denied access is looked for, in events."""


def explanation(
    context: ConnectorContext,
    tx: Transaction,
    hosted: Hosted,
    subject: str,
    *,
    language: Language,
) -> dict[str, Any]:
    """Explain a negotiation, a transfer, an agreement, a dataset of ours or a decision by its id.

    Raises:
        NotFoundError: Nothing of this participant has the id.
    """
    process = tx.negotiations.get(hosted.name, subject) or tx.transfers.get(hosted.name, subject)
    if process is not None:
        reasons = list(process.reasons)
        if isinstance(process, TransferProcess):
            reasons += _denied(tx, hosted, "transfer", subject)
        kind = "negotiation" if isinstance(process, ContractNegotiation) else "transfer"
        return _shown(subject, kind, process.state.value, process.code, reasons, language)
    row = tx.agreements.get(hosted.name, subject)
    if row is None:
        decision = explained(tx, hosted, subject, language=language)
        return decision or _dataset(tx, hosted, subject, language)
    reasons = [row.reason] if row.reason else []
    if row.state is AgreementState.FINALIZED:
        reasons = _denied(tx, hosted, "agreement", subject)
    shown = _shown(subject, "agreement", row.state.value, None, reasons, language)
    shown["sentences"] += in_words(quotas_of(tx, row, limits_of(row), now=context.now()), language)
    return shown | {
        "terms": _in_words(agreement_terms(context, tx, row), language),
        "duties": open_ones(tx.duties.owed(hosted.name, row.id), language),
    }


def _dataset(tx: Transaction, hosted: Hosted, subject: str, language: Language) -> dict[str, Any]:
    dataset = tx.datasets.get(hosted.name, subject)
    policy = None if dataset is None else tx.policies.get(hosted.name, dataset.policy_digest)
    if dataset is None or policy is None:
        raise NotFoundError(
            f"nothing here has the id {subject}",
            hint="explain takes the id of a negotiation, an agreement, a transfer, a dataset or a "
            "decision",
        )
    outcome = "OFFERED" if dataset.withdrawn_at is None else "WITHDRAWN"
    shown = _shown(subject, "dataset", outcome, None, (), language)
    return shown | {"terms": _in_words(dataset_terms(dataset, policy.body), language)}


def _in_words(terms: list[dict[str, str]], language: Language) -> list[dict[str, str]]:
    """Add why each term binds as far as it does, in words."""
    return [one | {"words": phrase(one["why"], language)} for one in terms]


def _shown(
    subject: str,
    kind: str,
    outcome: str,
    code: str | None,
    reasons: Sequence[Any],
    language: Language,
) -> dict[str, Any]:
    readable = [reason for reason in reasons if isinstance(reason, dict | str)]
    return {
        "id": subject,
        "kind": kind,
        "outcome": outcome,
        "code": code,
        "sentences": list(explain(readable, language=language)),
        "reasons": list(reasons),
    }


def _denied(tx: Transaction, hosted: Hosted, member: str, subject: str) -> list[Any]:
    """Return the reasons of the last access that was denied under an agreement or transfer."""
    last = tx.events.last(hosted.name)
    rows = tx.events.after(hosted.name, max(0, last - RECENT_EVENTS), RECENT_EVENTS)
    for row in reversed(rows):
        if _is_denial(row) and row.body.get(member) == subject:
            return list(row.body.get("reasons", ()))
    return []


def _is_denial(row: EventRow) -> bool:
    return row.kind in ("access.denied", "delivery.refused")
