"""Saving what is delivered to a file, which appears when all of it is there.

A save that was interrupted goes on: a file behind the bytes that are there, a table from its
beginning, both within the session that was counted already.

Example::

    saved = save(delivery, Path("roses.parquet"), progress=None)
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from trustspace.client.handles.delivery import persistently
from trustspace.client.incoming_file import NoTableError
from trustspace.client.interrupted import forget, note, take_up
from trustspace.client.values import Saved
from trustspace.dataplane.sink import FileSink
from trustspace.dataplane.table_sink import TableSink, table_format
from trustspace.errors import IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.client.handles.delivery import Delivery, Progress
    from trustspace.dataplane.sink import Written

logger: logging.Logger = logging.getLogger(__name__)


def save(delivery: Delivery, target: Path, *, progress: Progress | None) -> Saved:
    """Write what is delivered to a file; raises as `trustspace.client.handles.handle.Handle.save`.

    Args:
        delivery: The delivery.
        target: Where to; its suffix says in which form.
        progress: Called with the bytes done and, where it is known, the bytes in all.
    """
    start = time.monotonic()
    delivery.pull.go_on(take_up(target, agreement=delivery.pull.agreement))
    with delivery.recorded():
        written, rows = _save(delivery, target, progress)
    forget(target)
    delivery.sha256 = written.sha256
    seconds = time.monotonic() - start
    return Saved(bytes=written.size_bytes, rows=rows, sha256=written.sha256, seconds=seconds)


def _save(
    delivery: Delivery, target: Path, progress: Progress | None
) -> tuple[Written, int | None]:
    if table_format(target) is not None:
        try:
            table = persistently(lambda: _save_table(delivery, target, progress))
        except NoTableError as error:
            # There are providers that know no tables; what they send is all there is.
            logger.warning("%s is written as it comes: %s", target.name, error)
        else:
            return table, table.rows
    return _save_file(delivery, target, progress), None


def _save_file(delivery: Delivery, path: Path, progress: Progress | None) -> Written:
    with FileSink(path) as sink:
        try:
            _note(delivery, path)
            announced = delivery.receive(sink, progress)
        except BaseException:
            # What is under an agreement that has ended cannot go on, and must not stay.
            if sink.offset == 0 or delivery.gate.closed:
                sink.discard()
                forget(path)
            raise
        try:
            return sink.commit(sha256=announced.sha256, size_bytes=announced.size_bytes)
        except IntegrityError:
            forget(path)
            raise


def _save_table(delivery: Delivery, path: Path, progress: Progress | None) -> Written:
    before = delivery.gate.bytes
    try:
        _note(delivery, path)
        with delivery.table() as reader, TableSink(path, reader.schema) as sink:
            for batch in delivery.batches(reader):
                sink.write(batch)
                if progress is not None:
                    progress(delivery.gate.bytes - before, None)
            return sink.commit()
    except BaseException:
        if delivery.gate.bytes == before or delivery.gate.closed:
            forget(path)
        raise


def _note(delivery: Delivery, path: Path) -> None:
    note(path, agreement=delivery.pull.agreement, session=delivery.pull.session)
