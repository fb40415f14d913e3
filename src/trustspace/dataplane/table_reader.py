"""Rows of a file as Polars frames, in bounded memory, by format.

Parquet and CSV are scanned by Polars, which reads them through the descriptor. JSON Lines and
Arrow it would map into memory, where a file that its owner cuts takes the whole process down
(SIGBUS), so these two are read here in blocks and given to Polars one by one.

Example::

    for block in json_lines_blocks(file):
        pl.read_ndjson(block, schema=schema)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.dataplane.data_extra import pa, pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustspace.dataplane.published_file import PublishedFile

BLOCK_BYTES: Final = 8 * 1024 * 1024
"""Of JSON Lines so much is read at a time."""

MAX_LINE_BYTES: Final = 256 * 1024 * 1024
"""Longest line of JSON Lines; it has to fit into memory several times."""

FRAME_ROWS: Final = 65_536
"""Rows of an Arrow batch that become one frame."""

_ARROW_FILE: Final = b"ARROW1"
"""How the file variant of Arrow IPC begins; the stream variant begins otherwise."""


def reading_errors() -> tuple[type[BaseException], ...]:
    """Return what the libraries raise for a file that is not what it should be.

    A panic of Polars is no `Exception`; it leaves the library usable.
    """
    return (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        pa.ArrowException,
        ValueError,
        OSError,
    )


def scan_parquet(file: PublishedFile) -> pl.LazyFrame:
    """Return the query for all of a Parquet file."""
    return pl.scan_parquet(file.scan_path, glob=False, hive_partitioning=False)


def scan_csv(file: PublishedFile, schema: pl.Schema | None) -> pl.LazyFrame:
    """Return the query for all of a CSV file; without a schema every column is text."""
    if schema is None:
        return pl.scan_csv(file.scan_path, glob=False, infer_schema=False)
    return pl.scan_csv(file.scan_path, glob=False, schema=schema)


def json_lines_blocks(
    file: PublishedFile, *, block_bytes: int = BLOCK_BYTES, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[bytes]:
    """Yield blocks of whole lines, none of them blank.

    Raises:
        ValueError: A line is too long.
    """
    rest = b""
    for offset in range(0, file.size_bytes, block_bytes):
        block = rest + file.read_at(offset, min(block_bytes, file.size_bytes - offset))
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if len(rest) > max_line_bytes:
            msg = f"a line is longer than {max_line_bytes} bytes"
            raise ValueError(msg)
        if block[:end].strip():
            yield block[:end]
    if rest.strip():
        yield rest


def arrow_schema_of(file: PublishedFile) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the `pyarrow.Schema` of an Arrow IPC file of either variant."""
    with _arrow_reader(file) as reader:
        return reader.schema


def arrow_batches(file: PublishedFile) -> Iterator[Any]:
    """Yield the `pyarrow.RecordBatch` of an Arrow IPC file of either variant, validated.

    Polars believes what it is given: text that is none, or an offset that leads elsewhere, ends
    the process.
    """
    with _arrow_reader(file) as reader:
        if hasattr(reader, "num_record_batches"):
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            batch.validate(full=True)
            yield batch


def arrow_frames(file: PublishedFile) -> Iterator[pl.DataFrame]:
    """Yield the rows of an Arrow IPC file of either variant."""
    for batch in arrow_batches(file):
        for start in range(0, batch.num_rows, FRAME_ROWS):
            yield pl.DataFrame(batch.slice(start, FRAME_ROWS))


def schema_of(arrow_schema: Any) -> pl.Schema:  # noqa: ANN401 - pyarrow has no types
    """Return the Polars schema of a `pyarrow.Schema`."""
    return pl.DataFrame(arrow_schema.empty_table()).schema


def _arrow_reader(file: PublishedFile) -> Any:  # noqa: ANN401 - pyarrow has no types
    source = pa.OSFile(file.scan_path)
    is_file = file.size_bytes > len(_ARROW_FILE) and file.read_at(0, 6) == _ARROW_FILE
    return pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
