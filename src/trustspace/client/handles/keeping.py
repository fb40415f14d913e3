"""Keeping what is delivered: sealed on disk, to be used again without asking the provider.

A delivery is written into the participant's sealed store (`trustspace.usage.sealed_store`), as a
table where the terms allow one, else as the file it is. What was left out and masked is noted
beside it, sealed too, so that a use under other rules of the same agreement takes out the rest.

Example::

    kept = client.keep(agreement)
    kept.rows
    with client.open(agreement) as data:   # from here on it is read from the sealed store
        frame = data.to_polars()
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Literal

from trustspace.client.incoming_file import NoTableError
from trustspace.dataplane.table_sink import ArrowFile, ParquetRows
from trustspace.errors import NotFoundError, PolicyDeniedError, StatusError
from trustspace.model.strict_json import loads
from trustspace.model.value import Value, canonical
from trustspace.policy.predicate import MaskSpec, Predicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from trustspace.client.handles.delivery import Delivery
    from trustspace.client.operations.using import UseLease
    from trustspace.usage.sealed_store import SealedStore

Form = Literal["table", "file"]

ABOUT: Final = "about"
"""Object that says what is kept of an agreement."""


class Kept(Value):
    """What is kept of an agreement.

    Attributes:
        form: ``table`` (Parquet) or ``file`` (bytes as they are with the provider).
        bytes: Size as it is sealed, without the sealing.
        rows: Rows of a table.
        sha256: Digest of those bytes.
        filters: Row filters that were carried out before.
        columns: Columns that were left; None for all.
        masks: Masks that were carried out before.
        salt: Hex; for masks that a later use needs.
    """

    form: Form
    bytes: int
    rows: int = 0
    sha256: str = ""
    filters: tuple[Predicate, ...] = ()
    columns: tuple[str, ...] | None = None
    masks: tuple[MaskSpec, ...] = ()
    salt: str = ""


def keep(
    delivery: Delivery,
    store: SealedStore,
    decided: Callable[[tuple[str, ...]], UseLease],
    *,
    form: Form | None = None,
) -> Kept:
    """Write what is delivered into the sealed store; replaces what was kept before.

    Args:
        delivery: The delivery.
        store: The participant's sealed store.
        decided: Returns what the own connector says of the use that the delivery is for, by the
            columns of the table, none for a file.
        form: Which form; None takes the table where there is one.

    Raises:
        PolicyDeniedError: The agreement does not let it flow, or what was kept is deleted.
        ConfigurationError: It cannot be written; what was kept before stays.
        TransportError: The stream broke several times, though nothing speaks against it.
    """
    if form != "file":
        try:
            return _note(store, delivery, _keep_table(delivery, store, decided))
        except (NoTableError, StatusError, PolicyDeniedError) as error:
            if form == "table" or not _is_no_table(error):
                raise
    return _note(store, delivery, _keep_file(delivery, store))


def kept(store: SealedStore, agreement: str) -> Kept | None:
    """Return what is kept of an agreement, or None.

    Raises:
        PolicyDeniedError: It was deleted.
        IntegrityError: It was changed.
    """
    try:
        with store.reader(agreement, ABOUT) as file:
            return Kept.read(loads(file.read()))
    except NotFoundError:
        return None


def _is_no_table(error: Exception) -> bool:
    return (
        isinstance(error, NoTableError)
        or getattr(error, "status", None) == 406
        or getattr(error, "code", "") == "form.unavailable"
    )


def _keep_table(
    delivery: Delivery, store: SealedStore, decided: Callable[[tuple[str, ...]], UseLease]
) -> Kept:
    rows = 0
    with store.writer(delivery.pull.agreement, "table", resume=False) as sink:
        with delivery.recorded(), delivery.table() as reader:
            names = tuple(reader.schema.names)
            writer = ParquetRows(ArrowFile(sink), reader.schema)
            for batch in delivery.batches(reader):
                writer.write(batch)
                rows += batch.num_rows
            writer.close()
        written = sink.commit()
    lease = decided(names)
    return Kept(
        form="table",
        bytes=written.size_bytes,
        rows=rows,
        sha256=written.sha256,
        filters=lease.filters,
        columns=lease.columns,
        masks=lease.masks,
    )


def _keep_file(delivery: Delivery, store: SealedStore) -> Kept:
    with store.writer(delivery.pull.agreement, "file") as sink, delivery.recorded():
        announced = delivery.receive(sink, None)
        written = sink.commit(sha256=announced.sha256, size_bytes=announced.size_bytes)
    return Kept(form="file", bytes=written.size_bytes, sha256=written.sha256)


def _note(store: SealedStore, delivery: Delivery, found: Kept) -> Kept:
    """Note what is kept; from here on it is what a handle reads."""
    noted = found.model_copy(update={"salt": secrets.token_hex(32)})
    with store.writer(delivery.pull.agreement, ABOUT, resume=False) as sink:
        sink.write(canonical(noted.to_wire()))
        sink.commit()
    return noted
