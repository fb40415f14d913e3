"""What helps to find out why an exchange does not work.

Example::

    diagnosis = client.drive(Operations().diagnose("https://provider.example"))
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from trustspace.client.diagnosis import Diagnosis, Finding, FindingPage, MessagePage
from trustspace.client.exchange import Exchange, Request, call, wait_query
from trustspace.client.operations.participant import ParticipantOperations

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK = timedelta(seconds=10)
"""How long one question for the next finding is held by the connector."""

Examined = Literal["provider", "consumer"]
"""As what a counterparty is examined."""


class DiagnosisOperations(ParticipantOperations):
    """The doctor and the messages of one participant."""

    def diagnose(
        self,
        address: str,
        *,
        role: Examined = "provider",
        negotiate: bool = False,
        language: str = "en",
        tell: Callable[[Finding], None] | None = None,
    ) -> Exchange[Diagnosis]:
        """Probe a counterparty: network, certificate, identity, protocol, within half a minute.

        Args:
            address: Its URL or DID.
            role: As what it is examined.
            negotiate: Open a negotiation and end it at once.
            language: ``en`` or ``zh``, of the words.
            tell: Called with each finding as it comes.
        """
        path = yield from self._path("doctor")
        body = {"address": address, "role": role, "negotiate": negotiate}
        query = {"language": language}
        response = yield from call(Request("POST", path, query=query, body=body))
        found: list[Finding] = []
        while True:
            page = FindingPage.read(response.document)
            for finding in page.findings:
                found.append(finding)
                if tell is not None:
                    tell(finding)
            if page.over:
                return Diagnosis(address=address, well=page.well, findings=tuple(found))
            path = yield from self._path("doctor", page.id)
            query = {"language": language, "after": str(page.next)} | wait_query(LOOK)
            response = yield from call(Request("GET", path, query=query, patience=LOOK))

    def messages(self, after: int | None = None) -> Exchange[MessagePage]:
        """Return protocol messages of the last moments, which the connector keeps in memory.

        Args:
            after: Position of the last one seen; None returns only the present position.
        """
        path = yield from self._path("messages")
        query = {} if after is None else {"after": str(after), "limit": "1000"}
        response = yield from call(Request("GET", path, query=query))
        return MessagePage.read(response.document)
