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
import logging
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast

from trustspace.client.calling import Call, CallOptions, read_answer
from trustspace.client.gate import ExportGate
from trustspace.client.incoming_file import Announced, Memory, NoTableError, Target
from trustspace.client.interrupted import forget, note, take_up
from trustspace.client.operations.transfer import SUSPENDED
from trustspace.client.pull import GRACE, Pull
from trustspace.client.values import Receipt, Saved
from trustspace.dataplane.arrow_stream import MEDIA_TYPE, StreamReader, open_stream
from trustspace.dataplane.data_extra import pa, pl
from trustspace.dataplane.sink import FileSink, Written
from trustspace.dataplane.table_sink import TableSink, table_format
from trustspace.errors import (
    IntegrityError,
    PolicyDeniedError,
    StatusError,
    TransportError,
    TrustspaceError,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterator

    from trustspace.client.operations import Operations
    from trustspace.client.pull import DataEndpoints, Drive
    from trustspace.transport.http_response import Response

logger: logging.Logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with the bytes done and, where it is known, the bytes in all."""

T = TypeVar("T")

MOST_FRUITLESS = 3
"""Attempts in a row that bring nothing before the delivery is given up."""

RESTART_PAUSE = timedelta(milliseconds=300)
"""Pause before going on: a provider that restarts takes this long."""

ANY_FILE = "*/*"

ENDINGS = ("agreement.", "transfer.")
"""Codes of refusals that end the handle; others, a wrong form for example, refuse one request."""


class Handle:
    """The data of one agreement; use it in a ``with`` block.

    Args:
        agreement: Agreement id.
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        endpoints: Connections to data endpoints.
        purpose: What the data is for; refused unless it is what was agreed.
        action: The ODRL action that the use amounts to.
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
        self._gate = ExportGate(self._pull.why)
        self._rows = 0
        self._sha256: str | None = None
        self._failure: TrustspaceError | None = None
        self._ended = False

    @property
    def session(self) -> str:
        """Id under which the provider counts this open."""
        return self._pull.session

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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let no data out any more, and tell the own connector how the delivery ended."""
        self._gate.close()
        if self._ended:
            return
        self._ended = True
        outcome = self._outcome()
        if outcome is None:
            return
        receipt = Receipt(
            session=self.session,
            outcome=outcome,
            bytes=self._gate.bytes,
            rows=self._rows,
            sha256=self._sha256,
            reasons=getattr(self._failure, "reasons", ()),
        )
        try:
            self._pull.tell(receipt)
        except TrustspaceError as error:
            # The data is here or not whatever the log says, so this must not fail the delivery.
            logger.warning("the receipt of session %s was not taken: %s", self.session, error)

    def _outcome(self) -> Literal["delivered", "refused", "cut"] | None:
        """Return how the delivery ended; None when there was none worth a line in the log."""
        if not self._pull.is_used:
            return None
        if self._failure is None:
            return "delivered"
        if self._gate.bytes:
            return "cut"
        return "refused" if isinstance(self._failure, PolicyDeniedError) else None

    def iter_batches(self) -> Generator[Any, None, None]:
        """Yield the table's `pyarrow.RecordBatch` one by one, as they arrive.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            MissingDependencyError: The extra ``data`` is not installed.
            IntegrityError: What arrives is no Arrow stream, or ends too early.
            TransportError: The stream broke, though nothing speaks against it.
        """
        with self._recorded(), self._table() as reader:
            yield from self._batches(reader)

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the whole table as a `pyarrow.Table`; raises as `iter_batches`."""

        def deliver() -> Any:  # noqa: ANN401 - pyarrow has no types
            with self._table() as reader:
                return pa.Table.from_batches(list(self._batches(reader)), schema=reader.schema)

        with self._recorded():
            return _persistently(deliver)

    def to_polars(self) -> pl.DataFrame:
        """Return the whole table as a `polars.DataFrame`; raises as `iter_batches`."""
        return cast("pl.DataFrame", pl.from_arrow(self.to_arrow()))

    def read(self) -> bytes:
        """Return the bytes of the file.

        Raises:
            PolicyDeniedError: The agreement does not let it flow, or no more of it.
            IntegrityError: The bytes are not what was announced.
            StatusError: The terms allow it as a table only (406).
            TransportError: The stream broke several times, though nothing speaks against it.
        """
        target = Memory()
        with self._recorded():
            announced = self._receive(target, None)
            body = target.commit(sha256=announced.sha256)
        self._sha256 = hashlib.sha256(body).hexdigest()
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
        with self._recorded(), self._explained(patience=timedelta(0)):
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
        start = time.monotonic()
        target = Path(path)
        self._pull.go_on(take_up(target, agreement=self._pull.agreement))
        with self._recorded():
            written, rows = self._save(target, progress)
        forget(target)
        self._sha256 = written.sha256
        seconds = time.monotonic() - start
        return Saved(bytes=written.size_bytes, rows=rows, sha256=written.sha256, seconds=seconds)

    def _save(self, target: Path, progress: Progress | None) -> tuple[Written, int | None]:
        if table_format(target) is not None:
            try:
                table = _persistently(lambda: self._save_table(target, progress))
            except NoTableError as error:
                # There are providers that know no tables; what they send is all there is.
                logger.warning("%s is written as it comes: %s", target.name, error)
            else:
                return table, table.rows
        return self._save_file(target, progress), None

    def _save_file(self, path: Path, progress: Progress | None) -> Written:
        with FileSink(path) as sink:
            try:
                self._note(path)
                announced = self._receive(sink, progress)
            except BaseException:
                # What is under an agreement that has ended cannot go on, and must not stay.
                if sink.offset == 0 or self.closed:
                    sink.discard()
                    forget(path)
                raise
            try:
                return sink.commit(sha256=announced.sha256, size_bytes=announced.size_bytes)
            except IntegrityError:
                forget(path)
                raise

    def _save_table(self, path: Path, progress: Progress | None) -> Written:
        before = self._gate.bytes
        try:
            self._note(path)
            with self._table() as reader, TableSink(path, reader.schema) as sink:
                for batch in self._batches(reader):
                    sink.write(batch)
                    if progress is not None:
                        progress(self._gate.bytes - before, None)
                return sink.commit()
        except BaseException:
            if self._gate.bytes == before or self.closed:
                forget(path)
            raise

    def _note(self, path: Path) -> None:
        note(path, agreement=self._pull.agreement, session=self.session)

    def _receive(self, target: Target, progress: Progress | None) -> Announced:
        """Receive a file, going on where it stopped as long as each attempt brings something."""
        fruitless = 0
        while True:
            before = target.offset
            try:
                with self._explained(patience=timedelta(0)):
                    return self._receive_rest(target, progress)
            except TransportError as error:
                if isinstance(error, StatusError) and error.status == 416 and before:
                    target.restart()
                    continue
                if not error.retryable or fruitless == MOST_FRUITLESS:
                    raise
                fruitless = 0 if target.offset > before else fruitless + 1
                time.sleep(RESTART_PAUSE.total_seconds())

    def _receive_rest(self, target: Target, progress: Progress | None) -> Announced:
        self._gate.check()
        with self._pull.request(
            accept=ANY_FILE, offset=target.offset, etag=target.version
        ) as answer:
            announced = Announced.of(answer, target)
            for chunk in self._gate.guard(answer.chunks(), size=len):
                target.write(chunk)
                if progress is not None:
                    progress(target.offset, announced.size_bytes)
        return announced

    @contextmanager
    def _table(self) -> Iterator[StreamReader]:
        """Ask for the table form and read its head."""
        _ = pa.RecordBatch  # a missing extra must be noticed before the use is counted
        with self._explained(patience=GRACE):
            self._gate.check()
            with self._pull.request(accept=MEDIA_TYPE) as answer:
                sent = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
                if sent not in ("", MEDIA_TYPE):
                    raise NoTableError(sent[:100])
                yield open_stream(answer.chunks())

    def _batches(self, reader: StreamReader) -> Iterator[Any]:
        for batch in self._gate.guard(reader.batches(), size=lambda batch: batch.nbytes):
            self._rows += batch.num_rows
            yield batch

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Remember how the last delivery ended."""
        try:
            yield
        except TrustspaceError as error:
            self._failure = error
            raise
        else:
            self._failure = None

    @contextmanager
    def _explained(self, *, patience: timedelta) -> Iterator[None]:
        """Turn a delivery that broke into the reason for it, where there is one."""
        try:
            yield
        except PolicyDeniedError as denied:
            if denied.code.startswith(ENDINGS) and denied.code != SUSPENDED:
                self._gate.close(denied)
            raise
        except (TransportError, IntegrityError) as error:
            because = None if isinstance(error, StatusError) else self._pull.why(patience=patience)
            if because is None:
                raise
            if because.code != SUSPENDED:
                self._gate.close(because)
            raise because from error


def _persistently(deliver: Callable[[], T]) -> T:
    """Deliver, beginning anew when the stream broke though nothing speaks against it."""
    for _ in range(MOST_FRUITLESS):
        try:
            return deliver()
        except TransportError as error:
            if not error.retryable:
                raise
        time.sleep(RESTART_PAUSE.total_seconds())
    return deliver()
