"""Whether a connector goes on by itself when a process comes to rest in a state.

A negotiation or transfer can rest in every state. The ordinary connector reacts at once with the
step that follows; an owner who wants to look first lets it wait and takes the step by a call.

Example::

    class WaitForPeople:
        def goes_on(self, process: Process) -> bool:
            return False
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trustspace.dsp.process import Process


class Reaction(Protocol):
    """Decides, in the transaction that brought the state, whether the next step follows."""

    def goes_on(self, process: Process) -> bool:
        """Return False to let the process rest until somebody takes a step."""
        ...


class GoOn:
    """Takes every step that follows, as policy decides."""

    def goes_on(self, process: Process) -> bool:
        """Return True."""
        del process
        return True
