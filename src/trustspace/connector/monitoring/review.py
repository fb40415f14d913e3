"""Deciding again whether transfers may go on, many at a time.

Reading is one query a slice, deciding one call of the engine, both beside the event loop. As a
provider we decide by everything we know of the consumer. As a consumer we know nothing of ourselves
that somebody else states, so only what is over for good counts.

Example::

    judged = await review.judge(keys)      # what becomes of each
    gone = await review.carry_out(judged)
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.fact_desk import FactDesk
from trustspace.connector.deciding.known_facts import (
    Knowing,
    agreement_rules,
    known_agreement,
    main_action,
    stated_operands,
)
from trustspace.connector.duties.fulfilment import fulfilment
from trustspace.connector.monitoring.live import Key, is_paused_by_policy, is_watched
from trustspace.dsp.messages import TransferState
from trustspace.errors import PolicyError, TrustspaceError
from trustspace.model.odrl import Agreement
from trustspace.model.participant import Role
from trustspace.policy.continuing import Outcome, is_final, outcome
from trustspace.policy.explain import remote_reasons
from trustspace.policy.fact_provider import FactQuestion
from trustspace.policy.facts import agreed_purposes, build_request, dataset, purpose_fact
from trustspace.policy.lasting import LONGEST_LEASE, next_change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.policy.decision import AgreementFacts, Decision, DecisionRequest, Fact, PolicyIR
    from trustspace.store import AgreementRow, Transaction

logger: logging.Logger = logging.getLogger(__name__)

TERMS = 10_000
"""Agreements whose rules are remembered."""

UNDECIDED = ("engine.", "fact.")
"""Begins of reasons that say that something could not be found out, and may be in a moment."""


@dataclass(frozen=True)
class _Terms:
    """What never changes of an agreement."""

    digest: str
    rules: PolicyIR
    agreement: AgreementFacts
    purpose: Fact


@dataclass(frozen=True)
class Question:
    """One transfer that is looked at.

    Attributes:
        key: Whose, and which.
        transfer: As it was read.
        request: What the engine is asked; None where the terms cannot be read.
        missing: What a provider has to be asked before.
    """

    key: Key
    transfer: TransferProcess
    request: DecisionRequest | None
    missing: FactQuestion | None = None


@dataclass(frozen=True)
class Judged:
    """What becomes of one transfer.

    Attributes:
        question: What was asked.
        outcome: What is to be done.
        code: Why not, the id of the first reason; empty on ``keep``.
        reasons: Why not, for the counterparty.
        change: Unix seconds at which time may change it, or None.
        is_undecided: Whether it may come out otherwise in a moment.
    """

    question: Question
    outcome: Outcome
    code: str = ""
    reasons: tuple[Any, ...] = ()
    change: int | None = None
    is_undecided: bool = False

    @property
    def is_cut(self) -> bool:
        """Whether what runs has to stop."""
        running = self.question.transfer.state is TransferState.STARTED
        return running and self.outcome != "keep"


class Review:
    """Reads, decides and carries out; for one event loop."""

    def __init__(self, context: ConnectorContext, transfers: Transfers) -> None:
        self._context = context
        self._transfers = transfers
        self._terms: OrderedDict[tuple[str, str], _Terms] = OrderedDict()

    async def judge(self, keys: Sequence[Key]) -> tuple[list[Judged], list[Key]]:
        """Decide about transfers.

        Returns:
            What becomes of each, and those that are not to be watched any longer.

        Raises:
            StoreError: The database does not answer.
        """
        questions, gone = await self._read(keys)
        missing = {one.missing for one in questions if one.missing is not None}
        if missing:
            await asyncio.gather(*map(self._context.facts.fetch, missing))
            questions, gone = await self._read(keys)
        asked = [one for one in questions if one.request is not None]
        requests = [one.request for one in asked if one.request is not None]
        decisions = await asyncio.to_thread(self._context.engine.decide_many, requests)
        judged = [_judged(one, made) for one, made in zip(asked, decisions, strict=True)]
        judged += [_unread(one) for one in questions if not one.request]
        return judged, gone

    async def carry_out(self, judged: Sequence[Judged]) -> None:
        """Suspend, resume and terminate in one transaction.

        Raises:
            StoreError: The database does not answer; nothing was done.
        """
        moved = [one for one in judged if _is_step(one)]
        if moved:
            await self._context.store.write(lambda tx: self._carry_out(tx, moved))

    # --- within ----------------------------------------------------------------------------------

    async def _read(self, keys: Sequence[Key]) -> tuple[list[Question], list[Key]]:
        now = self._context.now()
        return await self._context.store.read(lambda tx: self._questions(tx, keys, now))

    def _questions(
        self, tx: Transaction, keys: Sequence[Key], now: datetime
    ) -> tuple[list[Question], list[Key]]:
        found, gone = [], []
        for key in keys:
            hosted = self._context.hosted.get(key[0])
            transfer = None if hosted is None else tx.transfers.get(key[0], key[1])
            if hosted is None or transfer is None or not is_watched(transfer):
                gone.append(key)
                continue
            row = tx.agreements.get(key[0], transfer.agreement_id)
            if row is None or (row.ends_at is not None and row.ends_at <= now):
                gone.append(key)  # An agreement that is over as a whole ends its transfers itself.
            else:
                found.append(self._question(tx, hosted, transfer, row, now))
        return found, gone

    def _question(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        row: AgreementRow,
        now: datetime,
    ) -> Question:
        key = (hosted.name, transfer.id)
        try:
            terms = self._terms_of(row)
        except PolicyError:
            return Question(key, transfer, None)
        is_ours = row.role is Role.PROVIDER
        whom = row.counterparty if is_ours else hosted.id
        # As a consumer nobody is asked about us: what others state of us, our provider decides.
        desk = self._context.facts if is_ours else FactDesk()
        known = Knowing(desk, tx, hosted, now).about(
            whom, terms.rules, point="monitor", dataset=row.dataset_id
        )
        names = tuple(one.name for one in stated_operands(terms.rules))
        asked = FactQuestion(hosted.id, whom, row.dataset_id, names)
        try:
            request = build_request(
                "monitor",
                terms.rules,
                bundle=self._context.engine.revision,
                action=main_action(terms.rules),
                subject=known.subject,
                resource=dataset(row.dataset_id),
                agreement=terms.agreement.model_copy(
                    update={"state": row.state.value, "digest": row.digest}
                ),
                facts=known.facts | {"odrl:purpose": terms.purpose},
                duties=fulfilment(tx, hosted, row, terms.rules, now=now) if is_ours else None,
                now=now,
                id=f"monitor:{transfer.id}",
            )
        except PolicyError:
            return Question(key, transfer, None)
        return Question(key, transfer, request, desk.missing(asked, now=now))

    def _terms_of(self, row: AgreementRow) -> _Terms:
        """Return what an agreement says; its body is read once, as it was signed."""
        key = (row.participant, row.id)
        terms = self._terms.get(key)
        if terms is None or terms.digest != row.digest:
            purposes = agreed_purposes(Agreement.model_validate(row.body))
            terms = _Terms(
                row.digest, agreement_rules(row), known_agreement(row), purpose_fact(purposes)
            )
            self._terms[key] = terms
            while len(self._terms) > TERMS:
                self._terms.popitem(last=False)
        return terms

    def _carry_out(self, tx: Transaction, judged: Sequence[Judged]) -> None:
        now = self._context.now()
        for one in judged:
            name, pid = one.question.key
            hosted = self._context.hosted[name]
            transfer = tx.transfers.get(name, pid)
            if transfer is None or transfer.state is not one.question.transfer.state:
                continue  # It has moved since; that is looked at as well.
            try:
                self._step(tx, hosted, transfer, one, now)
            except TrustspaceError as error:
                logger.warning("transfer %s is left as it is: %s", pid, error)

    def _step(
        self,
        tx: Transaction,
        hosted: Hosted,
        transfer: TransferProcess,
        one: Judged,
        now: datetime,
    ) -> None:
        steps = self._transfers
        if one.outcome == "keep":
            steps.start(tx, hosted, transfer, now=now)
        elif one.outcome == "suspend":
            steps.suspend(tx, hosted, transfer, code=one.code, reasons=one.reasons, now=now)
        else:
            steps.terminate(tx, hosted, transfer, code=one.code, reasons=one.reasons, now=now)


def _unread(question: Question) -> Judged:
    """Return what becomes of a transfer whose terms cannot be read.

    As its provider nothing leaves under them; as its consumer we leave it to who wrote them.
    """
    if question.transfer.role is Role.CONSUMER:
        return Judged(question, "keep", "policy.unsupported")
    return Judged(question, "suspend", "policy.unsupported")


def _judged(question: Question, decision: Decision) -> Judged:
    request = question.request
    assert request is not None  # noqa: S101 - those without are never asked
    change = next_change(request)
    if decision.allow and decision.ttl < LONGEST_LEASE:
        ends = request.now + max(1, decision.ttl)
        change = ends if change is None else min(change, ends)
    if decision.allow:
        return Judged(question, "keep", change=change)
    reasons = tuple(remote_reasons(decision))
    code = decision.reasons[0].id
    if question.transfer.role is Role.CONSUMER:
        result: Outcome = "terminate" if is_final(request, decision) else "keep"
        return Judged(question, result, code, reasons, change)
    undecided = any(reason.id.startswith(UNDECIDED) for reason in decision.reasons)
    return Judged(question, outcome(request, decision), code, reasons, change, undecided)


def _is_step(one: Judged) -> bool:
    """Say whether there is something to do."""
    transfer = one.question.transfer
    if transfer.state is TransferState.STARTED:
        return one.outcome != "keep"
    # Paused by policy: it goes on or ends, or stays as it is.
    return is_paused_by_policy(transfer) and one.outcome != "suspend"
