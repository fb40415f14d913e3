"""The owner's side of duties: what is owed, and the evidence that a person gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trustspace.connector.duties.evidence import LONGEST_ID, Evidence, read_facts
from trustspace.connector.duties.manner import manner_of
from trustspace.connector.duties.message import DutyStep
from trustspace.connector.duties.planner import duty_of
from trustspace.connector.duties.words import shown
from trustspace.errors import ConfigurationError, LocalProtocolError, NotFoundError
from trustspace.store import OWED, DutyState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.duties.settlement import Settlement
    from trustspace.connector.duties.telling import Telling
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.policy.messages import Language
    from trustspace.store import AgreementRow, DutyRow, Transaction

Json = dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """What a person says about a duty that was done.

    Attributes:
        evidence: Id or reference of the evidence.
        facts: What it shows by left operand, for example
            ``{"payAmount": {"value": "500", "unit": "CNY"}}``.
        occurrence: Which occurrence, where several are owed.
        at: When it was done; now without it.
    """

    evidence: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    occurrence: str | None = None
    at: datetime | None = None


class OwnerDuties:
    """What the owner of either side sees of duties, and says about them."""

    def __init__(
        self,
        context: ConnectorContext,
        agreed: Agreements,
        settlement: Settlement,
        telling: Telling,
    ) -> None:
        self._context = context
        self._agreed = agreed
        self._settlement = settlement
        self._telling = telling

    async def page(
        self,
        hosted: Hosted,
        *,
        state: str | None = None,
        limit: int,
        cursor: str | None,
        language: Language,
    ) -> Json:
        """Show the duties under every agreement, newest first.

        Raises:
            ConfigurationError: There is no such state.
        """
        states = _states(state)

        def query(tx: Transaction) -> Json:
            page = tx.duties.page(hosted.name, states=states, limit=limit, cursor=cursor)
            return {"items": [shown(row, language) for row in page.items], "next": page.cursor}

        return await self._context.store.read(query)

    async def of_agreement(
        self, hosted: Hosted, agreement_id: str, *, state: str | None = None, language: Language
    ) -> Json:
        """Show the duties under one agreement, the oldest first.

        Raises:
            NotFoundError: There is no such agreement.
            ConfigurationError: There is no such state.
        """
        states = _states(state)

        def query(tx: Transaction) -> Json:
            self._agreed.get(tx, hosted, agreement_id)
            rows = tx.duties.list(hosted.name, agreement_id)
            wanted = [row for row in rows if not states or row.state in states]
            return {"items": [shown(row, language) for row in wanted], "next": None}

        return await self._context.store.read(query)

    async def fulfil(
        self,
        hosted: Hosted,
        agreement_id: str,
        duty_id: str,
        proof: Proof,
        *,
        language: Language = "en",
    ) -> Json:
        """Give evidence that a duty was done.

        The side whose word proves it settles it; the side that owes it claims it and asks the
        other to confirm. The counterparty is told in both cases.

        Args:
            hosted: Who says so.
            agreement_id: Under which agreement.
            duty_id: Which duty.
            proof: The evidence.
            language: Language of the words.

        Raises:
            NotFoundError: There is no such agreement or duty.
            LocalProtocolError: Our word proves nothing here, or several are owed.
            ConfigurationError: The evidence cannot be read.
        """
        if not 0 < len(proof.evidence) <= LONGEST_ID or not proof.evidence.isprintable():
            raise ConfigurationError(
                "the evidence has an id or reference that can be read",
                setting="evidence",
                hint="for example the number of the receipt",
            )
        now = self._context.now()
        known = read_facts(proof.facts)

        def hop(tx: Transaction) -> Json:
            agreement = self._agreed.get(tx, hosted, agreement_id)
            step = _step(agreement, duty_id)
            rows = _meant(tx, agreement, duty_id, proof.occurrence)
            given = Evidence(
                proof.evidence,
                at=min(proof.at or now, now),
                by=hosted.id,
                facts=known,
                is_claimed=step is DutyStep.CLAIM,
            )
            before = [row.evidence for row in rows]
            settled = [
                self._settlement.fulfil(tx, hosted, agreement, row, given, now=now) for row in rows
            ]
            if [row.evidence for row in settled] != before:
                self._telling.tell(tx, hosted, agreement, step, settled, given, now=now)
            return {"items": [shown(row, language) for row in settled], "next": None}

        return await self._context.store.write(hop)


def _states(state: str | None) -> tuple[str, ...]:
    """Return the states that a name stands for.

    Raises:
        ConfigurationError: There is no such state.
    """
    if state is None:
        return ()
    if state == "owed":
        return OWED
    if state not in set(DutyState):
        raise ConfigurationError(
            f"a duty is never {state[:80]!r}",
            setting="state",
            hint=f"one of: {', '.join(DutyState)}; or owed, for all that are not settled",
        )
    return (state,)


def _step(agreement: AgreementRow, duty_id: str) -> DutyStep:
    """Return what our word about a duty is.

    Raises:
        NotFoundError: There is no such duty.
        LocalProtocolError: It is nothing: the other side both owes it and proves it.
    """
    duty = duty_of(agreement, duty_id)
    if duty is None:
        raise NotFoundError(
            f"the agreement has no duty {duty_id[:80]!r}", hint="list them: trustspace duties list"
        )
    manner = manner_of(duty.action)
    if manner.proven_by is agreement.role:
        is_ours = manner.bearer is agreement.role
        return DutyStep.FULFILMENT if is_ours else DutyStep.CONFIRMATION
    if manner.bearer is agreement.role:
        return DutyStep.CLAIM
    raise LocalProtocolError(
        f"only the {manner.bearer} can say that it has done this",
        code="duty.proof",
        hint=f"its connector says so; ask {agreement.counterparty}",
    )


def _meant(
    tx: Transaction, agreement: AgreementRow, duty_id: str, occurrence: str | None
) -> list[DutyRow]:
    """Return the occurrences that evidence is about.

    Raises:
        NotFoundError: There is none.
        LocalProtocolError: There are several.
    """
    rows = tx.duties.list(agreement.participant, agreement.id, duty_id=duty_id)
    if occurrence is not None:
        rows = tuple(row for row in rows if row.occurrence == occurrence)
    if not rows:
        raise NotFoundError("nothing is owed under this duty yet")
    owed = [row for row in rows if row.is_owed] or list(rows[-1:])
    if len(owed) > 1:
        names = ", ".join(row.occurrence for row in owed[:5])
        raise LocalProtocolError(
            f"{len(owed)} occurrences are owed: {names}",
            code="duty.occurrence",
            hint=f"name one: --occurrence {owed[0].occurrence}",
        )
    return owed
