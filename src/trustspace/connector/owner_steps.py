"""Steps of negotiations and transfers that an owner takes by a call, by the step's name.

Every step of both roles can be taken; the state machine refuses what is illegal now, policy what it
does not allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.connector.context import new_pid
from trustspace.connector.deciding.denial import GONE
from trustspace.dsp.messages import NegotiationState
from trustspace.errors import LocalProtocolError, NotFoundError, PolicyDeniedError
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role
from trustspace.policy.lower import lower
from trustspace.policy.terms import read_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.connector.deciding.decision_point import DecisionPoint
    from trustspace.connector.deciding.denial import Refusal
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.dsp.negotiation import ContractNegotiation
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import Transaction

OWNER = "owner"
"""Code of what an owner ends or pauses."""


class OwnerSteps:
    """Takes a named step in one transaction."""

    def __init__(
        self, decide: DecisionPoint, negotiations: Negotiations, transfers: Transfers
    ) -> None:
        self._decide = decide
        self._negotiations = negotiations
        self._transfers = transfers

    def negotiation(
        self,
        tx: Transaction,
        hosted: Hosted,
        pid: str,
        step: str,
        *,
        reason: str,
        policy: Mapping[str, Any] | None,
        now: datetime,
    ) -> ContractNegotiation:
        """Take a step of a negotiation.

        Args:
            tx: The transaction.
            hosted: Whose negotiation.
            pid: Our pid.
            step: ``offer``, ``counter``, ``accept``, ``agree``, ``verify``, ``finalize`` or
                ``terminate``.
            reason: Why it ends, for the counterparty.
            policy: Terms of an offer or counter-request; by default those on the table.
            now: Current time.

        Raises:
            NotFoundError: There is no such negotiation or step.
            LocalProtocolError: The step is illegal now.
            PolicyDeniedError: Policy does not allow to agree.
            PolicyError: The terms given, or those that would be accepted, cannot be evaluated.
        """
        steps = self._negotiations
        value = tx.negotiations.get(hosted.name, pid)
        if value is None:
            raise NotFoundError(f"there is no negotiation {pid}")
        take: dict[str, Callable[[], ContractNegotiation]] = {
            "offer": lambda: steps.offer(tx, hosted, value, _terms(value, policy), now=now),
            "counter": lambda: steps.counter(tx, hosted, value, _terms(value, policy), now=now),
            "accept": lambda: self._accept(tx, hosted, value, now=now),
            "agree": lambda: self._agree(tx, hosted, value, now=now),
            "verify": lambda: steps.verify(tx, hosted, value, now=now),
            "finalize": lambda: steps.finalize(tx, hosted, value, now=now),
            "terminate": lambda: steps.terminate(
                tx, hosted, value, code=OWNER, reasons=_reasons(reason), now=now
            ),
        }
        if step not in take:
            raise _unknown("negotiation", step, take)
        return take[step]()

    def transfer(
        self, tx: Transaction, hosted: Hosted, pid: str, step: str, *, reason: str, now: datetime
    ) -> TransferProcess:
        """Take a step of a transfer; ``resume`` is ``start`` by another name.

        Raises:
            NotFoundError: There is no such transfer or step.
            LocalProtocolError: The step is illegal now.
            PolicyDeniedError: The agreement has ended.
        """
        steps = self._transfers
        value = tx.transfers.get(hosted.name, pid)
        if value is None:
            raise NotFoundError(f"there is no transfer {pid}")
        why = _reasons(reason)
        take: dict[str, Callable[[], TransferProcess]] = {
            "start": lambda: steps.start(tx, hosted, value, now=now),
            "resume": lambda: steps.start(tx, hosted, value, now=now),
            "suspend": lambda: steps.suspend(tx, hosted, value, code=OWNER, reasons=why, now=now),
            "complete": lambda: steps.complete(tx, hosted, value, now=now),
            "terminate": lambda: steps.terminate(
                tx, hosted, value, code=OWNER, reasons=why, now=now
            ),
        }
        if step not in take:
            raise _unknown("transfer", step, take)
        return take[step]()

    def _accept(
        self, tx: Transaction, hosted: Hosted, value: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Accept a provider's offer, if we could carry out its terms."""
        if value.role is Role.CONSUMER and value.offer is not None:
            lower(value.offer, kind="offer")
        return self._negotiations.accept(tx, hosted, value, now=now)

    def _agree(
        self, tx: Transaction, hosted: Hosted, value: ContractNegotiation, *, now: datetime
    ) -> ContractNegotiation:
        """Agree to what a consumer asked for, if policy allows it."""
        if value.role is not Role.PROVIDER:
            raise LocalProtocolError("only the provider agrees", code="negotiation.state")
        if value.state is NegotiationState.ACCEPTED:
            refusal = self._decide.accepted(tx, hosted, value, now=now)
        else:
            refusal = self._requested(tx, hosted, value, now=now)
        if refusal is not None:
            raise PolicyDeniedError(
                "the offer on the table is not allowed by the dataset's terms",
                code=refusal.code,
                reasons=refusal.reasons,
                hint="make an offer of your own, or terminate",
            )
        return self._negotiations.agree(tx, hosted, value, now=now)

    def _requested(
        self, tx: Transaction, hosted: Hosted, value: ContractNegotiation, *, now: datetime
    ) -> Refusal | None:
        try:
            return self._decide.requested(tx, hosted, value, now=now).refusal
        except NotFoundError:
            return GONE


def _terms(value: ContractNegotiation, policy: Mapping[str, Any] | None) -> Offer:
    """Return an offer over the negotiation's dataset: given terms, or those on the table."""
    if policy is not None:
        # Under the id of the offer that is haggled over, by which its provider knows it.
        offer_id = new_pid() if value.offer is None else value.offer.id
        return Offer.model_validate(
            {
                **read_terms(policy),
                "@id": offer_id,
                "@type": "Offer",
                "target": value.dataset_id,
            }
        )
    if value.offer is None:
        raise LocalProtocolError("there is no offer on the table", code="negotiation.offer")
    return value.offer


def _reasons(reason: str) -> tuple[str, ...]:
    return (reason,) if reason else ()


def _unknown(kind: str, step: str, known: Iterable[str]) -> NotFoundError:
    return NotFoundError(f"a {kind} has no step {step!r}", hint=f"use {', '.join(known)}")
