"""The sync client: what providers push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from trustspace.client.receiving import ReceiveOptions, Receiver
from trustspace.client.sync.driver import Driver
from trustspace.client.values import Agreement, Saved, id_of

if TYPE_CHECKING:
    import os


class ReceivingMethods(Driver):
    """Pushed deliveries, at their consumer."""

    def receive(
        self,
        agreement: Agreement | str,
        path: str | os.PathLike[str] | None = None,
        *,
        sink: str | None = None,
        **options: Unpack[ReceiveOptions],
    ) -> Saved:
        """Have the provider push the data of an agreement, and return when all of it is there.

        Args:
            agreement: The agreement or its id.
            path: File to write; ``.parquet .csv .jsonl .arrow`` are written as tables, every other
                suffix gets the file's bytes as they are.
            sink: URL of a sink to push to instead, which has to be on a host that the own DID
                document announces or that the provider allows.
            options: ``authorization`` (opens the sink), ``media_type`` (of a table at a sink),
                ``transfer`` (of a push that was begun), ``deadline`` and ``progress``.

        Raises:
            ConfigurationError: Neither or both of path and sink are given, or nothing can be
                written there.
            PolicyDeniedError: The provider refuses, or ended it.
            IntegrityError: The bytes are not what was sent.
            DeadlineError: It is not complete in time; it goes on and can be waited for again.
        """
        receiver = Receiver(self.drive, self._operations, self._management, self._http)
        return receiver.receive(id_of(agreement), path, sink=sink, options=options)
