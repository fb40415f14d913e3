"""How much of a delivery may leave: rows and bytes, taken of the limits before they do.

Each batch of rows and each piece of bytes is taken in a durable transaction of its own before it
leaves, so that no crash lets anything leave uncounted. Where a limit leaves only a part, that part
is delivered and the delivery stops with the reason. What was taken and did not leave comes back
when the delivery ends. A session that comes back for what it has had, by another range or after a
break, takes only what is new.

Example::

    allowance = Allowance(store, clock, hosted.name, grant, version)
    size = await allowance.size(0, len(piece))    # bytes of the piece that may leave
    ...
    await allowance.settle(size=meter.size_bytes, rows=meter.rows)
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from trustspace.connector.deciding.quotas import account_of, exhausted
from trustspace.dataplane.source import FileSource
from trustspace.policy.quantity import Measured, What

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.grant import Grant
    from trustspace.dataplane.restriction import Restriction
    from trustspace.dataplane.source import AnySource
    from trustspace.errors import PolicyDeniedError
    from trustspace.policy.decision import Limit
    from trustspace.store import Transaction
    from trustspace.store.portions import Account, Span

_ENDLESS = 1 << 62


@dataclass
class _Of:
    """What one delivery has taken of one measure.

    Attributes:
        limits: Limits of the measure.
        first: Position of its first byte or row.
        taken: What was counted for it, by account.
    """

    limits: tuple[Limit, ...]
    first: int | None = None
    taken: list[tuple[Account, tuple[Span, ...]]] = field(default_factory=list)


class Allowance:
    """The limits of one delivery; made with `of`."""

    def __init__(
        self, context: ConnectorContext, participant: str, grant: Grant, version: str
    ) -> None:
        self._context = context
        self._participant = participant
        self._grant = grant
        self._version = version
        self._of: dict[What, _Of] = {}
        for what in ("row", "byte"):
            limits = [one for one in grant.amounts if Measured.of(one.unit).what == what]
            self._of[what] = _Of(tuple(limits))
        self._spent: Limit | None = None

    @classmethod
    def of(
        cls,
        context: ConnectorContext,
        hosted: Hosted,
        grant: Grant,
        source: AnySource,
        restriction: Restriction | None,
    ) -> Allowance | None:
        """Return the allowance of a delivery, or None where nothing of it is counted.

        Args:
            context: The running connector.
            hosted: The provider.
            grant: The session's right to data.
            source: Where the data comes from.
            restriction: What is carried out on a table; None for a file.
        """
        if not grant.amounts:
            return None
        return cls(context, hosted.name, grant, _version(source, restriction))

    @property
    def counts_rows(self) -> bool:
        """Whether rows are counted."""
        return bool(self._of["row"].limits)

    @property
    def counts_size(self) -> bool:
        """Whether bytes are counted."""
        return bool(self._of["byte"].limits)

    @property
    def code(self) -> str:
        """Code of the limit that stopped the delivery; empty while none has."""
        return "" if self._spent is None else self.refusal().code

    def refusal(self) -> PolicyDeniedError:
        """Return the refusal of what a limit left nothing of."""
        limit = self._spent or self._grant.amounts[0]
        return exhausted(limit, self._context.now())

    def rows(self, position: int, number: int) -> int:
        """Take rows; returns how many may leave. Blocks: for threads without an event loop."""
        if not self.counts_rows or not number:
            return number
        return self._context.store.write_sync(self._hop("row", position, number))

    async def size(self, position: int, number: int) -> int:
        """Take bytes; returns how many may leave."""
        if not self.counts_size or not number:
            return number
        # A caller that is cancelled while this commits has to know what was taken.
        with anyio.CancelScope(shield=True):
            hop = self._hop("byte", position, number)
            number = await self._context.store.write(hop)
        return number  # noqa: RET504 - a scope may swallow, so it returns nothing itself

    async def check_anew(self) -> None:
        """Refuse to begin a table anew that a limit has stopped, while that leaves nothing more.

        Raises:
            PolicyDeniedError: It leaves nothing.
        """
        stopped = self._grant.counting.stopped

        def hop(tx: Transaction) -> None:
            for what, position in tuple(stopped.items()):
                got, taken = self._take(tx, what, position, 1)
                for account, fresh in taken:
                    tx.portions.give_back(self._participant, account, fresh)
                if got:
                    del stopped[what]

        if stopped:
            await self._context.store.write(hop)
        if stopped:
            raise self.refusal()

    async def settle(self, *, size: int, rows: int) -> None:
        """Give back what was taken and did not leave.

        Args:
            size: Bytes that left with this delivery.
            rows: Rows that left with it.
        """
        unused = [
            (account, [(max(start, of.first + left), stop) for start, stop in fresh])
            for of, left in ((self._of["byte"], size), (self._of["row"], rows))
            if of.first is not None
            for account, fresh in of.taken
            if fresh and fresh[-1][1] > of.first + left
        ]
        for of in self._of.values():
            of.taken = []

        def hop(tx: Transaction) -> None:
            for account, spans in unused:
                tx.portions.give_back(self._participant, account, spans)

        if unused:
            await self._context.store.write(hop)

    def _hop(self, what: What, position: int, number: int) -> Callable[[Transaction], int]:
        of = self._of[what]
        if of.first is None:
            of.first = position

        def hop(tx: Transaction) -> int:
            got, taken = self._take(tx, what, position, number)
            of.taken += taken
            if got < number:
                self._grant.counting.stopped[what] = position + got
            return got

        return hop

    def _take(
        self, tx: Transaction, what: What, position: int, number: int
    ) -> tuple[int, list[tuple[Account, tuple[Span, ...]]]]:
        """Take of every limit of a measure as much as the tightest leaves."""
        now: datetime = self._context.now()
        stop = position + number
        taken = []
        order = self._grant.order
        for limit in self._of[what].limits:
            account = account_of(limit, order.agreement_id, order.session, self._version, now=now)
            got = tx.portions.take(self._participant, account, (position, stop), maximum=limit.max)
            taken.append((account, got.fresh))
            if got.stop < stop:
                stop, self._spent = got.stop, limit
        for account, _ in taken:
            # What others would have left goes back; what was had before stays.
            beyond = [span for each, fresh in taken if each is account for span in fresh]
            over = [(max(start, stop), end) for start, end in beyond if end > stop]
            tx.portions.give_back(self._participant, account, over)
        return stop - position, [
            (account, tuple((start, min(end, stop)) for start, end in fresh if start < stop))
            for account, fresh in taken
        ]


def _version(source: AnySource, restriction: Restriction | None) -> str:
    """Return what equal positions have in common: of a file its bytes, of a table its rows."""
    if not isinstance(source, FileSource):
        # Fetched anew each time, so that nobody knows whether it is the same.
        return uuid.uuid4().hex
    if restriction is None:
        return f"file:{source.sha256[:32]}"
    text = f"{source.sha256} {restriction!r}"
    return f"table:{hashlib.sha256(text.encode()).hexdigest()[:32]}"
