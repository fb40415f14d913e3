"""What helps to find out why an exchange does not work.

Example::

    page = client.drive(Operations().messages(after=0))
"""

from __future__ import annotations

from trustspace.client.diagnosis import MessagePage
from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.operations.participant import ParticipantOperations


class DiagnosisOperations(ParticipantOperations):
    """The messages of one participant."""

    def messages(self, after: int | None = None) -> Exchange[MessagePage]:
        """Return protocol messages of the last moments, which the connector keeps in memory.

        Args:
            after: Position of the last one seen; None returns only the present position.
        """
        path = yield from self._path("messages")
        query = {} if after is None else {"after": str(after), "limit": "1000"}
        response = yield from call(Request("GET", path, query=query))
        return MessagePage.read(response.document)
