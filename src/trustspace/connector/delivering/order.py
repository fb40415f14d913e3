"""What a consumer asks for with one data request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Order:
    """One data request, authenticated.

    Attributes:
        transfer_pid: Our pid of the transfer.
        agreement_id: The agreement that its token names.
        consumer: The consumer that its token names.
        session: The governed open it belongs to.
        action: The action as written, or None for the agreement's own.
        as_table: Rows rather than the file.
        call: Method and path of a call of an interface; empty for everything else.
    """

    transfer_pid: str
    agreement_id: str
    consumer: str
    session: str
    action: str | None
    as_table: bool
    call: str = ""

    @property
    def form(self) -> str:
        """The form that is asked for."""
        if self.call:
            return "api"
        return "table" if self.as_table else "file"

    @property
    def metered_as(self) -> str:
        """Under which session it is metered: calls together, everything else by its own."""
        return self.transfer_pid if self.call else self.session

    def about(self, dataset_id: str) -> dict[str, Any]:
        """Return what the domain events of this order say of it."""
        return {
            "transfer": self.transfer_pid,
            "agreement": self.agreement_id,
            "counterparty": self.consumer,
            "dataset": dataset_id,
            "session": self.session,
            "form": self.form,
        } | ({"call": self.call} if self.call else {})
