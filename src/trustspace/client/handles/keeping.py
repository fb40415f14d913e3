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
from trustspace.dataplane.data_extra import parquet
from trustspace.errors import ConfigurationError, NotFoundError, PolicyDeniedError, StatusError
from trustspace.model.strict_json import loads
from trustspace.model.value import Value, canonical
from trustspace.policy.predicate import MaskSpec, Predicate

if TYPE_CHECKING:
    from trustspace.client.handles.handle import Handle
    from trustspace.client.operations.using import UseLease
    from trustspace.usage.sealed_store import SealedStore

Form = Literal["table", "file"]

ABOUT: Final = "about"
"""Object that says what is kept of an agreement."""

ROW_GROUP_ROWS: Final = 65_536


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


def keep(handle: Handle, lease: UseLease, store: SealedStore, *, form: Form | None = None) -> Kept:
    """Fetch what a handle delivers into the sealed store; replaces what was kept before.

    Args:
        handle: The handle, open.
        lease: What the own connector says of the use that the delivery is for.
        store: The participant's sealed store.
        form: Which form; None takes the table where there is one.

    Raises:
        PolicyDeniedError: The agreement does not let it flow, or what was kept is deleted.
        ConfigurationError: It cannot be written; what was kept before stays.
        TransportError: The stream broke several times, though nothing speaks against it.
    """
    if form != "file":
        try:
            return _note(store, handle, lease, _keep_table(handle, store))
        except (NoTableError, StatusError, PolicyDeniedError) as error:
            if form == "table" or not _is_no_table(error):
                raise
    return _note(store, handle, lease, _keep_file(handle, store))


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


def _keep_table(handle: Handle, store: SealedStore) -> Kept:
    rows = 0
    with store.writer(handle.agreement, "table", resume=False) as sink:
        with (
            handle.rows() as (schema, batches),
            parquet.ParquetWriter(sink, schema, compression="zstd") as writer,
        ):
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
                rows += batch.num_rows
        written = sink.commit()
    return Kept(form="table", bytes=written.size_bytes, rows=rows, sha256=written.sha256)


def _keep_file(handle: Handle, store: SealedStore) -> Kept:
    with store.writer(handle.agreement, "file") as sink:
        announced = handle.receive_into(sink)
        written = sink.commit(sha256=announced.sha256, size_bytes=announced.size_bytes)
    return Kept(form="file", bytes=written.size_bytes, sha256=written.sha256)


def _note(store: SealedStore, handle: Handle, lease: UseLease, found: Kept) -> Kept:
    """Note what is kept; from here on it is what a handle reads."""
    noted = found.model_copy(
        update={
            "filters": lease.filters,
            "columns": lease.columns,
            "masks": lease.masks,
            "salt": secrets.token_hex(32),
        }
    )
    with store.writer(handle.agreement, ABOUT, resume=False) as sink:
        sink.write(canonical(noted.to_wire()))
        sink.commit()
    return noted


def no_store() -> ConfigurationError:
    """Return the error of a client that has nowhere to keep anything."""
    return ConfigurationError(
        "this client has no folder for what is kept",
        setting="sealed",
        hint="give sealed=FOLDER, or make the client of the home of its connector",
    )
