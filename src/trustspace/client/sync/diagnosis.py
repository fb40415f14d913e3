"""The sync client: what helps to find out why an exchange does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from trustspace.client.diagnosis import MessagePage


class DiagnosisMethods(Driver):
    """What helps to find out why an exchange does not work."""

    def messages(self, after: int | None = None) -> MessagePage:
        """Return protocol messages of the last moments, which the connector keeps in memory.

        Args:
            after: Position of the last one seen; None returns only the present position.
        """
        return self.drive(self._operations.messages(after))
