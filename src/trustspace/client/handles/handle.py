"""The governed handle: the data of one agreement, for as long as the agreement lets it flow.

A handle is one *use*: all its requests carry one session id, which the provider counts. Whatever it
hands out, rows, bytes or a file on disk, passes one gate that closes with the agreement. When a
stream is cut, the handle asks its own connector why: the answer is a `PolicyDeniedError` with the
reasons, or, when nothing speaks against the delivery, it goes on where it stopped.

Example::

    with client.open(agreement) as data:
        frame = data.to_polars()

    with client.open(agreement) as data:
        saved = data.save("roses.parquet")
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from trustspace.client.calling import Call, CallOptions, read_answer
from trustspace.client.handles.delivery import Delivery, persistently
from trustspace.client.handles.rows import ArrowView, Query, Rows
from trustspace.client.handles.saving import save
from trustspace.client.incoming_file import Memory
from trustspace.client.pull import Pull
from trustspace.dataplane.data_extra import pa

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from trustspace.client.handles.delivery import Progress
    from trustspace.client.handles.gate import ExportGate
    from trustspace.client.operations import Operations
    from trustspace.client.pull import DataEndpoints, Drive
    from trustspace.client.values import Saved
    from trustspace.transport.http_response import Response


class Handle(Rows):
    """The data of one agreement; use it in a ``with`` block.

    Args:
        agreement: Agreement id.
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        endpoints: Connections to data endpoints.
        purpose: What the data is for; refused unless it is what was agreed.
        action: The ODRL action that the use amounts to.

    Attributes:
        delivery: What is delivered to it.
    """

    def __init__(
        self,
        agreement: str,
        *,
        drive: Drive,
        operations: Operations,
        endpoints: DataEndpoints,
        purpose: str | None = None,
        action: str = "use",
    ) -> None:
        self._drive = drive
        self._operations = operations
        self._pull = Pull(
            agreement,
            drive=drive,
            operations=operations,
            endpoints=endpoints,
            purpose=purpose,
            action=action,
        )
        self.delivery: Delivery = Delivery(self._pull)

    @property
    def agreement(self) -> str:
        """Id of the agreement."""
        return self._pull.agreement

    @property
    def session(self) -> str:
        """Id under which the provider counts this open."""
        return self._pull.session

    @property
    def attribution(self) -> str | None:
        """Whom to attribute the data to, once some has arrived and if the agreement asks for it."""
        return self._pull.attribution

    @property
    def closed(self) -> bool:
        """Whether no data leaves any more."""
        return self._gate.closed

    def __enter__(self) -> Self:
        """Start the transfer, or use one that runs.

        Raises:
            PolicyDeniedError: The agreement has ended, or the provider refuses.
        """
        _ = self._pull.transfer
        return self

    @property
    def _gate(self) -> ExportGate:
        return self.delivery.gate

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let no data out any more, and tell the own connector how the delivery ended."""
        self.delivery.end()

    def iter_batches(self) -> Generator[Any, None, None]:
        """Yield the table's `pyarrow.RecordBatch` one by one, as they arrive.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            MissingDependencyError: The extra ``data`` is not installed.
            IntegrityError: What arrives is no Arrow stream, or ends too early.
            TransportError: The stream broke, though nothing speaks against it.
        """
        with self.delivery.recorded(), self.delivery.table() as reader:
            yield from self.delivery.batches(reader)

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the whole table as a `pyarrow.Table`; raises as `iter_batches`."""

        def deliver() -> Any:  # noqa: ANN401 - pyarrow has no types
            with self.delivery.table() as reader:
                return pa.Table.from_batches(
                    list(self.delivery.batches(reader)), schema=reader.schema
                )

        with self.delivery.recorded():
            return persistently(deliver)

    def sql(self, text: str, *parameters: Any) -> Query:  # noqa: ANN401 - any value
        """Return a query over the whole table, which is the view ``data`` and is fetched for it.

        Args:
            text: One SELECT.
            parameters: Values of its ``?`` or ``$1``.
        """
        return Query(
            text,
            parameters,
            view=lambda: ArrowView(self.to_arrow(), self._gate.check),
            leaving=lambda batches: self._gate.guard(batches, size=lambda _: 0),
        )

    def read(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: The bytes are not what was announced.
            StatusError: The terms allow it as a table only (406).
            TransportError: The stream broke several times, though nothing speaks against it.
        """
        target = Memory()
        with self.delivery.recorded():
            announced = self.delivery.receive(target, None)
            body = target.commit(sha256=announced.sha256)
        self.delivery.sha256 = hashlib.sha256(body).hexdigest()
        return body

    def call(self, method: str, path: str = "/", **request: Unpack[CallOptions]) -> Response:
        """Call the interface that the agreement is about; each call is one use.

        Args:
            method: HTTP method, one that the provider allows.
            path: Path below the interface's base, with its leading slash.
            request: ``params`` (query), ``json`` or ``content`` (body) and ``headers``.

        Returns:
            The interface's own answer, whatever its status.

        Raises:
            PolicyDeniedError: The agreement does not let it through, or not any more.
            ConfigurationError: The provider serves no such path or method.
            TransportError: There is no answer.
        """
        call = Call.of(method, path, **request)
        with self.delivery.recorded(), self.delivery.explained(patience=timedelta(0)):
            self._gate.check()
            with self._pull.call(call) as answer:
                return read_answer(call, answer, pieces=self._gate.guard(answer.chunks(), size=len))

    def save(self, path: str | os.PathLike[str], *, progress: Progress | None = None) -> Saved:
        """Write the data to a file, which appears when all of it is there.

        A save that was interrupted goes on: a file behind the bytes that are there, a table from
        its beginning, both within the session that was counted already.

        Args:
            path: Where to; ``.parquet .csv .jsonl .arrow`` are written as tables, unless the
                provider sends none, every other suffix gets the file's bytes as they are.
            progress: Called with the bytes done and, where it is known, the bytes in all.

        Raises:
            ConfigurationError: Nothing can be written there.
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: The bytes are not what was announced; nothing is left then.
            StatusError: The terms do not allow this form (406).
            TransportError: The stream broke several times, though nothing speaks against it.
        """
        return save(self.delivery, Path(path), progress=progress)
