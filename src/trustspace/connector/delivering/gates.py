"""Where running deliveries are cut: one gate per delivery, closed by agreement or transfer.

A delivery passes its gate before each piece and waits on it beside the sending, so that a stream
whose reader stalls is cut as well.

Example::

    gate = gates.open(agreement_id="urn:uuid:a1", transfer_pid="urn:uuid:t1")
    gates.close(agreement_id="urn:uuid:a1", code="agreement.revoked")
    gate.check()  # raises PolicyDeniedError
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trustspace.errors import PolicyDeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


class Gate:
    """One delivery's right to go on.

    Attributes:
        is_stale: Whether what it hangs on has changed, so that it has to be decided again.
    """

    def __init__(self, *, agreement_id: str, transfer_pid: str) -> None:
        self.agreement_id = agreement_id
        self.transfer_pid = transfer_pid
        self._code: str | None = None
        self.is_stale: bool = False
        self._on_close: list[Callable[[], object]] = []

    @property
    def code(self) -> str | None:
        """Why the gate was closed, or None while it is open."""
        return self._code

    def on_close(self, call: Callable[[], object]) -> Callable[[], None]:
        """Have a function called, from any thread, when the gate closes; at once if it is.

        It is called as well when the delivery has to be decided again (`is_stale`).

        Returns:
            A function that takes the call off again.
        """
        self._on_close.append(call)
        if self._code is not None:
            call()
        return lambda: self._on_close.remove(call)

    def close(self, code: str) -> None:
        """Close for good."""
        if self._code is None:
            self._code = code
            for call in tuple(self._on_close):
                call()

    def ask_again(self) -> None:
        """Have it decided again, at once where somebody waits beside the delivery."""
        if self._code is None:
            self.is_stale = True
            for call in tuple(self._on_close):
                call()

    def check(self) -> None:
        """Pass, or not.

        Raises:
            PolicyDeniedError: The gate is closed.
        """
        if self._code is not None:
            raise PolicyDeniedError("the delivery was cut", code=self._code)


class Gates:
    """All open gates of a connector."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Gate] = set()

    def open(self, *, agreement_id: str, transfer_pid: str) -> Gate:
        """Open a gate for one delivery."""
        gate = Gate(agreement_id=agreement_id, transfer_pid=transfer_pid)
        with self._lock:
            self._open.add(gate)
        return gate

    def leave(self, gate: Gate) -> None:
        """Forget a gate whose delivery has ended."""
        with self._lock:
            self._open.discard(gate)

    def close(
        self, *, code: str, agreement_id: str | None = None, transfer_pid: str | None = None
    ) -> None:
        """Close every gate of an agreement or a transfer."""
        with self._lock:
            hit = [
                gate
                for gate in self._open
                if agreement_id in (None, gate.agreement_id)
                and transfer_pid in (None, gate.transfer_pid)
            ]
        for gate in hit:
            gate.close(code)

    def close_all(self, codes: Mapping[str, str]) -> None:
        """Close every gate of several transfers, each with a code of its own."""
        with self._lock:
            hit = [gate for gate in self._open if gate.transfer_pid in codes]
        for gate in hit:
            gate.close(codes[gate.transfer_pid])

    def ask_again(self, transfer_pids: Collection[str]) -> None:
        """Have what runs under several transfers decided again."""
        with self._lock:
            hit = [gate for gate in self._open if gate.transfer_pid in transfer_pids]
        for gate in hit:
            gate.ask_again()
