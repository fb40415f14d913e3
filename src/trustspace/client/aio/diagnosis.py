"""The async client: what helps to find out why an exchange does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.client.diagnosis import Diagnosis, Finding, MessagePage
    from trustspace.client.operations.diagnosis import Examined


class AsyncDiagnosisMethods(AsyncDriver):
    """What helps to find out why an exchange does not work."""

    async def messages(self, after: int | None = None) -> MessagePage:
        """Return protocol messages of the last moments; as `Client.messages`."""
        return await self.drive(self._operations.messages(after))

    async def diagnose(
        self,
        address: str,
        *,
        role: Examined = "provider",
        negotiate: bool = False,
        language: str = "en",
        tell: Callable[[Finding], None] | None = None,
    ) -> Diagnosis:
        """Probe a counterparty: network, certificate, identity, protocol; as `Client.diagnose`."""
        return await self.drive(
            self._operations.diagnose(
                address, role=role, negotiate=negotiate, language=language, tell=tell
            )
        )
