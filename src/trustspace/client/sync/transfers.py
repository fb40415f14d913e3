"""The sync client: transfer processes of either role."""

from __future__ import annotations

from trustspace.client.sync.driver import Driver
from trustspace.client.values import Agreement, Transfer, id_of


class TransferMethods(Driver):
    """Transfer processes of either role."""

    def transfers(self) -> tuple[Transfer, ...]:
        """Return every transfer, either role."""
        return self.drive(self._operations.transfers())

    def transfer(self, transfer: str) -> Transfer:
        """Return one transfer.

        Raises:
            NotFoundError: No such transfer.
        """
        return self.drive(self._operations.transfer(transfer))

    def suspend(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Suspend a transfer; running streams are cut.

        Raises:
            LocalProtocolError: The protocol forbids it in the transfer's state; so for the rest.
        """
        return self.drive(self._operations.step(id_of(transfer), "suspend", reason=reason))

    def resume(self, transfer: Transfer | str) -> Transfer:
        """Resume a suspended transfer."""
        return self.drive(self._operations.step(id_of(transfer), "resume"))

    def release(self, agreement: Agreement | str) -> int:
        """Let transfers start again under an agreement whose transfers we, the provider, suspended.

        Resuming a suspended transfer does the same for that transfer; this is for those that the
        consumer ended meanwhile. Transfers that are paused stay paused.

        Returns:
            How many suspensions stood.

        Raises:
            NotFoundError: No such agreement.
        """
        return self.drive(self._operations.release(id_of(agreement)))

    def complete(self, transfer: Transfer | str) -> Transfer:
        """Complete a transfer: no more data is wanted."""
        return self.drive(self._operations.step(id_of(transfer), "complete"))

    def terminate(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Terminate a transfer."""
        return self.drive(self._operations.step(id_of(transfer), "terminate", reason=reason))
