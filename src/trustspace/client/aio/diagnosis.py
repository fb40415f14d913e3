"""The async client: what helps to find out why an exchange does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from trustspace.client.diagnosis import MessagePage


class AsyncDiagnosisMethods(AsyncDriver):
    """What helps to find out why an exchange does not work."""

    async def messages(self, after: int | None = None) -> MessagePage:
        """Return protocol messages of the last moments; as `Client.messages`."""
        return await self.drive(self._operations.messages(after))
