"""Receiving what a provider pushes: into a file of one's own, or watched at somebody's sink.

A push arrives at the own connector, which checks its digest. From there it is fetched into the file
that was asked for, checked again, and taken off the connector.

Example::

    saved = client.receive(agreement, "roses.parquet")
    saved.sha256
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from trustspace.client.incoming_file import digest_in
from trustspace.client.operations.receiving import PushRequest
from trustspace.client.problem import error_of
from trustspace.client.pull import document_of
from trustspace.client.values import Saved
from trustspace.dataplane.arrow_stream import MEDIA_TYPE, open_stream
from trustspace.dataplane.sink import FileSink, Written
from trustspace.dataplane.table_sink import TableSink, table_format
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from trustspace.client.management import Management
    from trustspace.client.operations import Operations
    from trustspace.client.pull import Drive
    from trustspace.client.values import Transfer
    from trustspace.transport.http_client import SyncGuardedClient
    from trustspace.transport.http_response import SyncIncomingStream

DEFAULT_DEADLINE = timedelta(hours=1)


class ReceiveOptions(TypedDict, total=False):
    """What may be said of a push beside where it goes.

    Attributes:
        authorization: Value of the ``Authorization`` header that opens a foreign sink.
        media_type: Of a table at a foreign sink: an Arrow stream, or Parquet.
        transfer: Id of a push that was begun already and is only waited for.
        deadline: Longest time to wait; an hour without.
        progress: Called with the bytes that have arrived and None.
    """

    authorization: str
    media_type: str
    transfer: str
    deadline: timedelta
    progress: Callable[[int, int | None], None]


class Receiver:
    """Receives for one client.

    Args:
        drive: Runs operations against the own connector.
        operations: The operations, in the consumer's name.
        management: Where the own connector is.
        http: The client that speaks to it.
    """

    def __init__(
        self,
        drive: Drive,
        operations: Operations,
        management: Management,
        http: SyncGuardedClient,
    ) -> None:
        self._drive = drive
        self._operations = operations
        self._management = management
        self._http = http

    def receive(
        self,
        agreement: str,
        path: str | os.PathLike[str] | None,
        *,
        sink: str | None,
        options: ReceiveOptions,
    ) -> Saved:
        """Have the data of an agreement pushed; see `Client.receive`."""
        if (path is None) == (sink is None):
            raise ConfigurationError(
                "one of a path and a sink says where the data goes",
                setting="sink",
                hint="give a path to have it here, or the URL of a sink",
            )
        start = time.monotonic()
        order = _order(path, sink, options)
        exchange = self._operations.push(
            agreement,
            order,
            deadline=options.get("deadline", DEFAULT_DEADLINE),
            progress=options.get("progress"),
        )
        transfer = self._drive(exchange)
        if path is None:
            seconds = time.monotonic() - start
            sha256 = transfer.sha256 or ""
            return Saved(bytes=transfer.pushed or 0, sha256=sha256, seconds=seconds)
        written, rows = self._fetch(transfer, Path(path))
        self._drive(self._operations.discard(transfer.id))
        seconds = time.monotonic() - start
        return Saved(bytes=written.size_bytes, rows=rows, sha256=written.sha256, seconds=seconds)

    def _fetch(self, transfer: Transfer, path: Path) -> tuple[Written, int | None]:
        request = self._drive(self._operations.content(transfer.id))
        with self._http.stream(
            request.method,
            self._management.url_of(request),
            headers=self._management.headers_of(request),
            deadline=self._management.timeout,
        ) as answer:
            if answer.status != 200:
                raise error_of(
                    "what was pushed",
                    status=answer.status,
                    document=document_of(answer),
                    request_id=answer.headers.get("x-request-id", ""),
                )
            is_table = answer.headers.get("content-type", "").startswith(MEDIA_TYPE)
            if is_table and table_format(path) is not None:
                written = _written_as_table(answer, path)
                return written, written.rows
            return _written_as_file(answer, path), None


def _order(path: Any, sink: str | None, options: ReceiveOptions) -> PushRequest:  # noqa: ANN401 - a path or None
    media_type = options.get("media_type")
    if sink is None:
        form: str | None = "file" if table_format(path) is None else "table"
    else:
        form = None if media_type is None else "table"
    return PushRequest(
        sink=sink,
        authorization=options.get("authorization"),
        form=form,
        media_type=media_type,
        transfer=options.get("transfer"),
    )


def _written_as_file(answer: SyncIncomingStream, path: Path) -> Written:
    length = answer.headers.get("content-length", "")
    with FileSink(path, resume=False) as sink:
        for chunk in answer.chunks():
            sink.write(chunk)
        return sink.commit(
            sha256=digest_in(answer.headers.get("repr-digest", "")),
            size_bytes=int(length) if length.isdecimal() else None,
        )


def _written_as_table(answer: SyncIncomingStream, path: Path) -> Written:
    reader = open_stream(answer.chunks())
    with TableSink(path, reader.schema) as sink:
        for batch in reader.batches():
            sink.write(batch)
        return sink.commit()
