"""The sync client: what helps to find out why an exchange does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.client.diagnosis import Diagnosis, Finding, MessagePage
    from trustspace.client.operations.diagnosis import Examined


class DiagnosisMethods(Driver):
    """What helps to find out why an exchange does not work."""

    def messages(self, after: int | None = None) -> MessagePage:
        """Return protocol messages of the last moments, which the connector keeps in memory.

        Args:
            after: Position of the last one seen; None returns only the present position.
        """
        return self.drive(self._operations.messages(after))

    def diagnose(
        self,
        address: str,
        *,
        role: Examined = "provider",
        negotiate: bool = False,
        language: str = "en",
        tell: Callable[[Finding], None] | None = None,
    ) -> Diagnosis:
        """Probe a counterparty: network, certificate, identity, protocol, within half a minute.

        Args:
            address: Its URL or DID.
            role: As what it is examined.
            negotiate: Open a negotiation and end it at once; the counterparty will remember it.
            language: ``en`` or ``zh``, of the words.
            tell: Called with each finding as it comes.
        """
        return self.drive(
            self._operations.diagnose(
                address, role=role, negotiate=negotiate, language=language, tell=tell
            )
        )
