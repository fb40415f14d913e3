"""The async client: transfer processes of either role."""

from __future__ import annotations

from trustspace.client.aio.driver import AsyncDriver
from trustspace.client.values import Agreement, Transfer, id_of


class AsyncTransferMethods(AsyncDriver):
    """Transfer processes of either role."""

    async def transfers(self) -> tuple[Transfer, ...]:
        """Return every transfer, either role; as `Client.transfers`."""
        return await self.drive(self._operations.transfers())

    async def transfer(self, transfer: str) -> Transfer:
        """Return one transfer; as `Client.transfer`."""
        return await self.drive(self._operations.transfer(transfer))

    async def suspend(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Suspend a transfer; running streams are cut; as `Client.suspend`."""
        return await self.drive(self._operations.step(id_of(transfer), "suspend", reason=reason))

    async def resume(self, transfer: Transfer | str) -> Transfer:
        """Resume a suspended transfer; as `Client.resume`."""
        return await self.drive(self._operations.step(id_of(transfer), "resume"))

    async def release(self, agreement: Agreement | str) -> int:
        """Let transfers start again under an agreement; as `Client.release`."""
        return await self.drive(self._operations.release(id_of(agreement)))

    async def complete(self, transfer: Transfer | str) -> Transfer:
        """Complete a transfer: no more data is wanted; as `Client.complete`."""
        return await self.drive(self._operations.step(id_of(transfer), "complete"))

    async def terminate(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Terminate a transfer; as `Client.terminate`."""
        return await self.drive(self._operations.step(id_of(transfer), "terminate", reason=reason))
