"""The decision log: what was asked and what was answered, the last of it, for every participant.

A decision that is made in a writing hop is kept in that hop, so that it is there exactly when what
followed from it is; one that is made in a query is kept soon after. Claims of credentials are left
out: the rules do not read them, and who asked is known without.

Example::

    evaluate(engine, "access", rules, id=decision_id(), record=log.noting(tx, hosted), …)
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import deque
from typing import TYPE_CHECKING

from pydantic_core import PydanticSerializationError

from trustspace.errors import StoreError
from trustspace.store import DecisionRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.policy.decision import Decision, DecisionRequest
    from trustspace.store import Store, Transaction

    Record = Callable[[DecisionRequest, Decision], object]

logger: logging.Logger = logging.getLogger(__name__)

LONGEST_REQUEST = 65_536
"""Bytes of a request beyond which only its digest is kept."""

WAITING = 10_000
"""Decisions of queries that wait to be kept; beyond it the oldest are dropped."""


def decision_id() -> str:
    """Return a new id of a decision, a random URN."""
    return f"urn:uuid:{uuid.uuid4()}"


class DecisionLog:
    """Keeps the last decisions.

    Args:
        store: Where.
        keep: How many of each participant; 0 keeps none.
        clock: Returns the time, aware and in UTC.
    """

    def __init__(self, store: Store, *, keep: int, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._keep = keep
        self._clock = clock
        self._numbers: dict[str, int] = {}
        self._waiting: deque[tuple[str, DecisionRow]] = deque(maxlen=WAITING)

    def noting(self, tx: Transaction, hosted: Hosted) -> Record | None:
        """Return what keeps a decision that is made within a transaction."""
        if not self._keep:
            return None

        def note(request: DecisionRequest, decision: Decision) -> None:
            row = _row(request, decision, self._clock())
            if tx.is_writing:
                self._put(tx, hosted.name, row)
                return
            is_first = not self._waiting
            self._waiting.append((hosted.name, row))
            if is_first:
                self._post()

        return note

    def flush(self, tx: Transaction) -> None:
        """Keep the decisions of queries that wait for that."""
        while self._waiting:
            self._put(tx, *self._waiting.popleft())

    async def settle(self) -> None:
        """Have every decision kept that was made so far."""
        if self._waiting:
            await self._store.write(self.flush)

    def _post(self) -> None:
        try:
            self._store.post(self.flush)
        except StoreError as error:
            logger.info("decisions not kept: %s", error)

    def _put(self, tx: Transaction, name: str, row: DecisionRow) -> None:
        number = self._numbers.get(name)
        if number is None:
            number = tx.decisions.number(name)
            tx.decisions.cut(name, self._keep)
        # A hop that fails leaves a gap, which harms nobody.
        self._numbers[name] = number + 1
        tx.decisions.put(name, _numbered(row, number + 1), keep=self._keep)


def _row(request: DecisionRequest, decision: Decision, at: datetime) -> DecisionRow:
    reasons = decision.reasons
    document, answer = _encoded(request), _encoded(decision)
    digest = "" if document is None else f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"
    if request.subject.credentials:
        document = _encoded(_without_claims(request))
    if document is not None and len(document) > LONGEST_REQUEST:
        document = None
    return DecisionRow(
        number=0,
        id=decision.id,
        at=at,
        point=request.point,
        subject=request.subject.id,
        dataset=request.resource.id,
        agreement=None if request.agreement is None else request.agreement.id,
        action=request.action,
        effect=decision.effect,
        code=reasons[0].id if reasons else "",
        bundle=decision.bundle,
        digest=digest,
        request=document,
        decision=answer or "{}",
    )


def _numbered(row: DecisionRow, number: int) -> DecisionRow:
    return DecisionRow(
        **{name: getattr(row, name) for name in DecisionRow.__slots__} | {"number": number}
    )


def _encoded(document: DecisionRequest | Decision) -> str | None:
    try:
        return document.model_dump_json()
    except (PydanticSerializationError, ValueError):
        return None  # Denied by the engine for that; there is nothing that could be kept.


def _without_claims(request: DecisionRequest) -> DecisionRequest:
    credentials = tuple(
        one.model_copy(update={"claims": {}}) for one in request.subject.credentials
    )
    subject = request.subject.model_copy(update={"credentials": credentials})
    return request.model_copy(update={"subject": subject})
