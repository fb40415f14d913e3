"""Watermarks of what is published: put on with each delivery, found in what was leaked.

Example::

    watermark_of(source, watermark_key(hosted, agreement_id))    # for a delivery, or None
    await watermarks.find(hosted, "rose-prices", "leaked.csv")   # {'findings': […], 'tried': 12}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.to_thread
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import ValidationError

from trustspace.dataplane.arrow_stream import decode
from trustspace.dataplane.data_extra import pa, pl
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import AnySource, FileSource, read_source
from trustspace.dataplane.table import Table
from trustspace.dataplane.watermark import Watermark, WatermarkSpec, find
from trustspace.errors import ConfigurationError, NotFoundError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.store import Transaction

MOST_TEXT_BYTES = 64 * 1024 * 1024
"""Bytes of a file that is no table in which marker records are looked for."""


def read_watermark(document: object) -> WatermarkSpec | None:
    """Read how an owner wants copies told apart; None where it is not wanted.

    Raises:
        ConfigurationError: It is not understood.
    """
    if document is None:
        return None
    try:
        return WatermarkSpec.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"the watermark {where}: {first['msg']}".replace("watermark :", "watermark:"),
            setting="watermark",
            hint='give {"identity": ["id"], "steps": {"price": "0.01"}}, or {"records": 3, '
            '"template": {"note": "… {token}"}}',
        ) from error


def watermark_key(hosted: Hosted, agreement_id: str) -> bytes:
    """Return the secret from which the mark of one agreement follows."""
    derive = HKDF(
        algorithm=hashes.SHA256(), length=32, salt=None, info=b"watermark:" + agreement_id.encode()
    )
    return derive.derive(hosted.key.to_pem())


def watermark_of(source: AnySource, key: bytes) -> Watermark | None:
    """Return the mark that a delivery of a source carries, or None."""
    spec = source.watermark if isinstance(source, FileSource) else None
    return None if spec is None else Watermark(spec, key)


class Watermarks:
    """Finds whose copy a file is.

    Args:
        context: The connector.
    """

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context

    async def find(self, hosted: Hosted, dataset_id: str, path: str) -> dict[str, Any]:
        """Return the agreements whose mark a file carries, the surest first.

        Args:
            hosted: The provider.
            dataset_id: The dataset that it may be a copy of.
            path: The file, on the connector's machine.

        Raises:
            NotFoundError: There is no such dataset.
            ConfigurationError: Its copies are not told apart, or there is no such file.
            PolicyDeniedError: The file lacks the columns that identify a row.
        """

        def query(tx: Transaction) -> tuple[AnySource, dict[str, str]]:
            row = tx.datasets.get(hosted.name, dataset_id)
            if row is None:
                raise NotFoundError(f"there is no dataset {dataset_id!r}")
            agreements = tx.agreements.of_dataset(hosted.name, dataset_id)
            whose = {one.id: one.counterparty for one in agreements if one.role is Role.PROVIDER}
            return read_source(row.source), whose

        source, whose = await self._context.store.read(query)
        spec = source.watermark if isinstance(source, FileSource) else None
        if spec is None:
            raise ConfigurationError(
                f"copies of {dataset_id!r} are not told apart",
                setting="watermark",
                hint="publish it with a watermark; copies that left before carry none",
            )
        keys = {agreement: watermark_key(hosted, agreement) for agreement in whose}
        table = await anyio.to_thread.run_sync(_read, path)
        found = await anyio.to_thread.run_sync(find, table, spec, keys)
        return {
            "dataset": dataset_id,
            "tried": len(keys),
            "rows": table.height,
            "findings": [
                {
                    "agreement": one.agreement,
                    "counterparty": whose[one.agreement],
                    "chance": one.chance,
                    "marked": one.marked,
                    "agreeing": one.agreeing,
                    "records": one.records,
                }
                for one in found
            ],
        }


def _read(path: str) -> pl.DataFrame:
    """Read a file as a table, or as its text where it is none."""
    source = FileSource.at(path)
    with source.open() as file:
        if source.layout is None:
            text = file.read_at(0, min(file.size_bytes, MOST_TEXT_BYTES))
            return pl.DataFrame({"text": [text.decode("utf-8", errors="replace")]})
        pieces = (piece.data for piece in Table(file, source.layout).stream(Restriction()))
        batches = list(decode(pieces))
    if not batches:
        return pl.DataFrame()
    frame = pl.from_arrow(pa.Table.from_batches(batches))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table becomes a frame
    return frame
